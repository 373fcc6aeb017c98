//! Into a server. The API cannot be told an id, a date, a label, a tag of AWS's own or usage.
//!
//! So plans are known by their names: one that the server has is used as it is, others are made. Keys whose value the
//! server has stay as they are, in the plans that they are in, for it does not say which they are.

use super::body::Content;
use super::{Call, EndpointError, Remote, Work};
use crate::commands::command::CommandError;
use crate::commands::input::Input;
use gatepost_application::transfer::{
    AccountItem, AccountReader, Fate, Linked, Refusal, Told, TransferredKey,
};
use gatepost_domain::Tags;
use gatepost_domain::api_keys::{ApiKeyName, CustomerId, Description};
use gatepost_domain::usage_plans::{Attachment, Throttle, UsagePlan, UsagePlanId};
use gatepost_storage::UsagePlanKey;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::path::Path;

/// The plans of a file and of a server.
#[derive(Default)]
struct Plans {
    /// The server's, by their names; none until a plan asks for them.
    by_name: Option<HashMap<String, String>>,
    /// The server's ids of the file's plans.
    there: HashMap<UsagePlanId, String>,
}

impl Remote {
    /// Makes every plan of a file that the server has none of that name of, and every key that it has no value of.
    pub(in crate::commands) async fn import(
        &mut self,
        file: &mut AccountReader<Input>,
        path: &Path,
        tell: &mut (dyn FnMut(Told) + Send),
    ) -> Result<(), CommandError> {
        let unreadable = |why| CommandError::Account { path: path.to_owned(), why };
        let mut plans = Plans::default();
        while let Some(item) = file.next_item().map_err(unreadable)? {
            match item {
                AccountItem::Plan(id, Ok(plan)) => {
                    let fate = self.plan(&mut plans, &plan).await?;
                    tell(Told::Plan(id, fate));
                }
                AccountItem::Plan(id, Err(why)) => {
                    tell(Told::Plan(id, Fate::Refused(Refusal::InvalidPlan(why))));
                }
                AccountItem::Key(number, Ok(key)) => {
                    let (fate, id) = self.key(&key).await?;
                    tell(Told::Key(number, fate));
                    if let Some(id) = id {
                        self.links(&plans, *key, &id, tell).await?;
                    }
                }
                AccountItem::Key(number, Err((_, why))) => {
                    tell(Told::Key(number, Fate::Refused(Refusal::Invalid(why))));
                }
                AccountItem::Usage(usage) => tell(Told::UsageLeftOut(usage.len() as u64)),
            }
        }
        Ok(())
    }

    async fn plan(&mut self, plans: &mut Plans, plan: &UsagePlan) -> Result<Fate, EndpointError> {
        if plans.by_name.is_none() {
            plans.by_name = Some(self.plans_by_name().await?);
        }
        let by_name = plans.by_name.get_or_insert_default();
        if let Some(there) = by_name.get(plan.name.as_str()) {
            plans.there.insert(plan.id.clone(), there.clone());
            return Ok(Fate::Present);
        }
        let made = match self.write(Method::POST, "/usageplans", &plan_body(plan)).await {
            Ok(made) => made,
            Err(EndpointError::Refused { status, message, .. }) if is_final(status) => {
                return Ok(Fate::Refused(Refusal::Elsewhere(message)));
            }
            Err(error) => return Err(error),
        };
        let id = made["id"].as_str().ok_or_else(|| self.not_understood())?.to_owned();
        if let Some(code) = &plan.product_code {
            let add = json!({"patchOperations": [
                {"op": "add", "path": "/productCode", "value": code.as_str()},
            ]});
            self.write(Method::PATCH, &format!("/usageplans/{id}"), &add).await?;
        }
        by_name.insert(plan.name.as_str().to_owned(), id.clone());
        plans.there.insert(plan.id.clone(), id);
        Ok(Fate::Restored)
    }

    async fn plans_by_name(&mut self) -> Result<HashMap<String, String>, EndpointError> {
        let (mut by_name, mut position) = (HashMap::new(), None);
        loop {
            let (items, more) = self.page(Work::Restore, "/usageplans", &mut position).await?;
            for item in &items {
                let (Some(name), Some(id)) = (item["name"].as_str(), item["id"].as_str()) else {
                    return Err(self.not_understood());
                };
                by_name.insert(name.to_owned(), id.to_owned());
            }
            if !more {
                return Ok(by_name);
            }
        }
    }

    /// Makes a key; with its id there, if it was made.
    pub(super) async fn key(
        &mut self,
        key: &TransferredKey,
    ) -> Result<(Fate, Option<String>), EndpointError> {
        match self.write(Method::POST, "/apikeys", &key_body(key)).await {
            Ok(made) => match made["id"].as_str() {
                Some(id) => Ok((Fate::Restored, Some(id.to_owned()))),
                None => Err(self.not_understood()),
            },
            Err(EndpointError::Refused { status: StatusCode::CONFLICT, .. }) => Ok((Fate::Present, None)),
            Err(EndpointError::Refused { status: StatusCode::BAD_REQUEST, message, .. }) => {
                Ok((Fate::Refused(Refusal::Elsewhere(message)), None))
            }
            Err(error) => Err(error),
        }
    }

    /// Puts a key that was just made into its plans.
    async fn links(
        &mut self,
        plans: &Plans,
        key: TransferredKey,
        id: &str,
        tell: &mut (dyn FnMut(Told) + Send),
    ) -> Result<(), EndpointError> {
        for plan in key.plans {
            let linked = match plans.there.get(&plan) {
                None => Linked::Refused(Attachment::NoSuchPlan),
                Some(there) => self.link(there, id).await?,
            };
            tell(Told::Link(UsagePlanKey { plan, key: key.key.id.clone() }, linked));
        }
        Ok(())
    }

    pub(super) async fn link(&mut self, plan: &str, key: &str) -> Result<Linked, EndpointError> {
        let keys = format!("/usageplans/{plan}/keys");
        match self.write(Method::POST, &keys, &json!({"keyId": key, "keyType": "API_KEY"})).await {
            Ok(_) => Ok(Linked::Now),
            // Perhaps by this very request, whose first answer was lost: no invocation id is remembered of a link.
            Err(EndpointError::Refused { status: StatusCode::CONFLICT, message, .. }) => {
                match self.read(format!("{keys}/{key}")).await {
                    Ok(_) => Ok(Linked::Now),
                    Err(EndpointError::Refused { status: StatusCode::NOT_FOUND, .. }) => {
                        Ok(Linked::Elsewhere(message))
                    }
                    Err(error) => Err(error),
                }
            }
            Err(EndpointError::Refused { status, message, .. }) if is_final(status) => {
                Ok(Linked::Elsewhere(message))
            }
            Err(error) => Err(error),
        }
    }

    /// Hands a CSV file to the import of the API: how many keys it stored, and its warnings.
    pub(in crate::commands) async fn import_csv(
        &mut self,
        input: Input,
        fail_on_warnings: bool,
    ) -> Result<(u64, Vec<String>), CommandError> {
        let target = format!("/apikeys?mode=import&format=csv&failonwarnings={fail_on_warnings}");
        let call = Call::write(Work::ImportCsv, Method::POST, target);
        let answer = self.answer(&call, Content::File(Some(input))).await?;
        let ids = answer["ids"].as_array().ok_or_else(|| self.not_understood())?;
        let warnings = answer["warnings"].as_array().into_iter().flatten();
        let warnings = warnings.filter_map(|warning| warning.as_str().map(str::to_owned));
        Ok((ids.len() as u64, warnings.collect()))
    }

    async fn read(&mut self, target: String) -> Result<Value, EndpointError> {
        self.answer(&Call::read(Work::Restore, target), Content::nothing()).await
    }

    async fn write(&mut self, method: Method, target: &str, body: &Value) -> Result<Value, EndpointError> {
        self.answer(&Call::write(Work::Restore, method, target.to_owned()), Content::json(body)).await
    }
}

/// Whether the same request would be refused again, and others would not.
fn is_final(status: StatusCode) -> bool {
    [StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND, StatusCode::CONFLICT].contains(&status)
}

fn key_body(TransferredKey { key, value, plans: _ }: &TransferredKey) -> Value {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let stage_keys: Vec<Value> = key
        .stage_keys
        .iter()
        .filter_map(|one| one.as_str().split_once('/'))
        .map(|(api, stage)| json!({ "restApiId": api, "stageName": stage }))
        .collect();
    json!({
        "name": text(key.name.as_ref().map(ApiKeyName::as_str)),
        "description": text(key.description.as_ref().map(Description::as_str)),
        "customerId": text(key.customer_id.as_ref().map(CustomerId::as_str)),
        "enabled": key.enabled,
        "value": value.reveal(),
        "stageKeys": stage_keys,
        "tags": tags_body(&key.tags),
    })
}

fn plan_body(plan: &UsagePlan) -> Value {
    let stages = plan.stages.iter().map(|stage| {
        let methods: Map<String, Value> = stage
            .throttle
            .iter()
            .map(|(method, throttle)| (method.as_str().to_owned(), throttle_body(*throttle)))
            .collect();
        json!({"apiId": stage.id.api(), "stage": stage.id.stage(), "throttle": methods})
    });
    let mut body = json!({
        "name": plan.name.as_str(),
        "description": plan.description.as_ref().map(Description::as_str).unwrap_or_default(),
        "apiStages": stages.collect::<Vec<_>>(),
        "tags": tags_body(&plan.tags),
    });
    if let Some(throttle) = plan.throttle {
        body["throttle"] = throttle_body(throttle);
    }
    if let Some(quota) = plan.quotas.current() {
        let period = quota.period().to_string();
        body["quota"] = json!({"limit": quota.limit(), "offset": quota.offset(), "period": period});
    }
    body
}

fn throttle_body(throttle: Throttle) -> Value {
    let mut body = Map::new();
    body.extend(throttle.rate.map(|rate| ("rateLimit".to_owned(), rate.per_second().into())));
    body.extend(throttle.burst.map(|burst| ("burstLimit".to_owned(), burst.into())));
    Value::Object(body)
}

/// Those that a caller may set.
fn tags_body(tags: &Tags) -> Map<String, Value> {
    let own = |key: &str| !key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"));
    tags.iter().filter(|(key, _)| own(key)).map(|(key, value)| (key.to_owned(), value.into())).collect()
}
