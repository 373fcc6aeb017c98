//! Out of a server. The API shows keys, plans and links, dates in whole seconds; of usage it shows too little to move.
//!
//! It is no snapshot: what is changed meanwhile is shown as before or after.

use super::{EndpointError, Remote, Work};
use crate::commands::command::CommandError;
use crate::commands::progress::Progress;
use crate::sources::SystemClock;
use gatepost_application::transfer::aws::AwsPlan;
use gatepost_application::transfer::{AccountSink, Exported, InvalidKey, TransferredKey, WholeSeconds};
use gatepost_domain::api_keys::{
    ApiKey, ApiKeyId, ApiKeyName, ApiKeyValue, CustomerId, Description, Label, MinValueLength, StageKey,
};
use gatepost_domain::usage_plans::{UsagePlan, UsagePlanId};
use gatepost_domain::{Clock, Tags, Timestamp, Version};
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

impl Remote {
    /// Hands every plan and every key to `sink`, newest first, each page as it is when it is asked for. Which keys are
    /// in which plans is held meanwhile.
    pub(in crate::commands) async fn export(
        &mut self,
        sink: &mut dyn AccountSink,
        progress: &Arc<Progress>,
        named: &Path,
    ) -> Result<Exported, CommandError> {
        let failed = |why| CommandError::File { path: named.to_owned(), why };
        let plans = self.plans().await?;
        let mut plans_of_keys = HashMap::<ApiKeyId, Vec<UsagePlanId>>::new();
        for plan in &plans {
            for key in self.keys_of(&plan.id).await? {
                plans_of_keys.entry(key).or_default().push(plan.id.clone());
            }
            sink.plan(plan).map_err(failed)?;
        }
        let (mut keys, mut position, mut dates) = (0, None, WholeSeconds::default());
        loop {
            let (items, more) = self.page(Work::Export, "/apikeys?includeValues=true", &mut position).await?;
            for item in &items {
                let mut key = read_key(item, &mut dates).ok_or_else(|| self.not_understood())?;
                key.plans = plans_of_keys.remove(&key.key.id).unwrap_or_default();
                sink.key(&key).map_err(failed)?;
                keys += 1;
            }
            progress.set_rows(keys);
            if !more {
                return Ok(Exported { plans: plans.len() as u64, keys, days: 0 });
            }
        }
    }

    /// All plans, newest first, dated now in that order, for the API shows no date of a plan.
    async fn plans(&mut self) -> Result<Vec<UsagePlan>, EndpointError> {
        let (mut plans, mut position) = (Vec::new(), None);
        let mut created = SystemClock.now();
        loop {
            let (items, more) = self.page(Work::Export, "/usageplans", &mut position).await?;
            for item in items {
                created = created.plus_micros(-1);
                plans.push(read_plan(item, created).ok_or_else(|| self.not_understood())?);
            }
            if !more {
                return Ok(plans);
            }
        }
    }

    async fn keys_of(&mut self, plan: &UsagePlanId) -> Result<Vec<ApiKeyId>, EndpointError> {
        let (mut keys, mut position) = (Vec::new(), None);
        loop {
            let (items, more) =
                self.page(Work::Export, &format!("/usageplans/{plan}/keys"), &mut position).await?;
            for item in &items {
                let id = item["id"].as_str().and_then(ApiKeyId::parse);
                keys.push(id.ok_or_else(|| self.not_understood())?);
            }
            if !more {
                return Ok(keys);
            }
        }
    }
}

fn read_plan(item: Value, created: Timestamp) -> Option<UsagePlan> {
    let plan = AwsPlan::from_json(item)?;
    plan.id().and_then(|id| plan.plan(id, created).ok())
}

pub(super) fn read_key(item: &Value, dates: &mut WholeSeconds) -> Option<TransferredKey> {
    let second = |name: &str| item[name].as_i64();
    let (created, updated) = dates.next(second("createdDate")?, second("lastUpdatedDate")?)?;
    key_of(item, created, updated).ok()
}

fn key_of(item: &Value, created: Timestamp, updated: Timestamp) -> Result<TransferredKey, InvalidKey> {
    let text = |name: &str| item[name].as_str().unwrap_or_default();
    let texts = |name: &str| item[name].as_array().into_iter().flatten().filter_map(Value::as_str);
    let tags = item["tags"].as_object().into_iter().flatten();
    let shortest = MinValueLength::new(20).expect("20 is allowed");
    Ok(TransferredKey {
        value: ApiKeyValue::parse(text("value"), shortest)?,
        key: ApiKey {
            id: ApiKeyId::parse(text("id")).ok_or(InvalidKey::Id)?,
            name: ApiKeyName::parse(text("name"))?,
            description: Description::parse(text("description"))?,
            enabled: item["enabled"].as_bool().unwrap_or_default(),
            customer_id: CustomerId::parse(text("customerId"))?,
            stage_keys: texts("stageKeys").map(StageKey::parse).collect::<Result<_, _>>()?,
            labels: texts("labels").map(Label::parse).collect::<Result<_, _>>()?,
            tags: Tags::kept(tags.map(|(key, value)| (key, value.as_str().unwrap_or_default())))?,
            created,
            updated,
            version: Version::FIRST,
        },
        plans: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_no_key_or_plan_is_not_understood() {
        let key = |created: Value| json!({"id": "a", "value": "v".repeat(40), "createdDate": created, "lastUpdatedDate": 9});
        let mut dates = WholeSeconds::default();
        assert!(read_key(&key(json!(7)), &mut dates).is_some());
        assert!(read_key(&key(json!("x")), &mut dates).is_none());
        let now = Timestamp::from_micros(5);
        assert!(read_plan(json!({"id": "u1", "name": "n", "apiStages": []}), now).is_some());
        assert!(read_plan(json!({"id": "u1", "apiStages": []}), now).is_none());
        assert!(read_plan(json!({"name": "n", "apiStages": []}), now).is_none());
    }
}
