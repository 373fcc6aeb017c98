//! What Terraform's AWS provider sends for `aws_api_gateway_api_key`, `_usage_plan` and `_usage_plan_key`, call by call:
//! create, read, update in place, import, destroy. After every step what is read equals what was asked, so that a second
//! plan would be empty.
//!
//! A configuration is a struct here and a state is the same struct, read back: the provider compares them in this way.

use aws_sdk_apigateway::Client;
use aws_sdk_apigateway::types::{
    ApiStage, Op, PatchOperation, QuotaPeriodType, QuotaSettings, ThrottleSettings,
};
use integration_tests::sdk;
use integration_tests::server::Server;
use std::collections::HashMap;

use crate::start_signed;

type Tags = HashMap<String, String>;

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// No tags are not sent.
fn given(tags: &Tags) -> Option<Tags> {
    Some(tags.clone()).filter(|tags| !tags.is_empty())
}

fn operation(op: Op, path: impl Into<String>, value: Option<String>) -> PatchOperation {
    PatchOperation::builder().op(op).path(path).set_value(value).build()
}

fn replace(path: impl Into<String>, value: &impl ToString) -> PatchOperation {
    operation(Op::Replace, path, Some(value.to_string()))
}

/// The tag calls of an update: those that went are removed, then all that are new or other are set.
async fn retag(client: &Client, path: &str, before: &Tags, after: &Tags) {
    let arn = format!("arn:aws:apigateway:us-east-1::{path}");
    let gone: Vec<_> = before.keys().filter(|key| !after.contains_key(*key)).cloned().collect();
    if !gone.is_empty() {
        client.untag_resource().resource_arn(&arn).set_tag_keys(Some(gone)).send().await.unwrap();
    }
    let set: Tags = after.clone().into_iter().filter(|(key, value)| before.get(key) != Some(value)).collect();
    if !set.is_empty() {
        client.tag_resource().resource_arn(&arn).set_tags(Some(set)).send().await.unwrap();
    }
}

/// `aws_api_gateway_api_key`
#[derive(Clone, Debug, PartialEq)]
struct ApiKey {
    name: String,
    description: String,
    enabled: bool,
    customer_id: String,
    /// Empty in a configuration that leaves it to the service.
    value: String,
    tags: Tags,
}

impl ApiKey {
    fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            description: "Managed by Terraform".to_owned(),
            enabled: true,
            customer_id: String::new(),
            value: String::new(),
            tags: Tags::new(),
        }
    }

    async fn create(&self, client: &Client) -> String {
        let create = client.create_api_key().name(&self.name).description(&self.description);
        let create = create.enabled(self.enabled).value(&self.value).set_tags(given(&self.tags));
        let customer_id = Some(self.customer_id.clone()).filter(|id| !id.is_empty());
        create.set_customer_id(customer_id).send().await.unwrap().id().unwrap().to_owned()
    }

    async fn read(client: &Client, id: &str) -> Self {
        let key = client.get_api_key().api_key(id).include_value(true).send().await.unwrap();
        // Dereferenced without a look by the provider.
        assert!(key.created_date().is_some() && key.last_updated_date().is_some());
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Self {
            name: text(key.name()),
            description: text(key.description()),
            enabled: key.enabled(),
            customer_id: text(key.customer_id()),
            value: text(key.value()),
            tags: key.tags().cloned().unwrap_or_default(),
        }
    }

    async fn update(&self, client: &Client, id: &str, before: &Self) {
        let mut operations = Vec::new();
        if self.enabled != before.enabled {
            operations.push(replace("/enabled", &self.enabled));
        }
        for (path, after, before) in [
            ("/description", &self.description, &before.description),
            ("/name", &self.name, &before.name),
            ("/customerId", &self.customer_id, &before.customer_id),
        ] {
            if after != before {
                operations.push(replace(path, after));
            }
        }
        if !operations.is_empty() {
            let update = client.update_api_key().api_key(id).set_patch_operations(Some(operations));
            update.send().await.unwrap();
        }
        retag(client, &format!("/apikeys/{id}"), &before.tags, &self.tags).await;
    }
}

/// A `throttle_settings`, or the throttle of a method. What is not given is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Throttle {
    rate: f64,
    burst: i32,
}

impl Throttle {
    fn sent(self) -> ThrottleSettings {
        ThrottleSettings::builder().rate_limit(self.rate).burst_limit(self.burst).build()
    }

    fn read(settings: &ThrottleSettings) -> Self {
        Self { rate: settings.rate_limit(), burst: settings.burst_limit() }
    }
}

/// An `api_stages`, which is a set.
#[derive(Clone, Debug, PartialEq)]
struct Stage {
    api: String,
    stage: String,
    throttle: HashMap<String, Throttle>,
}

impl Stage {
    fn new(api: &str, stage: &str, throttle: &[(&str, Throttle)]) -> Self {
        let throttle = throttle.iter().map(|(method, limits)| ((*method).to_owned(), *limits)).collect();
        Self { api: api.to_owned(), stage: stage.to_owned(), throttle }
    }

    fn id(&self) -> String {
        format!("{}:{}", self.api, self.stage)
    }
}

/// `aws_api_gateway_usage_plan`
#[derive(Clone, Debug, PartialEq)]
struct UsagePlan {
    name: String,
    description: String,
    product_code: String,
    stages: Vec<Stage>,
    throttle: Option<Throttle>,
    /// Limit, offset and period.
    quota: Option<(i32, i32, QuotaPeriodType)>,
    tags: Tags,
}

impl UsagePlan {
    fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            description: String::new(),
            product_code: String::new(),
            stages: Vec::new(),
            throttle: None,
            quota: None,
            tags: Tags::new(),
        }
    }

    async fn create(&self, client: &Client) -> String {
        let stages = self.stages.iter().map(|stage| {
            let throttle: HashMap<_, _> =
                stage.throttle.iter().map(|(method, limits)| (method.clone(), limits.sent())).collect();
            let throttle = Some(throttle).filter(|throttle| !throttle.is_empty());
            ApiStage::builder().api_id(&stage.api).stage(&stage.stage).set_throttle(throttle).build()
        });
        let quota = self.quota.clone().map(|(limit, offset, period)| {
            QuotaSettings::builder().limit(limit).offset(offset).period(period).build()
        });
        let create = client.create_usage_plan().name(&self.name).set_tags(given(&self.tags));
        let create = create
            .set_description(Some(self.description.clone()).filter(|text| !text.is_empty()))
            .set_api_stages(Some(stages.collect()))
            .set_throttle(self.throttle.map(Throttle::sent))
            .set_quota(quota);
        let id = create.send().await.unwrap().id().unwrap().to_owned();
        // No member of the creation.
        if !self.product_code.is_empty() {
            let add = operation(Op::Add, "/productCode", Some(self.product_code.clone()));
            client.update_usage_plan().usage_plan_id(&id).patch_operations(add).send().await.unwrap();
        }
        id
    }

    async fn read(client: &Client, id: &str) -> Self {
        let plan = client.get_usage_plan().usage_plan_id(id).send().await.unwrap();
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let mut stages: Vec<_> = plan
            .api_stages()
            .iter()
            .map(|stage| {
                let throttle = stage.throttle().into_iter().flatten();
                Stage {
                    api: text(stage.api_id()),
                    stage: text(stage.stage()),
                    throttle: throttle
                        .map(|(method, limits)| (method.clone(), Throttle::read(limits)))
                        .collect(),
                }
            })
            .collect();
        stages.sort_by_key(Stage::id);
        Self {
            name: text(plan.name()),
            description: text(plan.description()),
            product_code: text(plan.product_code()),
            stages,
            throttle: plan.throttle().map(Throttle::read),
            quota: plan.quota().map(|quota| (quota.limit(), quota.offset(), quota.period().unwrap().clone())),
            tags: plan.tags().cloned().unwrap_or_default(),
        }
    }

    async fn update(&self, client: &Client, id: &str, before: &Self) {
        let mut operations = Vec::new();
        for (path, after, before) in
            [("/name", &self.name, &before.name), ("/description", &self.description, &before.description)]
        {
            if after != before {
                operations.push(replace(path, after));
            }
        }
        if self.product_code != before.product_code {
            operations.push(match self.product_code.as_str() {
                "" => operation(Op::Remove, "/productCode", None),
                _ => replace("/productCode", &self.product_code),
            });
        }
        if self.stages != before.stages {
            operations.extend(self.changed_stages(before));
        }
        if self.throttle != before.throttle {
            operations.extend(match self.throttle {
                None => vec![operation(Op::Remove, "/throttle", None)],
                Some(limits) => vec![
                    replace("/throttle/rateLimit", &limits.rate),
                    replace("/throttle/burstLimit", &limits.burst),
                ],
            });
        }
        if self.quota != before.quota {
            operations.extend(match &self.quota {
                None => vec![operation(Op::Remove, "/quota", None)],
                Some((limit, offset, period)) => vec![
                    replace("/quota/limit", limit),
                    replace("/quota/offset", offset),
                    replace("/quota/period", period),
                ],
            });
        }
        if !operations.is_empty() {
            let update = client.update_usage_plan().usage_plan_id(id).set_patch_operations(Some(operations));
            update.send().await.unwrap();
        }
        retag(client, &format!("/usageplans/{id}"), &before.tags, &self.tags).await;
    }

    /// Every old stage is removed and every new one added, those that stay included.
    fn changed_stages(&self, before: &Self) -> Vec<PatchOperation> {
        let mut operations = before.removed_stages();
        for stage in &self.stages {
            operations.push(operation(Op::Add, "/apiStages", Some(stage.id())));
            for (method, limits) in &stage.throttle {
                // The raw path, whose slash makes it two.
                let path = format!("/apiStages/{}/throttle/{method}", stage.id());
                operations.push(replace(format!("{path}/rateLimit"), &limits.rate));
                operations.push(replace(format!("{path}/burstLimit"), &limits.burst));
            }
        }
        operations
    }

    fn removed_stages(&self) -> Vec<PatchOperation> {
        self.stages.iter().map(|stage| operation(Op::Remove, "/apiStages", Some(stage.id()))).collect()
    }

    /// A plan with stages cannot be deleted.
    async fn destroy(&self, client: &Client, id: &str) {
        if !self.stages.is_empty() {
            let update = client.update_usage_plan().usage_plan_id(id);
            update.set_patch_operations(Some(self.removed_stages())).send().await.unwrap();
        }
        client.delete_usage_plan().usage_plan_id(id).send().await.unwrap();
    }
}

/// A server and a client of it.
fn place() -> (Server, Client) {
    let server = start_signed(&[]);
    let client = sdk::client(&server);
    (server, client)
}

#[tokio::test]
async fn an_api_key_is_created_updated_imported_and_destroyed() {
    let (server, client) = place();
    let asked = ApiKey { tags: tags(&[("team", "a"), ("env", "test")]), ..ApiKey::named("key") };
    let id = asked.create(&client).await;
    let created = ApiKey::read(&client, &id).await;
    server.secrets().note(&created.value);
    assert_eq!(created.value.len(), 40, "an empty value is one to be made");
    let asked = ApiKey { value: created.value.clone(), ..asked };
    assert_eq!(created, asked, "a second plan is empty");

    let steps = [
        ApiKey { enabled: false, ..asked.clone() },
        ApiKey {
            name: "renamed".into(),
            description: String::new(),
            customer_id: "c".into(),
            ..asked.clone()
        },
        ApiKey { tags: tags(&[("team", "b"), ("tier", "gold")]), ..asked.clone() },
        ApiKey { tags: Tags::new(), ..asked.clone() },
        asked.clone(),
    ];
    let mut state = created;
    for wanted in steps {
        wanted.update(&client, &id, &state).await;
        state = ApiKey::read(&client, &id).await;
        assert_eq!(state, wanted, "a second plan is empty");
    }
    // An import knows nothing but the id.
    assert_eq!(ApiKey::read(&client, &id).await, asked);

    client.delete_api_key().api_key(&id).send().await.unwrap();
    let gone = client.get_api_key().api_key(&id).include_value(true).send().await.unwrap_err();
    assert!(gone.into_service_error().is_not_found_exception());
    let again = client.delete_api_key().api_key(&id).send().await.unwrap_err();
    assert!(again.into_service_error().is_not_found_exception(), "which it takes for success");
}

#[tokio::test]
async fn an_api_key_with_a_value_of_its_own_keeps_it() {
    let (server, client) = place();
    let asked = ApiKey { value: server.value(), ..ApiKey::named("key") };
    let id = asked.create(&client).await;
    assert_eq!(ApiKey::read(&client, &id).await, asked);
    // Another value is another key, made when the first is gone.
    client.delete_api_key().api_key(&id).send().await.unwrap();
    let asked = ApiKey { value: server.value(), ..asked };
    let id = asked.create(&client).await;
    assert_eq!(ApiKey::read(&client, &id).await, asked);
}

#[tokio::test]
async fn a_usage_plan_is_created_updated_imported_and_destroyed() {
    let (_server, client) = place();
    let slow = Throttle { rate: 0.1, burst: 0 };
    let fast = Throttle { rate: 10_000.0, burst: 5_000 };
    let asked = UsagePlan {
        description: "d".into(),
        product_code: "MYCODE".into(),
        stages: vec![
            Stage::new("a", "prod", &[("/pets/GET", slow), ("//ANY", fast)]),
            Stage::new("b", "prod", &[]),
        ],
        throttle: Some(fast),
        quota: Some((20, 2, QuotaPeriodType::Week)),
        tags: tags(&[("team", "a"), ("env", "test")]),
        ..UsagePlan::named("plan")
    };
    let id = asked.create(&client).await;
    let mut state = UsagePlan::read(&client, &id).await;
    assert_eq!(state, asked, "a second plan is empty");

    let steps = [
        UsagePlan {
            name: "renamed".into(),
            description: String::new(),
            product_code: String::new(),
            ..asked.clone()
        },
        UsagePlan { throttle: Some(Throttle { rate: 1.0 / 3.0, burst: 1 }), quota: None, ..asked.clone() },
        UsagePlan { throttle: None, quota: Some((7, 0, QuotaPeriodType::Day)), ..asked.clone() },
        UsagePlan { quota: Some((7, 27, QuotaPeriodType::Month)), ..asked.clone() },
        // A stage goes, one stays with another throttle, one comes.
        UsagePlan {
            stages: vec![
                Stage::new("a", "prod", &[("/pets/GET", fast)]),
                Stage::new("c", "dev", &[("/a/b/POST", slow)]),
            ],
            ..asked.clone()
        },
        UsagePlan { stages: Vec::new(), tags: tags(&[("team", "b")]), ..asked.clone() },
        UsagePlan::named("bare"),
        asked.clone(),
    ];
    for wanted in steps {
        wanted.update(&client, &id, &state).await;
        state = UsagePlan::read(&client, &id).await;
        assert_eq!(state, wanted, "a second plan is empty");
    }
    // An import knows nothing but the id.
    assert_eq!(UsagePlan::read(&client, &id).await, asked);

    let refused = client.delete_usage_plan().usage_plan_id(&id).send().await.unwrap_err();
    assert!(refused.into_service_error().is_bad_request_exception(), "its stages are in the way");
    asked.destroy(&client, &id).await;
    let gone = client.get_usage_plan().usage_plan_id(&id).send().await.unwrap_err();
    assert!(gone.into_service_error().is_not_found_exception());
}

#[tokio::test]
async fn a_usage_plan_key_is_created_imported_replaced_and_destroyed() {
    let (server, client) = place();
    let key = ApiKey { value: server.value(), ..ApiKey::named("key") };
    let plan = UsagePlan { stages: vec![Stage::new("a", "prod", &[])], ..UsagePlan::named("plan") };
    let (key_id, plan_id) = (key.create(&client).await, plan.create(&client).await);
    let create = |plan: &str| {
        client.create_usage_plan_key().usage_plan_id(plan).key_id(&key_id).key_type("API_KEY").send()
    };
    let made = create(&plan_id).await.unwrap();
    assert_eq!(made.id(), Some(key_id.as_str()), "the resource's id");
    // Imported as plan/key.
    let imported = format!("{plan_id}/{key_id}");
    let (of_plan, of_key) = imported.split_once('/').unwrap();
    let read = |plan: &str| client.get_usage_plan_key().usage_plan_id(plan).key_id(of_key).send();
    let state = read(of_plan).await.unwrap();
    let attributes = (state.id(), state.name(), state.r#type(), state.value());
    assert_eq!(attributes, (Some(of_key), Some("key"), Some("API_KEY"), Some(key.value.as_str())));

    // Another plan with the same stage: the old link is destroyed before the new one is made.
    let other = plan.create(&client).await;
    let destroy = |plan: &str| client.delete_usage_plan_key().usage_plan_id(plan).key_id(&key_id).send();
    assert!(create(&other).await.unwrap_err().into_service_error().is_conflict_exception());
    destroy(&plan_id).await.unwrap();
    create(&other).await.unwrap();
    assert!(read(&plan_id).await.unwrap_err().into_service_error().is_not_found_exception());
    read(&other).await.unwrap();

    // Everything is destroyed, what depends on others first.
    destroy(&other).await.unwrap();
    assert!(destroy(&other).await.unwrap_err().into_service_error().is_not_found_exception());
    for id in [&plan_id, &other] {
        plan.destroy(&client, id).await;
    }
    client.delete_api_key().api_key(&key_id).send().await.unwrap();
}
