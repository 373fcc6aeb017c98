//! Imports that meet.

use super::samples::{account, connection, id, insert, key, row};
use super::storage;
use gatepost_domain::{AccountId, Version};
use gatepost_storage::{ImportedApiKey, RowOutcome, Storage, StorageError};
use std::sync::Arc;
use std::time::Duration;

fn ids(outcomes: Result<Vec<RowOutcome>, StorageError>) -> Vec<String> {
    let one = |outcome| match outcome {
        RowOutcome::Stored { id, .. } => id.to_string(),
        RowOutcome::IdTaken(row) => panic!("the id of row {} is taken", row.row),
    };
    outcomes.unwrap().into_iter().map(one).collect()
}

/// Two replicas get one file: each locks what the other wants, unless both go by the same order.
#[tokio::test(flavor = "multi_thread")]
async fn two_imports_of_the_same_rows_in_opposite_order_answer_the_same_ids() {
    let storage = storage().await;
    let other = storage.replica().await;
    for round in 0..6_u32 {
        let first = round * 1_000;
        let forwards: Vec<ImportedApiKey> = (first..first + 2_000).map(|n| row(n, n)).collect();
        let backwards: Vec<ImportedApiKey> =
            (first..first + 2_000).rev().map(|n| row(n, 1_000_000 + n)).collect();
        let (mut one, mut two) = (storage.writer(), other.writer());
        let (one, two) = tokio::join!(
            one.import_api_keys(account(), forwards, None, 10),
            two.import_api_keys(account(), backwards, None, 10)
        );
        let mut two = ids(two);
        two.reverse();
        assert_eq!(ids(one), two);
    }
    assert_eq!(storage.reader().count_api_keys(account()).await.unwrap(), 7_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_another_key_has_spoils_no_other_row() {
    let storage = storage().await;
    insert(&*storage, 1).await;
    // The value of key 1 under any id; a new value under the id of key 1; two new values under one id; a new one.
    let rows = vec![row(1, 9), row(2, 1), row(3, 3), row(4, 3), row(5, 5)];
    let outcomes = storage.writer().import_api_keys(account(), rows, None, 10).await.unwrap();
    let outcomes: Vec<Result<String, u64>> = outcomes
        .into_iter()
        .map(|outcome| match outcome {
            RowOutcome::Stored { id, .. } => Ok(id.to_string()),
            RowOutcome::IdTaken(row) => Err(row.row),
        })
        .collect();
    let stored = |n: u32| Ok(id(n).to_string());
    assert_eq!(outcomes, [stored(1), Err(3), stored(3), Err(5), stored(5)]);
    let changed = storage.reader().find_api_key(account(), &id(1)).await.unwrap().unwrap();
    assert_eq!(changed.key.version, Version(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_id_leaves_the_unit_of_an_import_usable() {
    let storage = storage().await;
    insert(&*storage, 1).await;
    let mut unit = storage.begin().await.unwrap();
    assert_eq!(ids(unit.import_api_keys(account(), vec![row(7, 7)], None, 10).await), [id(7).to_string()]);
    let outcomes = unit.import_api_keys(account(), vec![row(2, 1)], None, 10).await.unwrap();
    assert!(matches!(&outcomes[..], [RowOutcome::IdTaken(_)]));
    assert_eq!(ids(unit.import_api_keys(account(), vec![row(2, 2)], None, 10).await), [id(2).to_string()]);
    unit.commit().await.unwrap();
    assert_eq!(storage.reader().count_api_keys(account()).await.unwrap(), 3);
}

/// A single write beside an import of the same keys waits for it, or goes first.
#[tokio::test(flavor = "multi_thread")]
async fn single_writes_beside_an_import_of_their_keys_are_kept() {
    let storage = storage().await;
    let rows = || (0..3_000).map(|n| row(n, n)).collect::<Vec<_>>();
    storage.writer().import_api_keys(account(), rows(), None, 10).await.unwrap();
    let importing = async {
        for _ in 0..5 {
            storage.writer().import_api_keys(account(), rows(), None, 10).await.unwrap();
        }
    };
    let updating = async {
        let mut updates = 0;
        for n in (0..3_000).step_by(100) {
            let mut key = storage.reader().find_api_key(account(), &id(n)).await.unwrap().unwrap().key;
            let read = key.version;
            key.version = read.next();
            key.enabled = false;
            match storage.writer().update_api_key(account(), &key, read).await {
                Ok(()) => updates += 1,
                Err(error) => assert!(matches!(error, StorageError::Stale(_)), "{error}"),
            }
        }
        updates
    };
    let ((), updates) = tokio::join!(importing, updating);
    let mut versions = 0;
    for n in 0..3_000 {
        versions += storage.reader().find_api_key(account(), &id(n)).await.unwrap().unwrap().key.version.0;
    }
    assert_eq!(versions, 3_000 * 6 + updates);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_inserted_and_imported_at_once_is_one_key() {
    let storage = storage().await;
    for n in 0..50 {
        let (mut one, mut two) = (storage.writer(), storage.writer());
        let (inserted, imported) = tokio::join!(
            one.insert_api_key(account(), key(n), None),
            two.import_api_keys(account(), vec![row(n, 1_000 + n)], None, 10)
        );
        let expected = if inserted.is_ok() { id(n) } else { id(1_000 + n) };
        assert_eq!(ids(imported), [expected.to_string()]);
    }
    assert_eq!(storage.reader().count_api_keys(account()).await.unwrap(), 50);
}

/// Whoever waits for a turn waits here, not on a connection each.
#[tokio::test(flavor = "multi_thread")]
async fn turns_that_are_waited_for_open_few_connections() {
    let storage = Arc::new(storage().await);
    let held = storage.replica().await.import_turn(account(), Duration::ZERO).await.unwrap().unwrap();
    let turn = |number, patience| {
        let storage = Arc::clone(&storage);
        let account = AccountId::from_number(number).unwrap();
        tokio::spawn(async move { storage.import_turn(account, patience).await.unwrap() })
    };
    // The others give up first: none of them may get the place of the one that waits on the server.
    let [long, short] = [3_000, 2_000].map(Duration::from_millis);
    let same: Vec<_> = (0..20).map(|_| turn(account().number(), long)).collect();
    let others: Vec<_> = (100..120).map(|number| turn(number, short)).collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut beside = connection(&storage.database).await;
    let turns = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND query LIKE 'SELECT pg_advisory_xact_lock(%'";
    let turns: i64 = sqlx::query_scalar(turns).fetch_one(&mut beside).await.unwrap();
    assert!((2..=9).contains(&turns), "{turns} connections");
    for turn in same {
        assert!(turn.await.unwrap().is_none());
    }
    let mut had = Vec::new();
    for turn in others {
        had.push(turn.await.unwrap());
    }
    assert_eq!(had.iter().flatten().count(), 7);
    drop((held, had));
    assert!(storage.import_turn(account(), Duration::from_secs(2)).await.unwrap().is_some());
}

/// Statistics end what autovacuum is doing, so they are for imports that change them.
#[tokio::test(flavor = "multi_thread")]
async fn a_small_import_makes_no_statistics_and_large_ones_do() {
    let storage = storage().await;
    let mut beside = connection(&storage.database).await;
    for (rows, analyzed) in [(0..10, false), (10..6_000, false), (6_000..12_000, true)] {
        let rows: Vec<_> = rows.map(|n| row(n, n)).collect();
        storage.writer().import_api_keys(account(), rows, None, 10).await.unwrap();
        storage.settle_after_import().await.unwrap();
        let known = "SELECT EXISTS (SELECT FROM pg_stats WHERE tablename = 'api_key')";
        let known: bool = sqlx::query_scalar(known).fetch_one(&mut beside).await.unwrap();
        assert_eq!(known, analyzed);
    }
}
