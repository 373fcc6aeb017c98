//! Whole keys, brought from another installation.

use super::samples::*;
use crate::{Entity, NewApiKey, Restored, Storage, StorageError};
use gatepost_domain::Version;

fn filled(n: u32) -> NewApiKey {
    let mut new = key(n);
    fill(&mut new.key);
    new.key.updated = at(1_000_000);
    new.key.version = Version(7);
    new
}

async fn restore(storage: &dyn Storage, keys: impl IntoIterator<Item = NewApiKey>) -> Vec<Restored> {
    let mut unit = begin(storage).await;
    let outcomes = unit.restore_api_keys(account(), keys.into_iter().collect(), None).await;
    commit(unit).await;
    outcomes.expect("keys are restored")
}

/// An account that moves must not look younger, or lose what imports and creates cannot set.
pub async fn a_restored_key_is_exactly_as_given(storage: &dyn Storage) {
    let keys = [filled(2), key(1), filled(3)];
    assert_eq!(restore(storage, keys.clone()).await, [Restored::Stored; 3]);
    for new in &keys {
        assert_eq!(find(storage, number(&new.key.id)).await, Some(as_stored(new)));
    }
    assert_eq!(listed(storage.reader(), account(), &all(), 25).await, [3, 2, 1]);
    assert_eq!(listed(storage.reader(), account(), &prefixed("Кл"), 25).await, [3, 2]);
    assert_eq!(storage.reader().count_api_keys(account()).await.expect("counts"), 3);
}

/// A second run of the same file must change nothing, and somebody else's key is not to be overwritten.
pub async fn a_key_that_is_there_stays_as_it_is(storage: &dyn Storage) {
    insert(storage, [key(1), key(2)]).await;
    let mut same_value = filled(3);
    same_value.digest = digest(1);
    let mut same_id = filled(2);
    same_id.digest = digest(9);
    let outcomes = restore(storage, [same_value, filled(1), key(4), same_id]).await;
    let (value, id) = (Restored::Taken(Entity::ApiKeyValue), Restored::Taken(Entity::ApiKey));
    assert_eq!(outcomes, [value, value, Restored::Stored, id]);
    for n in [1, 2, 4] {
        assert_eq!(find(storage, n).await, Some(as_stored(&key(n))));
    }
    assert_eq!(listed(storage.reader(), account(), &all(), 25).await, [4, 2, 1]);
}

/// The same, within one call.
pub async fn of_two_restored_keys_with_one_value_the_first_is_stored(storage: &dyn Storage) {
    let mut same_value = key(2);
    same_value.digest = digest(1);
    let mut same_id = key(1);
    same_id.digest = digest(3);
    let outcomes = restore(storage, [filled(1), same_value, same_id]).await;
    let taken = [Restored::Taken(Entity::ApiKeyValue), Restored::Taken(Entity::ApiKey)];
    assert_eq!(outcomes, [Restored::Stored, taken[0], taken[1]]);
    assert_eq!(find(storage, 1).await, Some(as_stored(&filled(1))));
    assert_eq!(storage.reader().count_api_keys(account()).await.expect("counts"), 1);
}

/// The bound holds however keys come.
pub async fn a_restore_beyond_the_limit_is_refused_whole(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    let mut unit = begin(storage).await;
    let refused = unit.restore_api_keys(account(), vec![key(2), key(3)], Some(2)).await;
    assert!(matches!(refused, Err(StorageError::LimitReached(Entity::ApiKey))), "{refused:?}");
    drop(unit);
    assert_eq!(listed(storage.reader(), account(), &all(), 25).await, [1]);
    let mut unit = begin(storage).await;
    let stored = unit.restore_api_keys(account(), vec![key(1), key(2)], Some(2)).await;
    assert_eq!(stored.expect("there is room"), [Restored::Taken(Entity::ApiKeyValue), Restored::Stored]);
    commit(unit).await;
}

/// A limit that was lowered later keeps new keys out, and is no reason to refuse what adds none.
pub async fn what_adds_no_key_passes_whatever_the_limit(storage: &dyn Storage) {
    insert(storage, [key(1), key(2), key(3)]).await;
    let mut writer = storage.writer();
    assert_eq!(writer.restore_api_keys(account(), vec![], Some(0)).await.expect("adds none"), []);
    let taken = Restored::Taken(Entity::ApiKeyValue);
    let outcomes = writer.restore_api_keys(account(), vec![key(1), key(3)], Some(2)).await;
    assert_eq!(outcomes.expect("adds none"), [taken, taken]);
    assert_eq!(stored(writer.import_api_keys(account(), vec![], Some(0), MOST_PLANS).await), []);
    assert_eq!(
        stored(writer.import_api_keys(account(), vec![row(2)], Some(0), MOST_PLANS).await),
        [nth_id(2)]
    );
    let refused = writer.restore_api_keys(account(), vec![key(1), key(4)], Some(3)).await;
    assert!(matches!(refused, Err(StorageError::LimitReached(Entity::ApiKey))), "{refused:?}");
}

/// All or nothing, as every unit of work.
pub async fn a_dropped_restore_leaves_no_trace(storage: &dyn Storage) {
    let mut unit = begin(storage).await;
    unit.restore_api_keys(account(), (0..2_000).map(key).collect(), None).await.expect("restores");
    drop(unit);
    assert_eq!(storage.reader().count_api_keys(account()).await.expect("counts"), 0);
    assert_eq!(restore(storage, [filled(1)]).await, [Restored::Stored]);
}
