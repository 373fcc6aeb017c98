use super::*;
use gatepost_domain::api_keys::MinValueLength;
use std::io;

struct Whole(Vec<u8>);

impl Source for Whole {
    fn fill(&mut self, buffer: &mut Vec<u8>) -> io::Result<()> {
        *buffer = std::mem::take(&mut self.0);
        Ok(())
    }
}

/// Scans a file that claims so many bytes, as if it were that long.
fn scanned(file: &str, claimed: u64, stop: bool) -> Scan {
    let open = || Whole(file.as_bytes().to_vec());
    scan(open, claimed, &RowRules::new(MinValueLength::default()), &[9; 16], stop).unwrap()
}

fn file(values: &[u32]) -> String {
    let rows: Vec<_> = values.iter().map(|value| format!("n,{value:040}\n")).collect();
    format!("Name,Key\n{}", rows.concat())
}

#[test]
fn of_rows_with_one_value_the_last_counts_however_many_times_the_file_is_read() {
    let file = file(&[1, 2, 1, 3, 2, 1, 4]);
    for parts in [1, 2, 7] {
        let scan = scanned(&file, (parts * AT_ONCE - 1) * 22, false);
        let replaced: Vec<_> = (0..9).filter(|row| scan.replaced.contains(*row)).collect();
        assert_eq!((scan.rows, scan.warnings.count(), replaced), (7, 0, vec![1, 2, 3]), "read {parts} times");
    }
}

#[test]
fn a_row_that_is_skipped_replaces_nothing() {
    let file = format!("Name,Key\na,{0:040}\n{1},{0:040}\n", 7, "n".repeat(1_025));
    let scan = scanned(&file, 1_000, false);
    assert!(!scan.replaced.contains(1));
    assert_eq!(
        scan.warnings.into_texts(),
        ["Skipped invalid record: 2. Invalid API Key name, can be at most 1024 characters."]
    );
}

#[test]
fn a_thousand_warnings_are_told_and_the_rest_counted() {
    let file = format!("Name,Key\n{}", "n,x\n".repeat(1_234));
    let warnings = scanned(&file, 1_000, false).warnings;
    assert_eq!(warnings.count(), 1_234);
    let texts = warnings.into_texts();
    assert_eq!((texts.len(), texts[1_000].as_str()), (1_001, "and 234 more"));
    let exactly = format!("Name,Key\n{}", "n,x\n".repeat(1_000));
    assert_eq!(scanned(&exactly, 1_000, true).warnings.into_texts().len(), 1_000);
}

#[test]
fn where_warnings_are_failures_reading_stops_at_the_first_that_is_not_told() {
    let file = format!("Name,Key\n{}", "n,x\n".repeat(1_234));
    assert_eq!(scanned(&file, 1_000, true).warnings.count(), 1_001);
}
