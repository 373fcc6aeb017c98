//! An application over the in-memory storage, whose time the test tells.

use gatepost_application::api_keys::CreateApiKey;
use gatepost_application::usage_plans::{CreateUsagePlan, QuotaAsked};
use gatepost_application::{Application, Caller, CpuPool, Limits, Spools};
use gatepost_custody::{Custody, KeyRing, Random};
use gatepost_domain::api_keys::{ApiKeyId, ApiKeyValue};
use gatepost_domain::credentials::{AccessKeyId, SecretAccessKey};
use gatepost_domain::usage_plans::UsagePlanId;
use gatepost_domain::{AccountId, Clock, Ids, Timestamp};
use gatepost_storage_memory::MemoryStorage;
use gatepost_telemetry::metrics::ImportMetrics;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use tokio::runtime::Handle;
use zeroize::Zeroizing;

const DAY: i64 = 86_400 * 1_000_000;

/// A clock that stands still until it is set.
#[derive(Default)]
pub(crate) struct SetClock(AtomicI64);

impl SetClock {
    /// Sets it to the middle of a day, so many days from 1970-01-01.
    pub(crate) fn set(&self, day: gatepost_domain::usage::Day) {
        self.0.store(i64::from(day.number()) * DAY + DAY / 2, Ordering::Relaxed);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        // Each call a microsecond later: what is made later is listed first.
        Timestamp::from_micros(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// Names that count upwards.
struct Counting(AtomicU64);

impl Counting {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

impl Ids for Counting {
    fn api_key_id(&self) -> ApiKeyId {
        ApiKeyId::parse(&format!("id{:08}", self.next())).unwrap()
    }

    fn api_key_value(&self) -> ApiKeyValue {
        ApiKeyValue::trusted(Zeroizing::new(format!("{:040}", self.next()).into()))
    }

    fn usage_plan_id(&self) -> UsagePlanId {
        UsagePlanId::parse(&format!("p{:05}", self.next())).unwrap()
    }

    fn access_key_id(&self) -> AccessKeyId {
        AccessKeyId::parse(&format!("GPAK{}", self.next())).unwrap()
    }

    fn secret_access_key(&self) -> SecretAccessKey {
        SecretAccessKey::trusted(Zeroizing::new("s".repeat(40).into()))
    }

    fn request_id(&self) -> [u8; 16] {
        [0; 16]
    }
}

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}

/// An application and its clock.
pub(crate) struct Place {
    pub(crate) app: Application,
    pub(crate) clock: Arc<SetClock>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let names = || Arc::new(Counting(AtomicU64::new(1)));
        let ring = || KeyRing::generate(&*names());
        let secret = Custody::new_installation(&ring(), &*names());
        let custody = Arc::new(Custody::open(ring(), names(), &secret).unwrap());
        let clock = Arc::new(SetClock::default());
        let app = Application {
            storage: Arc::new(MemoryStorage::new(clock.clone())),
            custody: Arc::clone(&custody),
            clock: clock.clone(),
            ids: names(),
            limits: Limits::default(),
            cpu: CpuPool::new(Handle::current(), 2),
            spools: Spools::new(custody, 64 << 20, 64 << 20),
            import_metrics: ImportMetrics::new(),
        };
        Self { app, clock }
    }

    /// A key of the first account.
    pub(crate) async fn key(&self) -> String {
        let made = self.app.create_api_key(caller(), CreateApiKey::default()).await.unwrap();
        made.key.id.as_str().to_owned()
    }

    /// A plan of the first account, with a quota of so many requests a period.
    pub(crate) async fn plan(&self, quota: Option<(i64, &str)>) -> String {
        let quota = quota.map(|(limit, period)| QuotaAsked {
            limit: Some(limit),
            offset: None,
            period: Some(period.to_owned()),
        });
        let input = CreateUsagePlan { name: Some("n".to_owned()), quota, ..CreateUsagePlan::default() };
        self.app.create_usage_plan(caller(), input).await.unwrap().id.as_str().to_owned()
    }
}

/// Somebody of the first account.
pub(crate) fn caller() -> Caller {
    Caller { account: AccountId::parse("000000000001").unwrap() }
}

/// Somebody of another account.
pub(crate) fn stranger() -> Caller {
    Caller { account: AccountId::parse("000000000002").unwrap() }
}
