//! Files of keys to import: random, but the same in every run.
//!
//! Names are 16 bytes in no order and values 40. [`RARE`] rows, spread evenly over the file, have names that begin with
//! [`RARE_PREFIX`]; no other name does.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::failure::Failure;

/// How the names of the rare rows begin: with a character that no other name holds.
pub(crate) const RARE_PREFIX: &str = "rare-name-";

/// How many rows have a rare name.
pub(crate) const RARE: u64 = 10;

/// Which columns a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Columns {
    /// `name,key`
    NameAndKey,
    /// `name,key,description`, with ten bytes of description
    WithDescription,
}

/// Writes a file of `rows` keys and tells how many bytes it has.
pub(crate) fn write(path: &Path, rows: u64, columns: Columns, seed: u64) -> Result<u64, Failure> {
    let mut random = Random(seed);
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let described = columns == Columns::WithDescription;
    out.write_all(if described { b"name,key,description\n" } else { b"name,key\n" })?;
    let every = (rows / RARE).max(1);
    let mut row = Vec::with_capacity(80);
    for index in 0..rows {
        row.clear();
        if index % every == every / 2 && index / every < RARE {
            write!(row, "{RARE_PREFIX}{:06}", index / every)?;
        } else {
            random.text(&mut row, 16);
        }
        row.push(b',');
        random.text(&mut row, 40);
        if described {
            row.push(b',');
            random.text(&mut row, 10);
        }
        row.push(b'\n');
        out.write_all(&row)?;
    }
    out.flush()?;
    Ok(std::fs::metadata(path)?.len())
}

/// SplitMix64: seeded, fast, and good enough to put names out of order.
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Appends `length` letters and digits.
    pub(crate) fn text(&mut self, out: &mut Vec<u8>, length: usize) {
        const CHARACTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let (mut bits, mut left) = (0, 0);
        for _ in 0..length {
            if left == 0 {
                (bits, left) = (self.next(), 8);
            }
            // The slight preference for some characters does not matter here.
            out.push(CHARACTERS[(bits & 0xFF) as usize % CHARACTERS.len()]);
            bits >>= 8;
            left -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_rows_its_widths_and_ten_rare_names() {
        let path = std::env::temp_dir().join(format!("gatepost-bench-csv-{}.csv", std::process::id()));
        let length =
            write(&path, 1_000, Columns::WithDescription, 7).expect("the temporary folder is writable");
        let text = std::fs::read_to_string(&path).expect("the file was written");
        std::fs::remove_file(&path).expect("the file is there");
        assert_eq!(text.len() as u64, length);
        let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|row| row.split(',').collect()).collect();
        assert_eq!(rows.len(), 1_000);
        assert!(rows.iter().all(|row| row.iter().map(|cell| cell.len()).eq([16, 40, 10])));
        assert_eq!(rows.iter().filter(|row| row[0].starts_with(RARE_PREFIX)).count() as u64, RARE);
    }
}
