//! Records of a CSV file, read with csv-core in bounded memory.
//!
//! What a record may be: fields parted by commas, ended by `\n`, `\r` or `\r\n`; a field in double quotes may hold
//! all of these, a doubled quote standing for one. AWS also takes single quotes around a field, and writes blanks
//! behind commas; so a field that, after blanks, begins with a quote which csv-core did not see as one goes up to
//! the next field that ends with that quote. Blank lines are no records. A byte order mark at the start is skipped.
//!
//! A record longer than [`MOST_BYTES`] or with more than [`MOST_FIELDS`] fields is read past, keeping nothing of it.

use csv_core::{ReadRecordResult, Reader};
use std::borrow::Cow;
use std::io;

/// The longest record: a description of 125,000 characters of four bytes, and room for the rest.
pub const MOST_BYTES: usize = 640 * 1024;
/// The most fields of a record.
pub const MOST_FIELDS: usize = 1_024;

/// Where the bytes of a file come from.
pub trait Source {
    /// Replaces the content of `buffer` by the next bytes; leaves it empty at the end.
    fn fill(&mut self, buffer: &mut Vec<u8>) -> io::Result<()>;
}

/// Reads records one after the other.
pub struct CsvReader<S> {
    source: S,
    core: Reader,
    input: Vec<u8>,
    read: usize,
    ended: bool,
    started: bool,
    text: Vec<u8>,
    ends: Vec<usize>,
}

/// One record.
#[derive(Debug)]
pub enum Record<'r> {
    /// Its fields.
    Fields(Fields<'r>),
    /// It was longer, or had more fields, than a record may; nothing of it was kept.
    TooLarge,
}

/// The fields of a record, as csv-core cut them.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'r> {
    text: &'r [u8],
    ends: &'r [usize],
}

impl<S: Source> CsvReader<S> {
    /// A reader at the start of a file.
    pub fn new(source: S) -> Self {
        Self {
            source,
            core: Reader::new(),
            input: Vec::new(),
            read: 0,
            ended: false,
            started: false,
            text: vec![0; 1024],
            ends: vec![0; 16],
        }
    }

    /// The next record; `None` at the end of the file.
    pub fn next_record(&mut self) -> io::Result<Option<Record<'_>>> {
        if !self.started {
            self.start()?;
        }
        let (mut text_len, mut fields, mut too_large) = (0, 0, false);
        loop {
            if self.read == self.input.len() && !self.ended {
                self.source.fill(&mut self.input)?;
                self.read = 0;
                self.ended = self.input.is_empty();
            }
            // An empty slice tells csv-core that the file ends.
            let (result, read, wrote, ended_fields) = self.core.read_record(
                &self.input[self.read..],
                &mut self.text[text_len..],
                &mut self.ends[fields..],
            );
            self.read += read;
            text_len += wrote;
            fields += ended_fields;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.text.len() < MOST_BYTES => {
                    self.text.resize(MOST_BYTES.min(self.text.len() * 4), 0);
                }
                ReadRecordResult::OutputEndsFull if self.ends.len() < MOST_FIELDS => {
                    self.ends.resize(MOST_FIELDS.min(self.ends.len() * 4), 0);
                }
                // From here on the record is only read past: what comes overwrites what came.
                ReadRecordResult::OutputFull => (text_len, too_large) = (0, true),
                ReadRecordResult::OutputEndsFull => (fields, too_large) = (0, true),
                ReadRecordResult::Record if too_large => return Ok(Some(Record::TooLarge)),
                ReadRecordResult::Record => {
                    let (text, ends) = (&self.text[..text_len], &self.ends[..fields]);
                    return Ok(Some(Record::Fields(Fields { text, ends })));
                }
                ReadRecordResult::End => return Ok(None),
            }
        }
    }

    /// Skips a byte order mark, however the bytes come. csv-core skips one only if it comes in one piece, so a blank
    /// line before everything keeps it from looking.
    fn start(&mut self) -> io::Result<()> {
        self.started = true;
        self.core.read_record(b"\n", &mut self.text, &mut self.ends);
        let mut more = Vec::new();
        while self.input.len() < 3 {
            self.source.fill(&mut more)?;
            if more.is_empty() {
                break;
            }
            self.input.extend_from_slice(&more);
        }
        if self.input.starts_with(b"\xef\xbb\xbf") {
            self.read = 3;
        }
        Ok(())
    }
}

impl<'r> Fields<'r> {
    /// The bytes of all fields, one after the other.
    pub fn bytes(self) -> &'r [u8] {
        self.text
    }

    /// Every field, trimmed, quotes of either kind taken off.
    pub fn trimmed(self) -> Vec<Cow<'r, [u8]>> {
        let mut fields = Vec::with_capacity(self.ends.len());
        // A quote that did not close once is not searched for again: a record full of them must not cost its square.
        let mut never_closes = [false; 2];
        let mut at = 0;
        while let Some(field) = self.get(at) {
            let trimmed = field.trim_ascii();
            let closed = opening_quote(field, trimmed).and_then(|quote| {
                let never = &mut never_closes[usize::from(quote == b'"')];
                let last = if ends_with_quote(&trimmed[1..], quote) {
                    Some(at)
                } else if *never {
                    None
                } else {
                    (at + 1..self.ends.len())
                        .find(|later| ends_with_quote(self.plain(*later).unwrap_or_default(), quote))
                };
                *never |= last.is_none();
                last.map(|last| (last, quote))
            });
            match closed {
                Some((last, quote)) => {
                    fields.push(Cow::Owned(unquoted(&self.joined(at, last), quote)));
                    at = last + 1;
                }
                None => {
                    fields.push(Cow::Borrowed(trimmed));
                    at += 1;
                }
            }
        }
        fields
    }

    /// Field `at`, trimmed, where no field can be quoted in a way that csv-core does not know.
    pub fn plain(self, at: usize) -> Option<&'r [u8]> {
        self.get(at).map(<[u8]>::trim_ascii)
    }

    /// Whether there is a quote left in any field, so that only [`Fields::trimmed`] gives the right fields.
    pub fn has_quotes(self) -> bool {
        self.text.contains(&b'\'') || self.text.contains(&b'"')
    }

    fn get(self, at: usize) -> Option<&'r [u8]> {
        let end = *self.ends.get(at)?;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        self.text.get(start..end)
    }

    /// The text of fields `first` to `last` with the commas between them.
    fn joined(self, first: usize, last: usize) -> Vec<u8> {
        let fields: Vec<_> = (first..=last).filter_map(|at| self.get(at)).collect();
        fields.join(&b',')
    }
}

/// The quote that a field begins with. A double quote counts only behind a blank: at the very start csv-core has
/// dealt with it, and one that is there stands for itself.
fn opening_quote(field: &[u8], trimmed: &[u8]) -> Option<u8> {
    match trimmed.first() {
        Some(b'\'') => Some(b'\''),
        Some(b'"') if matches!(field.first(), Some(b' ' | b'\t')) => Some(b'"'),
        Some(_) | None => None,
    }
}

/// Whether a text ends with a quote that is not one of a doubled pair.
fn ends_with_quote(text: &[u8], quote: u8) -> bool {
    text.iter().rev().take_while(|byte| **byte == quote).count() % 2 == 1
}

/// The text between the outer quotes, doubled ones made single, trimmed.
fn unquoted(text: &[u8], quote: u8) -> Vec<u8> {
    let text = text.trim_ascii();
    let inner = &text[1..text.len() - 1];
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        out.push(byte);
        if byte == quote {
            bytes.next_if_eq(&quote);
        }
    }
    out.trim_ascii().to_vec()
}

#[cfg(test)]
mod tests;
