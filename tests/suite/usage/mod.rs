//! Usage of plans: what is told of it, and what an operator sets. Nothing counts requests yet, so where a test needs
//! counts it writes them into the database beside the server, as a replica will.

mod get;
mod update;

use gatepost_domain::AccountId;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::usage::Day;
use gatepost_domain::usage_plans::UsagePlanId;
use gatepost_storage::{Incarnation, Metered, Storage, UsageCount, UsagePlanKey};
use gatepost_storage_sqlite::{SqliteOptions, SqliteStorage};
use integration_tests::server::{Server, ServerOptions, id_of};
use serde_json::{Value, json};
use std::cell::Cell;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

use crate::BINARY;

/// Makes a plan with this quota, `null` for none, and gives its id.
#[track_caller]
pub(crate) fn plan_with(server: &Server, quota: &Value) -> String {
    id_of(&server.create_plan(&json!({"name": "n", "quota": quota})).expect(201))
}

/// Makes a key in a plan and gives its id.
#[track_caller]
fn key_in(server: &Server, plan: &str) -> String {
    let key = server.key_named("n");
    server.attach(plan, &key).expect(201);
    key
}

/// Waits while the day is about to end: a test that speaks of today needs it for a while.
fn early_enough() {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let left = 86_400 - since % 86_400;
    if left < 20 {
        std::thread::sleep(Duration::from_secs(left));
    }
}

fn per(limit: u32, period: &str) -> Value {
    json!({"limit": limit, "period": period})
}

fn usage(plan: &str, first: &str, last: &str) -> String {
    format!("/usageplans/{plan}/usage?startDate={first}&endDate={last}")
}

/// A server, the folder of its database, and how many batches were counted.
struct Place {
    folder: TempDir,
    server: Server,
    batches: Cell<u64>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let storage = format!("--storage=sqlite:{}", folder.path().join("gatepost.db").display());
        let server = Server::start(&ServerOptions::new(BINARY).args(&[&storage]));
        Self { folder, server, batches: Cell::new(0) }
    }

    /// Counts requests of a key on some days.
    fn count(&self, plan: &str, key: &str, days: &[(&str, u64)]) {
        let link =
            UsagePlanKey { plan: UsagePlanId::parse(plan).unwrap(), key: ApiKeyId::parse(key).unwrap() };
        let count = |(day, requests): &(&str, u64)| UsageCount {
            account: AccountId::parse("000000000000").unwrap(),
            link: link.clone(),
            day: Day::parse(day).unwrap(),
            requests: *requests,
        };
        let counts: Vec<_> = days.iter().map(count).collect();
        let path = self.folder.path().join("gatepost.db");
        let options = SqliteOptions { path, migrate: false, serve: false };
        self.batches.update(|count| count + 1);
        let counted = async {
            let storage = SqliteStorage::open(options).await.unwrap();
            let meter = storage.usage_meter();
            let counted = meter.count(Incarnation([7; 16]), self.batches.get(), &counts).await.unwrap();
            storage.close().await;
            counted
        };
        let counted = tokio::runtime::Runtime::new().unwrap().block_on(counted);
        assert_eq!(counted, Metered::Now);
    }
}
