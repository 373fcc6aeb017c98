//! Rows of an import file: which column means what, and whether a row can be stored.
//!
//! Columns are named by the header, in any order and case, blanks around names and cells not counting; `Name` and
//! `Key` must be there, `Description`, `Enabled` and `UsagePlanIds` may be, others are ignored. `UsagePlanIds` holds ids
//! parted by commas; a row with one that no plan has is skipped whole.

use super::csv::{CsvReader, Fields, Record, Source};
use gatepost_domain::api_keys::{
    ApiKeyName, ApiKeyValue, Description, ImportedFields, InvalidApiKey, MinValueLength,
};
use gatepost_domain::usage_plans::UsagePlanId;
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::{io, str};

/// The most plans that a row can name.
const MOST_PLANS: usize = 1_000;

/// A row that can be stored, but for what only storage knows.
pub struct Row {
    /// The key's value.
    pub value: ApiKeyValue,
    /// The other properties.
    pub fields: ImportedFields,
    /// The plans that it puts its key into, none twice.
    pub plans: Vec<UsagePlanId>,
}

/// What rows must keep to.
#[derive(Clone)]
pub struct RowRules {
    shortest: MinValueLength,
    /// The ids of all plans, where they were looked up.
    plans: Option<Arc<HashSet<Box<str>>>>,
}

impl RowRules {
    /// The rules that a file can be held against without a storage: any plan may be there.
    #[must_use]
    pub fn new(shortest: MinValueLength) -> Self {
        Self { shortest, plans: None }
    }

    /// The rules where only these plans are there.
    #[must_use]
    pub fn with_plans(self, plans: impl IntoIterator<Item = UsagePlanId>) -> Self {
        let plans = plans.into_iter().map(|id| id.as_str().into()).collect();
        Self { plans: Some(Arc::new(plans)), ..self }
    }

    fn know_plan(&self, id: &str) -> bool {
        match &self.plans {
            Some(plans) => plans.contains(id),
            None => UsagePlanId::parse(id).is_some(),
        }
    }
}

impl Row {
    /// What its texts take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let ImportedFields { name, description, enabled: _ } = &self.fields;
        let name = name.as_ref().map_or(0, |name| name.as_str().len());
        let plans: usize = self.plans.iter().map(|id| id.as_str().len()).sum();
        self.value.reveal().len() + name + description.as_ref().map_or(0, |text| text.as_str().len()) + plans
    }
}

/// The cells of a row that mean something; an absent one is empty.
#[derive(Clone, Copy)]
pub struct Cells<'c> {
    /// `Key`, which is a secret.
    pub value: &'c str,
    name: &'c str,
    description: &'c str,
    enabled: &'c str,
    usage_plan_ids: &'c str,
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
    /// More plans than a row can name.
    #[error("The record names more than {MOST_PLANS} usage plans")]
    TooManyPlans,
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
    rules: RowRules,
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
    pub fn open(source: S, rules: RowRules) -> Result<Self, FileProblem> {
        let mut records = CsvReader::new(source);
        let columns = match records.next_record()? {
            Some(Record::Fields(header)) => Columns::parse(header)?,
            Some(Record::TooLarge) | None => return Err(FileProblem::MissingColumn("Key")),
        };
        Ok(Self { records, columns, rules, row: 0 })
    }

    /// Whether rows can name plans.
    pub fn has_plans(&self) -> bool {
        self.columns.usage_plan_ids.is_some()
    }

    /// The next row with its number, from 1, as `take` makes it of the row's cells; `None` at the end.
    pub fn next_row<T>(
        &mut self,
        take: impl FnOnce(Cells<'_>, &RowRules) -> Result<T, RowProblem>,
    ) -> io::Result<Option<(u64, Result<T, RowProblem>)>> {
        let Some(record) = self.records.next_record()? else {
            return Ok(None);
        };
        self.row += 1;
        let rules = &self.rules;
        let row = match record {
            Record::Fields(fields) => self.columns.cells(fields, |cells| take(cells, rules)),
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

    fn cells<T>(
        &self,
        fields: Fields<'_>,
        take: impl FnOnce(Cells<'_>) -> Result<T, RowProblem>,
    ) -> Result<T, RowProblem> {
        if fields.bytes().contains(&0) {
            return Err(RowProblem::Nul);
        }
        if fields.has_quotes() {
            let trimmed = fields.trimmed();
            take(self.read(|at| trimmed.get(at).map(Cow::as_ref))?)
        } else {
            take(self.read(|at| fields.plain(at))?)
        }
    }

    fn read<'c>(&self, cell: impl Fn(usize) -> Option<&'c [u8]>) -> Result<Cells<'c>, RowProblem> {
        let text = |at: Option<usize>| match at.and_then(&cell) {
            None | Some([]) => Ok(""),
            Some(bytes) => str::from_utf8(bytes).map_err(|_| RowProblem::NotUtf8),
        };
        Ok(Cells {
            value: text(Some(self.key))?,
            name: text(Some(self.name))?,
            description: text(self.description)?,
            enabled: text(self.enabled)?,
            usage_plan_ids: text(self.usage_plan_ids)?,
        })
    }
}

impl<'c> Cells<'c> {
    /// Says what is wrong with a row, if anything is, without keeping any of it.
    pub fn check(self, rules: &RowRules) -> Result<(), RowProblem> {
        ApiKeyValue::check(self.value, rules.shortest)?;
        ApiKeyName::check(self.name)?;
        Description::check(self.description)?;
        enabled(self.enabled)?;
        self.check_plans(rules)
    }

    /// The row, if nothing is wrong with it; otherwise what [`Cells::check`] says.
    pub fn row(self, rules: &RowRules) -> Result<Row, RowProblem> {
        let value = ApiKeyValue::parse(self.value, rules.shortest)?;
        let fields = ImportedFields {
            name: ApiKeyName::parse(self.name)?,
            description: Description::parse(self.description)?,
            enabled: enabled(self.enabled)?,
        };
        self.check_plans(rules)?;
        let mut plans = Vec::new();
        for id in self.plan_ids() {
            let id = UsagePlanId::parse(id).ok_or(RowProblem::UsagePlan)?;
            if !plans.contains(&id) {
                plans.push(id);
            }
        }
        Ok(Row { value, fields, plans })
    }

    fn check_plans(self, rules: &RowRules) -> Result<(), RowProblem> {
        if self.plan_ids().nth(MOST_PLANS).is_some() {
            return Err(RowProblem::TooManyPlans);
        }
        if self.plan_ids().all(|id| rules.know_plan(id)) { Ok(()) } else { Err(RowProblem::UsagePlan) }
    }

    /// The ids of the cell; nothing between two commas is none.
    fn plan_ids(self) -> impl Iterator<Item = &'c str> {
        self.usage_plan_ids.split(',').map(str::trim_ascii).filter(|id| !id.is_empty())
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
