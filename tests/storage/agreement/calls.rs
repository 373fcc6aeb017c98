//! What a run of the backends is made of: calls with few different names, so that they meet.

use gatepost_domain::api_keys::{
    ApiKey, ApiKeyFilter, ApiKeyId, ApiKeyName, CustomerId, Description, ImportedFields, Label, StageKey,
};
use gatepost_domain::credentials::{AccessKeyId, Credential, CredentialName};
use gatepost_domain::usage::{Day, UsageOfDay};
use gatepost_domain::usage_plans::{
    ApiStage, MethodPath, Period, ProductCode, Quota, QuotaHistory, StageId, Stages, Throttle, UsagePlan,
    UsagePlanId, UsagePlanName,
};
use gatepost_domain::{AccountId, Digest, Sealed, Tags, Timestamp, Version};
use gatepost_storage::{
    ImportedApiKey, Incarnation, KeptUsage, NewApiKey, NewUsagePlan, RetryToken, StoredCredential,
    UsageCount, UsagePlanKey,
};
use proptest::prelude::*;

/// A key in numbers: its id, its value, when it was made, and which texts it has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sketch {
    id: u8,
    value: u8,
    at: i64,
    name: u8,
    customer: u8,
    rest: u8,
}

/// A plan in numbers: its id, when it was made, which stages it has, and what else.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlanSketch {
    id: u8,
    at: i64,
    stages: u8,
    rest: u8,
}

/// A row of an import in numbers: its key, which properties it sets, and the plans that it names.
#[derive(Clone, Debug)]
pub(super) struct RowSketch {
    key: Sketch,
    sets: u8,
    plans: Vec<u8>,
}

/// What is used on a day, in numbers: of which plan, by which key.
#[derive(Clone, Copy, Debug)]
pub(super) struct UsageSketch {
    plan: u8,
    key: u8,
    day: u8,
    used: u64,
    adjustment: Option<i64>,
}

/// A credential in numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct CredentialSketch {
    id: u8,
    at: i64,
    name: u8,
    rest: u8,
}

/// A write.
#[derive(Clone, Debug)]
pub(super) enum Write {
    Insert { key: Sketch, retry: Option<u8>, most: Option<u64> },
    Update { key: Sketch, expected: u64 },
    Delete { id: u8 },
    Import { rows: Vec<RowSketch>, most: Option<u64>, most_plans: usize },
    Restore { keys: Vec<Sketch>, most: Option<u64> },
    InsertPlan { plan: PlanSketch, retry: Option<u8>, most: Option<u64> },
    UpdatePlan { plan: PlanSketch, expected: u64 },
    DeletePlan { id: u8, expected: u64 },
    Attach { links: Vec<(u8, u8)>, most: usize },
    Detach { link: (u8, u8) },
    Adjust { link: (u8, u8), day: u8, adjustment: i64 },
    RestoreUsage { usage: Vec<UsageSketch> },
    Remember { token: u8 },
    InsertCredential { credential: CredentialSketch },
    UpdateCredential { credential: CredentialSketch, expected: u64 },
    DeleteCredential { id: u8 },
    NoteUse { used: Vec<(u8, i64)> },
}

/// A step of a run.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// One write of its own.
    Single(u64, Write),
    /// Some in a unit of work, committed or dropped.
    Unit(u64, Vec<Write>, bool),
    /// A batch of counts, by a replica, with its number.
    Count(u8, u64, Vec<(u64, UsageSketch)>),
    /// What deleted plans left is cleared.
    Prune,
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let account = || 1..3_u64;
    let step = prop_oneof![
        12 => (account(), write()).prop_map(|(account, write)| Step::Single(account, write)),
        4 => (account(), prop::collection::vec(write(), 1..5), any::<bool>())
            .prop_map(|(account, writes, commits)| Step::Unit(account, writes, commits)),
        2 => (0..2_u8, 1..5_u64, prop::collection::vec((account(), usage()), 0..5))
            .prop_map(|(replica, number, counts)| Step::Count(replica, number, counts)),
        1 => Just(Step::Prune),
    ];
    prop::collection::vec(step, 1..50)
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![14 => write_of_keys(), 16 => write_of_plans(), 9 => write_of_credentials()]
}

fn write_of_keys() -> impl Strategy<Value = Write> {
    let most = || prop::option::weighted(0.2, 0..12_u64);
    let plans = prop::collection::vec(0..PLAN_IDS.len() as u8, 0..4);
    let row = (sketch(), 0..18_u8, plans).prop_map(|(key, sets, plans)| RowSketch { key, sets, plans });
    prop_oneof![
        4 => (sketch(), prop::option::weighted(0.4, 0..4_u8), most())
            .prop_map(|(key, retry, most)| Write::Insert { key, retry, most }),
        3 => (sketch(), 1..4_u64).prop_map(|(key, expected)| Write::Update { key, expected }),
        2 => (0..10_u8).prop_map(|id| Write::Delete { id }),
        3 => (prop::collection::vec(row, 0..6), most(), 0..5_usize)
            .prop_map(|(rows, most, most_plans)| Write::Import { rows, most, most_plans }),
        1 => (prop::collection::vec(sketch(), 0..5), most())
            .prop_map(|(keys, most)| Write::Restore { keys, most }),
        1 => (0..4_u8).prop_map(|token| Write::Remember { token }),
    ]
}

fn write_of_plans() -> impl Strategy<Value = Write> {
    let id = || 0..PLAN_IDS.len() as u8;
    let link = || (id(), 0..10_u8);
    prop_oneof![
        4 => (plan(), prop::option::weighted(0.3, 0..4_u8), prop::option::weighted(0.2, 0..7_u64))
            .prop_map(|(plan, retry, most)| Write::InsertPlan { plan, retry, most }),
        3 => (plan(), 1..4_u64).prop_map(|(plan, expected)| Write::UpdatePlan { plan, expected }),
        1 => (id(), 1..3_u64).prop_map(|(id, expected)| Write::DeletePlan { id, expected }),
        5 => (prop::collection::vec(link(), 0..8), 0..5_usize)
            .prop_map(|(links, most)| Write::Attach { links, most }),
        1 => link().prop_map(|link| Write::Detach { link }),
        1 => (link(), 0..4_u8, any::<i32>())
            .prop_map(|(link, day, by)| Write::Adjust { link, day, adjustment: i64::from(by) * 4 }),
        1 => prop::collection::vec(usage(), 0..5).prop_map(|usage| Write::RestoreUsage { usage }),
    ]
}

fn write_of_credentials() -> impl Strategy<Value = Write> {
    prop_oneof![
        3 => credential().prop_map(|credential| Write::InsertCredential { credential }),
        3 => (credential(), 1..4_u64)
            .prop_map(|(credential, expected)| Write::UpdateCredential { credential, expected }),
        1 => (0..ACCESS_KEY_IDS.len() as u8).prop_map(|id| Write::DeleteCredential { id }),
        2 => prop::collection::vec((0..ACCESS_KEY_IDS.len() as u8, -2..6_i64), 0..5)
            .prop_map(|used| Write::NoteUse { used }),
    ]
}

fn plan() -> impl Strategy<Value = PlanSketch> {
    (0..PLAN_IDS.len() as u8, -2..4_i64, 0..8_u8, any::<u8>()).prop_map(|(id, at, stages, rest)| PlanSketch {
        id,
        at,
        stages,
        rest,
    })
}

fn usage() -> impl Strategy<Value = UsageSketch> {
    let used = prop_oneof![0..3_u64, 5_000_000_000..5_000_000_003_u64];
    (0..PLAN_IDS.len() as u8, 0..10_u8, 0..4_u8, used, prop::option::of(-3..3_i64))
        .prop_map(|(plan, key, day, used, adjustment)| UsageSketch { plan, key, day, used, adjustment })
}

fn sketch() -> impl Strategy<Value = Sketch> {
    (0..10_u8, 0..10_u8, -2..4_i64, 0..NAMES.len() as u8, 0..CUSTOMERS.len() as u8, any::<u8>())
        .prop_map(|(id, value, at, name, customer, rest)| Sketch { id, value, at, name, customer, rest })
}

fn credential() -> impl Strategy<Value = CredentialSketch> {
    (0..ACCESS_KEY_IDS.len() as u8, -2..4_i64, 0..NAMES.len() as u8, any::<u8>())
        .prop_map(|(id, at, name, rest)| CredentialSketch { id, at, name, rest })
}

/// Ids that another way to compare would put in another order, or take for one.
const ACCESS_KEY_IDS: [&str; 6] = [
    "AKIA000000000000",
    "AKIA0000000000000",
    "akia000000000000",
    "AKIA_00000000000",
    "_KIA000000000000",
    "0KIA000000000000",
];

/// The same of plans.
const PLAN_IDS: [&str; 6] = ["p", "P", "p-", "_", "p0", "Z"];
/// Few, so that plans share them.
const STAGES: [&str; 3] = ["a:x", "A:x", "b:$default"];

/// Texts that are easily mangled by a database, or by its way to compare.
const NAMES: [&str; 9] = ["", "a", "ab", "A", "ä", "a%b_", "a\\", "\u{1f511}", "Ω'\"\t;--"];
const CUSTOMERS: [&str; 4] = ["", "c", "C", "ç\u{10ffff}"];
/// Every beginning of a name, and some that are none.
const PREFIXES: [&str; 10] = ["", "a", "A", "a%", "a_", "a\\", "ä", "\u{1f511}", "a\0", "\u{10ffff}"];

pub(super) fn accounts() -> [AccountId; 2] {
    [1, 2].map(account)
}

pub(super) fn account(number: u64) -> AccountId {
    AccountId::from_number(number).unwrap()
}

pub(super) fn ids() -> impl Iterator<Item = ApiKeyId> {
    (0..10).map(id)
}

pub(super) fn access_key_ids() -> impl Iterator<Item = AccessKeyId> {
    (0..ACCESS_KEY_IDS.len() as u8).map(access_key_id)
}

pub(super) fn plan_ids() -> impl Iterator<Item = UsagePlanId> {
    (0..PLAN_IDS.len() as u8).map(plan_id)
}

/// No prefix, and every one.
pub(super) fn prefixes() -> Vec<Option<&'static str>> {
    [None].into_iter().chain(PREFIXES.map(Some)).collect()
}

/// The days of all usage.
pub(super) fn days() -> (Day, Day) {
    (day(0), day(3))
}

pub(super) fn digests() -> Vec<Digest> {
    (0..10).map(digest).collect()
}

pub(super) fn tokens() -> impl Iterator<Item = RetryToken> {
    (0..4).map(token)
}

pub(super) fn filters() -> impl Iterator<Item = ApiKeyFilter> {
    prefixes().into_iter().flat_map(|prefix| {
        CUSTOMERS.map(|customer| ApiKeyFilter {
            name_prefix: prefix.map(Into::into),
            customer_id: CustomerId::parse(customer).unwrap(),
        })
    })
}

/// Two cases of one letter, so that ids are compared byte by byte.
pub(super) fn id(number: u8) -> ApiKeyId {
    let letter = ["k", "K"][usize::from(number % 2)];
    ApiKeyId::parse(&format!("{letter}-{}", number / 2)).unwrap()
}

pub(super) fn plan_id(number: u8) -> UsagePlanId {
    UsagePlanId::parse(PLAN_IDS[usize::from(number)]).unwrap()
}

pub(super) fn link((plan, key): (u8, u8)) -> UsagePlanKey {
    UsagePlanKey { plan: plan_id(plan), key: id(key) }
}

/// So far ahead that no storage takes it for old.
pub(super) fn day(number: u8) -> Day {
    Day::from_number(2_000_000 + i32::from(number)).unwrap()
}

pub(super) fn incarnation(number: u8) -> Incarnation {
    Incarnation([number; 16])
}

pub(super) fn access_key_id(number: u8) -> AccessKeyId {
    AccessKeyId::parse(ACCESS_KEY_IDS[usize::from(number)]).unwrap()
}

pub(super) fn token(number: u8) -> RetryToken {
    RetryToken([number; 32])
}

fn digest(value: u8) -> Digest {
    Digest([value.wrapping_mul(29); 32])
}

impl CredentialSketch {
    pub(super) fn stored(self, of: AccountId, version: Version) -> StoredCredential {
        let bit = |n: u8| self.rest & (1 << n) != 0;
        let credential = Credential {
            id: access_key_id(self.id),
            account: of,
            name: CredentialName::parse(&NAMES[usize::from(self.name)].replace('\t', " ")).ok(),
            enabled: bit(0),
            policy: if bit(1) { "{\"a\":\"ä\\u0000\n\u{1f511}'\"}".repeat(1_000) } else { String::new() }
                .into(),
            created: Timestamp::from_micros(self.at),
            last_used: bit(2).then(|| Timestamp::from_micros(self.at + 1)),
            version,
        };
        // As text, a secret is no more than its length.
        StoredCredential { credential, sealed: Sealed(vec![255; usize::from(self.rest)].into()) }
    }
}

impl Sketch {
    pub(super) fn new_key(self, retry: Option<u8>) -> NewApiKey {
        let key = self.key(Version::FIRST);
        NewApiKey { key, digest: digest(self.value), sealed: self.sealed(), retry: retry.map(token) }
    }

    pub(super) fn key(self, version: Version) -> ApiKey {
        let bit = |n: u8| self.rest & (1 << n) != 0;
        let when = |wanted: bool, text: &'static str| if wanted { vec![text] } else { Vec::new() };
        let stages = [when(bit(0), "api/prod"), when(bit(1), "a-1/t_2")].concat();
        let labels = [when(bit(2), "b"), when(bit(3), "a,\"{}")].concat();
        let tags = if bit(4) { vec![("k@1", "v = +/:"), ("Ключ", "")] } else { Vec::new() };
        ApiKey {
            id: id(self.id),
            name: ApiKeyName::parse(NAMES[usize::from(self.name)]).unwrap(),
            description: Description::parse(if bit(5) { "two\nlines, \"{quoted}\"" } else { "" }).unwrap(),
            enabled: bit(6),
            customer_id: CustomerId::parse(CUSTOMERS[usize::from(self.customer)]).unwrap(),
            stage_keys: stages.into_iter().map(|text| StageKey::parse(text).unwrap()).collect(),
            labels: labels.into_iter().map(|text| Label::parse(text).unwrap()).collect(),
            tags: Tags::parse(tags).unwrap(),
            created: Timestamp::from_micros(self.at),
            updated: Timestamp::from_micros(self.at + 1),
            version,
        }
    }

    fn sealed(self) -> Sealed {
        Sealed(vec![self.id, self.value, 0, 255].into())
    }
}

impl RowSketch {
    /// A row; of `sets`, each bit or value says whether the row sets a property.
    pub(super) fn row(&self, number: usize) -> ImportedApiKey {
        let Self { sets, .. } = *self;
        let key = self.key.key(Version::FIRST);
        ImportedApiKey {
            row: number as u64 + 1,
            digest: digest(self.key.value),
            id: key.id,
            sealed: self.key.sealed(),
            fields: ImportedFields {
                name: key.name.filter(|_| sets & 1 != 0),
                description: key.description.filter(|_| sets & 2 != 0),
                enabled: [None, Some(false), Some(true)][usize::from(sets / 4 % 3)],
            },
            plans: self.plans.iter().map(|plan| plan_id(*plan)).collect(),
            at: Timestamp::from_micros(self.key.at),
        }
    }
}

impl PlanSketch {
    pub(super) fn new_plan(self, retry: Option<u8>) -> NewUsagePlan {
        NewUsagePlan { plan: self.plan(Version::FIRST), retry: retry.map(token) }
    }

    pub(super) fn plan(self, version: Version) -> UsagePlan {
        let bit = |n: u8| self.rest & (1 << n) != 0;
        let throttle = Throttle::new(bit(0).then_some(1.0 / 3.0), bit(1).then_some(0)).unwrap();
        let methods = [(MethodPath::parse("//GET").unwrap(), throttle)];
        let stages = STAGES.iter().enumerate().filter(|(at, _)| self.stages & (1 << at) != 0);
        let stages = stages.map(|(_, text)| ApiStage {
            id: StageId::parse(text).unwrap(),
            throttle: methods.clone().into_iter().filter(|_| bit(2)).collect(),
        });
        let quota = Some(Quota::new(7, 6, Period::Week).unwrap()).filter(|_| bit(3));
        let tags = if bit(4) { vec![("aws:k", "v = +/:"), ("Ключ", "")] } else { Vec::new() };
        UsagePlan {
            id: plan_id(self.id),
            name: UsagePlanName::parse(&format!("Ω'\"\t;--{}", self.rest)).unwrap(),
            description: Description::parse(if bit(5) { "two\nlines, \"{quoted}\"" } else { "" }).unwrap(),
            product_code: ProductCode::parse(if bit(6) { "'\"" } else { "" }).unwrap(),
            stages: Stages::new(stages.collect()).unwrap(),
            throttle: Some(throttle).filter(|_| bit(7)),
            quotas: QuotaHistory::of(vec![(day(0), quota), (day(1), None)]).unwrap(),
            tags: Tags::kept(tags).unwrap(),
            created: Timestamp::from_micros(self.at),
            version,
        }
    }
}

impl UsageSketch {
    pub(super) fn kept(self) -> KeptUsage {
        let usage = UsageOfDay { day: day(self.day), used: self.used, adjustment: self.adjustment };
        KeptUsage { link: link((self.plan, self.key)), usage }
    }

    pub(super) fn count(self, of: AccountId) -> UsageCount {
        UsageCount { account: of, link: link((self.plan, self.key)), day: day(self.day), requests: self.used }
    }
}
