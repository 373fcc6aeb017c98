//! Calls that are left, kept waiting or cut off, and rows that nobody of ours wrote.

use super::samples::{account, connection, id, insert, key};
use super::storage;
use gatepost_storage::{Incarnation, News, Storage, StorageError};
use gatepost_storage_postgres::{OpenError, PostgresOptions, PostgresStorage};
use integration_tests::database::PostgresServer;
use integration_tests::proxy::Proxy;
use sqlx::{Connection as _, Executor as _};
use std::path::Path;
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

#[tokio::test(flavor = "multi_thread")]
async fn writers_that_wait_for_locks_leave_connections_to_reads_probes_and_beats() {
    let storage = Arc::new(storage().await);
    insert(&**storage, 1).await;
    let mut holder = connection(&storage.database).await;
    let mut holding = holder.begin().await.unwrap();
    holding.execute("SELECT FROM api_key FOR UPDATE").await.unwrap();
    let waiting: Vec<_> = (0..40)
        .map(|n| {
            let storage = Arc::clone(&storage);
            tokio::spawn(async move {
                if n % 2 == 0 {
                    let _ = storage.writer().delete_api_key(account(), &id(1)).await;
                } else {
                    let _ = storage.begin().await.unwrap().delete_api_key(account(), &id(1)).await;
                }
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let begun = Instant::now();
    storage.reader().find_api_key(account(), &id(1)).await.unwrap().unwrap();
    storage.probe().await.unwrap();
    storage.replicas().beat(Incarnation([1; 16]), Duration::from_secs(10)).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    holding.rollback().await.unwrap();
    for waiting in waiting {
        waiting.await.unwrap();
    }
}

/// A machine that vanished resets no connection: the first that is asked in vain speaks for all.
#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_to_a_machine_that_vanished_are_given_up_together() {
    let opened = storage().await;
    let (proxy, through) = Proxy::in_front_of(opened.database.url());
    let options = PostgresOptions {
        listen_url: Some(opened.database.url().to_owned()),
        migrate: false,
        ..PostgresOptions::new(through)
    };
    let storage = Arc::new(PostgresStorage::connect(options).await.unwrap());
    let reads: Vec<_> = (0..64)
        .map(|_| {
            let storage = Arc::clone(&storage);
            tokio::spawn(async move { storage.reader().find_api_key(account(), &id(1)).await.unwrap() })
        })
        .collect();
    for read in reads {
        read.await.unwrap();
    }
    let idle = proxy.open();
    assert!(idle > 4, "{idle}");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    proxy.stall();
    let begun = Instant::now();
    let lost = storage.probe().await;
    assert!(matches!(lost, Err(StorageError::Unavailable(_))), "{lost:?}");
    assert!(begun.elapsed() < DEADLINE, "{:?}", begun.elapsed());
    proxy.flow();
    let begun = Instant::now();
    while proxy.open() > 2 {
        assert!(begun.elapsed() < DEADLINE, "{} of {idle} connections are kept", proxy.open());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    storage.probe().await.unwrap();
}

/// A failed-over primary comes back as a standby, at its old address.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_became_a_standby_is_unavailable_until_it_is_promoted() {
    let mut server = PostgresServer::start_own().await;
    let storage = PostgresStorage::connect(PostgresOptions::new(server.url("postgres"))).await.unwrap();
    insert(&storage, 1).await;
    let mut feed = storage.changes(storage.snapshot().await.unwrap().cursor()).await.unwrap();
    let mut admin = sqlx::PgConnection::connect(&server.url("postgres")).await.unwrap();
    let folder: String = sqlx::query_scalar("SHOW data_directory").fetch_one(&mut admin).await.unwrap();
    if !Path::new(&folder).is_dir() {
        return; // It runs in a container, whose files are not here.
    }
    server.stop();
    std::fs::write(Path::new(&folder).join("standby.signal"), "").unwrap();
    server.start().await;
    // The first call may have to find out that the connections are gone.
    let _ = storage.probe().await;
    let probed = storage.probe().await;
    assert!(matches!(probed, Err(StorageError::Unavailable(_))), "{probed:?}");
    let written = storage.writer().insert_api_key(account(), key(2), None).await;
    assert!(matches!(written, Err(StorageError::Unavailable(_))), "{written:?}");
    let read = storage.reader().find_api_key(account(), &id(1)).await;
    assert!(matches!(read, Err(StorageError::Unavailable(_))), "{read:?}");
    let begun = storage.begin().await.unwrap().delete_api_key(account(), &id(1)).await;
    assert!(matches!(begun, Err(StorageError::Unavailable(_))), "{begun:?}");
    for _ in 0..2 {
        let news = feed.next(Duration::ZERO).await;
        assert!(matches!(news, Err(StorageError::Unavailable(_))), "{news:?}");
    }
    let refused = PostgresStorage::connect(PostgresOptions::new(server.url("postgres"))).await.map(drop);
    assert!(matches!(refused, Err(OpenError::ReadOnly)), "{refused:?}");
    let mut admin = sqlx::PgConnection::connect(&server.url("postgres")).await.unwrap();
    let promoted: bool = sqlx::query_scalar("SELECT pg_promote()").fetch_one(&mut admin).await.unwrap();
    assert!(promoted);
    insert(&storage, 2).await;
    assert_eq!(feed.next(Duration::ZERO).await.unwrap(), News::Resync);
}
