//! Single calls that come at the same time share a statement, and none of them notices.
//!
//! Few connections and a statement that takes its time make calls wait; what they were sent as is seen on the server.

use super::samples::{account, connection, id, key};
use super::{Opened, storage};
use gatepost_domain::api_keys::{ApiKeyId, ApiKeyName};
use gatepost_domain::{AccountId, Digest};
use gatepost_storage::{
    Entity, FirstAnswer, ImportId, NewApiKey, News, RetryToken, Storage, StorageError, StoredApiKey,
};
use gatepost_storage_postgres::{PostgresOptions, PostgresStorage};
use integration_tests::proxy::Proxy;
use sqlx::{AssertSqlSafe, Executor as _};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::sleep;

const DEADLINE: Duration = Duration::from_secs(5);

/// Whoever inserts a key that is called `slow` and a number waits for so many seconds.
const SLOW: &str = "
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.name LIKE 'slow%' THEN
            PERFORM pg_sleep(substr(NEW.name, 5)::float);
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER slow BEFORE INSERT ON api_key FOR EACH ROW EXECUTE FUNCTION slow()";

const FIND_MANY: &str = include_str!("../../../crates/storage-postgres/queries/api_keys/find_many.sql");

type Found = Result<Option<StoredApiKey>, StorageError>;
type Inserted = Result<(), StorageError>;

/// A replica with so many connections: all but one for writes, if there are several.
async fn replica(opened: &Opened, connections: u32) -> Arc<PostgresStorage> {
    let options =
        PostgresOptions { connections, migrate: false, ..PostgresOptions::new(opened.database.url()) };
    Arc::new(PostgresStorage::connect(options).await.unwrap())
}

fn other_account() -> AccountId {
    AccountId::from_number(2).unwrap()
}

fn slow(n: u32, seconds: &str) -> NewApiKey {
    let mut new = key(n);
    new.key.name = ApiKeyName::parse(&format!("slow{seconds}")).unwrap();
    new
}

fn token(n: u32) -> RetryToken {
    let mut bytes = [9; 32];
    // In another order than the digests.
    bytes[..4].copy_from_slice(&n.wrapping_mul(0x85eb_ca6b).to_be_bytes());
    RetryToken(bytes)
}

fn remembered(n: u32) -> NewApiKey {
    NewApiKey { retry: Some(token(n)), ..key(n) }
}

fn find(storage: &Arc<PostgresStorage>, account: AccountId, id: ApiKeyId) -> JoinHandle<Found> {
    let storage = Arc::clone(storage);
    tokio::spawn(async move { storage.reader().find_api_key(account, &id).await })
}

fn insert(storage: &Arc<PostgresStorage>, new: NewApiKey, most: Option<u64>) -> JoinHandle<Inserted> {
    let storage = Arc::clone(storage);
    tokio::spawn(async move { storage.writer().insert_api_key(account(), new, most).await })
}

async fn number(opened: &Opened, sql: &str) -> i64 {
    let mut connection = connection(&opened.database).await;
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap()
}

/// Waits until so many of the others' connections are in a state.
async fn until(opened: &Opened, count: i64, state: &str) {
    let others = "datname = current_database() AND pid <> pg_backend_pid()";
    let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE {others} AND {state}");
    let begun = Instant::now();
    while number(opened, &sql).await < count {
        assert!(begun.elapsed() < DEADLINE, "not {count} connections with {state}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until a key is slow, and whoever was called before waits behind it.
async fn until_slow(opened: &Opened, keys: i64) {
    until(opened, keys, "wait_event = 'PgSleep'").await;
}

/// That the statement for many look-ups was the last one of some connection.
async fn assert_looked_up_together(opened: &Opened) {
    let (first, _) = FIND_MANY.split_once('\n').unwrap();
    until(opened, 1, &format!("starts_with(query, $${first}$$)")).await;
}

/// That so many keys, or more, came by one statement.
async fn assert_inserted_together(opened: &Opened, keys: i64) {
    let sql =
        "SELECT max(keys) FROM (SELECT count(*) AS keys FROM api_key GROUP BY xmin::text) AS transactions";
    let most = number(opened, sql).await;
    assert!(most >= keys, "at most {most} keys at once");
}

/// Time for everybody who was spawned to ask.
async fn let_ask() {
    sleep(Duration::from_millis(300)).await;
}

/// Asks everything while two connections are held up.
async fn find_behind_a_lock(
    opened: &Opened,
    storage: &Arc<PostgresStorage>,
    wanted: impl IntoIterator<Item = (AccountId, ApiKeyId)>,
) -> Vec<Found> {
    let mut holder = connection(&opened.database).await;
    holder.execute("BEGIN; LOCK TABLE api_key IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let first = [0, 1].map(|_| find(storage, account(), id(0)));
    until(opened, 2, "wait_event_type = 'Lock'").await;
    let asked: Vec<_> = wanted.into_iter().map(|(account, id)| find(storage, account, id)).collect();
    let_ask().await;
    holder.execute("ROLLBACK").await.unwrap();
    let mut found = Vec::new();
    for asked in asked {
        found.push(asked.await.unwrap());
    }
    for first in first {
        drop(first.await.unwrap());
    }
    found
}

/// More than one statement takes, some twice, of two accounts that use the same ids, and some that nobody has.
#[tokio::test(flavor = "multi_thread")]
async fn look_ups_that_wait_together_are_each_answered_their_own_key() {
    let opened = storage().await;
    for n in 0..40 {
        opened.writer().insert_api_key(account(), key(n), None).await.unwrap();
        let mut other = key(n);
        other.key.name = ApiKeyName::parse(&format!("other {n}")).unwrap();
        opened.writer().insert_api_key(other_account(), other, None).await.unwrap();
    }
    let storage = replica(&opened, 2).await;
    let wanted: Vec<(AccountId, u32)> =
        (0..300).map(|n| (if n % 3 == 0 { other_account() } else { account() }, n % 60)).collect();
    let found =
        find_behind_a_lock(&opened, &storage, wanted.iter().map(|(account, n)| (*account, id(*n)))).await;
    assert_looked_up_together(&opened).await;
    for ((of, n), found) in wanted.into_iter().zip(found) {
        let found = found.unwrap();
        assert_eq!(found.is_some(), n < 40);
        let Some(found) = found else { continue };
        let word = if of == account() { "name" } else { "other" };
        let expected = key(n);
        assert_eq!((found.key.id, found.key.created), (id(n), expected.key.created));
        assert_eq!(found.key.name.unwrap().as_str(), format!("{word} {n}"));
        assert_eq!(found.sealed, expected.sealed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_key_concerns_only_who_looks_it_up() {
    let opened = storage().await;
    for n in 0..20 {
        opened.writer().insert_api_key(account(), key(n), None).await.unwrap();
    }
    opened.sql("UPDATE api_key SET version = -1 WHERE id = 'key0000007'").await;
    let storage = replica(&opened, 2).await;
    let found = find_behind_a_lock(&opened, &storage, (0..20).map(|n| (account(), id(n)))).await;
    assert_looked_up_together(&opened).await;
    for (n, found) in (0..).zip(found) {
        match found {
            Err(StorageError::Corrupt(_)) if n == 7 => {}
            found => assert_eq!(found.unwrap().unwrap().key.id, id(n)),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn look_ups_that_wait_too_long_end_in_unavailable_at_their_deadline() {
    let opened = storage().await;
    let storage = replica(&opened, 2).await;
    let mut holder = connection(&opened.database).await;
    holder.execute("BEGIN; LOCK TABLE api_key IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let begun = Instant::now();
    let waiting: Vec<_> = (0..100).map(|n| find(&storage, account(), id(n))).collect();
    for waiting in waiting {
        let found = waiting.await.unwrap();
        assert!(matches!(found, Err(StorageError::Unavailable(_))), "{found:?}");
    }
    assert!(begun.elapsed() < DEADLINE, "{:?}", begun.elapsed());
    holder.execute("ROLLBACK").await.unwrap();
    assert!(storage.reader().find_api_key(account(), &id(1)).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn look_ups_hear_at_once_that_there_is_no_server_and_find_it_again() {
    let opened = storage().await;
    opened.writer().insert_api_key(account(), key(1), None).await.unwrap();
    let (proxy, through) = Proxy::in_front_of(opened.database.url());
    let options = PostgresOptions {
        connections: 2,
        listen_url: Some(opened.database.url().to_owned()),
        migrate: false,
        ..PostgresOptions::new(through)
    };
    let storage = Arc::new(PostgresStorage::connect(options).await.unwrap());
    let mut holder = connection(&opened.database).await;
    holder.execute("BEGIN; LOCK TABLE api_key IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let waiting: Vec<_> = (0..40).map(|_| find(&storage, account(), id(1))).collect();
    until(&opened, 2, "wait_event_type = 'Lock'").await;
    let_ask().await;
    proxy.refuse();
    let begun = Instant::now();
    proxy.cut();
    for waiting in waiting {
        let found = waiting.await.unwrap();
        assert!(matches!(found, Err(StorageError::Unavailable(_))), "{found:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    holder.execute("ROLLBACK").await.unwrap();
    proxy.accept();
    let again: Vec<_> = (0..40).map(|_| find(&storage, account(), id(1))).collect();
    for again in again {
        assert!(again.await.unwrap().unwrap().is_some());
    }
}

/// More than one statement takes. The first one goes alone, and keeps the only connection for writes.
#[tokio::test(flavor = "multi_thread")]
async fn keys_that_wait_together_are_inserted_counted_remembered_and_told() {
    let opened = storage().await;
    opened.sql(SLOW).await;
    // From here on keys are counted.
    opened.writer().insert_api_key(account(), key(999), Some(10_000)).await.unwrap();
    let cursor = opened.snapshot().await.unwrap().cursor();
    let storage = replica(&opened, 2).await;
    let first = insert(&storage, slow(0, "1"), None);
    until_slow(&opened, 1).await;
    let new = |n: u32| if n.is_multiple_of(2) { remembered(n) } else { key(n) };
    let inserted: Vec<_> = (1..=300).map(|n| insert(&storage, new(n), None)).collect();
    for inserted in inserted {
        inserted.await.unwrap().unwrap();
    }
    first.await.unwrap().unwrap();
    assert_inserted_together(&opened, 128).await;
    assert_eq!(storage.reader().count_api_keys(account()).await.unwrap(), 302);
    assert_eq!(number(&opened, "SELECT count(*) FROM api_key").await, 302);
    for n in 1..=300 {
        let found = storage.reader().find_api_key(account(), &id(n)).await.unwrap().unwrap();
        assert_eq!((&found.key, &found.sealed), (&key(n).key, &key(n).sealed));
        let answer = storage.reader().recall(account(), &token(n)).await.unwrap();
        assert_eq!(answer, n.is_multiple_of(2).then(|| FirstAnswer::ApiKey(id(n))));
    }
    let digests: Vec<Digest> = (1..=300).map(|n| key(n).digest).collect();
    let ids = storage.reader().find_ids_by_digest(account(), &digests).await.unwrap();
    assert_eq!(ids, (1..=300).map(|n| Some(id(n))).collect::<Vec<_>>());
    let mut feed = opened.changes(cursor).await.unwrap();
    let mut told = BTreeSet::new();
    while told.len() < 301 {
        match feed.next(Duration::from_secs(1)).await.unwrap() {
            News::Changes(changes) if !changes.is_empty() => {
                told.extend(changes.iter().map(|change| format!("{change:?}")));
            }
            news => panic!("{news:?} after {} changes", told.len()),
        }
    }
    // As single keys, not as a range.
    let nobody = storage.reader().list_imported_api_keys(
        account(),
        ImportId(1),
        gatepost_domain::PageRequest { after: None, limit: gatepost_domain::PageLimit::or_default(1) },
    );
    assert!(nobody.await.unwrap().items.is_empty());
}

/// Each is refused for its own reason, of several the one that comes first, and nobody else is.
#[tokio::test(flavor = "multi_thread")]
async fn of_keys_that_wait_together_each_hears_what_it_would_hear_alone() {
    let opened = storage().await;
    opened.sql(SLOW).await;
    opened.writer().insert_api_key(account(), remembered(900), None).await.unwrap();
    let storage = replica(&opened, 2).await;
    let first = insert(&storage, slow(0, "1"), None);
    until_slow(&opened, 1).await;
    let with_id = |n: u32, of: u32| {
        let mut new = key(n);
        new.key.id = id(of);
        new
    };
    let with_token = |n: u32, of: u32| NewApiKey { retry: Some(token(of)), ..key(n) };
    let with_value = |n: u32, of: u32| NewApiKey { digest: key(of).digest, ..key(n) };
    let cases = [
        (with_value(1, 900), Some(Entity::ApiKeyValue)),
        (with_id(2, 900), Some(Entity::ApiKey)),
        (key(900), Some(Entity::ApiKeyValue)),
    ];
    let refused: Vec<_> =
        cases.into_iter().map(|(new, entity)| (insert(&storage, new, None), entity)).collect();
    let fresh: Vec<_> = (10..40).map(|n| insert(&storage, remembered(n), None)).collect();
    let one_value: Vec<_> = (50..58).map(|n| insert(&storage, with_value(n, 50), None)).collect();
    let one_id: Vec<_> = (60..68).map(|n| insert(&storage, with_id(n, 60), None)).collect();
    let one_token: Vec<_> = (70..78).map(|n| insert(&storage, with_token(n, 70), None)).collect();
    first.await.unwrap().unwrap();
    for (answer, entity) in refused {
        assert_eq!(entity_of(answer.await.unwrap()), entity);
    }
    for answer in fresh {
        answer.await.unwrap().unwrap();
    }
    for (answers, entity) in
        [(one_value, Entity::ApiKeyValue), (one_id, Entity::ApiKey), (one_token, Entity::Retry)]
    {
        let mut stored = 0;
        for answer in answers {
            match entity_of(answer.await.unwrap()) {
                None => stored += 1,
                Some(refused) => assert_eq!(refused, entity),
            }
        }
        assert_eq!(stored, 1, "{entity:?}");
    }
    assert_inserted_together(&opened, 30).await;
    assert_eq!(number(&opened, "SELECT count(*) FROM api_key").await, 1 + 1 + 30 + 3);
    assert_eq!(number(&opened, "SELECT count(*) FROM retry").await, 1 + 30 + 1);
}

/// One that is a retry makes the statement of all fail.
#[tokio::test(flavor = "multi_thread")]
async fn a_retry_among_keys_that_wait_together_is_refused_and_nobody_else() {
    let opened = storage().await;
    opened.sql(SLOW).await;
    opened.writer().insert_api_key(account(), remembered(900), None).await.unwrap();
    let storage = replica(&opened, 2).await;
    let first = insert(&storage, slow(0, "1"), None);
    until_slow(&opened, 1).await;
    let retries = [remembered(900), NewApiKey { retry: Some(token(900)), ..key(1) }];
    let retries = retries.map(|new| insert(&storage, new, None));
    let fresh: Vec<_> = (10..40).map(|n| insert(&storage, remembered(n), None)).collect();
    for retry in retries {
        assert_eq!(entity_of(retry.await.unwrap()), Some(Entity::Retry));
    }
    for answer in fresh {
        answer.await.unwrap().unwrap();
    }
    first.await.unwrap().unwrap();
    assert_eq!(number(&opened, "SELECT count(*) FROM api_key").await, 32);
}

fn entity_of(answer: Inserted) -> Option<Entity> {
    match answer {
        Ok(()) => None,
        Err(StorageError::AlreadyExists(entity)) => Some(entity),
        Err(error) => panic!("{error:?}"),
    }
}

/// With a count that is kept, and with one that has to be taken first.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_keys_that_wait_together_never_pass_the_limit() {
    for is_counted in [true, false] {
        let opened = storage().await;
        opened.sql(SLOW).await;
        opened.writer().insert_api_key(account(), key(900), is_counted.then_some(20)).await.unwrap();
        let storage = replica(&opened, 2).await;
        let first = insert(&storage, slow(0, "1"), None);
        until_slow(&opened, 1).await;
        // Some of a value that is taken: what room they leave is others'.
        let keys = (1..=50).map(|n| if n % 10 == 0 { key(900) } else { key(n) });
        let answers: Vec<_> = keys.map(|new| insert(&storage, new, Some(20))).collect();
        first.await.unwrap().unwrap();
        let mut stored = 0;
        for answer in answers {
            match answer.await.unwrap() {
                Ok(()) => stored += 1,
                Err(StorageError::LimitReached(Entity::ApiKey)) => {}
                Err(StorageError::AlreadyExists(Entity::ApiKeyValue)) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!(stored, 18, "counted before: {is_counted}");
        assert_eq!(number(&opened, "SELECT count(*) FROM api_key").await, 20);
        assert_eq!(storage.reader().count_api_keys(account()).await.unwrap(), 20);
        // Where the limit is reached already, everybody hears it.
        let first = insert(&storage, key(901), Some(20));
        let others: Vec<_> = (0..20).map(|n| insert(&storage, key(910 + n), Some(20))).collect();
        for answer in others.into_iter().chain([first]) {
            let answer = answer.await.unwrap();
            assert!(matches!(answer, Err(StorageError::LimitReached(Entity::ApiKey))), "{answer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_several_accounts_that_wait_together_come_into_their_own() {
    let opened = storage().await;
    opened.sql(SLOW).await;
    let storage = replica(&opened, 2).await;
    let first = insert(&storage, slow(0, "1"), None);
    until_slow(&opened, 1).await;
    let accounts = (1..=40).map(|n| AccountId::from_number(1 + n % 5).unwrap());
    let answers: Vec<_> = (1..=40)
        .zip(accounts)
        .map(|(n, of)| {
            let storage = Arc::clone(&storage);
            // Half of them under a limit, which the others do not have.
            let most = (n % 2 == 0).then_some(100);
            tokio::spawn(async move { storage.writer().insert_api_key(of, key(n), most).await })
        })
        .collect();
    first.await.unwrap().unwrap();
    for answer in answers {
        answer.await.unwrap().unwrap();
    }
    assert_inserted_together(&opened, 4).await;
    for n in 1..=5_u64 {
        let of = AccountId::from_number(n).unwrap();
        let expected = if n == 1 { 9 } else { 8 };
        assert_eq!(storage.reader().count_api_keys(of).await.unwrap(), expected, "account {n}");
    }
}

/// What nobody waits for any more is not begun.
#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_while_waiting_leaves_no_key_and_takes_nobody_along() {
    let opened = storage().await;
    opened.sql(SLOW).await;
    let storage = replica(&opened, 2).await;
    let first = insert(&storage, slow(0, "1"), None);
    until_slow(&opened, 1).await;
    let waiting: Vec<_> = (1..=60).map(|n| insert(&storage, key(n), None)).collect();
    let_ask().await;
    for waiting in waiting.iter().skip(1).step_by(2) {
        waiting.abort();
    }
    for (n, waiting) in (1..=60).zip(waiting) {
        match waiting.await {
            Ok(answer) if n % 2 == 1 => answer.unwrap(),
            Err(error) if error.is_cancelled() => assert_eq!(n % 2, 0),
            answer => panic!("{n}: {answer:?}"),
        }
    }
    first.await.unwrap().unwrap();
    assert_inserted_together(&opened, 30).await;
    assert_eq!(number(&opened, "SELECT count(*) FROM api_key").await, 31);

    // The one who leaves in the middle of a look-up, too.
    let mut holder = connection(&opened.database).await;
    holder.execute("BEGIN; LOCK TABLE api_key IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let waiting: Vec<_> = (0..60).map(|n| find(&storage, account(), id(n))).collect();
    until(&opened, 2, "wait_event_type = 'Lock'").await;
    let_ask().await;
    for waiting in waiting.iter().step_by(2) {
        waiting.abort();
    }
    holder.execute("ROLLBACK").await.unwrap();
    for (n, waiting) in (0..60).zip(waiting) {
        if n % 2 == 1 {
            assert!(waiting.await.unwrap().unwrap().is_some());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_lost_in_the_middle_is_everybodys_error_and_leaves_nothing() {
    let opened = storage().await;
    opened.sql(SLOW).await;
    let storage = replica(&opened, 2).await;
    let first = insert(&storage, slow(0, "1"), None);
    until_slow(&opened, 1).await;
    let waiting: Vec<_> = (1..=40)
        .map(|n| insert(&storage, if n == 20 { slow(n, "4") } else { remembered(n) }, None))
        .collect();
    first.await.unwrap().unwrap();
    until_slow(&opened, 1).await;
    let begun = Instant::now();
    opened
        .sql(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event = 'PgSleep'",
        )
        .await;
    for waiting in waiting {
        let answer = waiting.await.unwrap();
        assert!(matches!(answer, Err(StorageError::Unavailable(_))), "{answer:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(number(&opened, "SELECT count(*) FROM api_key").await, 1);
    let again: Vec<_> = (1..=40).map(|n| insert(&storage, remembered(n), None)).collect();
    for again in again {
        again.await.unwrap().unwrap();
    }
    assert_eq!(storage.reader().count_api_keys(account()).await.unwrap(), 41);
}

/// Whoever waits for somebody's transaction waits alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_has_to_wait_for_its_value_does_not_keep_the_others() {
    let opened = storage().await;
    opened.sql(SLOW).await;
    let storage = replica(&opened, 4).await;
    let mut unit = opened.begin().await.unwrap();
    unit.insert_api_key(account(), key(20), None).await.unwrap();
    // As many as there are connections for writes.
    let first = [100, 101, 102].map(|n| insert(&storage, slow(n, "1"), None));
    until_slow(&opened, 3).await;
    let mut waiting: Vec<_> = (1..=40).map(|n| (n, insert(&storage, key(n), None))).collect();
    let (_, kept) = waiting.remove(19);
    let begun = Instant::now();
    for (_, answer) in waiting {
        answer.await.unwrap().unwrap();
    }
    assert!(begun.elapsed() < Duration::from_millis(3_500), "{:?}", begun.elapsed());
    assert!(!kept.is_finished());
    unit.commit().await.unwrap();
    assert_eq!(entity_of(kept.await.unwrap()), Some(Entity::ApiKeyValue));
    for first in first {
        first.await.unwrap().unwrap();
    }
    assert_eq!(number(&opened, "SELECT count(*) FROM api_key").await, 43);
}

/// Statements of two replicas want the same values, ids and tokens, in opposite order.
#[tokio::test(flavor = "multi_thread")]
async fn keys_that_wait_at_two_replicas_are_inserted_once() {
    let opened = storage().await;
    let replicas = [replica(&opened, 2).await, replica(&opened, 2).await];
    for round in 0..6_u32 {
        let numbers: Vec<u32> = (round * 100..round * 100 + 100).collect();
        let mut answers: Vec<(u32, JoinHandle<Inserted>)> = Vec::new();
        for (of, other) in numbers.iter().zip(numbers.iter().rev()) {
            // A retry through the other replica has a value and an id of its own.
            let mut retry = remembered(*other);
            if round % 2 == 0 {
                retry.digest = key(other + 10_000).digest;
                retry.key.id = id(other + 10_000);
            }
            answers.push((*of, insert(&replicas[0], remembered(*of), None)));
            answers.push((*other, insert(&replicas[1], retry, None)));
        }
        let mut stored = HashSet::new();
        for (n, answer) in answers {
            match entity_of(answer.await.unwrap()) {
                None => assert!(stored.insert(n), "{n} twice"),
                Some(refused) => assert_eq!(refused, Entity::Retry),
            }
        }
        assert_eq!(stored.len(), 100);
    }
    assert_eq!(number(&opened, "SELECT count(*) FROM api_key").await, 600);
    assert_eq!(number(&opened, "SELECT count(*) FROM retry").await, 600);
}

/// A look-up that begins after an insert was acknowledged finds it, however many are under way.
#[tokio::test(flavor = "multi_thread")]
async fn look_ups_find_what_was_acknowledged_before_them() {
    let opened = storage().await;
    let storage = replica(&opened, 4).await;
    let workers: Vec<_> = (0..32_u32)
        .map(|worker| {
            let storage = Arc::clone(&storage);
            tokio::spawn(async move {
                for n in worker * 100..worker * 100 + 25 {
                    storage.writer().insert_api_key(account(), remembered(n), None).await.unwrap();
                    let found = storage.reader().find_api_key(account(), &id(n)).await.unwrap();
                    assert_eq!(found.unwrap().key.id, id(n));
                    if n % 5 == 0 {
                        assert!(storage.writer().delete_api_key(account(), &id(n)).await.unwrap());
                        assert!(storage.reader().find_api_key(account(), &id(n)).await.unwrap().is_none());
                    }
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    assert_eq!(storage.reader().count_api_keys(account()).await.unwrap(), 32 * 20);
    assert_inserted_together(&opened, 2).await;
}
