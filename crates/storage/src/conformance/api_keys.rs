//! Single keys: look-up, insert, update, delete, and the unit of work around them.

use super::samples::*;
use crate::{Entity, Storage, StorageError};
use futures_util::future;
use gatepost_domain::{Version, api_keys::ApiKey};

/// A key that lost a property on its way would answer a later request wrongly.
pub async fn a_key_is_found_with_every_property_it_was_inserted_with(storage: &dyn Storage) {
    let mut full = key(1);
    fill(&mut full.key);
    full.key.updated = at(7);
    full.key.version = Version(3);
    insert(storage, [full.clone(), key(2)]).await;
    assert_eq!(find(storage, 1).await, Some(as_stored(&full)));
    assert_eq!(find(storage, 2).await, Some(as_stored(&key(2))));
}

/// A caller turns `None` into its own "not found".
pub async fn a_key_that_was_never_inserted_is_none(storage: &dyn Storage) {
    assert_eq!(find(storage, 1).await, None);
    insert(storage, [key(1)]).await;
    assert_eq!(storage.reader().find_api_key(account(), &id("KEY0000001")).await.expect("answers"), None);
}

/// Two keys with one value could not be told apart when a request presents it.
pub async fn a_taken_value_is_refused(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    let mut same_value = key(2);
    same_value.digest = digest(1);
    let refused = begin(storage).await.insert_api_key(account(), same_value, None).await;
    assert!(matches!(refused, Err(StorageError::AlreadyExists(Entity::ApiKeyValue))), "{refused:?}");
}

/// The caller draws another id when its first choice was taken.
pub async fn a_taken_id_is_refused(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    let mut same_id = key(2);
    same_id.key.id = nth_id(1);
    let refused = begin(storage).await.insert_api_key(account(), same_id, None).await;
    assert!(matches!(refused, Err(StorageError::AlreadyExists(Entity::ApiKey))), "{refused:?}");
}

/// A caller that draws another id would be refused for ever if the value is what is wrong.
pub async fn of_a_taken_value_and_a_taken_id_the_value_is_named(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    let refused = begin(storage).await.insert_api_key(account(), key(1), None).await;
    assert!(matches!(refused, Err(StorageError::AlreadyExists(Entity::ApiKeyValue))), "{refused:?}");
    insert(storage, [key(2)]).await;
    let mut crossed = key(1);
    crossed.digest = digest(2);
    let refused = begin(storage).await.insert_api_key(account(), crossed, None).await;
    assert!(matches!(refused, Err(StorageError::AlreadyExists(Entity::ApiKeyValue))), "{refused:?}");
}

/// An insert is never an upsert.
pub async fn a_refused_insert_leaves_the_other_key_as_it_was(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    let mut unit = begin(storage).await;
    let mut again = key(1);
    fill(&mut again.key);
    unit.insert_api_key(account(), again, None).await.expect_err("the key is there");
    drop(unit);
    assert_eq!(find(storage, 1).await, Some(as_stored(&key(1))));
    assert_eq!(storage.reader().count_api_keys(account()).await.expect("counts"), 1);
}

/// A property that an update cannot reach could never be changed.
pub async fn an_update_replaces_every_property(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    let mut full = key(1).key;
    fill(&mut full);
    full.updated = at(9);
    full.version = Version(2);
    update(storage, &full, Version::FIRST).await.expect("the version is right");
    assert_eq!(find(storage, 1).await.expect("is there").key, full);
    let mut bare = key(1).key;
    bare.version = Version(3);
    update(storage, &bare, Version(2)).await.expect("the version is right");
    assert_eq!(find(storage, 1).await.expect("is there").key, bare);
}

/// The value is bound to the key for life, and creation is its place in listings that others are reading.
pub async fn an_update_keeps_value_and_creation(storage: &dyn Storage) {
    insert(storage, [key(1), key(2)]).await;
    let mut changed = key(1).key;
    changed.created = at(1_000_000);
    changed.version = Version(2);
    update(storage, &changed, Version::FIRST).await.expect("the version is right");
    let found = find(storage, 1).await.expect("is there");
    assert_eq!((found.key.created, found.sealed), (at(1), sealed(1)));
    assert_eq!(with_digests(storage.reader(), account(), &[1]).await, [Some(nth_id(1))]);
    let mut same_value = key(3);
    same_value.digest = digest(1);
    let refused = begin(storage).await.insert_api_key(account(), same_value, None).await;
    assert!(matches!(refused, Err(StorageError::AlreadyExists(Entity::ApiKeyValue))), "{refused:?}");
}

/// Otherwise the later of two writers undoes what the earlier one did, and neither learns of it.
pub async fn an_update_of_another_version_is_stale(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    let mut changed = key(1).key;
    fill(&mut changed);
    for wrong in [Version(0), Version(2), Version(u32::MAX.into())] {
        let refused = update(storage, &changed, wrong).await;
        assert!(matches!(refused, Err(StorageError::Stale(Entity::ApiKey))), "{refused:?}");
    }
    assert_eq!(find(storage, 1).await, Some(as_stored(&key(1))));
}

/// The key that was read has been deleted by somebody else: that too is a change to read again for.
pub async fn an_update_of_a_missing_key_is_stale(storage: &dyn Storage) {
    let refused = update(storage, &key(1).key, Version::FIRST).await;
    assert!(matches!(refused, Err(StorageError::Stale(Entity::ApiKey))), "{refused:?}");
    assert_eq!(find(storage, 1).await, None);
}

/// The check of the version and the write are one step, however close the writers come.
pub async fn of_two_writers_of_one_version_one_wins(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    let write = |text: &'static str| async move {
        let mut changed = key(1).key;
        changed.name = name(text);
        changed.version = Version(2);
        update(storage, &changed, Version::FIRST).await
    };
    let outcomes = future::join_all(["a", "b", "c", "d"].map(write)).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    for refused in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert!(matches!(refused, StorageError::Stale(Entity::ApiKey)), "{refused:?}");
    }
    assert_eq!(find(storage, 1).await.expect("is there").key.version, Version(2));
}

/// The check for a value and its insert are one step too.
pub async fn of_two_inserts_of_one_value_one_wins(storage: &dyn Storage) {
    let write = |n: u32| async move {
        let mut unit = begin(storage).await;
        let mut new = key(n);
        new.digest = digest(0);
        unit.insert_api_key(account(), new, None).await?;
        unit.commit().await
    };
    let outcomes = future::join_all([1, 2, 3, 4].map(write)).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    for refused in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert!(matches!(refused, StorageError::AlreadyExists(Entity::ApiKeyValue)), "{refused:?}");
    }
    assert_eq!(storage.reader().count_api_keys(account()).await.expect("counts"), 1);
}

/// A revoked key must not answer anywhere.
pub async fn a_deleted_key_is_gone(storage: &dyn Storage) {
    insert(storage, [key(1), key(2)]).await;
    assert!(delete(storage, 1).await);
    assert_eq!(find(storage, 1).await, None);
    let reader = storage.reader();
    assert_eq!(listed(reader, account(), &all(), 25).await, [2]);
    assert_eq!(reader.count_api_keys(account()).await.expect("counts"), 1);
    assert_eq!(with_digests(reader, account(), &[1, 2]).await, [None, Some(nth_id(2))]);
}

/// The caller answers "not found" by it.
pub async fn deleting_a_missing_key_answers_false(storage: &dyn Storage) {
    assert!(!delete(storage, 1).await);
    insert(storage, [key(1)]).await;
    assert!(delete(storage, 1).await);
    assert!(!delete(storage, 1).await);
}

/// Neither a deleted id nor a deleted value is burnt.
pub async fn a_deleted_key_can_be_made_again(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    assert!(delete(storage, 1).await);
    let mut again = key(1);
    fill(&mut again.key);
    again.sealed = sealed(9);
    insert(storage, [again.clone()]).await;
    assert_eq!(find(storage, 1).await, Some(as_stored(&again)));
    assert_eq!(listed(storage.reader(), account(), &all(), 25).await, [1]);
}

/// The checks of an insert look at the unit's own deletions.
pub async fn a_key_can_be_deleted_and_made_again_within_a_unit(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    let mut again = named(1, "again");
    again.key.created = at(50);
    let mut unit = begin(storage).await;
    for _ in 0..3 {
        assert!(unit.delete_api_key(account(), &nth_id(1)).await.expect("deletes"));
        unit.insert_api_key(account(), again.clone(), Some(1)).await.expect("id and value are free");
    }
    assert_eq!(find(storage, 1).await, Some(as_stored(&key(1))));
    commit(unit).await;
    assert_eq!(find(storage, 1).await, Some(as_stored(&again)));
    assert_eq!(storage.reader().count_api_keys(account()).await.expect("counts"), 1);
    assert_eq!(listed(storage.reader(), account(), &all(), 25).await, [1]);
}

/// A request that fails half way must not have happened.
pub async fn a_dropped_insert_leaves_no_trace(storage: &dyn Storage) {
    let mut unit = begin(storage).await;
    unit.insert_api_key(account(), named(1, "n"), None).await.expect("inserts");
    drop(unit);
    assert_untouched_by(storage, &[]).await;
    insert(storage, [named(1, "n")]).await;
    assert_eq!(listed(storage.reader(), account(), &prefixed("n"), 25).await, [1]);
}

/// As for an insert.
pub async fn a_dropped_update_leaves_no_trace(storage: &dyn Storage) {
    insert(storage, [named(1, "before")]).await;
    let mut unit = begin(storage).await;
    let mut changed = key(1).key;
    fill(&mut changed);
    changed.version = Version(2);
    unit.update_api_key(account(), &changed, Version::FIRST).await.expect("updates");
    drop(unit);
    assert_untouched_by(storage, &[named(1, "before")]).await;
    update(storage, &changed, Version::FIRST).await.expect("the version is still the first");
}

/// As for an insert.
pub async fn a_dropped_delete_leaves_no_trace(storage: &dyn Storage) {
    insert(storage, [named(1, "before")]).await;
    let mut unit = begin(storage).await;
    assert!(unit.delete_api_key(account(), &nth_id(1)).await.expect("deletes"));
    drop(unit);
    assert_untouched_by(storage, &[named(1, "before")]).await;
    assert!(delete(storage, 1).await);
}

/// What was dropped must not come back with the next writer.
pub async fn a_unit_after_a_dropped_one_commits_only_its_own(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    let mut unit = begin(storage).await;
    unit.insert_api_key(account(), key(2), None).await.expect("inserts");
    unit.delete_api_key(account(), &nth_id(1)).await.expect("deletes");
    drop(unit);
    insert(storage, [key(3)]).await;
    assert_untouched_by(storage, &[key(3), key(1)]).await;
}

/// An operation that writes twice decides the second by what the first did.
pub async fn a_unit_sees_its_own_writes(storage: &dyn Storage) {
    insert(storage, [key(1), key(2)]).await;
    let mut unit = begin(storage).await;
    unit.insert_api_key(account(), key(3), None).await.expect("inserts");
    assert!(unit.delete_api_key(account(), &nth_id(1)).await.expect("deletes"));
    let mut changed = named(2, "changed").key;
    changed.version = Version(2);
    unit.update_api_key(account(), &changed, Version::FIRST).await.expect("updates");
    let stale = unit.find_api_key(account(), &nth_id(2)).await.expect("finds").expect("is there");
    assert_eq!(stale.key, changed);
    assert_eq!(unit.find_api_key(account(), &nth_id(1)).await.expect("finds"), None);
    assert_eq!(unit.find_api_key(account(), &nth_id(3)).await.expect("finds"), Some(as_stored(&key(3))));
    assert_eq!(unit.count_api_keys(account()).await.expect("counts"), 2);
    let found = with_digests(&*unit, account(), &[1, 2, 3]).await;
    assert_eq!(found, [None, Some(nth_id(2)), Some(nth_id(3))]);
    changed.version = Version(3);
    unit.update_api_key(account(), &changed, Version(2)).await.expect("its own version is the one to state");
    commit(unit).await;
    assert_eq!(find(storage, 2).await.expect("is there").key, changed);
    assert_eq!(listed(storage.reader(), account(), &all(), 25).await, [3, 2]);
}

/// Nobody may act on what can still be undone.
pub async fn nobody_else_sees_writes_before_the_commit(storage: &dyn Storage) {
    let before = [named(2, "b"), named(1, "a")];
    insert(storage, before.clone()).await;
    let mut unit = begin(storage).await;
    unit.insert_api_key(account(), named(3, "c"), None).await.expect("inserts");
    assert!(unit.delete_api_key(account(), &nth_id(1)).await.expect("deletes"));
    let mut changed = key(2).key;
    fill(&mut changed);
    changed.version = Version(2);
    unit.update_api_key(account(), &changed, Version::FIRST).await.expect("updates");
    assert_untouched_by(storage, &before).await;
    commit(unit).await;
    assert_eq!(listed(storage.reader(), account(), &all(), 25).await, [3, 2]);
    assert_eq!(find(storage, 2).await.expect("is there").key, changed);
}

/// The operator's bound holds exactly.
pub async fn an_insert_beyond_the_limit_is_refused(storage: &dyn Storage) {
    let mut unit = begin(storage).await;
    unit.insert_api_key(account(), key(1), Some(2)).await.expect("one of two");
    unit.insert_api_key(account(), key(2), Some(2)).await.expect("two of two");
    commit(unit).await;
    let refused = begin(storage).await.insert_api_key(account(), key(3), Some(2)).await;
    assert!(matches!(refused, Err(StorageError::LimitReached(Entity::ApiKey))), "{refused:?}");
    let refused = begin(storage).await.insert_api_key(account(), key(3), Some(0)).await;
    assert!(matches!(refused, Err(StorageError::LimitReached(Entity::ApiKey))), "{refused:?}");
    assert_untouched_by(storage, &[key(2), key(1)]).await;
    insert(storage, [key(3)]).await;
}

/// The bound is on keys that are there, not on keys ever made.
pub async fn a_delete_makes_room_under_the_limit(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    assert!(delete(storage, 1).await);
    let mut unit = begin(storage).await;
    unit.insert_api_key(account(), key(2), Some(1)).await.expect("there is room for one");
    commit(unit).await;
    assert_eq!(listed(storage.reader(), account(), &all(), 25).await, [2]);
}

/// Accounts choose values and ids without knowing of each other.
pub async fn one_value_and_one_id_may_be_used_in_two_accounts(storage: &dyn Storage) {
    insert(storage, [named(1, "mine")]).await;
    let mut unit = begin(storage).await;
    unit.insert_api_key(other_account(), named(1, "theirs"), None).await.expect("another account");
    commit(unit).await;
    let theirs = storage.reader().find_api_key(other_account(), &nth_id(1)).await.expect("finds");
    assert_eq!(theirs, Some(as_stored(&named(1, "theirs"))));
    assert_eq!(find(storage, 1).await, Some(as_stored(&named(1, "mine"))));
}

/// What an account cannot see it cannot leak.
pub async fn look_ups_do_not_see_other_accounts(storage: &dyn Storage) {
    let mut new = named(1, "name");
    new.key.customer_id = customer("customer");
    insert(storage, [new]).await;
    let unit = begin(storage).await;
    let reader = storage.reader();
    assert_eq!(reader.find_api_key(other_account(), &nth_id(1)).await.expect("finds"), None);
    assert_eq!(unit.find_api_key(other_account(), &nth_id(1)).await.expect("finds"), None);
    assert_eq!(reader.count_api_keys(other_account()).await.expect("counts"), 0);
    assert_eq!(with_digests(reader, other_account(), &[1]).await, [None]);
    let mut both = prefixed("na");
    both.customer_id = customer("customer");
    for filter in [all(), prefixed("na"), prefixed(""), of_customer("customer"), both] {
        assert_eq!(listed(reader, other_account(), &filter, 25).await, [0_u32; 0]);
        assert_eq!(listed(&*unit, other_account(), &filter, 25).await, [0_u32; 0]);
        assert_eq!(listed(reader, account(), &filter, 25).await, [1]);
    }
}

/// Nor can it change it.
pub async fn writes_do_not_reach_other_accounts(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    let mut unit = begin(storage).await;
    assert!(!unit.delete_api_key(other_account(), &nth_id(1)).await.expect("answers"));
    commit(unit).await;
    let refused =
        begin(storage).await.update_api_key(other_account(), &named(1, "stolen").key, Version::FIRST).await;
    assert!(matches!(refused, Err(StorageError::Stale(Entity::ApiKey))), "{refused:?}");
    assert_untouched_by(storage, &[key(1)]).await;
}

/// One account's keys do not use up another's bound.
pub async fn the_limit_of_an_account_does_not_count_others(storage: &dyn Storage) {
    insert(storage, (0..5).map(key)).await;
    let mut unit = begin(storage).await;
    unit.insert_api_key(other_account(), key(1), Some(1)).await.expect("the account has none yet");
    commit(unit).await;
    assert_eq!(storage.reader().count_api_keys(other_account()).await.expect("counts"), 1);
}

/// An import is checked against the limit before it begins by the values that are known, and a repeated one is
/// answered by them, in the order of its rows.
pub async fn ids_are_found_by_digest_in_the_order_asked(storage: &dyn Storage) {
    insert(storage, (0..50).map(key)).await;
    let many: Vec<u32> = (25..10_000).rev().collect();
    let found = with_digests(storage.reader(), account(), &many).await;
    let expected: Vec<_> = many.iter().map(|n| (*n < 50).then(|| nth_id(*n))).collect();
    assert_eq!(found, expected);
    let repeated = with_digests(storage.reader(), account(), &[7, 99, 7]).await;
    assert_eq!(repeated, [Some(nth_id(7)), None, Some(nth_id(7))]);
    assert_eq!(with_digests(storage.reader(), account(), &[]).await, []);
}

async fn update(storage: &dyn Storage, key: &ApiKey, expected: Version) -> Result<(), StorageError> {
    let mut unit = begin(storage).await;
    unit.update_api_key(account(), key, expected).await?;
    unit.commit().await
}

async fn delete(storage: &dyn Storage, n: u32) -> bool {
    let mut unit = begin(storage).await;
    let was_there = unit.delete_api_key(account(), &nth_id(n)).await.expect("a delete answers");
    commit(unit).await;
    was_there
}

/// Every read of the account answers by exactly these keys, the newest first, out of samples 1 to 3.
async fn assert_untouched_by(storage: &dyn Storage, keys: &[crate::NewApiKey]) {
    let reader = storage.reader();
    for n in 1..=3 {
        let expected = keys.iter().find(|new| new.key.id == nth_id(n)).map(as_stored);
        assert_eq!(find(storage, n).await, expected);
        let known = with_digests(reader, account(), &[n]).await;
        assert_eq!(known, [expected.is_some().then(|| nth_id(n))]);
    }
    let numbers: Vec<u32> = keys.iter().map(|new| number(&new.key.id)).collect();
    assert_eq!(listed(reader, account(), &all(), 1).await, numbers);
    let with_name: Vec<u32> =
        keys.iter().filter(|new| new.key.name.is_some()).map(|new| number(&new.key.id)).collect();
    assert_eq!(listed(reader, account(), &prefixed(""), 1).await, with_name);
    assert_eq!(reader.count_api_keys(account()).await.expect("counts"), keys.len() as u64);
}
