//! The lossless file: JSON lines within a sealed export.
//!
//! The first line is the [`AccountHead`], then a line for each key, then `{"end":N}` with their number.

use super::{KeySink, TransferredKey};
use gatepost_custody::{CannotReadExport, ExportReader, ExportWriter, KeyRing, Random};
use gatepost_domain::api_keys::{
    ApiKey, ApiKeyId, ApiKeyName, ApiKeyValue, CustomerId, Description, InvalidApiKey, Label, MinValueLength,
    StageKey,
};
use gatepost_domain::{AccountId, InvalidTag, Tags, Timestamp, Version};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use zeroize::Zeroizing;

/// What the first line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountHead {
    /// Whose keys these are.
    pub account: AccountId,
    /// When the export began.
    pub exported: Timestamp,
}

/// An account's file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CannotReadAccount {
    /// The sealed stream does not open.
    #[error(transparent)]
    Export(#[from] CannotReadExport),
    /// What is sealed is not what this release would have written.
    #[error("line {0} within it is not understood: it may come from a later release")]
    Line(u64),
}

/// A line that is well-formed, with a key that breaks a rule.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// A property.
    #[error(transparent)]
    Property(#[from] InvalidApiKey),
    /// A tag.
    #[error(transparent)]
    Tag(#[from] InvalidTag),
    /// The id.
    #[error("its id is none that a key can have")]
    Id,
}

/// A key of a file, with its number there, from 1.
pub type NumberedKey = (u64, Result<TransferredKey, InvalidKey>);

/// Writes keys to a sealed export.
pub struct AccountWriter<W> {
    out: ExportWriter<W>,
    line: Zeroizing<Vec<u8>>,
    count: u64,
}

/// Reads them back.
pub struct AccountReader<R> {
    input: ExportReader<R>,
    head: AccountHead,
    lines: Lines,
    keys: u64,
    ended: bool,
}

/// Bytes that are read but not yet taken as lines.
#[derive(Default)]
struct Lines {
    bytes: Zeroizing<Vec<u8>>,
    start: usize,
    chunk: Zeroizing<Vec<u8>>,
    taken: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadLine {
    account: String,
    /// Microseconds since 1970.
    exported: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndLine {
    end: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct KeyLine {
    id: String,
    value: Secret,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
    enabled: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    customer_id: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    stage_keys: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    labels: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
    /// Microseconds since 1970.
    created: i64,
    updated: i64,
}

/// A value within a line.
struct Secret(Zeroizing<String>);

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|text| Self(Zeroizing::new(text)))
    }
}

impl<W: Write> AccountWriter<W> {
    /// Writes the head.
    pub fn new(ring: &KeyRing, random: &dyn Random, out: W, head: AccountHead) -> io::Result<Self> {
        let out = ExportWriter::new(ring, random, out)?;
        let mut writer = Self { out, line: Zeroizing::default(), count: 0 };
        let account = head.account.to_string();
        writer.line(&HeadLine { account, exported: head.exported.micros() })?;
        Ok(writer)
    }

    /// Marks the end, and gives the output back. Without it the file is a truncated one.
    pub fn finish(mut self) -> io::Result<W> {
        self.line(&EndLine { end: self.count })?;
        self.out.finish()
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut *self.line, line)?;
        self.line.push(b'\n');
        self.out.write(&self.line)
    }
}

impl<W: Write + Send> KeySink for AccountWriter<W> {
    fn take(&mut self, key: &TransferredKey) -> io::Result<()> {
        self.count += 1;
        self.line(&KeyLine::new(key))
    }
}

impl<R: Read> AccountReader<R> {
    /// Reads the head.
    pub fn new(ring: &KeyRing, input: R) -> Result<Self, CannotReadAccount> {
        let mut input = ExportReader::new(ring, input)?;
        let mut lines = Lines::default();
        let line = lines.next(&mut input)?.ok_or(CannotReadAccount::Line(1))?;
        let head: HeadLine = serde_json::from_slice(line).map_err(|_| CannotReadAccount::Line(1))?;
        let account = AccountId::parse(&head.account).map_err(|_| CannotReadAccount::Line(1))?;
        let head = AccountHead { account, exported: Timestamp::from_micros(head.exported) };
        Ok(Self { input, head, lines, keys: 0, ended: false })
    }

    /// What the first line says.
    #[must_use]
    pub fn head(&self) -> AccountHead {
        self.head
    }

    /// The next key; `None` at the end, when nothing is missing.
    pub fn next_key(&mut self) -> Result<Option<NumberedKey>, CannotReadAccount> {
        if self.ended {
            return Ok(None);
        }
        let number = self.lines.taken + 1;
        // serde's own words are dropped, because they repeat what is in the line.
        let wrong = |_| CannotReadAccount::Line(number);
        let line = self.lines.next(&mut self.input)?.ok_or(CannotReadAccount::Line(number))?;
        if line.starts_with(b"{\"end\":") {
            let end: EndLine = serde_json::from_slice(line).map_err(wrong)?;
            if end.end != self.keys || self.lines.next(&mut self.input)?.is_some() {
                return Err(CannotReadAccount::Line(number));
            }
            self.ended = true;
            return Ok(None);
        }
        let line: KeyLine = serde_json::from_slice(line).map_err(wrong)?;
        self.keys += 1;
        Ok(Some((self.keys, line.key())))
    }
}

impl Lines {
    /// The next line without its end; `None` when there is no more.
    fn next(&mut self, input: &mut ExportReader<impl Read>) -> Result<Option<&[u8]>, CannotReadAccount> {
        self.taken += 1;
        let mut searched = self.start;
        loop {
            if let Some(length) = self.bytes[searched..].iter().position(|byte| *byte == b'\n') {
                let (start, end) = (self.start, searched + length);
                self.start = end + 1;
                return Ok(Some(&self.bytes[start..end]));
            }
            let mut kept = Zeroizing::new(self.bytes[self.start..].to_vec());
            searched = kept.len();
            if !input.read_chunk(&mut self.chunk)? {
                // A line without its end was never finished.
                return if kept.is_empty() { Ok(None) } else { Err(CannotReadAccount::Line(self.taken)) };
            }
            kept.extend_from_slice(&self.chunk);
            (self.bytes, self.start) = (kept, 0);
        }
    }
}

impl KeyLine {
    fn new(TransferredKey { key, value }: &TransferredKey) -> Self {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Self {
            id: key.id.as_str().to_owned(),
            value: Secret(Zeroizing::new(value.reveal().to_owned())),
            name: text(key.name.as_ref().map(ApiKeyName::as_str)),
            description: text(key.description.as_ref().map(Description::as_str)),
            enabled: key.enabled,
            customer_id: text(key.customer_id.as_ref().map(CustomerId::as_str)),
            stage_keys: key.stage_keys.iter().map(|one| one.as_str().to_owned()).collect(),
            labels: key.labels.iter().map(|one| one.as_str().to_owned()).collect(),
            tags: key.tags.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            created: key.created.micros(),
            updated: key.updated.micros(),
        }
    }

    fn key(self) -> Result<TransferredKey, InvalidKey> {
        // The source accepted it, whatever its shortest value was.
        let shortest = MinValueLength::new(20).expect("20 is allowed");
        let value = ApiKeyValue::parse(&self.value.0, shortest)?;
        let stage_keys = self.stage_keys.iter().map(|one| StageKey::parse(one)).collect::<Result<_, _>>()?;
        let labels = self.labels.iter().map(|one| Label::parse(one)).collect::<Result<_, _>>()?;
        let key = ApiKey {
            id: ApiKeyId::parse(&self.id).ok_or(InvalidKey::Id)?,
            name: ApiKeyName::parse(&self.name)?,
            description: Description::parse(&self.description)?,
            enabled: self.enabled,
            customer_id: CustomerId::parse(&self.customer_id)?,
            stage_keys,
            labels,
            tags: Tags::kept(self.tags)?,
            created: Timestamp::from_micros(self.created),
            updated: Timestamp::from_micros(self.updated),
            version: Version::FIRST,
        };
        Ok(TransferredKey { key, value })
    }
}
