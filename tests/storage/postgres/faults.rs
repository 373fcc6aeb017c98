//! Calls that are left, kept waiting or cut off, and rows that nobody of ours wrote.

use super::samples::{account, connection, id, insert, key};
use super::storage;
use gatepost_storage::{Storage, StorageError};
use gatepost_storage_postgres::{PostgresOptions, PostgresStorage};
use sqlx::{Connection as _, Executor as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(5);
/// Ends every connection to the database.
const CUT: &str = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";

/// A client that hangs up drops the future of its request, at any point of it.
#[tokio::test(flavor = "multi_thread")]
async fn units_that_are_dropped_within_a_call_leave_the_pool_healthy() {
    let opened = storage().await;
    let options =
        PostgresOptions { connections: 2, migrate: false, ..PostgresOptions::new(opened.database.url()) };
    let storage = Arc::new(PostgresStorage::connect(options).await.unwrap());
    for n in 0..200_u64 {
        let storage = Arc::clone(&storage);
        let working = async move {
            let mut unit = storage.begin().await.unwrap();
            unit.insert_api_key(account(), key(1), None).await.unwrap();
            unit.find_api_key(account(), &id(1)).await.unwrap();
            unit.insert_api_key(account(), key(2), None).await.unwrap();
        };
        let _ = tokio::time::timeout(Duration::from_micros(n * 20), working).await;
    }
    insert(&*storage, 3).await;
    assert_eq!(storage.reader().count_api_keys(account()).await.unwrap(), 1);
    let mut beside = connection(&opened.database).await;
    let left = "SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    let begun = Instant::now();
    while sqlx::query_scalar::<_, i64>(left).fetch_one(&mut beside).await.unwrap() > 0 {
        assert!(begun.elapsed() < DEADLINE, "a transaction was left open");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_held_for_long_ends_in_unavailable() {
    let storage = storage().await;
    insert(&*storage, 1).await;
    let mut holder = connection(&storage.database).await;
    let mut holding = holder.begin().await.unwrap();
    holding.execute("LOCK TABLE api_key IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let begun = Instant::now();
    let mut unit = storage.begin().await.unwrap();
    let mut writer = storage.writer();
    let single = key(3);
    let (read, written, within) = tokio::join!(
        storage.reader().find_api_key(account(), &single.key.id),
        writer.insert_api_key(account(), key(2), None),
        unit.delete_api_key(account(), &single.key.id)
    );
    assert!(begun.elapsed() < DEADLINE, "{:?}", begun.elapsed());
    assert!(matches!(read, Err(StorageError::Unavailable(_))), "{read:?}");
    assert!(matches!(written, Err(StorageError::Unavailable(_))), "{written:?}");
    assert!(matches!(within, Err(StorageError::Unavailable(_))), "{within:?}");
    holding.rollback().await.unwrap();
    insert(&*storage, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_were_cut_are_made_anew() {
    let storage = storage().await;
    for round in 0..3 {
        for n in 0..10 {
            insert(&*storage, round * 10 + n).await;
        }
        storage.sql(CUT).await;
        // The first call may have to find out.
        let _ = storage.probe().await;
        storage.probe().await.unwrap();
    }
    assert_eq!(storage.reader().count_api_keys(account()).await.unwrap(), 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_becomes_read_only_is_unavailable_until_it_is_not() {
    let storage = storage().await;
    insert(&*storage, 1).await;
    let set = |value: &'static str| {
        let storage = &storage;
        async move {
            let mut connection = connection(&storage.database).await;
            connection.execute("SET default_transaction_read_only = off").await.unwrap();
            let alter = format!(
                "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = {value}', \
                 current_database()); END $$"
            );
            connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(alter))).await.unwrap();
            storage.sql(CUT).await;
            let _ = storage.probe().await;
        }
    };
    set("on").await;
    let refused = storage.writer().insert_api_key(account(), key(2), None).await;
    assert!(matches!(refused, Err(StorageError::Unavailable(_))), "{refused:?}");
    assert!(matches!(storage.probe().await, Err(StorageError::Unavailable(_))));
    storage.reader().find_api_key(account(), &id(1)).await.unwrap().unwrap();
    set("off").await;
    insert(&*storage, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_row_is_named_by_table_column_and_the_beginning_of_its_id() {
    let storage = storage().await;
    for (column, damage) in [
        ("name", "UPDATE api_key SET name = repeat('x', 2000)"),
        ("stage_keys", "UPDATE api_key SET stage_keys = '{no stage}'"),
        ("labels", "UPDATE api_key SET labels = '{\"\"}'"),
        ("tags", "UPDATE api_key SET tags = '{odd}'"),
        ("version", "UPDATE api_key SET version = -1"),
    ] {
        insert(&*storage, 1).await;
        storage.sql(damage).await;
        let error = storage.reader().find_api_key(account(), &id(1)).await.unwrap_err();
        let StorageError::Corrupt(place) = &error else { panic!("{error:?}") };
        assert_eq!(place, &format!("table api_key, account 000000000001, id key0..., column {column}"));
        storage.writer().delete_api_key(account(), &id(1)).await.unwrap();
    }
}
