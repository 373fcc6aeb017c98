//! No committed change is ever skipped, and none waits for another.

use super::samples::{account, connection, id, insert, key, row};
use super::{Opened, storage};
use gatepost_domain::Version;
use gatepost_storage::{Change, ChangeFeed, FeedCursor, Keep, News, Storage, StorageError};
use gatepost_storage_postgres::{PostgresOptions, PostgresStorage};
use integration_tests::proxy::Proxy;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(10);

fn change(n: u32) -> Change {
    Change::ApiKey { account: account(), id: id(n), version: Version::FIRST }
}

/// What is told until so many changes have come, sorted.
async fn told(feed: &mut Box<dyn ChangeFeed>, count: usize) -> Vec<Change> {
    let mut told = Vec::new();
    let begun = Instant::now();
    while told.len() < count && begun.elapsed() < LONG {
        match feed.next(Duration::from_secs(1)).await.unwrap() {
            News::Changes(changes) => told.extend(changes),
            News::Resync => panic!("resync after {told:?}"),
        }
    }
    told.sort_by_key(|change| format!("{change:?}"));
    told
}

async fn follow(storage: &impl Storage) -> Box<dyn ChangeFeed> {
    let cursor = storage.snapshot().await.unwrap().cursor();
    storage.changes(cursor).await.unwrap()
}

async fn next(storage: &impl Storage, cursor: FeedCursor) -> News {
    storage.changes(cursor).await.unwrap().next(Duration::ZERO).await.unwrap()
}

async fn clock_goes_on(storage: &Opened) {
    storage
        .sql(
            "CREATE OR REPLACE FUNCTION gatepost_now() RETURNS timestamptz LANGUAGE sql
             AS 'SELECT clock_timestamp() + interval ''2 hours'''",
        )
        .await;
}

/// The order of beginning, writing and committing is never the same for everybody.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_writers_that_commit_out_of_order_both_are_told() {
    let storage = storage().await;
    let mut feed = follow(&*storage).await;
    let mut first = storage.begin().await.unwrap();
    first.insert_api_key(account(), key(1), None).await.unwrap();
    insert(&*storage, 2).await;
    assert_eq!(told(&mut feed, 1).await, [change(2)]);
    first.commit().await.unwrap();
    assert_eq!(told(&mut feed, 1).await, [change(1)]);
    assert_eq!(feed.next(Duration::ZERO).await.unwrap(), News::Changes(Vec::new()));
}

/// A horizon would wait for the slowest; a number would pass it by.
#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_is_slow_between_its_statements_is_told_late_and_holds_nobody_back() {
    let storage = storage().await;
    let mut feed = follow(&*storage).await;
    let mut slow = storage.begin().await.unwrap();
    slow.insert_api_key(account(), key(1), None).await.unwrap();
    for n in 10..30 {
        insert(&*storage, n).await;
        assert_eq!(told(&mut feed, 1).await, [change(n)]);
    }
    slow.insert_api_key(account(), key(2), None).await.unwrap();
    slow.commit().await.unwrap();
    assert_eq!(told(&mut feed, 2).await, [change(1), change(2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_import_holds_back_nobody_elses_change() {
    let storage = storage().await;
    let mut feed = follow(&*storage).await;
    let mut import = storage.begin().await.unwrap();
    for portion in 0..3_u32 {
        let rows =
            (0..1_000).map(|n| row(10_000 + portion * 1_000 + n, 10_000 + portion * 1_000 + n)).collect();
        import.import_api_keys(account(), rows, None, 10).await.unwrap();
        insert(&*storage, portion).await;
        assert_eq!(told(&mut feed, 1).await, [change(portion)]);
    }
    import.commit().await.unwrap();
    let imports = told(&mut feed, 3).await;
    assert!(imports.iter().all(|change| matches!(change, Change::Import { .. })), "{imports:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_loses_its_connection_fails_once_and_goes_on() {
    let storage = storage().await;
    let mut feed = follow(&*storage).await;
    insert(&*storage, 1).await;
    assert_eq!(told(&mut feed, 1).await, [change(1)]);
    storage
        .sql(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
             WHERE datname = current_database() AND query LIKE '-- What has been committed since%' AND pid <> pg_backend_pid()",
        )
        .await;
    insert(&storage.replica().await, 2).await;
    let failed = feed.next(Duration::ZERO).await;
    assert!(matches!(failed, Err(StorageError::Unavailable(_))), "{failed:?}");
    assert_eq!(told(&mut feed, 1).await, [change(2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_position_is_good_after_a_restart() {
    let storage = storage().await;
    let mut feed = follow(&*storage).await;
    insert(&*storage, 1).await;
    assert_eq!(told(&mut feed, 1).await, [change(1)]);
    let mut open = storage.begin().await.unwrap();
    open.insert_api_key(account(), key(2), None).await.unwrap();
    insert(&*storage, 3).await;
    assert_eq!(told(&mut feed, 1).await, [change(3)]);
    let kept = feed.cursor();
    open.commit().await.unwrap();
    let restarted = storage.replica().await;
    let mut feed = restarted.changes(kept).await.unwrap();
    assert_eq!(told(&mut feed, 1).await, [change(2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_from_before_what_was_pruned_resyncs_and_a_later_one_does_not() {
    let storage = storage().await;
    let old = storage.snapshot().await.unwrap().cursor();
    let mut feed = follow(&*storage).await;
    insert(&*storage, 1).await;
    assert_eq!(told(&mut feed, 1).await, [change(1)]);
    storage.prune(Keep::default()).await.unwrap();
    assert_eq!(next(&*storage, old.clone()).await, News::Changes(vec![change(1)]));
    clock_goes_on(&storage).await;
    storage.prune(Keep::default()).await.unwrap();
    assert_eq!(next(&*storage, old).await, News::Resync);
    insert(&*storage, 2).await;
    assert_eq!(told(&mut feed, 1).await, [change(2)]);
}

/// Neither pruning nor a feed waits for it, and what it commits at last is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_runs_longer_than_changes_are_kept_costs_nobody_a_resync() {
    let storage = storage().await;
    let old = storage.snapshot().await.unwrap().cursor();
    let mut feed = follow(&*storage).await;
    let mut running = storage.begin().await.unwrap();
    running.insert_api_key(account(), key(1), None).await.unwrap();
    insert(&*storage, 2).await;
    assert_eq!(told(&mut feed, 1).await, [change(2)]);
    storage.prune(Keep::default()).await.unwrap();
    assert_eq!(feed.next(Duration::ZERO).await.unwrap(), News::Changes(Vec::new()));
    clock_goes_on(&storage).await;
    storage.prune(Keep::default()).await.unwrap();
    assert_eq!(next(&*storage, old).await, News::Resync);
    running.commit().await.unwrap();
    storage.prune(Keep::default()).await.unwrap();
    assert_eq!(told(&mut feed, 1).await, [change(1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_of_another_installation_or_timeline_resyncs() {
    let (storage, other) = (storage().await, storage().await);
    let own = storage.snapshot().await.unwrap().cursor();
    assert_eq!(next(&*storage, own.clone()).await, News::Changes(Vec::new()));
    let parts: Vec<&str> = own.0.split('/').collect();
    let [installation, system, database, timeline, place] = parts[..] else { panic!("{own:?}") };
    for wrong in [
        other.snapshot().await.unwrap().cursor().0.into_string(),
        format!("{installation}/{system}/{database}/00000002/{place}"),
        format!("{installation}/1{system}/{database}/{timeline}/{place}"),
        format!("{installation}/{system}/{database}/{timeline}/9000000000:9000000001:"),
        format!("{installation}/{system}/{database}/{timeline}/20:10:"),
        "0000-17".to_owned(),
        String::new(),
    ] {
        assert_eq!(next(&*storage, FeedCursor(wrong.clone().into())).await, News::Resync, "{wrong}");
    }
}

/// A later release tells more than this one knows.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_an_unknown_kind_resyncs() {
    let storage = storage().await;
    let mut feed = follow(&*storage).await;
    storage.sql("INSERT INTO change (account, number, kind, id) VALUES (1, 1, 99, 'plan')").await;
    assert_eq!(feed.next(LONG).await.unwrap(), News::Resync);
    assert_eq!(follow(&*storage).await.next(Duration::ZERO).await.unwrap(), News::Changes(Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_hears_of_another_ones_change() {
    let storage = storage().await;
    let other = storage.replica().await;
    let mut feed = follow(&other).await;
    for n in 0..20 {
        let waiting = feed.next(LONG);
        let writing = async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            insert(&*storage, n).await;
        };
        let (news, ()) = tokio::join!(waiting, writing);
        assert_eq!(news.unwrap(), News::Changes(vec![change(n)]));
    }
}

/// Storage without a way to notify: behind a pooler, or after the connection for it was lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_nobody_notifies_of_is_told_all_the_same() {
    let storage = storage().await;
    let mut feed = follow(&*storage).await;
    let mut beside = connection(&storage.database).await;
    let waiting = feed.next(LONG);
    let writing = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let sql = "INSERT INTO change (account, number, kind, id) VALUES (1, 1, 1, 'key0000001')";
        sqlx::query(sql).execute(&mut beside).await.unwrap();
    };
    let (news, _) = tokio::join!(waiting, writing);
    assert_eq!(news.unwrap(), News::Changes(vec![change(1)]));
}

/// The transactions of the other cluster were numbered far ahead of this one's.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_restored_into_another_cluster_tells_its_changes_from_then_on() {
    let restored = "UPDATE installation SET cluster = '1/1', pruned = '8000000000:8000000000:', pruned_last = '7999999999';
                    UPDATE change SET xid = '8000000001';
                    INSERT INTO change_mark VALUES (gatepost_now() - interval '1 day', '8000000000:8000000000:')";
    for found_by_pruning in [false, true] {
        let storage = storage().await;
        insert(&*storage, 1).await;
        storage.sql(restored).await;
        let before = storage.snapshot().await.unwrap().cursor();
        assert_eq!(next(&*storage, before.clone()).await, News::Resync);
        insert(&*storage, 9).await;
        if found_by_pruning {
            storage.prune(Keep::default()).await.unwrap();
        } else {
            storage.replica().await;
        }
        assert_eq!(next(&*storage, before).await, News::Resync);
        let mut feed = follow(&*storage).await;
        insert(&*storage, 2).await;
        assert_eq!(told(&mut feed, 1).await, [change(2)]);
        let kept = feed.cursor();
        // Nothing is forgotten twice, and what is pruned later is what is old.
        storage.replica().await;
        storage.prune(Keep::default()).await.unwrap();
        insert(&*storage, 3).await;
        assert_eq!(next(&*storage, kept).await, News::Changes(vec![change(3)]));
    }
}

/// A machine that vanished says nothing: only asking tells a connection that is dead from one that is quiet.
#[tokio::test(flavor = "multi_thread")]
async fn a_listening_connection_on_which_nothing_comes_any_more_is_made_anew() {
    let database = super::database().await;
    let (proxy, through) = Proxy::in_front_of(database.url());
    let options =
        PostgresOptions { listen_url: Some(through), migrate: false, ..PostgresOptions::new(database.url()) };
    let _storage = PostgresStorage::connect(options).await.unwrap();
    let mut beside = connection(&database).await;
    let listening = "SELECT min(pid) FROM pg_stat_activity
                     WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    let begun = Instant::now();
    let pid = loop {
        match sqlx::query_scalar::<_, Option<i32>>(listening).fetch_one(&mut beside).await.unwrap() {
            Some(pid) => break pid,
            None => assert!(begun.elapsed() < LONG, "nobody listens"),
        }
    };
    proxy.stall();
    tokio::time::sleep(Duration::from_secs(4)).await;
    proxy.flow();
    let lives = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)";
    while sqlx::query_scalar::<_, bool>(lives).bind(pid).fetch_one(&mut beside).await.unwrap() {
        assert!(begun.elapsed() < LONG, "the dead connection is still listened on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
