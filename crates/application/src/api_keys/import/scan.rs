//! The first reading of an import file: what is wrong with it, and which rows of it count.
//!
//! Of rows with the same value only the last one counts, as if the others were not there. Which those are is found
//! here, before anything is stored, by 96-bit fingerprints of the values (SipHash-1-3 of Aumasson and Bernstein under
//! a key of this import), so that no backend has to know the whole file. A fingerprint takes 16 bytes; a file that may
//! have more than [`AT_ONCE`] rows is read once for each part of the fingerprints, so memory stays bounded.

use super::csv::Source;
use super::rows::{FileProblem, RowReader, RowRules};
use super::warnings::Warnings;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

/// Fingerprints held at once, 40 MB of them.
const AT_ONCE: u64 = 2_500_000;

/// What the first reading found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Rows that can be stored.
    pub(super) rows: u64,
    /// Those of them that a later row of the file replaces.
    pub(super) replaced: RowSet,
    /// Rows that cannot.
    pub(super) warnings: Warnings,
}

/// A set of row numbers; a bit for each row.
#[derive(Debug, Default)]
pub(super) struct RowSet(Vec<u64>);

/// Reads the whole file that `open` opens, more than once if it is very long. With `stop_at_most_warnings`, reading
/// ends when one more warning would not be told.
pub(super) fn scan<S: Source>(
    open: impl Fn() -> S,
    file_bytes: u64,
    rules: &RowRules,
    fingerprint_key: &[u8; 16],
    stop_at_most_warnings: bool,
) -> Result<Scan, FileProblem> {
    // A row takes the shortest value that can be, a comma and an end of line.
    let most_rows = file_bytes / 22 + 1;
    let parts = most_rows.div_ceil(AT_ONCE);
    let mut scan = Scan::default();
    let mut fingerprints = Vec::with_capacity(usize::try_from(most_rows.min(AT_ONCE)).unwrap_or_default());
    for part in 0..parts {
        let mut rows = RowReader::open(open(), rules.clone())?;
        while let Some((number, row)) = rows.next_row(|cells, rules| {
            cells.check(rules)?;
            Ok(fingerprint(fingerprint_key, cells.value))
        })? {
            match row {
                Ok((high, low)) => {
                    scan.rows += u64::from(part == 0);
                    if high % parts == part {
                        fingerprints.push((high, (low << 32) | (number & 0xffff_ffff)));
                    }
                }
                Err(problem) if part == 0 => {
                    let stop = stop_at_most_warnings && scan.warnings.is_full();
                    scan.warnings.skipped(number, problem);
                    if stop {
                        return Ok(scan);
                    }
                }
                Err(_) => {}
            }
        }
        fingerprints.sort_unstable();
        for pair in fingerprints.windows(2) {
            let ((high, low), (next_high, next_low)) = (pair[0], pair[1]);
            if high == next_high && low >> 32 == next_low >> 32 {
                scan.replaced.insert(low & 0xffff_ffff);
            }
        }
        fingerprints.clear();
    }
    Ok(scan)
}

impl RowSet {
    /// Whether the row is in the set.
    pub(super) fn contains(&self, row: u64) -> bool {
        let word = usize::try_from(row / 64).ok().and_then(|at| self.0.get(at));
        word.is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    fn insert(&mut self, row: u64) {
        let at = usize::try_from(row / 64).expect("row numbers have 32 bits");
        if at >= self.0.len() {
            self.0.resize(at + 1, 0);
        }
        self.0[at] |= 1 << (row % 64);
    }
}

fn fingerprint(key: &[u8; 16], value: &str) -> (u64, u64) {
    let mut hasher = SipHasher13::new_with_key(key);
    hasher.write(value.as_bytes());
    let hash = hasher.finish128();
    (hash.h1, hash.h2)
}

#[cfg(test)]
mod tests;
