//! What these tests are written with.

use gatepost_domain::api_keys::{ApiKey, ApiKeyId, ApiKeyName, ImportedFields};
use gatepost_domain::usage_plans::{
    ApiStage, QuotaHistory, StageId, Stages, UsagePlan, UsagePlanId, UsagePlanName,
};
use gatepost_domain::{AccountId, Digest, Sealed, Tags, Timestamp, Version};
use gatepost_storage::{ImportedApiKey, NewApiKey, NewUsagePlan, Storage, UsagePlanKey};
use integration_tests::database::Database;
use sqlx::{Connection as _, PgConnection};

pub(super) fn account() -> AccountId {
    AccountId::from_number(1).unwrap()
}

pub(super) fn id(n: u32) -> ApiKeyId {
    ApiKeyId::parse(&format!("key{n:07}")).unwrap()
}

pub(super) fn digest(n: u32) -> Digest {
    let mut bytes = [7; 32];
    // Scattered, as real ones are.
    bytes[..4].copy_from_slice(&n.wrapping_mul(0x9e37_79b9).to_be_bytes());
    Digest(bytes)
}

pub(super) fn key(n: u32) -> NewApiKey {
    let at = Timestamp::from_micros(1_465_424_516_000_000 + i64::from(n));
    let key = ApiKey {
        id: id(n),
        name: ApiKeyName::parse(&format!("name {n}")).unwrap(),
        description: None,
        enabled: true,
        customer_id: None,
        stage_keys: Vec::new(),
        labels: Vec::new(),
        tags: Tags::default(),
        created: at,
        updated: at,
        version: Version::FIRST,
    };
    NewApiKey { key, digest: digest(n), sealed: Sealed(vec![5; 75].into()), retry: None }
}

/// A row of the value that key `n` has, under the id of key `of`.
pub(super) fn row(n: u32, of: u32) -> ImportedApiKey {
    let NewApiKey { key, digest, sealed, .. } = key(n);
    let fields = ImportedFields { name: key.name, description: None, enabled: None };
    ImportedApiKey {
        row: u64::from(n) + 1,
        digest,
        id: id(of),
        sealed,
        fields,
        plans: Vec::new(),
        at: key.created,
    }
}

pub(super) async fn insert(storage: &impl Storage, n: u32) {
    storage.writer().insert_api_key(account(), key(n), None).await.unwrap();
}

pub(super) fn plan_id(text: &str) -> UsagePlanId {
    UsagePlanId::parse(text).unwrap()
}

/// A plan with these stages.
pub(super) fn plan(id: &str, stages: &[&str]) -> UsagePlan {
    let stage = |text: &&str| ApiStage { id: StageId::parse(text).unwrap(), throttle: [].into() };
    UsagePlan {
        id: plan_id(id),
        name: UsagePlanName::parse("name").unwrap(),
        description: None,
        product_code: None,
        stages: Stages::new(stages.iter().map(stage).collect()).unwrap(),
        throttle: None,
        quotas: QuotaHistory::default(),
        tags: Tags::default(),
        created: Timestamp::from_micros(1_465_424_516_000_000),
        version: Version::FIRST,
    }
}

pub(super) async fn insert_plan(storage: &impl Storage, plan: UsagePlan) {
    let new = NewUsagePlan { plan, retry: None };
    storage.writer().insert_usage_plan(account(), &new, None).await.unwrap();
}

/// Key `n` in a plan.
pub(super) fn link(plan: &str, n: u32) -> UsagePlanKey {
    UsagePlanKey { plan: plan_id(plan), key: id(n) }
}

pub(super) async fn connection(database: &Database) -> PgConnection {
    PgConnection::connect(database.url()).await.unwrap()
}
