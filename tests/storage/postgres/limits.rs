//! The bound of an account, which several replicas run up against at once.

use super::samples::{account, id, insert, key, row};
use super::storage;
use gatepost_storage::{Entity, Storage, StorageError};
use std::sync::Arc;

const MOST: u64 = 100;

#[tokio::test(flavor = "multi_thread")]
async fn an_account_never_passes_its_limit_under_eight_inserters() {
    let storage = Arc::new(storage().await);
    for n in 0..30 {
        insert(&**storage, n).await;
    }
    let other = Arc::new(storage.replica().await);
    let inserters: Vec<_> = (1..=8_u32)
        .map(|inserter| {
            let (storage, other) = (Arc::clone(&storage), Arc::clone(&other));
            tokio::spawn(async move {
                let mut inserted = 0;
                for n in 0..40 {
                    let new = key(inserter * 1_000 + n);
                    let answer = if inserter % 2 == 0 {
                        storage.writer().insert_api_key(account(), new, Some(MOST)).await
                    } else {
                        other.writer().insert_api_key(account(), new, Some(MOST)).await
                    };
                    match answer {
                        Ok(()) => inserted += 1,
                        Err(error) => {
                            assert!(matches!(error, StorageError::LimitReached(Entity::ApiKey)), "{error}");
                        }
                    }
                }
                inserted
            })
        })
        .collect();
    let mut inserted = 0;
    for inserter in inserters {
        inserted += inserter.await.unwrap();
    }
    assert_eq!(inserted, MOST - 30);
    assert_eq!(rows_of(&storage).await, 100);
    assert_eq!(storage.reader().count_api_keys(account()).await.unwrap(), 100);
}

async fn rows_of(storage: &super::Opened) -> i64 {
    let mut connection = super::samples::connection(&storage.database).await;
    sqlx::query_scalar("SELECT count(*) FROM api_key WHERE account = 1")
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

/// The first count is taken while others write without a limit: neither may miss the other.
#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_written_while_the_count_begins_are_counted() {
    let storage = Arc::new(storage().await);
    let mut open = storage.begin().await.unwrap();
    open.insert_api_key(account(), key(500), None).await.unwrap();
    let bounded = {
        let storage = Arc::clone(&storage);
        tokio::spawn(async move { storage.writer().insert_api_key(account(), key(1), Some(MOST)).await })
    };
    let unbounded: Vec<_> = (2..6)
        .map(|n| {
            let storage = Arc::clone(&storage);
            tokio::spawn(async move { insert(&**storage, n).await })
        })
        .collect();
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    open.insert_api_key(account(), key(501), None).await.unwrap();
    open.commit().await.unwrap();
    bounded.await.unwrap().unwrap();
    for inserter in unbounded {
        inserter.await.unwrap();
    }
    assert_eq!(storage.reader().count_api_keys(account()).await.unwrap(), 7);
    assert_eq!(rows_of(&storage).await, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_count_follows_every_kind_of_write() {
    let storage = storage().await;
    let count = || async { storage.reader().count_api_keys(account()).await.unwrap() };
    storage.writer().insert_api_key(account(), key(1), Some(MOST)).await.unwrap();
    insert(&*storage, 2).await;
    storage
        .writer()
        .import_api_keys(account(), vec![row(1, 1), row(3, 3), row(4, 4), row(4, 4)], None, 10)
        .await
        .unwrap();
    assert_eq!(count().await, 4);
    storage.writer().restore_api_keys(account(), vec![key(4), key(5), key(6)], None).await.unwrap();
    assert_eq!(count().await, 6);
    storage.writer().delete_api_key(account(), &id(1)).await.unwrap();
    storage.writer().delete_api_key(account(), &id(1)).await.unwrap();
    assert_eq!(count().await, 5);
    let mut unit = storage.begin().await.unwrap();
    unit.insert_api_key(account(), key(7), None).await.unwrap();
    assert_eq!(unit.count_api_keys(account()).await.unwrap(), 6);
    drop(unit);
    assert_eq!(count().await, 5);
    assert_eq!(rows_of(&storage).await, 5);
    let refused = storage.writer().import_api_keys(account(), vec![row(8, 8), row(9, 9)], Some(6), 10).await;
    assert!(matches!(refused, Err(StorageError::LimitReached(Entity::ApiKey))));
    assert_eq!(count().await, 5);
}

/// Each would hold what the other wants: the count, and a key.
#[tokio::test(flavor = "multi_thread")]
async fn single_writes_beside_a_unit_that_imports_their_keys_wait_for_it_and_spoil_nothing() {
    let storage = Arc::new(storage().await);
    storage.writer().insert_api_key(account(), key(3), Some(MOST)).await.unwrap();
    let mut unit = storage.begin().await.unwrap();
    unit.import_api_keys(account(), vec![row(1, 1), row(2, 2)], None, 10).await.unwrap();
    let deleting = {
        let storage = Arc::clone(&storage);
        tokio::spawn(async move { storage.writer().delete_api_key(account(), &id(3)).await })
    };
    let inserting = {
        let storage = Arc::clone(&storage);
        tokio::spawn(async move { storage.writer().insert_api_key(account(), key(4), None).await })
    };
    // Longer than `deadlock_timeout`, so that of a circle it is the unit that would be undone.
    tokio::time::sleep(std::time::Duration::from_millis(1_300)).await;
    unit.import_api_keys(account(), vec![row(3, 3), row(4, 4)], None, 10).await.unwrap();
    unit.commit().await.unwrap();
    assert!(deleting.await.unwrap().unwrap());
    let inserted = inserting.await.unwrap();
    assert!(matches!(inserted, Err(StorageError::AlreadyExists(Entity::ApiKeyValue))), "{inserted:?}");
    assert_eq!(storage.reader().count_api_keys(account()).await.unwrap(), 3);
    assert_eq!(rows_of(&storage).await, 3);
}
