//! Any sequence of calls against the plainest model of plans and links, and what the indexes are left with.

use crate::MemoryStorage;
use gatepost_domain::api_keys::{ApiKey, ApiKeyId, ImportedFields};
use gatepost_domain::usage_plans::{
    ApiStage, Attachment, QuotaHistory, StageId, Stages, UsagePlan, UsagePlanId, UsagePlanName,
};
use gatepost_domain::{AccountId, Clock, Digest, PageLimit, PageRequest, Sealed, Tags, Timestamp, Version};
use gatepost_storage::{
    Entity, ImportedApiKey, Keep, NewApiKey, NewUsagePlan, PlanChanged, Reader, RowOutcome, Storage,
    StorageError, UnitOfWork, UsagePlanKey,
};
use proptest::prelude::*;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const KEYS: u8 = 5;
const PLANS: u8 = 4;

#[derive(Clone, Debug)]
enum Call {
    Key { key: u8, at: i64 },
    DeleteKey { key: u8 },
    Plan { plan: u8, stages: u8 },
    Stages { plan: u8, stages: u8 },
    DeletePlan { plan: u8 },
    Attach { plan: u8, key: u8, most: usize },
    Detach { plan: u8, key: u8 },
    Import { key: u8, plans: Vec<u8>, most: usize },
}

/// Stages are the bits of a number.
#[derive(Clone, Default)]
struct Model {
    keys: BTreeMap<u8, i64>,
    plans: BTreeMap<u8, u8>,
    /// Plan and key.
    links: BTreeSet<(u8, u8)>,
    /// Deleted plans, until they are cleared.
    taken: BTreeSet<u8>,
}

fn call() -> impl Strategy<Value = Call> {
    let (key, plan, stages, most) = (|| 0..KEYS, || 0..PLANS, || 0..8_u8, || 0..4_usize);
    prop_oneof![
        3 => (key(), 0..3_i64).prop_map(|(key, at)| Call::Key { key, at }),
        1 => key().prop_map(|key| Call::DeleteKey { key }),
        3 => (plan(), stages()).prop_map(|(plan, stages)| Call::Plan { plan, stages }),
        2 => (plan(), stages()).prop_map(|(plan, stages)| Call::Stages { plan, stages }),
        1 => plan().prop_map(|plan| Call::DeletePlan { plan }),
        6 => (plan(), key(), most()).prop_map(|(plan, key, most)| Call::Attach { plan, key, most }),
        2 => (plan(), key()).prop_map(|(plan, key)| Call::Detach { plan, key }),
        3 => (key(), prop::collection::vec(plan(), 0..4), most())
            .prop_map(|(key, plans, most)| Call::Import { key, plans, most }),
    ]
}

fn account() -> AccountId {
    AccountId::from_number(1).unwrap()
}

fn key_id(key: u8) -> ApiKeyId {
    // Ids that are prefixes of one another.
    ApiKeyId::parse(&"k".repeat(usize::from(key) + 1)).unwrap()
}

fn plan_id(plan: u8) -> UsagePlanId {
    UsagePlanId::parse(&format!("p{plan}")).unwrap()
}

fn link(plan: u8, key: u8) -> UsagePlanKey {
    UsagePlanKey { plan: plan_id(plan), key: key_id(key) }
}

fn stage(bit: u8) -> StageId {
    StageId::new("a", &format!("s{bit}")).unwrap()
}

fn new_key(id: ApiKeyId, value: u32, at: i64) -> NewApiKey {
    let at = Timestamp::from_micros(at);
    let key = ApiKey {
        id,
        name: None,
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
    NewApiKey { key, digest: digest(value), sealed: Sealed(vec![7].into()), retry: None }
}

fn digest(value: u32) -> Digest {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&value.to_le_bytes());
    Digest(bytes)
}

fn new_plan(id: UsagePlanId, stages: u8) -> UsagePlan {
    let stages = (0..8).filter(|bit| stages & (1 << bit) != 0);
    let stages = stages.map(|bit| ApiStage { id: stage(bit), throttle: BTreeMap::new() });
    UsagePlan {
        id,
        name: UsagePlanName::parse("n").unwrap(),
        description: None,
        product_code: None,
        stages: Stages::new(stages.collect()).unwrap(),
        throttle: None,
        quotas: QuotaHistory::default(),
        tags: Tags::default(),
        created: Timestamp::from_micros(0),
        version: Version::FIRST,
    }
}

/// Its clock stands still: nothing here grows old.
fn storage() -> MemoryStorage {
    struct Still;
    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(0)
        }
    }
    MemoryStorage::new(Arc::new(Still))
}

/// An outcome by what it is about, for any of several shared stages may be named.
fn kind(outcome: &Attachment) -> &'static str {
    match outcome {
        Attachment::Done => "done",
        Attachment::NoSuchPlan => "no such plan",
        Attachment::NoSuchKey => "no such key",
        Attachment::AlreadyThere => "already there",
        Attachment::StageShared(_) => "stage shared",
        Attachment::TooManyPlans => "too many plans",
    }
}

impl Model {
    fn call(&mut self, call: &Call) -> Vec<&'static str> {
        match call {
            Call::Key { key, at } => {
                if self.keys.contains_key(key) {
                    return vec!["taken"];
                }
                self.keys.insert(*key, *at);
                vec!["done"]
            }
            Call::DeleteKey { key } => {
                self.links.retain(|(_, in_it)| in_it != key);
                vec![if self.keys.remove(key).is_some() { "done" } else { "no" }]
            }
            Call::Plan { plan, .. } if self.plans.contains_key(plan) || self.taken.contains(plan) => {
                vec!["taken"]
            }
            Call::Plan { plan, stages } => {
                self.plans.insert(*plan, *stages);
                vec!["done"]
            }
            Call::Stages { plan, stages } => vec![self.restage(*plan, *stages)],
            Call::DeletePlan { plan } => {
                self.links.retain(|(of, _)| of != plan);
                if self.plans.remove(plan).is_none() {
                    return vec!["stale"];
                }
                self.taken.insert(*plan);
                vec!["done"]
            }
            Call::Attach { plan, key, most } => vec![self.attach(*plan, *key, *most)],
            Call::Detach { plan, key } => {
                vec![if self.links.remove(&(*plan, *key)) { "done" } else { "no" }]
            }
            Call::Import { key, plans, most } => {
                self.keys.entry(*key).or_insert(9);
                let outcomes = plans.iter().map(|plan| self.attach(*plan, *key, *most));
                outcomes.filter(|outcome| !["done", "already there"].contains(outcome)).collect()
            }
        }
    }

    fn attach(&mut self, plan: u8, key: u8, most: usize) -> &'static str {
        let Some(stages) = self.plans.get(&plan) else { return "no such plan" };
        if !self.keys.contains_key(&key) {
            return "no such key";
        }
        let present: Vec<u8> = self.plans_of(key);
        if present.contains(&plan) {
            "already there"
        } else if present.iter().any(|other| self.plans[other] & stages != 0) {
            "stage shared"
        } else if present.len() >= most {
            "too many plans"
        } else {
            self.links.insert((plan, key));
            "done"
        }
    }

    fn restage(&mut self, plan: u8, stages: u8) -> &'static str {
        let Some(before) = self.plans.get(&plan) else { return "stale" };
        let added = stages & !before;
        let in_it = self.links.iter().filter(|(of, _)| *of == plan);
        let mut others = in_it.flat_map(|(_, key)| self.plans_of(*key)).filter(|other| *other != plan);
        if others.any(|other| self.plans[&other] & added != 0) {
            return "stage shared";
        }
        self.plans.insert(plan, stages);
        "done"
    }

    fn plans_of(&self, key: u8) -> Vec<u8> {
        self.links.iter().filter(|(_, of)| *of == key).map(|(plan, _)| *plan).collect()
    }

    fn keys_in(&self, plan: u8) -> Vec<ApiKeyId> {
        let mut keys: Vec<u8> =
            self.links.iter().filter(|(of, _)| *of == plan).map(|(_, key)| *key).collect();
        keys.sort_by_key(|key| Reverse((self.keys[key], *key)));
        keys.into_iter().map(key_id).collect()
    }
}

async fn take(unit: &mut dyn UnitOfWork, call: &Call) -> Vec<&'static str> {
    let done = |result: Result<(), StorageError>| match result {
        Ok(()) => vec!["done"],
        Err(StorageError::AlreadyExists(_)) => vec!["taken"],
        Err(StorageError::Stale(Entity::UsagePlan)) => vec!["stale"],
        Err(other) => panic!("{other}"),
    };
    let yes = |yes| vec![if yes { "done" } else { "no" }];
    let version = async |unit: &dyn UnitOfWork, plan: u8| {
        unit.find_usage_plan(account(), &plan_id(plan))
            .await
            .unwrap()
            .map_or(Version(99), |plan| plan.version)
    };
    match call {
        Call::Key { key, at } => {
            let new = new_key(key_id(*key), u32::from(*key), *at);
            done(unit.insert_api_key(account(), new, None).await)
        }
        Call::DeleteKey { key } => yes(unit.delete_api_key(account(), &key_id(*key)).await.unwrap()),
        Call::Plan { plan, stages } => {
            let new = NewUsagePlan { plan: new_plan(plan_id(*plan), *stages), retry: None };
            done(unit.insert_usage_plan(account(), &new, None).await)
        }
        Call::Stages { plan, stages } => {
            let expected = version(&*unit, *plan).await;
            let plan = UsagePlan { version: expected.next(), ..new_plan(plan_id(*plan), *stages) };
            match unit.update_usage_plan(account(), &plan, expected).await {
                Ok(PlanChanged::StageShared { stage, key }) => {
                    let link = UsagePlanKey { plan: plan.id.clone(), key };
                    assert!(unit.find_usage_plan_key(account(), &link).await.unwrap().is_some());
                    assert!(plan.stages.find(&stage).is_some());
                    vec!["stage shared"]
                }
                other => done(other.map(drop)),
            }
        }
        Call::DeletePlan { plan } => {
            let expected = version(&*unit, *plan).await;
            done(unit.delete_usage_plan(account(), &plan_id(*plan), expected).await)
        }
        Call::Attach { plan, key, most } => {
            let outcomes = unit.attach_api_keys(account(), &[link(*plan, *key)], *most).await.unwrap();
            outcomes.iter().map(kind).collect()
        }
        Call::Detach { plan, key } => yes(unit.detach_api_key(account(), &link(*plan, *key)).await.unwrap()),
        Call::Import { key, plans, most } => {
            let new = new_key(key_id(*key), u32::from(*key), 9);
            let row = ImportedApiKey {
                row: 1,
                digest: new.digest,
                id: new.key.id,
                sealed: new.sealed,
                fields: ImportedFields::default(),
                plans: plans.iter().map(|plan| plan_id(*plan)).collect(),
                at: new.key.created,
            };
            let outcomes = unit.import_api_keys(account(), vec![row], None, *most).await.unwrap();
            match &outcomes[..] {
                [RowOutcome::Stored { refused, .. }] => refused.iter().map(|(_, why)| kind(why)).collect(),
                other => panic!("{other:?}"),
            }
        }
    }
}

/// Every read answers as the model does.
async fn compare(reader: &dyn Reader, model: &Model) {
    let keys: Vec<ApiKeyId> = (0..KEYS).map(key_id).collect();
    let found = reader.find_plans_of_keys(account(), &keys).await.unwrap();
    for (key, found) in (0..KEYS).zip(found) {
        let expected: Vec<UsagePlanId> = model.plans_of(key).into_iter().map(plan_id).collect();
        assert_eq!(found, expected);
        let page = PageRequest { after: None, limit: PageLimit::DEFAULT };
        let page = reader.list_usage_plans(account(), Some(&key_id(key)), page).await.unwrap();
        assert_eq!(page.items.into_iter().rev().map(|plan| plan.id).collect::<Vec<_>>(), expected);
    }
    for plan in 0..PLANS {
        let found = reader.find_usage_plan(account(), &plan_id(plan)).await.unwrap();
        let expected = model.plans.get(&plan).map(|stages| new_plan(plan_id(plan), *stages).stages);
        assert_eq!(found.map(|plan| plan.stages), expected);
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = PageRequest { after, limit: PageLimit::or_default(2) };
            let page = reader.list_usage_plan_keys(account(), &plan_id(plan), None, page).await.unwrap();
            listed.extend(page.items.into_iter().map(|stored| stored.key.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(listed, model.keys_in(plan));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_units_of_work_do_what_the_plainest_model_would(
        units in proptest::collection::vec(
            (proptest::collection::vec(call(), 1..12), any::<bool>(), any::<bool>()), 1..8,
        ),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let storage = storage();
            let mut committed = Model::default();
            for (calls, commits, prunes) in units {
                let mut model = committed.clone();
                let mut unit = storage.begin().await.unwrap();
                for call in &calls {
                    assert_eq!(take(&mut *unit, call).await, model.call(call), "{call:?}");
                    compare(&*unit, &model).await;
                    compare(storage.reader(), &committed).await;
                }
                if commits {
                    unit.commit().await.unwrap();
                    committed = model;
                } else {
                    drop(unit);
                }
                if prunes {
                    storage.prune(Keep::default()).await.unwrap();
                    committed.taken.clear();
                }
                compare(storage.reader(), &committed).await;
            }
            // Every index is that of a plan which is still known, and holds what is in it.
            storage.prune(Keep::default()).await.unwrap();
            let keys = storage.shared.read().unwrap();
            let plans = storage.shared.plans.read().unwrap();
            let with_keys = committed.links.iter().map(|(plan, _)| plan).collect::<BTreeSet<_>>();
            assert_eq!(keys.indexed_plans(), with_keys.len());
            for kept in plans.by_number.values() {
                let in_it = plans.by_id[&account()][&kept.plan.id].number == kept.number;
                assert!(in_it && !kept.deleted);
            }
            assert_eq!(plans.by_number.len(), committed.plans.len());
            assert_eq!(plans.by_id.values().map(BTreeMap::len).sum::<usize>(), committed.plans.len());
        });
    }
}

/// Both plans have so many keys that the search for one goes through several portions.
#[tokio::test]
async fn a_key_that_would_share_a_stage_is_found_wherever_it_lies() {
    let storage = storage();
    let id = |n: u32| ApiKeyId::parse(&format!("key{n}")).unwrap();
    let even_or_odd = |n: u32| UsagePlanKey { plan: plan_id((n % 2) as u8), key: id(n) };
    let mut unit = storage.begin().await.unwrap();
    for n in 0..6_000 {
        unit.insert_api_key(account(), new_key(id(n), n, i64::from(n)), None).await.unwrap();
    }
    for (plan, stages) in [(0, 1), (1, 2)] {
        let new = NewUsagePlan { plan: new_plan(plan_id(plan), stages), retry: None };
        unit.insert_usage_plan(account(), &new, None).await.unwrap();
    }
    let links: Vec<_> = (0..6_000).map(even_or_odd).collect();
    unit.attach_api_keys(account(), &links, 2).await.unwrap();
    unit.commit().await.unwrap();
    let changed = UsagePlan { version: Version(2), ..new_plan(plan_id(0), 3) };
    for in_both in [None, Some(0), Some(1), Some(2_000), Some(3_999), Some(4_000), Some(5_999)] {
        let mut unit = storage.begin().await.unwrap();
        let other = |n: u32| UsagePlanKey { key: id(n), ..even_or_odd(n + 1) };
        let links: Vec<_> = in_both.into_iter().map(other).collect();
        unit.attach_api_keys(account(), &links, 2).await.unwrap();
        let outcome = unit.update_usage_plan(account(), &changed, Version::FIRST).await.unwrap();
        let expected = match in_both {
            None => PlanChanged::Done,
            Some(n) => PlanChanged::StageShared { stage: stage(1), key: id(n) },
        };
        assert_eq!(outcome, expected);
    }
}

#[tokio::test]
async fn a_record_forgets_plans_that_are_gone_when_its_key_joins_another() {
    let storage = storage();
    storage.writer().insert_api_key(account(), new_key(key_id(0), 0, 0), None).await.unwrap();
    for _ in 0..5 {
        let new = NewUsagePlan { plan: new_plan(plan_id(0), 1), retry: None };
        storage.writer().insert_usage_plan(account(), &new, None).await.unwrap();
        let attached = storage.writer().attach_api_keys(account(), &[link(0, 0)], 1).await.unwrap();
        assert_eq!(attached, [Attachment::Done]);
        assert_eq!(storage.shared.read().unwrap().plan_numbers_of(account(), &key_id(0)), 1);
        storage.writer().delete_usage_plan(account(), &plan_id(0), Version::FIRST).await.unwrap();
        storage.prune(Keep::default()).await.unwrap();
        assert_eq!(storage.shared.read().unwrap().indexed_plans(), 0);
    }
}
