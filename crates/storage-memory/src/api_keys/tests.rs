//! Any sequence of calls against the plainest storage there could be.

use super::{ApiKeys, Touched};
use crate::MemoryStorage;
use crate::slab::View;
use gatepost_domain::api_keys::{
    ApiKey, ApiKeyFilter, ApiKeyId, ApiKeyName, ApiKeyPosition, CustomerId, ImportedFields,
};
use gatepost_domain::{
    AccountId, Clock, Digest, Page, PageLimit, PageRequest, Sealed, Tags, Timestamp, Version,
};
use gatepost_storage::{
    ApiKeyReader, Entity, ImportedApiKey, NewApiKey, RowOutcome, Storage, StorageError, StoredApiKey,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

type Id = (AccountId, String);

/// All keys, and what they are found by.
#[derive(Clone, Default, PartialEq, Debug)]
struct Model(BTreeMap<Id, (StoredApiKey, Digest)>);

#[derive(Clone, Debug)]
enum Call {
    Insert { account: u64, id: u8, value: u8, at: i64, name: u8, customer: u8, most: Option<u64> },
    Update { account: u64, id: u8, version: u64, name: u8, customer: u8 },
    Delete { account: u64, id: u8 },
    Import { account: u64, rows: Vec<(u8, u8, Option<u8>)>, at: i64, most: Option<u64> },
}

fn call() -> impl Strategy<Value = Call> {
    let account = 1..3_u64;
    let few = || 0..12_u8;
    let most = || proptest::option::weighted(0.2, 0..14_u64);
    prop_oneof![
        3 => (account.clone(), few(), few(), 0..4_i64, 0..6_u8, 0..3_u8, most()).prop_map(
            |(account, id, value, at, name, customer, most)| Call::Insert { account, id, value, at, name, customer, most }
        ),
        2 => (account.clone(), few(), 1..4_u64, 0..6_u8, 0..3_u8).prop_map(
            |(account, id, version, name, customer)| Call::Update { account, id, version, name, customer }
        ),
        2 => (account.clone(), few()).prop_map(|(account, id)| Call::Delete { account, id }),
        2 => (
            account,
            proptest::collection::vec((few(), few(), proptest::option::of(0..6_u8)), 0..8),
            0..4_i64,
            most()
        )
            .prop_map(|(account, rows, at, most)| Call::Import { account, rows, at, most }),
    ]
}

fn account(number: u64) -> AccountId {
    AccountId::from_number(number).unwrap()
}

fn id(number: u8) -> ApiKeyId {
    // Ids that are prefixes of one another.
    ApiKeyId::parse(&"a".repeat(usize::from(number) + 1)).unwrap()
}

fn digest(value: u8) -> Digest {
    // Few first bytes, so that different digests share a hash.
    let mut bytes = [value % 3; 32];
    bytes[31] = value;
    Digest(bytes)
}

fn name(number: u8) -> Option<ApiKeyName> {
    ApiKeyName::parse(["", "a", "ab", "abc", "b", "ä"][usize::from(number)]).unwrap()
}

fn customer(number: u8) -> Option<CustomerId> {
    CustomerId::parse(["", "a", "ab"][usize::from(number)]).unwrap()
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

fn new_key(number: u8, value: u8, at: i64, named: u8, of: u8) -> NewApiKey {
    let key = ApiKey {
        id: id(number),
        name: name(named),
        description: None,
        enabled: true,
        customer_id: customer(of),
        stage_keys: Vec::new(),
        labels: Vec::new(),
        tags: Tags::default(),
        created: Timestamp::from_micros(at),
        updated: Timestamp::from_micros(at),
        version: Version::FIRST,
    };
    NewApiKey { key, digest: digest(value), sealed: Sealed(vec![number, value].into()), retry: None }
}

fn imported((number, value, named): (u8, u8, Option<u8>), row: u64, at: i64) -> ImportedApiKey {
    ImportedApiKey {
        row,
        digest: digest(value),
        id: id(number),
        sealed: Sealed(vec![number, value].into()),
        fields: ImportedFields { name: named.and_then(name), ..ImportedFields::default() },
        plans: Vec::new(),
        at: Timestamp::from_micros(at),
    }
}

/// What a call answered, in a form that can be compared.
#[derive(Debug, PartialEq)]
enum Answer {
    Done,
    Deleted(bool),
    Rows(Vec<Result<ApiKeyId, u64>>),
    Exists(Entity),
    Stale,
    Limit,
}

fn answer_of<T>(result: Result<T, StorageError>, done: impl FnOnce(T) -> Answer) -> Answer {
    match result {
        Ok(value) => done(value),
        Err(StorageError::AlreadyExists(entity)) => Answer::Exists(entity),
        Err(StorageError::Stale(Entity::ApiKey)) => Answer::Stale,
        Err(StorageError::LimitReached(Entity::ApiKey)) => Answer::Limit,
        Err(other) => panic!("{other}"),
    }
}

impl Model {
    fn by_digest(&self, account: AccountId, digest: Digest) -> Option<Id> {
        self.0
            .iter()
            .find(|((of, _), (_, known))| *of == account && *known == digest)
            .map(|(id, _)| id.clone())
    }

    fn count(&self, account: AccountId) -> u64 {
        self.0.keys().filter(|(of, _)| *of == account).count() as u64
    }

    fn call(&mut self, call: &Call) -> Answer {
        match call {
            Call::Insert { account: of, id, value, at, name, customer, most } => {
                self.insert(account(*of), new_key(*id, *value, *at, *name, *customer), *most)
            }
            Call::Update { account: of, id: number, version, name: named, customer: by } => {
                match self.0.get_mut(&(account(*of), id(*number).to_string())) {
                    Some((stored, _)) if stored.key.version.0 == *version => {
                        let created = stored.key.created;
                        stored.key = changed(*number, *version, *named, *by);
                        stored.key.created = created;
                        Answer::Done
                    }
                    _ => Answer::Stale,
                }
            }
            Call::Delete { account: of, id: number } => {
                Answer::Deleted(self.0.remove(&(account(*of), id(*number).to_string())).is_some())
            }
            Call::Import { account: of, rows, at, most } => self.import(account(*of), rows, *at, *most),
        }
    }

    fn insert(&mut self, account: AccountId, new: NewApiKey, most: Option<u64>) -> Answer {
        let at = (account, new.key.id.to_string());
        if self.by_digest(account, new.digest).is_some() {
            return Answer::Exists(Entity::ApiKeyValue);
        }
        if self.0.contains_key(&at) {
            return Answer::Exists(Entity::ApiKey);
        }
        if most.is_some_and(|most| self.count(account) >= most) {
            return Answer::Limit;
        }
        self.0.insert(at, (StoredApiKey { key: new.key, sealed: new.sealed }, new.digest));
        Answer::Done
    }

    fn import(
        &mut self,
        account: AccountId,
        rows: &[(u8, u8, Option<u8>)],
        at: i64,
        most: Option<u64>,
    ) -> Answer {
        let before = self.clone();
        let mut outcomes = Vec::new();
        for (n, row) in (1..).zip(rows) {
            let row = imported(*row, n, at);
            let known = self.by_digest(account, row.digest);
            if let Some((stored, _)) = known.and_then(|id| self.0.get_mut(&id)) {
                stored.key.name = row.fields.name.or(stored.key.name.take());
                stored.key.updated = row.at;
                stored.key.version = stored.key.version.next();
                outcomes.push(Ok(stored.key.id.clone()));
            } else if self.0.contains_key(&(account, row.id.to_string())) {
                outcomes.push(Err(n));
            } else {
                let mut new = new_key(rows[n as usize - 1].0, rows[n as usize - 1].1, at, 0, 0);
                new.key.name = row.fields.name;
                outcomes.push(Ok(row.id));
                self.insert(account, new, None);
            }
        }
        let count = self.count(account);
        if count > before.count(account) && most.is_some_and(|most| count > most) {
            *self = before;
            return Answer::Limit;
        }
        Answer::Rows(outcomes)
    }

    fn list(
        &self,
        account: AccountId,
        filter: &ApiKeyFilter,
        page: &PageRequest<ApiKeyPosition>,
    ) -> Page<StoredApiKey, ApiKeyPosition> {
        let mut items: Vec<StoredApiKey> = self
            .0
            .iter()
            .filter(|((of, _), _)| *of == account)
            .map(|(_, (stored, _))| stored.clone())
            .filter(|stored| filter.customer_id.is_none() || stored.key.customer_id == filter.customer_id)
            .filter(|StoredApiKey { key, .. }| match (&filter.name_prefix, &key.name) {
                (None, _) => true,
                (Some(prefix), Some(name)) => name.as_str().starts_with(&**prefix),
                (Some(_), None) => false,
            })
            .filter(|stored| page.after.as_ref().is_none_or(|after| stored.key.position() < *after))
            .collect();
        items.sort_by_key(|stored| std::cmp::Reverse(stored.key.position()));
        let more = items.len() > page.limit.get();
        items.truncate(page.limit.get());
        let next = items.last().filter(|_| more).map(|stored| stored.key.position());
        Page { items, next }
    }
}

fn changed(number: u8, version: u64, named: u8, of: u8) -> ApiKey {
    let mut key = new_key(number, 0, 77, named, of).key;
    key.version = Version(version + 1);
    key
}

/// Every read answers as the model does.
async fn compare<R: ApiKeyReader + ?Sized>(reader: &R, model: &Model) {
    for of in [1, 2, 3].map(account) {
        assert_eq!(reader.count_api_keys(of).await.unwrap(), model.count(of));
        for number in 0..12 {
            let expected = model.0.get(&(of, id(number).to_string())).map(|(stored, _)| stored.clone());
            assert_eq!(reader.find_api_key(of, &id(number)).await.unwrap(), expected);
            let known = reader.find_ids_by_digest(of, &[digest(number)]).await.unwrap();
            assert_eq!(known[0].is_some(), model.by_digest(of, digest(number)).is_some());
        }
        for prefix in [None, Some(""), Some("a"), Some("ab"), Some("ä"), Some("a\0")] {
            for by in 0..3 {
                let filter = ApiKeyFilter { name_prefix: prefix.map(Into::into), customer_id: customer(by) };
                let mut after = None;
                loop {
                    let page = PageRequest { after, limit: PageLimit::or_default(3) };
                    let expected = model.list(of, &filter, &page);
                    assert_eq!(reader.list_api_keys(of, &filter, page).await.unwrap(), expected);
                    after = expected.next;
                    if after.is_none() {
                        break;
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_units_of_work_do_what_the_plainest_storage_would(
        units in proptest::collection::vec((proptest::collection::vec(call(), 1..8), any::<bool>()), 1..8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let storage = storage();
            let mut committed = Model::default();
            for (calls, commits) in units {
                let mut model = committed.clone();
                let mut unit = storage.begin().await.unwrap();
                for call in &calls {
                    let expected = model.call(call);
                    let answer = match call.clone() {
                        Call::Insert { account: of, id, value, at, name, customer, most } => {
                            let new = new_key(id, value, at, name, customer);
                            answer_of(unit.insert_api_key(account(of), new, most).await, |()| Answer::Done)
                        }
                        Call::Update { account: of, id, version, name, customer } => {
                            let key = changed(id, version, name, customer);
                            let result = unit.update_api_key(account(of), &key, Version(version)).await;
                            answer_of(result, |()| Answer::Done)
                        }
                        Call::Delete { account: of, id: number } => {
                            answer_of(unit.delete_api_key(account(of), &id(number)).await, Answer::Deleted)
                        }
                        Call::Import { account: of, rows, at, most } => {
                            let rows = (1..).zip(rows).map(|(n, row)| imported(row, n, at)).collect();
                            let result = unit.import_api_keys(account(of), rows, most, 10).await;
                            answer_of(result, |outcomes| {
                                Answer::Rows(outcomes.into_iter().map(|outcome| match outcome {
                                    RowOutcome::Stored { id, .. } => Ok(id),
                                    RowOutcome::IdTaken(row) => Err(row.row),
                                }).collect())
                            })
                        }
                    };
                    assert_eq!(answer, expected);
                    compare(&*unit, &model).await;
                    compare(storage.reader(), &committed).await;
                }
                if commits {
                    unit.commit().await.unwrap();
                    committed = model;
                } else {
                    drop(unit);
                }
                compare(storage.reader(), &committed).await;
            }
        });
    }
}

#[tokio::test]
async fn what_nobody_sees_is_taken_out_of_every_index() {
    let storage = storage();
    for round in 0..3 {
        let mut unit = storage.begin().await.unwrap();
        let new = new_key(0, 0, round, 1, 1);
        unit.insert_api_key(account(1), new, None).await.unwrap();
        unit.update_api_key(account(1), &changed(0, 1, 2, 2), Version(1)).await.unwrap();
        unit.commit().await.unwrap();
        let mut unit = storage.begin().await.unwrap();
        unit.update_api_key(account(1), &changed(0, 2, 3, 1), Version(2)).await.unwrap();
        drop(unit);
        let mut unit = storage.begin().await.unwrap();
        unit.delete_api_key(account(1), &id(0)).await.unwrap();
        unit.commit().await.unwrap();
    }
    let keys = storage.shared.read().unwrap();
    assert!(keys.garbage.is_empty() && keys.counts.is_empty());
    for index in [&keys.by_age, &keys.by_name, &keys.by_customer] {
        let write = |_: u32, _: &mut Vec<u8>| ();
        assert_eq!(
            index.between(index.lower_bound(&[], &write), index.lower_bound(&[255], &write), &write).count(),
            0
        );
    }
}

#[test]
fn a_unit_of_work_may_be_dropped_outside_of_a_runtime() {
    let storage = storage();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let unit = runtime.block_on(async {
        let mut unit = storage.begin().await.unwrap();
        for part in 0..5_u64 {
            let rows = (0..1_000_u64).map(|n| {
                let number = part * 1_000 + n;
                let mut row = imported((0, 0, Some(1)), number + 1, 0);
                row.id = ApiKeyId::parse(&format!("id{number}")).unwrap();
                row.digest.0[..8].copy_from_slice(&number.to_le_bytes());
                row
            });
            unit.import_api_keys(account(1), rows.collect(), None, 10).await.unwrap();
        }
        unit
    });
    drop(runtime);
    drop(unit);
    assert!(storage.shared.read().unwrap().garbage.is_empty());
}

#[tokio::test]
async fn after_a_panic_under_the_lock_every_call_is_a_failure_and_none_panics() {
    let storage = storage();
    let mut unit = storage.begin().await.unwrap();
    unit.insert_api_key(account(1), new_key(0, 0, 0, 0, 0), None).await.unwrap();
    std::thread::scope(|scope| {
        let poisoner = scope.spawn(|| {
            let _held = storage.shared.api_keys.write().unwrap();
            panic!("this is the panic of a test");
        });
        assert!(poisoner.join().is_err());
    });
    assert!(matches!(storage.probe().await, Err(StorageError::Backend(_))));
    assert!(matches!(storage.reader().count_api_keys(account(1)).await, Err(StorageError::Backend(_))));
    let refused = unit.insert_api_key(account(1), new_key(1, 1, 0, 0, 0), None).await;
    assert!(matches!(refused, Err(StorageError::Backend(_))));
    assert!(matches!(unit.commit().await, Err(StorageError::Backend(_))));
}

#[test]
fn a_settled_unit_of_work_leaves_its_list_of_what_it_touched_empty() {
    let mut keys = ApiKeys::new();
    let mut touched = Touched::default();
    keys.insert(&mut touched, account(1), &new_key(0, 0, 0, 0, 0), None).unwrap();
    assert_eq!(touched.len(), 1);
    keys.settle(&mut touched, View::Unit);
    assert_eq!(touched.len(), 0);
    assert!(!keys.sweep(1));
}
