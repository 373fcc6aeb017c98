//! What the AWS CLI prints of keys and plans: JSON documents, one behind the other, each an object whose `items` (or, as
//! the service itself has it, `item`) are a list, or such a list alone. `position` and whatever else a document has
//! beside are not looked at, nor are members that are not known here. Dates are epoch seconds, as version 1 prints
//! them, or ISO 8601 with any offset, as version 2 does.
//!
//! Items are handed on one after the other as they are read, so a file may be of any length.

use super::file::{InvalidKey, Secret};
use super::{TransferredKey, WholeSeconds};
use chrono::DateTime;
use gatepost_domain::api_keys::{
    ApiKey, ApiKeyId, ApiKeyName, ApiKeyValue, CustomerId, Description, MinValueLength, StageKey,
};
use gatepost_domain::usage::Day;
use gatepost_domain::usage_plans::{
    ApiStage, InvalidUsagePlan, MethodPath, Period, ProductCode, Quota, QuotaHistory, StageId, Stages,
    Throttle, UsagePlan, UsagePlanId, UsagePlanName,
};
use gatepost_domain::{Tags, Timestamp, Version};
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};

/// The mark that some editors and shells put before a text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Bytes that are not what the AWS CLI prints. What they hold is not repeated: it may be a key's value.
#[derive(Debug, thiserror::Error)]
pub enum CannotReadAws {
    /// They cannot be read.
    #[error(transparent)]
    Io(io::Error),
    /// They are no JSON.
    #[error("line {line}, column {column}: not the JSON that the AWS CLI prints with --output json")]
    Json {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// They end within a document.
    #[error("it ends within a document")]
    Cut,
    /// They are JSON with something else in it.
    #[error(
        "line {line}, column {column}: neither a key nor a usage plan nor a list of them as AWS prints it"
    )]
    Data {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// There is not a single list.
    #[error("it has no `items`")]
    NoItems,
}

/// One item, not yet held against any rule.
pub enum AwsItem {
    /// A key, as GetApiKeys answers it.
    Key(AwsKey),
    /// A plan, as GetUsagePlans answers it.
    Plan(AwsPlan),
    /// A key of a plan, as GetUsagePlanKeys answers it, by its id, where it has one. Which plan, it does not say.
    PlanKey(Option<ApiKeyId>),
}

/// A key.
pub struct AwsKey(RawItem);

/// A plan.
pub struct AwsPlan(RawItem);

/// Every member that an item of any kind can have.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawItem {
    id: Option<String>,
    name: Option<String>,
    description: Option<String>,
    tags: Option<BTreeMap<String, String>>,
    // A key's.
    value: Option<Secret>,
    enabled: Option<bool>,
    customer_id: Option<String>,
    stage_keys: Option<Vec<String>>,
    created_date: Option<Date>,
    last_updated_date: Option<Date>,
    // A plan's.
    api_stages: Option<Vec<RawStage>>,
    throttle: Option<RawThrottle>,
    quota: Option<RawQuota>,
    product_code: Option<String>,
    // A plan key's.
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawStage {
    api_id: Option<String>,
    stage: Option<String>,
    throttle: Option<BTreeMap<String, RawThrottle>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawThrottle {
    rate_limit: Option<f64>,
    burst_limit: Option<i64>,
}

#[derive(Deserialize)]
struct RawQuota {
    limit: Option<i64>,
    offset: Option<i64>,
    period: Option<String>,
}

/// Whole seconds since 1970; none where a text is no date.
#[derive(Clone, Copy)]
struct Date(Option<i64>);

/// Hands every item of `input` to `take`, until it answers false.
pub fn read(input: impl Read, take: &mut dyn FnMut(AwsItem) -> bool) -> Result<(), CannotReadAws> {
    let input = without_mark(io::BufReader::with_capacity(64 * 1024, input)).map_err(CannotReadAws::Io)?;
    let mut json = serde_json::Deserializer::from_reader(input);
    let mut documents = Documents { take, lists: 0, stopped: false };
    loop {
        match json.end() {
            Ok(()) if documents.lists == 0 => return Err(CannotReadAws::NoItems),
            Ok(()) => return Ok(()),
            Err(error) if error.is_io() => return Err(error.into()),
            // Something comes.
            Err(_) => {}
        }
        match Document(&mut documents).deserialize(&mut json) {
            Ok(()) => {}
            Err(_) if documents.stopped => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

fn without_mark<R: Read>(mut input: R) -> io::Result<io::Chain<io::Cursor<Vec<u8>>, R>> {
    let mut first = Vec::with_capacity(BYTE_ORDER_MARK.len());
    input.by_ref().take(BYTE_ORDER_MARK.len() as u64).read_to_end(&mut first)?;
    if first == BYTE_ORDER_MARK {
        first.clear();
    }
    Ok(io::Cursor::new(first).chain(input))
}

impl From<serde_json::Error> for CannotReadAws {
    fn from(error: serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        match error.classify() {
            serde_json::error::Category::Io => Self::Io(error.into()),
            serde_json::error::Category::Syntax => Self::Json { line, column },
            serde_json::error::Category::Eof => Self::Cut,
            serde_json::error::Category::Data => Self::Data { line, column },
        }
    }
}

/// How far the reading has come.
struct Documents<'t> {
    take: &'t mut dyn FnMut(AwsItem) -> bool,
    lists: u64,
    stopped: bool,
}

/// A document: an object with a list in it, or a list.
struct Document<'d, 't>(&'d mut Documents<'t>);

/// The list of a document.
struct List<'d, 't>(&'d mut Documents<'t>);

impl<'de> DeserializeSeed<'de> for Document<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a document of the AWS CLI")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            if name == "items" || name == "item" {
                members.next_value_seed(List(&mut *self.0))?;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        List(self.0).visit_seq(items)
    }
}

impl<'de> DeserializeSeed<'de> for List<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list of keys or usage plans")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.0.lists += 1;
        while let Some(item) = items.next_element::<RawItem>()? {
            if !(self.0.take)(item.sorted()) {
                self.0.stopped = true;
                return Err(A::Error::custom("no more is wanted"));
            }
        }
        Ok(())
    }
}

impl RawItem {
    /// What it is: only plans have stages, and of what is left only keys of plans have a type.
    fn sorted(self) -> AwsItem {
        if self.api_stages.is_some() || self.quota.is_some() || self.throttle.is_some() {
            AwsItem::Plan(AwsPlan(self))
        } else if self.kind.is_some() {
            AwsItem::PlanKey(self.id.as_deref().and_then(ApiKeyId::parse))
        } else {
            AwsItem::Key(AwsKey(self))
        }
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(DateVisitor)
    }
}

struct DateVisitor;

impl Visitor<'_> for DateVisitor {
    type Value = Date;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a date")
    }

    fn visit_i64<E>(self, seconds: i64) -> Result<Date, E> {
        Ok(Date(Some(seconds)))
    }

    fn visit_u64<E>(self, seconds: u64) -> Result<Date, E> {
        Ok(Date(i64::try_from(seconds).ok()))
    }

    fn visit_f64<E>(self, seconds: f64) -> Result<Date, E> {
        // What has no place in 64 bits is out of all range below.
        Ok(Date(seconds.is_finite().then_some(seconds.floor() as i64)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Date, E> {
        Ok(Date(DateTime::parse_from_rfc3339(text).ok().map(|date| date.timestamp())))
    }
}

impl AwsKey {
    /// Its id, where it is one.
    #[must_use]
    pub fn id(&self) -> Option<ApiKeyId> {
        self.0.id.as_deref().and_then(ApiKeyId::parse)
    }

    /// The key. `dates` gives all keys of a file their dates, in the order of the file. AWS accepted its value, so 20
    /// characters are enough, whatever Create asks for here.
    pub fn key(self, dates: &mut WholeSeconds) -> Result<TransferredKey, InvalidKey> {
        let raw = self.0;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let shortest = MinValueLength::new(20).expect("20 is allowed");
        let value = raw.value.ok_or(InvalidKey::NoValue)?;
        let seconds = |date: Option<Date>, name| date.and_then(|date| date.0).ok_or(InvalidKey::Date(name));
        let created = seconds(raw.created_date, "createdDate")?;
        let updated = seconds(raw.last_updated_date, "lastUpdatedDate")?;
        let (created, updated) = dates.next(created, updated).ok_or(InvalidKey::Date("createdDate"))?;
        let stage_keys = raw.stage_keys.unwrap_or_default();
        Ok(TransferredKey {
            value: ApiKeyValue::parse(&value.0, shortest)?,
            key: ApiKey {
                id: raw.id.as_deref().and_then(ApiKeyId::parse).ok_or(InvalidKey::Id)?,
                name: ApiKeyName::parse(&text(&raw.name))?,
                description: Description::parse(&text(&raw.description))?,
                enabled: raw.enabled.unwrap_or_default(),
                customer_id: CustomerId::parse(&text(&raw.customer_id))?,
                stage_keys: stage_keys.iter().map(|one| StageKey::parse(one)).collect::<Result<_, _>>()?,
                labels: Vec::new(),
                tags: Tags::kept(raw.tags.unwrap_or_default())?,
                created,
                updated,
                version: Version::FIRST,
            },
            plans: Vec::new(),
        })
    }
}

impl AwsPlan {
    /// A plan out of JSON that was read already; none if it is no object of that kind.
    #[must_use]
    pub fn from_json(item: serde_json::Value) -> Option<Self> {
        serde_json::from_value(item).ok().map(Self)
    }

    /// Its id, where it is one.
    #[must_use]
    pub fn id(&self) -> Option<UsagePlanId> {
        self.0.id.as_deref().and_then(UsagePlanId::parse)
    }

    /// The plan with this id. AWS tells no date: it is as if it were made at `created`, with the quota it has.
    pub fn plan(self, id: UsagePlanId, created: Timestamp) -> Result<UsagePlan, String> {
        let text = |why: InvalidUsagePlan| why.to_string();
        let raw = self.0;
        let description = Description::parse(raw.description.as_deref().unwrap_or_default());
        let stages = raw.api_stages.unwrap_or_default().into_iter().map(RawStage::stage);
        let stages = Stages::new(stages.collect::<Result<_, _>>().map_err(text)?).map_err(text)?;
        let quota = raw.quota.map(RawQuota::quota).transpose().map_err(text)?;
        Ok(UsagePlan {
            id,
            name: UsagePlanName::parse(raw.name.as_deref().unwrap_or_default()).map_err(text)?,
            description: description.map_err(|_| text(InvalidUsagePlan::Description))?,
            product_code: ProductCode::parse(raw.product_code.as_deref().unwrap_or_default())
                .map_err(text)?,
            stages,
            throttle: raw.throttle.map(RawThrottle::throttle).transpose().map_err(text)?,
            quotas: QuotaHistory::starting(Day::of(created), quota),
            tags: Tags::kept(raw.tags.unwrap_or_default()).map_err(|why| why.to_string())?,
            created,
            version: Version::FIRST,
        })
    }
}

impl RawStage {
    fn stage(self) -> Result<ApiStage, InvalidUsagePlan> {
        let part = |part: &Option<String>| part.clone().unwrap_or_default();
        let methods = self.throttle.unwrap_or_default().into_iter();
        let methods = methods.map(|(path, throttle)| Ok((MethodPath::parse(&path)?, throttle.throttle()?)));
        Ok(ApiStage {
            id: StageId::new(&part(&self.api_id), &part(&self.stage))?,
            throttle: methods.collect::<Result<_, InvalidUsagePlan>>()?,
        })
    }
}

impl RawThrottle {
    fn throttle(self) -> Result<Throttle, InvalidUsagePlan> {
        Throttle::new(self.rate_limit, self.burst_limit)
    }
}

impl RawQuota {
    fn quota(self) -> Result<Quota, InvalidUsagePlan> {
        let (Some(limit), Some(period)) = (self.limit, self.period) else {
            return Err(InvalidUsagePlan::QuotaIncomplete);
        };
        Quota::new(limit, self.offset.unwrap_or_default(), Period::parse(&period)?)
    }
}

#[cfg(test)]
mod tests;
