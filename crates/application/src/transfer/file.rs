//! The lossless file: JSON lines within a sealed export.
//!
//! The first line is the [`AccountHead`], then a line for each plan, a line for each key with the plans that it is in,
//! lines with usage, then `{"end":N}` with the number of all lines between. A file without plans and usage is what
//! releases before them wrote.

use super::{AccountSink, TransferredKey};
use gatepost_custody::{CannotReadExport, ExportReader, ExportWriter, KeyRing, Random};
use gatepost_domain::api_keys::{
    ApiKey, ApiKeyId, ApiKeyName, ApiKeyValue, CustomerId, Description, InvalidApiKey, Label, MinValueLength,
    StageKey,
};
use gatepost_domain::usage::{Day, UsageOfDay};
use gatepost_domain::usage_plans::{UsagePlan, UsagePlanId};
use gatepost_domain::{AccountId, InvalidTag, Tags, Timestamp, Version};
use gatepost_storage::{KeptUsage, UsagePlanDocument, UsagePlanKey};
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
    /// The id of a plan that it is in.
    #[error("it is in a usage plan whose id is none that a plan can have")]
    Plan,
    /// What AWS printed of it has no value.
    #[error("it has no value: print the keys again with `aws apigateway get-api-keys --include-values`")]
    NoValue,
    /// What AWS printed of it has no date that can be read.
    #[error("its {0} is missing or no date")]
    Date(&'static str),
}

/// Something that a file holds.
pub enum AccountItem {
    /// A plan, or why it is none.
    Plan(UsagePlanId, Result<Box<UsagePlan>, String>),
    /// A key with its number among the keys, from 1; or why it is none, and its id if it has one.
    Key(u64, Result<Box<TransferredKey>, (Option<ApiKeyId>, InvalidKey)>),
    /// Usage of one key of one plan.
    Usage(Vec<KeptUsage>),
}

/// Writes an account to a sealed export.
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
    items: u64,
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

/// Told from other lines by its first member.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanLine {
    plan: String,
    /// Microseconds since 1970.
    created: i64,
    document: UsagePlanDocument,
}

/// Told from other lines by its first member, the id of the plan.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UsageLine {
    usage: String,
    key: String,
    /// Days since 1970, what was used on each, and what was set.
    days: Vec<(i32, u64, Option<i64>)>,
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
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    plans: Vec<String>,
    /// Microseconds since 1970.
    created: i64,
    updated: i64,
}

/// A value within JSON.
pub(super) struct Secret(pub(super) Zeroizing<String>);

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

impl<W: Write + Send> AccountSink for AccountWriter<W> {
    fn plan(&mut self, plan: &UsagePlan) -> io::Result<()> {
        self.count += 1;
        let document = UsagePlanDocument::of(plan);
        self.line(&PlanLine { plan: plan.id.as_str().to_owned(), created: plan.created.micros(), document })
    }

    fn key(&mut self, key: &TransferredKey) -> io::Result<()> {
        self.count += 1;
        self.line(&KeyLine::new(key))
    }

    fn usage(&mut self, usage: &[KeptUsage]) -> io::Result<()> {
        for of_link in usage.chunk_by(|one, next| one.link == next.link) {
            self.count += 1;
            self.line(&UsageLine::new(of_link))?;
        }
        Ok(())
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
        Ok(Self { input, head, lines, items: 0, keys: 0, ended: false })
    }

    /// What the first line says.
    #[must_use]
    pub fn head(&self) -> AccountHead {
        self.head
    }

    /// What comes next; `None` at the end, when nothing is missing.
    pub fn next_item(&mut self) -> Result<Option<AccountItem>, CannotReadAccount> {
        if self.ended {
            return Ok(None);
        }
        let number = self.lines.taken + 1;
        // serde's own words are dropped, because they repeat what is in the line.
        let wrong = |_| CannotReadAccount::Line(number);
        let line = self.lines.next(&mut self.input)?.ok_or(CannotReadAccount::Line(number))?;
        if line.starts_with(b"{\"end\":") {
            let end: EndLine = serde_json::from_slice(line).map_err(wrong)?;
            if end.end != self.items || self.lines.next(&mut self.input)?.is_some() {
                return Err(CannotReadAccount::Line(number));
            }
            self.ended = true;
            return Ok(None);
        }
        self.items += 1;
        if line.starts_with(b"{\"plan\":") {
            let line: PlanLine = serde_json::from_slice(line).map_err(wrong)?;
            return line.item().map(Some).ok_or(CannotReadAccount::Line(number));
        }
        if line.starts_with(b"{\"usage\":") {
            let line: UsageLine = serde_json::from_slice(line).map_err(wrong)?;
            let usage = line.usage().ok_or(CannotReadAccount::Line(number))?;
            return Ok(Some(AccountItem::Usage(usage)));
        }
        let line: KeyLine = serde_json::from_slice(line).map_err(wrong)?;
        self.keys += 1;
        let id = ApiKeyId::parse(&line.id);
        let key = line.key().map(Box::new).map_err(|why| (id, why));
        Ok(Some(AccountItem::Key(self.keys, key)))
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

impl PlanLine {
    fn item(self) -> Option<AccountItem> {
        let id = UsagePlanId::parse(&self.plan)?;
        let created = Timestamp::from_micros(self.created);
        let plan = self.document.into_plan(id.clone(), created, Version::FIRST);
        Some(AccountItem::Plan(id, plan.map(Box::new).map_err(|why| why.to_string())))
    }
}

impl UsageLine {
    fn new(of_link: &[KeptUsage]) -> Self {
        let UsagePlanKey { plan, key } = &of_link[0].link;
        let day = |UsageOfDay { day, used, adjustment }| (day.number(), used, adjustment);
        Self {
            usage: plan.as_str().to_owned(),
            key: key.as_str().to_owned(),
            days: of_link.iter().map(|one| day(one.usage)).collect(),
        }
    }

    fn usage(self) -> Option<Vec<KeptUsage>> {
        let link = UsagePlanKey { plan: UsagePlanId::parse(&self.usage)?, key: ApiKeyId::parse(&self.key)? };
        let kept = |(day, used, adjustment)| {
            let usage = UsageOfDay { day: Day::from_number(day)?, used, adjustment };
            Some(KeptUsage { link: link.clone(), usage })
        };
        self.days.into_iter().map(kept).collect()
    }
}

impl KeyLine {
    fn new(TransferredKey { key, value, plans }: &TransferredKey) -> Self {
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
            plans: plans.iter().map(|id| id.as_str().to_owned()).collect(),
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
        let plans = self.plans.iter().map(|id| UsagePlanId::parse(id).ok_or(InvalidKey::Plan));
        let plans = plans.collect::<Result<_, _>>()?;
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
        Ok(TransferredKey { key, value, plans })
    }
}
