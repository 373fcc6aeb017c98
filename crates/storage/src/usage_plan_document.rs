//! A plan as JSON, for the backends that keep it in one text, and for the file of an exported account.
//!
//! Everything but id, `created` and version is in it. Members that are not there are absent properties, so that older
//! texts stay readable; a text with members that this release does not know is refused.

use gatepost_domain::api_keys::Description;
use gatepost_domain::usage::Day;
use gatepost_domain::usage_plans::{
    ApiStage, MethodPath, Period, ProductCode, Quota, QuotaHistory, StageId, Stages, Throttle, UsagePlan,
    UsagePlanId, UsagePlanName,
};
use gatepost_domain::{Tags, Timestamp, Version};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The text of a plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsagePlanDocument {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    product_code: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    stages: Vec<StageDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    throttle: Option<ThrottleDocument>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    quotas: Vec<QuotaDocument>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
}

/// The text is not that of a plan.
#[derive(Debug, thiserror::Error)]
#[error("not the document of a usage plan: {0}")]
pub struct CannotReadUsagePlan(String);

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StageDocument {
    stage: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    throttle: BTreeMap<String, ThrottleDocument>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ThrottleDocument {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rate: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    burst: Option<u32>,
}

/// A quota from a day on; without a limit there was none.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct QuotaDocument {
    from: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
    #[serde(default, skip_serializing_if = "is_zero")]
    offset: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    period: Option<String>,
}

impl UsagePlanDocument {
    /// The document of a plan.
    #[must_use]
    pub fn of(plan: &UsagePlan) -> Self {
        Self {
            name: plan.name.as_str().to_owned(),
            description: plan.description.as_ref().map(|text| text.as_str().to_owned()),
            product_code: plan.product_code.as_ref().map(|code| code.as_str().to_owned()),
            stages: plan.stages.iter().map(StageDocument::of).collect(),
            throttle: plan.throttle.map(ThrottleDocument::of),
            quotas: plan
                .quotas
                .changes()
                .iter()
                .map(|(day, quota)| QuotaDocument::of(*day, *quota))
                .collect(),
            tags: plan.tags.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        }
    }

    /// The document as text.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("texts, numbers and maps with text keys are JSON")
    }

    /// A document from its text.
    pub fn parse(text: &str) -> Result<Self, CannotReadUsagePlan> {
        serde_json::from_str(text).map_err(cannot_read)
    }

    /// The plan with this id.
    pub fn into_plan(
        self,
        id: UsagePlanId,
        created: Timestamp,
        version: Version,
    ) -> Result<UsagePlan, CannotReadUsagePlan> {
        let description =
            self.description.as_deref().map(Description::parse).transpose().map_err(cannot_read)?;
        let product_code =
            self.product_code.as_deref().map(ProductCode::parse).transpose().map_err(cannot_read)?;
        let stages: Vec<_> = self.stages.into_iter().map(StageDocument::read).collect::<Result<_, _>>()?;
        let quotas: Vec<_> = self.quotas.iter().map(QuotaDocument::read).collect::<Result<_, _>>()?;
        Ok(UsagePlan {
            id,
            name: UsagePlanName::parse(&self.name).map_err(cannot_read)?,
            description: description.flatten(),
            product_code: product_code.flatten(),
            stages: Stages::new(stages).map_err(cannot_read)?,
            throttle: self.throttle.map(ThrottleDocument::read).transpose()?,
            quotas: QuotaHistory::of(quotas).ok_or_else(|| cannot_read("its quotas are out of order"))?,
            tags: Tags::kept(self.tags).map_err(cannot_read)?,
            created,
            version,
        })
    }
}

impl StageDocument {
    fn of(stage: &ApiStage) -> Self {
        let throttle = stage.throttle.iter();
        Self {
            stage: stage.id.to_string(),
            throttle: throttle
                .map(|(method, one)| (method.to_string(), ThrottleDocument::of(*one)))
                .collect(),
        }
    }

    fn read(self) -> Result<ApiStage, CannotReadUsagePlan> {
        let methods = self.throttle.into_iter().map(|(method, throttle)| {
            Ok((MethodPath::parse(&method).map_err(cannot_read)?, throttle.read()?))
        });
        Ok(ApiStage {
            id: StageId::parse(&self.stage).map_err(cannot_read)?,
            throttle: methods.collect::<Result<_, CannotReadUsagePlan>>()?,
        })
    }
}

impl ThrottleDocument {
    fn of(throttle: Throttle) -> Self {
        Self { rate: throttle.rate.map(|rate| rate.per_second()), burst: throttle.burst }
    }

    fn read(self) -> Result<Throttle, CannotReadUsagePlan> {
        Throttle::new(self.rate, self.burst.map(i64::from)).map_err(cannot_read)
    }
}

impl QuotaDocument {
    fn of(day: Day, quota: Option<Quota>) -> Self {
        Self {
            from: day.number(),
            limit: quota.map(Quota::limit),
            offset: quota.map_or(0, Quota::offset),
            period: quota.map(|quota| quota.period().to_string()),
        }
    }

    fn read(&self) -> Result<(Day, Option<Quota>), CannotReadUsagePlan> {
        let day = Day::from_number(self.from).ok_or_else(|| cannot_read("a day is out of range"))?;
        let quota = match (self.limit, &self.period) {
            (None, None) => None,
            (Some(limit), Some(period)) => {
                let period = Period::parse(period).map_err(cannot_read)?;
                Some(Quota::new(limit.into(), self.offset.into(), period).map_err(cannot_read)?)
            }
            _ => return Err(cannot_read("a quota has limit and period, or neither")),
        };
        Ok((day, quota))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(offset: &u8) -> bool {
    *offset == 0
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn cannot_read(why: impl ToString) -> CannotReadUsagePlan {
    CannotReadUsagePlan(why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Result<UsagePlan, CannotReadUsagePlan> {
        let id = UsagePlanId::parse("u1").unwrap();
        UsagePlanDocument::parse(text)?.into_plan(id, Timestamp::from_micros(7), Version(3))
    }

    #[test]
    fn a_plan_is_read_as_it_was_written() {
        let full = r#"{"name":"gold","description":"d","product_code":"c","stages":[{"stage":"a:x","throttle":{"/pets/GET":{"rate":0.3333333333333333,"burst":0}}},{"stage":"b:y"}],"throttle":{"rate":10.0},"quotas":[{"from":20000},{"from":20001,"limit":0,"offset":6,"period":"WEEK"}],"tags":{"aws:stack":"s","k":""}}"#;
        for text in [full, r#"{"name":"n"}"#] {
            assert_eq!(UsagePlanDocument::of(&plan(text).unwrap()).text(), text);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for wrong in [
            "",
            "{}",
            r#"{"name":""}"#,
            r#"{"name":"n","later":1}"#,
            r#"{"name":"n","stages":[{"stage":"a"}]}"#,
            r#"{"name":"n","stages":[{"stage":"a:x"},{"stage":"a:x"}]}"#,
            r#"{"name":"n","stages":[{"stage":"a:x","throttle":{"GET":{}}}]}"#,
            r#"{"name":"n","throttle":{"rate":-1}}"#,
            r#"{"name":"n","quotas":[{"from":20000,"limit":1}]}"#,
            r#"{"name":"n","quotas":[{"from":-1}]}"#,
            r#"{"name":"n","quotas":[{"from":2},{"from":1}]}"#,
            r#"{"name":"n","quotas":[{"from":2,"limit":1,"offset":1,"period":"DAY"}]}"#,
            r#"{"name":"n","tags":{"":"v"}}"#,
        ] {
            assert!(plan(wrong).is_err(), "{wrong}");
        }
    }
}
