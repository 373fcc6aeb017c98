//! An import file of any bytes is read without a panic, and its rows do not depend on how the file is cut.
//!
//! The first byte of the input says how long the parts are; the rest is the file.
#![no_main]

use gatepost_application::api_keys::import::{CsvReader, Record, RowReader, RowRules, Source};
use gatepost_domain::api_keys::MinValueLength;
use libfuzzer_sys::fuzz_target;
use std::io;
use std::slice::Chunks;

struct Parts<'a>(Chunks<'a, u8>);

impl Source for Parts<'_> {
    fn fill(&mut self, buffer: &mut Vec<u8>) -> io::Result<()> {
        buffer.clear();
        buffer.extend_from_slice(self.0.next().unwrap_or_default());
        Ok(())
    }
}

fn parts(file: &[u8], length: usize) -> Parts<'_> {
    Parts(file.chunks(length))
}

/// Every record's fields; none for a record that is too large.
fn records(source: Parts<'_>) -> Vec<Option<Vec<Vec<u8>>>> {
    let mut reader = CsvReader::new(source);
    let mut records = Vec::new();
    while let Some(record) = reader.next_record().expect("memory can be read") {
        records.push(match record {
            Record::Fields(fields) => {
                let trimmed = fields.trimmed();
                if !fields.has_quotes() {
                    for (at, cell) in trimmed.iter().enumerate() {
                        assert_eq!(fields.plain(at), Some(&**cell), "the two ways to a plain field differ");
                    }
                }
                Some(trimmed.iter().map(|field| field.to_vec()).collect())
            }
            Record::TooLarge => None,
        });
    }
    records
}

/// What becomes of every row, or why the file has none.
fn rows(source: Parts<'_>) -> Result<Vec<String>, String> {
    let mut reader = RowReader::open(source, RowRules::new(MinValueLength::default()))
        .map_err(|problem| problem.to_string())?;
    let mut rows = Vec::new();
    while let Some((number, row)) = reader
        .next_row(|cells, rules| {
            let (checked, row) = (cells.check(rules), cells.row(rules));
            assert_eq!(checked.as_ref().err(), row.as_ref().err(), "the two readings differ");
            row
        })
        .expect("memory can be read")
    {
        assert_eq!(number, rows.len() as u64 + 1, "rows are numbered from 1 without gaps");
        rows.push(match row {
            Ok(row) => format!("{} {:?} {:?}", row.value.reveal(), row.fields, row.plans),
            Err(problem) => problem.to_string(),
        });
    }
    Ok(rows)
}

fuzz_target!(|data: &[u8]| {
    let Some((length, file)) = data.split_first() else { return };
    let (length, whole) = (usize::from(*length).max(1), file.len().max(1));
    assert_eq!(records(parts(file, length)), records(parts(file, whole)));
    assert_eq!(rows(parts(file, length)), rows(parts(file, whole)));
});
