//! Rows of an import file: which column means what, and whether a row can be stored.
//!
//! Columns are named by the header, in any order and case, blanks around names and cells not counting; `Name` and
//! `Key` must be there, `Description`, `Enabled` and `UsagePlanIds` may be, others are ignored.

use super::csv::{CsvReader, Fields, Record, Source};
use gatepost_domain::api_keys::{
    ApiKeyName, ApiKeyValue, Description, ImportedFields, InvalidApiKey, MinValueLength,
};
use std::borrow::Cow;
use std::{io, str};

/// A row that can be stored, but for what only storage knows.
pub struct Row {
    /// The key's value.
    pub value: ApiKeyValue,
    /// The other properties.
    pub fields: ImportedFields,
}

/// Why a row is skipped, worded as its warning.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowProblem {
    /// A property breaks its rule.
    #[error(transparent)]
    Rule(#[from] InvalidApiKey),
    /// `Enabled` is neither true nor false.
    #[error("Invalid value '{0}' specified for column 'Enabled', must be true or false")]
    Enabled(String),
    /// A plan that is not there.
    #[error("Invalid Usage Plan ID specified")]
    UsagePlan,
    /// Not text.
    #[error("The record is not valid UTF-8")]
    NotUtf8,
    /// With a NUL in it.
    #[error("The record must not contain NUL")]
    Nul,
    /// Longer than a record can usefully be.
    #[error("The record is too large")]
    TooLarge,
}

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum FileProblem {
    /// The header lacks a column.
    #[error("Missing required column '{0}'")]
    MissingColumn(&'static str),
    /// The header has a column twice.
    #[error("Column '{0}' is specified more than once")]
    RepeatedColumn(&'static str),
    /// The bytes cannot be read.
    #[error("the import file cannot be read back")]
    Io(#[from] io::Error),
}

/// Reads the rows of a file one after the other.
pub struct RowReader<S> {
    records: CsvReader<S>,
    columns: Columns,
    shortest: MinValueLength,
    row: u64,
}

/// Where each column is.
#[derive(Debug)]
struct Columns {
    name: usize,
    key: usize,
    description: Option<usize>,
    enabled: Option<usize>,
    usage_plan_ids: Option<usize>,
}

impl<S: Source> RowReader<S> {
    /// Reads the header.
    pub fn open(source: S, shortest: MinValueLength) -> Result<Self, FileProblem> {
        let mut records = CsvReader::new(source);
        let columns = match records.next_record()? {
            Some(Record::Fields(header)) => Columns::parse(header)?,
            Some(Record::TooLarge) | None => return Err(FileProblem::MissingColumn("Key")),
        };
        Ok(Self { records, columns, shortest, row: 0 })
    }

    /// The next row with its number, from 1; `None` at the end.
    pub fn next_row(&mut self) -> io::Result<Option<(u64, Result<Row, RowProblem>)>> {
        let Some(record) = self.records.next_record()? else {
            return Ok(None);
        };
        self.row += 1;
        let row = match record {
            Record::Fields(fields) => self.columns.row(fields, self.shortest),
            Record::TooLarge => Err(RowProblem::TooLarge),
        };
        Ok(Some((self.row, row)))
    }

    /// Passes over the next row without looking at it.
    pub fn skip_row(&mut self) -> io::Result<()> {
        self.row += u64::from(self.records.next_record()?.is_some());
        Ok(())
    }

    /// The number of the row that was read last.
    pub fn row(&self) -> u64 {
        self.row
    }
}

impl Columns {
    fn parse(header: Fields<'_>) -> Result<Self, FileProblem> {
        let names = header.trimmed();
        let find = |column: &'static str| {
            let mut places = (0..names.len()).filter(|at| names[*at].eq_ignore_ascii_case(column.as_bytes()));
            match (places.next(), places.next()) {
                (place, None) => Ok(place),
                (_, Some(_)) => Err(FileProblem::RepeatedColumn(column)),
            }
        };
        Ok(Self {
            key: find("Key")?.ok_or(FileProblem::MissingColumn("Key"))?,
            name: find("Name")?.ok_or(FileProblem::MissingColumn("Name"))?,
            description: find("Description")?,
            enabled: find("Enabled")?,
            usage_plan_ids: find("UsagePlanIds")?,
        })
    }

    fn row(&self, fields: Fields<'_>, shortest: MinValueLength) -> Result<Row, RowProblem> {
        if fields.bytes().contains(&0) {
            return Err(RowProblem::Nul);
        }
        if fields.has_quotes() {
            let cells = fields.trimmed();
            self.read(shortest, |at| cells.get(at).map(Cow::as_ref))
        } else {
            self.read(shortest, |at| fields.plain(at))
        }
    }

    fn read<'c>(
        &self,
        shortest: MinValueLength,
        cell: impl Fn(usize) -> Option<&'c [u8]>,
    ) -> Result<Row, RowProblem> {
        let text = |at: Option<usize>| {
            let bytes = at.and_then(&cell).unwrap_or_default();
            str::from_utf8(bytes).map_err(|_| RowProblem::NotUtf8)
        };
        let value = ApiKeyValue::parse(text(Some(self.key))?, shortest)?;
        let name = ApiKeyName::parse(text(Some(self.name))?)?;
        let description = Description::parse(text(self.description)?)?;
        let enabled = enabled(text(self.enabled)?)?;
        if !text(self.usage_plan_ids)?.is_empty() {
            return Err(RowProblem::UsagePlan);
        }
        Ok(Row { value, fields: ImportedFields { name, description, enabled } })
    }
}

fn enabled(text: &str) -> Result<Option<bool>, RowProblem> {
    match text {
        "" => Ok(None),
        text if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
        text if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
        text => Err(RowProblem::Enabled(shown(text))),
    }
}

/// The text of a bad cell, cut so short that no key value which strayed into it is told whole.
fn shown(text: &str) -> String {
    const MOST: usize = 12;
    let mut shown: String = text.chars().take(MOST).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests;
