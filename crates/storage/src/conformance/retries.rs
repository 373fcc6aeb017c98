//! The memory of first answers.

use super::samples::*;
use crate::{Entity, FirstAnswer, Keep, NewApiKey, NewUsagePlan, RetryToken, Storage, StorageError};
use futures_util::future;
use std::time::Duration;

fn token(n: u8) -> RetryToken {
    RetryToken([n; 32])
}

fn remembered(n: u32, by: u8) -> NewApiKey {
    NewApiKey { retry: Some(token(by)), ..key(n) }
}

fn remembered_plan(n: u32, by: u8) -> NewUsagePlan {
    NewUsagePlan { retry: Some(token(by)), ..new_plan(&plan(n, &[])) }
}

async fn recall(storage: &dyn Storage, n: u8) -> Option<FirstAnswer> {
    storage.reader().recall(account(), &token(n)).await.expect("answers")
}

/// The retry of a request whose answer was lost gets the key that the first one made.
pub async fn a_made_key_is_remembered_by_its_token(storage: &dyn Storage) {
    assert_eq!(recall(storage, 1).await, None);
    insert(storage, [remembered(1, 1)]).await;
    storage.writer().insert_api_key(account(), remembered(2, 2), None).await.expect("inserts");
    assert_eq!(recall(storage, 1).await, Some(FirstAnswer::ApiKey(nth_id(1))));
    assert_eq!(recall(storage, 2).await, Some(FirstAnswer::ApiKey(nth_id(2))));
    assert_eq!(recall(storage, 3).await, None);
}

/// A retry carries the value of its first request, and may carry the id: that it is a retry must come first.
pub async fn a_repeated_token_is_refused_before_the_value_and_the_id(storage: &dyn Storage) {
    insert(storage, [remembered(1, 1)]).await;
    for new in [remembered(1, 1), remembered(2, 1)] {
        let mut unit = begin(storage).await;
        let refused = unit.insert_api_key(account(), new.clone(), None).await;
        assert!(matches!(refused, Err(StorageError::AlreadyExists(Entity::Retry))), "{refused:?}");
        let recalled = unit.recall(account(), &token(1)).await.expect("the unit goes on");
        assert_eq!(recalled, Some(FirstAnswer::ApiKey(nth_id(1))));
        drop(unit);
        let refused = storage.writer().insert_api_key(account(), new, None).await;
        assert!(matches!(refused, Err(StorageError::AlreadyExists(Entity::Retry))), "{refused:?}");
    }
    assert_eq!(listed(storage.reader(), account(), &all(), 25).await, [1]);
}

/// What was not done must be done again.
pub async fn a_dropped_insert_is_not_remembered(storage: &dyn Storage) {
    let mut unit = begin(storage).await;
    unit.insert_api_key(account(), remembered(1, 1), None).await.expect("inserts");
    let own = unit.recall(account(), &token(1)).await.expect("answers");
    assert_eq!(own, Some(FirstAnswer::ApiKey(nth_id(1))));
    assert_eq!(recall(storage, 1).await, None);
    drop(unit);
    assert_eq!(recall(storage, 1).await, None);
    insert(storage, [remembered(1, 1)]).await;
}

/// The same, where the storage refused.
pub async fn a_refused_insert_is_not_remembered(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    let refused = storage.writer().insert_api_key(account(), remembered(1, 1), None).await;
    assert!(matches!(refused, Err(StorageError::AlreadyExists(Entity::ApiKeyValue))), "{refused:?}");
    let refused = storage.writer().insert_api_key(account(), remembered(2, 1), Some(1)).await;
    assert!(matches!(refused, Err(StorageError::LimitReached(Entity::ApiKey))), "{refused:?}");
    let mut unit = begin(storage).await;
    let refused = unit.insert_api_key(account(), remembered(1, 2), None).await;
    assert!(matches!(refused, Err(StorageError::AlreadyExists(Entity::ApiKeyValue))), "{refused:?}");
    unit.insert_api_key(account(), remembered(2, 3), None).await.expect("the unit goes on");
    commit(unit).await;
    assert_eq!((recall(storage, 1).await, recall(storage, 2).await), (None, None));
    assert_eq!(recall(storage, 3).await, Some(FirstAnswer::ApiKey(nth_id(2))));
}

/// A caller may give up waiting and ask again while the first request still runs.
pub async fn of_two_inserts_with_one_token_one_wins(storage: &dyn Storage) {
    let writes = (0..8)
        .map(|n| async move { storage.writer().insert_api_key(account(), remembered(n, 1), None).await });
    let outcomes = future::join_all(writes).await;
    let stored: Vec<u32> =
        (0..8).zip(&outcomes).filter(|(_, outcome)| outcome.is_ok()).map(|(n, _)| n).collect();
    assert_eq!(stored.len(), 1, "{outcomes:?}");
    for refused in outcomes.iter().filter(|outcome| outcome.is_err()) {
        assert!(matches!(refused, Err(StorageError::AlreadyExists(Entity::Retry))), "{refused:?}");
    }
    assert_eq!(recall(storage, 1).await, Some(FirstAnswer::ApiKey(nth_id(stored[0]))));
}

/// A file that was imported is not imported again over what has changed since.
pub async fn an_import_is_remembered(storage: &dyn Storage) {
    let mut unit = begin(storage).await;
    unit.import_api_keys(account(), vec![row(1)], None, MOST_PLANS).await.expect("imports");
    unit.remember_import(account(), &token(1)).await.expect("remembers");
    assert_eq!(unit.recall(account(), &token(1)).await.expect("answers"), Some(FirstAnswer::Import));
    assert_eq!(recall(storage, 1).await, None);
    commit(unit).await;
    assert_eq!(recall(storage, 1).await, Some(FirstAnswer::Import));
    storage.writer().remember_import(account(), &token(2)).await.expect("remembers");
    storage.writer().remember_import(account(), &token(2)).await.expect("remembers twice");
    assert_eq!(recall(storage, 2).await, Some(FirstAnswer::Import));
    insert(storage, [remembered(2, 3)]).await;
    storage.writer().remember_import(account(), &token(3)).await.expect("answers");
    assert_eq!(recall(storage, 3).await, Some(FirstAnswer::ApiKey(nth_id(2))));
}

/// One customer's request is no answer to another's.
pub async fn tokens_of_accounts_are_apart(storage: &dyn Storage) {
    insert(storage, [remembered(1, 1)]).await;
    assert_eq!(storage.reader().recall(other_account(), &token(1)).await.expect("answers"), None);
    storage.writer().insert_api_key(other_account(), remembered(1, 1), None).await.expect("inserts");
}

/// A late retry of a key that was deleted since must not bring it back.
pub async fn a_token_outlives_its_key(storage: &dyn Storage) {
    insert(storage, [remembered(1, 1)]).await;
    assert!(storage.writer().delete_api_key(account(), &nth_id(1)).await.expect("deletes"));
    assert_eq!(recall(storage, 1).await, Some(FirstAnswer::ApiKey(nth_id(1))));
    let refused = storage.writer().insert_api_key(account(), remembered(1, 1), None).await;
    assert!(matches!(refused, Err(StorageError::AlreadyExists(Entity::Retry))), "{refused:?}");
}

/// The memory is for minutes, not for ever.
pub async fn pruned_tokens_are_forgotten(storage: &dyn Storage) {
    insert(storage, [remembered(1, 1)]).await;
    storage.prune(Keep::default()).await.expect("prunes");
    assert!(recall(storage, 1).await.is_some());
    later(storage).await;
    storage.prune(Keep { retries: Duration::ZERO, ..Keep::default() }).await.expect("prunes");
    assert_eq!(recall(storage, 1).await, None);
    insert(storage, [remembered(2, 1)]).await;
}

/// A plan made twice would be one too many of three hundred.
pub async fn a_made_plan_is_remembered_by_its_token(storage: &dyn Storage) {
    let mut unit = begin(storage).await;
    unit.insert_usage_plan(account(), &remembered_plan(1, 1), None).await.expect("inserts");
    let own = unit.recall(account(), &token(1)).await.expect("answers");
    assert_eq!(own, Some(FirstAnswer::UsagePlan(nth_plan(1))));
    assert_eq!(recall(storage, 1).await, None);
    commit(unit).await;
    storage.writer().insert_usage_plan(account(), &remembered_plan(2, 2), None).await.expect("inserts");
    assert_eq!(recall(storage, 1).await, Some(FirstAnswer::UsagePlan(nth_plan(1))));
    assert_eq!(recall(storage, 2).await, Some(FirstAnswer::UsagePlan(nth_plan(2))));
    assert_eq!(storage.reader().recall(other_account(), &token(1)).await.expect("answers"), None);
}

/// That it is a retry comes before all else that could be wrong with it, for plans as for keys.
pub async fn a_repeated_token_of_a_plan_is_refused_before_its_id(storage: &dyn Storage) {
    insert(storage, [remembered(1, 3)]).await;
    storage.writer().insert_usage_plan(account(), &remembered_plan(1, 1), None).await.expect("inserts");
    for (new, most) in [
        (remembered_plan(1, 1), None),
        (remembered_plan(2, 1), None),
        (remembered_plan(2, 1), Some(1)),
        // A token is one, whatever it was first used for.
        (remembered_plan(2, 3), None),
    ] {
        let mut unit = begin(storage).await;
        let refused = unit.insert_usage_plan(account(), &new, most).await;
        assert!(matches!(refused, Err(StorageError::AlreadyExists(Entity::Retry))), "{refused:?}");
        assert!(unit.recall(account(), &token(1)).await.expect("the unit goes on").is_some());
        drop(unit);
        let refused = storage.writer().insert_usage_plan(account(), &new, most).await;
        assert!(matches!(refused, Err(StorageError::AlreadyExists(Entity::Retry))), "{refused:?}");
    }
    let refused = storage.writer().insert_api_key(account(), remembered(2, 1), None).await;
    assert!(matches!(refused, Err(StorageError::AlreadyExists(Entity::Retry))), "{refused:?}");
    assert_eq!(plans_listed(storage.reader(), account(), None, 25).await, [1]);
}

/// What was not done must be done again.
pub async fn a_plan_that_was_not_made_is_not_remembered(storage: &dyn Storage) {
    insert_plans(storage, [plan(1, &[])]).await;
    let mut unit = begin(storage).await;
    unit.insert_usage_plan(account(), &remembered_plan(2, 1), None).await.expect("inserts");
    drop(unit);
    let refused = storage.writer().insert_usage_plan(account(), &remembered_plan(1, 1), None).await;
    assert!(matches!(refused, Err(StorageError::AlreadyExists(Entity::UsagePlan))), "{refused:?}");
    let refused = storage.writer().insert_usage_plan(account(), &remembered_plan(2, 1), Some(1)).await;
    assert!(matches!(refused, Err(StorageError::LimitReached(Entity::UsagePlan))), "{refused:?}");
    assert_eq!(recall(storage, 1).await, None);
    let mut unit = begin(storage).await;
    let refused = unit.insert_usage_plan(account(), &remembered_plan(1, 2), None).await;
    assert!(matches!(refused, Err(StorageError::AlreadyExists(Entity::UsagePlan))), "{refused:?}");
    unit.insert_usage_plan(account(), &remembered_plan(2, 1), None).await.expect("the unit goes on");
    commit(unit).await;
    assert_eq!(recall(storage, 1).await, Some(FirstAnswer::UsagePlan(nth_plan(2))));
    assert_eq!(recall(storage, 2).await, None);
}

/// A caller may give up waiting and ask again while the first request still runs.
pub async fn of_two_plans_with_one_token_one_is_made(storage: &dyn Storage) {
    let writes = (0..8).map(|n| async move {
        storage.writer().insert_usage_plan(account(), &remembered_plan(n, 1), None).await
    });
    let outcomes = future::join_all(writes).await;
    let made: Vec<u32> =
        (0..8).zip(&outcomes).filter(|(_, outcome)| outcome.is_ok()).map(|(n, _)| n).collect();
    assert_eq!(made.len(), 1, "{outcomes:?}");
    for refused in outcomes.iter().filter(|outcome| outcome.is_err()) {
        assert!(matches!(refused, Err(StorageError::AlreadyExists(Entity::Retry))), "{refused:?}");
    }
    assert_eq!(recall(storage, 1).await, Some(FirstAnswer::UsagePlan(nth_plan(made[0]))));
    assert_eq!(plans_listed(storage.reader(), account(), None, 25).await, made);
}
