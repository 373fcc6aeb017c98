//! What only this backend promises, where it takes its inside to see.

use super::*;
use crate::sql::{Values, rows};
use gatepost_domain::api_keys::{ApiKey, ApiKeyId, ImportedFields};
use gatepost_domain::usage::Day;
use gatepost_domain::usage_plans::{
    ApiStage, Attachment, QuotaHistory, StageId, Stages, UsagePlan, UsagePlanId, UsagePlanName,
};
use gatepost_domain::{Digest, PageLimit, PageRequest, Tags, Timestamp, Version};
use gatepost_storage::{
    Change, Entity, ImportedApiKey, Incarnation, Life, NewApiKey, NewUsagePlan, News, PlanChanged, Restored,
    RetryReader, RetryToken, UsageCount, UsagePlanKey,
};
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};
use std::path::Path;
use tempfile::TempDir;

struct Opened {
    storage: Arc<SqliteStorage>,
    path: PathBuf,
    _folder: TempDir,
}

async fn opened() -> Opened {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gatepost.db");
    let storage = Arc::new(open(&path).await);
    Opened { storage, path, _folder: folder }
}

async fn open(path: &Path) -> SqliteStorage {
    SqliteStorage::open(SqliteOptions { path: path.to_owned(), migrate: true, serve: true }).await.unwrap()
}

/// As another program of ours opens it.
async fn open_beside(path: &Path) -> SqliteStorage {
    SqliteStorage::open(SqliteOptions { path: path.to_owned(), migrate: false, serve: false }).await.unwrap()
}

/// A connection that knows nothing of us.
async fn stranger(path: &Path) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap()
}

fn account() -> AccountId {
    AccountId::from_number(1).unwrap()
}

fn id(n: u32) -> ApiKeyId {
    ApiKeyId::parse(&format!("key{n:07}")).unwrap()
}

fn digest(n: u32) -> Digest {
    let mut bytes = [7; 32];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    Digest(bytes)
}

fn key(n: u32) -> NewApiKey {
    let at = Timestamp::from_micros(i64::from(n));
    let key = ApiKey {
        id: id(n),
        name: None,
        description: None,
        enabled: true,
        customer_id: None,
        stage_keys: Vec::new(),
        labels: Vec::new(),
        tags: Tags::default(),
        created: at,
        updated: at,
        version: Version::FIRST,
    };
    NewApiKey { key, digest: digest(n), sealed: Sealed(vec![1; 75].into()), retry: None }
}

fn row(n: u32) -> ImportedApiKey {
    let NewApiKey { key, digest, sealed, .. } = key(n);
    ImportedApiKey {
        row: u64::from(n),
        digest,
        id: key.id,
        sealed,
        fields: ImportedFields::default(),
        plans: Vec::new(),
        at: key.created,
    }
}

async fn insert(storage: &SqliteStorage, n: u32) -> Result<(), StorageError> {
    Storage::writer(storage).insert_api_key(account(), key(n), None).await
}

async fn count(storage: &SqliteStorage) -> u64 {
    storage.reader().count_api_keys(account()).await.unwrap()
}

async fn is_there(storage: &SqliteStorage, n: u32) -> bool {
    storage.reader().find_api_key(account(), &id(n)).await.unwrap().is_some()
}

fn run(sql: &str, conn: &mut SqliteConnection) -> impl Future<Output = ()> {
    let sql = AssertSqlSafe(sql.to_owned());
    async move {
        sqlx::raw_sql(sql).execute(conn).await.unwrap();
    }
}

#[tokio::test]
async fn a_group_is_written_but_for_those_of_it_that_are_refused() {
    let opened = opened().await;
    insert(&opened.storage, 1).await.unwrap();
    // While a unit is open, whatever is asked for waits in the queue, and becomes one group.
    let unit = opened.storage.begin().await.unwrap();
    let seq = "SELECT seq FROM sqlite_sequence WHERE name = 'change'";
    let numbers = [2, 1, 3, 2, 4, 4, 5];
    let writes = numbers.map(|n| {
        let storage = Arc::clone(&opened.storage);
        tokio::spawn(async move { insert(&storage, n).await })
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(unit);
    let mut outcomes = Vec::new();
    for write in writes {
        outcomes.push(match write.await.unwrap() {
            Ok(()) => true,
            Err(StorageError::AlreadyExists(Entity::ApiKeyValue)) => false,
            Err(error) => panic!("{error:?}"),
        });
    }
    assert_eq!(outcomes, [true, false, true, false, true, false, true]);
    assert_eq!(count(&opened.storage).await, 5);
    let told: i64 = sqlx::query_scalar(seq).fetch_one(&mut stranger(&opened.path).await).await.unwrap();
    assert_eq!(told, 5);
}

#[tokio::test]
async fn a_write_that_breaks_its_group_is_refused_alone() {
    let opened = opened().await;
    let mut stranger = stranger(&opened.path).await;
    let trigger = "CREATE TRIGGER breaks BEFORE INSERT ON api_key WHEN NEW.id = 'key0000003'
        BEGIN SELECT RAISE(ABORT, 'broken'); END";
    run(trigger, &mut stranger).await;
    let unit = opened.storage.begin().await.unwrap();
    let writes = [1, 2, 3, 4].map(|n| {
        let storage = Arc::clone(&opened.storage);
        tokio::spawn(async move { insert(&storage, n).await.map_err(|error| error.to_string()) })
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(unit);
    let mut outcomes = Vec::new();
    for write in writes {
        outcomes.push(write.await.unwrap().is_ok());
    }
    assert_eq!(outcomes, [true, true, false, true]);
    assert_eq!(count(&opened.storage).await, 3);
}

#[tokio::test]
async fn a_caller_who_leaves_in_the_middle_of_a_call_leaves_no_trace() {
    let opened = opened().await;
    for pause in [0, 1, 2, 5, 10, 20, 50] {
        let mut unit = opened.storage.begin().await.unwrap();
        let rows: Vec<_> = (0..5_000).map(row).collect();
        let call = unit.import_api_keys(account(), rows, None, 10);
        assert!(tokio::time::timeout(Duration::from_millis(pause), call).await.is_err() || pause > 10);
        drop(unit);
        assert_eq!(count(&opened.storage).await, 0, "{pause}");
        insert(&opened.storage, 9_000).await.unwrap();
        let deleted = Storage::writer(&*opened.storage).delete_api_key(account(), &id(9_000)).await;
        assert!(deleted.unwrap());
    }
}

#[tokio::test]
async fn a_call_left_in_the_middle_cannot_be_committed() {
    let opened = opened().await;
    let mut unit = opened.storage.begin().await.unwrap();
    let call = unit.import_api_keys(account(), (0..5_000).map(row).collect(), None, 10);
    assert!(tokio::time::timeout(Duration::from_millis(1), call).await.is_err());
    assert!(matches!(unit.commit().await, Err(StorageError::Backend(_))));
    assert_eq!(count(&opened.storage).await, 0);
    insert(&opened.storage, 1).await.unwrap();
}

#[tokio::test]
async fn a_caller_who_leaves_while_waiting_leaves_the_writer_usable() {
    let opened = opened().await;
    let unit = opened.storage.begin().await.unwrap();
    let short = Duration::from_millis(20);
    assert!(tokio::time::timeout(short, opened.storage.begin()).await.is_err());
    assert!(tokio::time::timeout(short, insert(&opened.storage, 1)).await.is_err());
    drop(unit);
    insert(&opened.storage, 2).await.unwrap();
    assert_eq!((is_there(&opened.storage, 1).await, count(&opened.storage).await), (false, 1));
}

#[tokio::test]
async fn a_unit_that_panics_leaves_no_trace() {
    let opened = opened().await;
    let storage = Arc::clone(&opened.storage);
    let panicked = tokio::spawn(async move {
        let mut unit = storage.begin().await.unwrap();
        unit.insert_api_key(account(), key(1), None).await.unwrap();
        panic!("as the test wants it");
    });
    assert!(panicked.await.is_err());
    insert(&opened.storage, 2).await.unwrap();
    assert_eq!(count(&opened.storage).await, 1);
}

#[tokio::test]
async fn a_full_disk_refuses_writes_until_there_is_room_again() {
    let opened = opened().await;
    insert(&opened.storage, 1).await.unwrap();
    let mut unit = opened.storage.unit().await.unwrap();
    run("PRAGMA max_page_count = 1", unit.write().unwrap()).await;
    unit.wrote(Ok(())).unwrap();
    unit.end().await.unwrap();
    let rows = (100..2_000).map(row).collect();
    let refused = Storage::writer(&*opened.storage).import_api_keys(account(), rows, None, 10).await;
    assert!(matches!(refused, Err(StorageError::Unavailable(_))), "{refused:?}");
    assert_eq!(count(&opened.storage).await, 1);
    // A small write may still find room in a page.
    drop(insert(&opened.storage, 2).await);
    let mut unit = opened.storage.unit().await.unwrap();
    run("PRAGMA max_page_count = 1000000", unit.write().unwrap()).await;
    drop(unit);
    let before = count(&opened.storage).await;
    let rows = (100..2_000).map(row).collect();
    Storage::writer(&*opened.storage).import_api_keys(account(), rows, None, 10).await.unwrap();
    assert_eq!(count(&opened.storage).await, before + 1_900);
}

#[tokio::test]
async fn what_another_process_locks_for_long_is_unavailable_in_time() {
    let opened = opened().await;
    let mut stranger = stranger(&opened.path).await;
    run("BEGIN IMMEDIATE", &mut stranger).await;
    let storage = &opened.storage;
    let refused = tokio::time::timeout(Duration::from_secs(5), async {
        tokio::join!(insert(storage, 1), storage.probe(), async { storage.begin().await.map(drop) })
    });
    let (write, probe, unit) = refused.await.expect("within the deadline");
    for refused in [write, probe, unit] {
        assert!(matches!(refused, Err(StorageError::Unavailable(_))), "{refused:?}");
    }
    assert!(!is_there(storage, 1).await);
    run("COMMIT", &mut stranger).await;
    insert(storage, 2).await.unwrap();
    storage.probe().await.unwrap();
    assert_eq!(count(storage).await, 1);
}

/// Imports until it is told to end, so that the next unit of work always waits for the one before.
async fn import_on(storage: &SqliteStorage, end: &watch::Sender<bool>) {
    let importer = async |first: u32| {
        let rows: Vec<_> = (first..first + IMPORT_ROWS as u32).map(row).collect();
        let mut units = 0;
        while !*end.borrow() {
            let rows = rows.clone();
            Storage::writer(storage).import_api_keys(account(), rows, None, 10).await.unwrap();
            units += 1;
        }
        units
    };
    let units = tokio::join!(importer(0), importer(10_000));
    assert!(units.0 > 2 && units.1 > 2, "it hardly imported: {units:?}");
}

/// Creates for three seconds, and answers how long the slowest took.
async fn create_on(storage: &SqliteStorage, first: u32, end: &watch::Sender<bool>) -> Duration {
    let (began, mut slowest, mut n) = (writer::now(), Duration::ZERO, first);
    while writer::now() - began < Duration::from_secs(3) {
        let began = writer::now();
        insert(storage, n).await.unwrap();
        slowest = slowest.max(writer::now() - began);
        n += 1;
    }
    end.send_replace(true);
    slowest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_of_two_processes_keeps_the_other_from_writing() {
    let opened = opened().await;
    let beside = open_beside(&opened.path).await;
    for (first, importer, creator) in
        [(5_000_000, &beside, &*opened.storage), (6_000_000, &*opened.storage, &beside)]
    {
        let end = watch::Sender::new(false);
        let ((), slowest) = tokio::join!(import_on(importer, &end), create_on(creator, first, &end));
        assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    }
}

#[tokio::test]
async fn an_import_or_restore_that_stores_nothing_is_not_told_and_loses_nobody() {
    let opened = opened().await;
    let storage = &*opened.storage;
    insert(storage, 1).await.unwrap();
    let mut feed = storage.changes(storage.snapshot().await.unwrap().cursor()).await.unwrap();
    let mut writer = Storage::writer(storage);
    let restored = writer.restore_api_keys(account(), vec![key(1)], None).await.unwrap();
    assert_eq!(restored, [Restored::Taken(Entity::ApiKeyValue)]);
    let mut taken = row(2);
    taken.id = id(1);
    writer.import_api_keys(account(), vec![taken], None, 10).await.unwrap();
    assert_eq!(feed.next(Duration::ZERO).await.unwrap(), News::Changes(Vec::new()));
    // One call in pieces: the second has nothing to store.
    let restored = writer.restore_api_keys(account(), vec![key(2), key(2)], None).await.unwrap();
    assert_eq!(restored, [Restored::Stored, Restored::Taken(Entity::ApiKeyValue)]);
    insert(storage, 3).await.unwrap();
    let News::Changes(news) = feed.next(Duration::ZERO).await.unwrap() else { panic!("a resync") };
    assert!(matches!(&news[..], [Change::Import { .. }, Change::ApiKey { .. }]), "{news:?}");
    drop(writer);
}

#[tokio::test]
async fn a_probe_writes_to_the_disk_and_does_not_wait_for_a_long_unit_of_work() {
    let opened = opened().await;
    opened.storage.probe().await.unwrap();
    let probes = sqlx::query_scalar("SELECT probes FROM installation");
    let probes: i64 = probes.fetch_one(&mut stranger(&opened.path).await).await.unwrap();
    assert_eq!(probes, 1);
    let unit = opened.storage.begin().await.unwrap();
    tokio::time::timeout(Duration::from_millis(1_800), opened.storage.probe()).await.unwrap().unwrap();
    drop(unit);
    run(
        "CREATE TRIGGER full BEFORE UPDATE ON installation BEGIN SELECT RAISE(ABORT, 'full'); END",
        &mut stranger(&opened.path).await,
    )
    .await;
    assert!(opened.storage.probe().await.is_err());
}

#[tokio::test]
async fn only_a_long_log_is_folded_in_and_never_waited_for() {
    let opened = opened().await;
    let log = || std::fs::metadata(opened.path.with_extension("db-wal")).unwrap().len();
    insert(&opened.storage, 1).await.unwrap();
    let short = log();
    opened.storage.settle_after_import().await.unwrap();
    assert!(short > 0 && log() == short);
    let snapshot = opened.storage.snapshot().await.unwrap();
    let filler = "CREATE TABLE filler (bytes); INSERT INTO filler VALUES (zeroblob(9000000))";
    run(filler, &mut stranger(&opened.path).await).await;
    opened.storage.settle_after_import().await.unwrap();
    assert!(log() > 9_000_000);
    let mut stranger = stranger(&opened.path).await;
    run("BEGIN IMMEDIATE", &mut stranger).await;
    opened.storage.settle_after_import().await.unwrap();
    run("COMMIT", &mut stranger).await;
    drop(snapshot);
    for _ in 0..100 {
        opened.storage.settle_after_import().await.unwrap();
        if log() == 0 {
            return;
        }
        // The snapshot's connection closes in a thread of its own.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the log is long: {}", log());
}

#[tokio::test]
async fn a_unit_whose_read_failed_cannot_be_committed() {
    let opened = opened().await;
    let mut unit = opened.storage.unit().await.unwrap();
    run("ALTER TABLE retry RENAME TO gone", unit.write().unwrap()).await;
    unit.wrote(Ok(())).unwrap();
    assert!(unit.recall(account(), &RetryToken([1; 32])).await.is_err());
    assert!(unit.end().await.is_err());
    assert!(opened.storage.reader().recall(account(), &RetryToken([1; 32])).await.unwrap().is_none());
}

#[tokio::test]
async fn the_dead_are_forgotten_after_a_day_and_not_before() {
    let opened = opened().await;
    let [early, late] = [Incarnation([1; 16]), Incarnation([2; 16])];
    for incarnation in [early, late] {
        opened.storage.leave(incarnation).await.unwrap();
    }
    let sql =
        "UPDATE replica SET beat = beat - 86400001 WHERE incarnation = x'01010101010101010101010101010101'";
    run(sql, &mut stranger(&opened.path).await).await;
    let keep = Keep { changes: Duration::MAX, retries: Duration::MAX, usage: Duration::MAX };
    opened.storage.prune(keep).await.unwrap();
    assert_eq!(opened.storage.beat(late, Duration::from_secs(60)).await.unwrap(), Life::Dead);
    assert_eq!(opened.storage.beat(early, Duration::from_secs(60)).await.unwrap(), Life::Alive);
}

#[tokio::test]
async fn a_corrupt_cell_is_named_with_no_more_than_the_beginning_of_the_id() {
    let opened = opened().await;
    for (n, (column, value)) in (1..).zip([
        ("labels", "'no list'"),
        ("tags", r#"'[["",""]]'"#),
        ("stage_keys", r#"'["no stage"]'"#),
        ("name", "'a' || char(0)"),
        ("id", "'key with blanks'"),
    ]) {
        insert(&opened.storage, n).await.unwrap();
        let sql = format!("UPDATE api_key SET {column} = {value} WHERE id = '{}'", id(n));
        run(&sql, &mut stranger(&opened.path).await).await;
        let page = PageRequest { after: None, limit: PageLimit::or_default(1) };
        let found = opened.storage.reader().list_api_keys(account(), &Default::default(), page).await;
        let Err(StorageError::Corrupt(what)) = found else { panic!("{column}: {found:?}") };
        let text = if column == "id" { "key " } else { "key0" };
        assert_eq!(what, format!("table api_key, column {column}, id {text}..."));
    }
}

/// The tables that may be long, and what the statements call them.
const ALL_KEYS: [&str; 10] =
    ["api_key", "k", "n", "usage_plan", "usage_plan_key", "l", "o", "usage", "u", "p"];

/// Whether that is what the statement is for.
fn goes_through_a_plan(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    ["shared_by_age.sql", "shared_by_key.sql", "count_keys.sql", "prune.sql"].contains(&name)
}

#[tokio::test]
async fn no_statement_looks_through_all_keys() {
    let opened = opened().await;
    let mut conn = stranger(&opened.path).await;
    // As misleading as statistics can be.
    let gold = plan("gold", &[]);
    insert_plan(&opened.storage, gold.clone()).await;
    fill(&opened.storage, &gold, 0..3).await;
    let day = Day::from_number(3).unwrap();
    Storage::writer(&*opened.storage).adjust_usage(account(), &link(&gold, 1), day, 1).await.unwrap();
    run("ANALYZE", &mut conn).await;
    let folders = ["api_key", "usage_plan", "usage"].map(|folder| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries").join(folder);
        std::fs::read_dir(folder).unwrap()
    });
    let mut checked = 0;
    for file in folders.into_iter().flatten() {
        let path = file.unwrap().path();
        let sql = std::fs::read_to_string(&path).unwrap();
        let code: Vec<&str> = sql.lines().filter(|line| !line.starts_with("--")).collect();
        let sql = rows(&code.join("\n"), 3);
        let tables = ["api_key ", "usage_plan ", "usage_plan_key ", "usage "];
        for statement in sql.split_inclusive(';') {
            if !tables.iter().any(|table| statement.contains(table)) {
                continue;
            }
            let plan =
                Values::default().fetch_all(format!("EXPLAIN QUERY PLAN {statement}"), &mut conn).await;
            for step in plan.unwrap() {
                let step: String = step.get(3);
                let scanned = step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
                let looks_through = scanned.is_some_and(|table| ALL_KEYS.contains(&table))
                    || ((step.contains("INDEX api_key") || step.contains("PRIMARY KEY"))
                        && step.ends_with("(account=?)"))
                    || (step.ends_with("usage_plan_key_age (plan=?)") && !goes_through_a_plan(&path));
                assert!(!looks_through, "{}: {step}", path.display());
                checked += 1;
            }
        }
    }
    assert!(checked > 60, "{checked}");
}

fn plan(id: &str, stages: &[&str]) -> UsagePlan {
    let stage = |stage: &&str| ApiStage { id: StageId::parse(stage).unwrap(), throttle: Default::default() };
    UsagePlan {
        id: UsagePlanId::parse(id).unwrap(),
        name: UsagePlanName::parse("plan").unwrap(),
        description: None,
        product_code: None,
        stages: Stages::new(stages.iter().map(stage).collect()).unwrap(),
        throttle: None,
        quotas: QuotaHistory::default(),
        tags: Tags::default(),
        created: Timestamp::from_micros(1),
        version: Version::FIRST,
    }
}

async fn insert_plan(storage: &SqliteStorage, plan: UsagePlan) {
    let new = NewUsagePlan { plan, retry: None };
    Storage::writer(storage).insert_usage_plan(account(), &new, None).await.unwrap();
}

fn link(plan: &UsagePlan, n: u32) -> UsagePlanKey {
    UsagePlanKey { plan: plan.id.clone(), key: id(n) }
}

/// Restores keys and puts them into a plan.
async fn fill(storage: &SqliteStorage, plan: &UsagePlan, keys: std::ops::Range<u32>) {
    let mut writer = Storage::writer(storage);
    writer.restore_api_keys(account(), keys.clone().map(key).collect(), None).await.unwrap();
    let links: Vec<_> = keys.map(|n| link(plan, n)).collect();
    let attached = writer.attach_api_keys(account(), &links, 10).await.unwrap();
    assert!(attached.iter().all(|attached| *attached == Attachment::Done));
}

#[tokio::test]
async fn a_plan_is_deleted_at_once_and_its_keys_are_cleared_in_portions() {
    let opened = opened().await;
    let gold = plan("gold", &[]);
    insert_plan(&opened.storage, gold.clone()).await;
    for start in [0, 6_000, 12_000] {
        fill(&opened.storage, &gold, start..start + 6_000).await;
    }
    let mut writer = Storage::writer(&*opened.storage);
    writer.delete_usage_plan(account(), &gold.id, Version::FIRST).await.unwrap();
    let reader = opened.storage.reader();
    assert_eq!(reader.find_plans_of_keys(account(), &[id(1)]).await.unwrap(), [[]]);
    let mut conn = stranger(&opened.path).await;
    let links = "SELECT count(*) FROM usage_plan_key";
    for left in [18_000, 16_000] {
        let count: i64 = sqlx::query_scalar(links).fetch_one(&mut conn).await.unwrap();
        assert_eq!(count, left);
        let portion = sqlx::query(include_str!("../queries/usage_plan/prune.sql"));
        opened.storage.prune_portion(portion).await.unwrap();
    }
    opened.storage.prune(Keep::default()).await.unwrap();
    let left = "SELECT (SELECT count(*) FROM usage_plan_key) + (SELECT count(*) FROM usage_plan)";
    let left: i64 = sqlx::query_scalar(left).fetch_one(&mut conn).await.unwrap();
    assert_eq!(left, 0);
    drop(writer);
    insert_plan(&opened.storage, gold).await;
}

#[tokio::test]
async fn a_key_that_an_earlier_release_deletes_leaves_its_plans() {
    let opened = opened().await;
    let gold = plan("gold", &[]);
    insert_plan(&opened.storage, gold.clone()).await;
    fill(&opened.storage, &gold, 1..3).await;
    run(&format!("DELETE FROM api_key WHERE id = '{}'", id(1)), &mut stranger(&opened.path).await).await;
    insert(&opened.storage, 1).await.unwrap();
    let plans = opened.storage.reader().find_plans_of_keys(account(), &[id(1), id(2)]).await.unwrap();
    assert_eq!(plans, [vec![], vec![gold.id]]);
}

#[tokio::test]
async fn stages_of_large_plans_are_compared_as_those_of_small_ones() {
    // Of the keys 0 to 2,999 in the first plan, the other shares one or none.
    for (others, keys) in [(1, 1), (1, 1_500), (6, 1_500)] {
        let opened = opened().await;
        let first = plan("first", &[]);
        insert_plan(&opened.storage, first.clone()).await;
        fill(&opened.storage, &first, 0..3_000).await;
        for n in 1..=others {
            let other = plan(&format!("other-{n}"), &["api:prod"]);
            insert_plan(&opened.storage, other.clone()).await;
            fill(&opened.storage, &other, 10_000 * n..10_000 * n + keys).await;
        }
        let mut after = plan("first", &["api:test", "api:prod"]);
        after.version = Version(2);
        let mut unit = opened.storage.begin().await.unwrap();
        let changed = unit.update_usage_plan(account(), &after, Version::FIRST).await.unwrap();
        assert_eq!(changed, PlanChanged::Done, "{others} of {keys}");
        drop(unit);
        let last =
            UsagePlanKey { plan: UsagePlanId::parse(&format!("other-{others}")).unwrap(), key: id(2_000) };
        let mut unit = opened.storage.begin().await.unwrap();
        assert_eq!(unit.attach_api_keys(account(), &[last], 10).await.unwrap(), [Attachment::Done]);
        let changed = unit.update_usage_plan(account(), &after, Version::FIRST).await.unwrap();
        let stage = StageId::parse("api:prod").unwrap();
        assert_eq!(changed, PlanChanged::StageShared { stage, key: id(2_000) }, "{others} of {keys}");
    }
}

#[tokio::test]
async fn a_corrupt_cell_of_plans_and_usage_is_named() {
    let opened = opened().await;
    let storage = &*opened.storage;
    let gold = plan("gold", &[]);
    insert_plan(storage, gold.clone()).await;
    fill(storage, &gold, 1..2).await;
    let day = Day::from_number(3).unwrap();
    Storage::writer(storage).adjust_usage(account(), &link(&gold, 1), day, 1).await.unwrap();
    for (table, column, value, named) in [
        ("usage", "day", "-1", "key0..."),
        ("usage", "used", "-1", "key0..."),
        ("usage", "plan", "'two words'", "two words"),
        ("usage", "key", "'two words'", "two ..."),
        ("usage_plan", "document", r#"'{"name":""}'"#, "gold"),
        ("usage_plan", "id", "'two words'", "two words"),
    ] {
        let sql =
            format!("CREATE TABLE before AS SELECT * FROM {table}; UPDATE {table} SET {column} = {value}");
        run(&sql, &mut stranger(&opened.path).await).await;
        let reader = storage.reader();
        let page = PageRequest { after: None, limit: PageLimit::DEFAULT };
        let found = if table == "usage" {
            reader.list_usage(account(), None, 10).await.map(drop)
        } else {
            reader.list_usage_plans(account(), None, page).await.map(drop)
        };
        let Err(StorageError::Corrupt(what)) = found else { panic!("{table}.{column}: {found:?}") };
        assert_eq!(what, format!("table {table}, column {column}, id {named}"));
        let sql = format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM before; DROP TABLE before");
        run(&sql, &mut stranger(&opened.path).await).await;
    }
}

#[tokio::test]
async fn a_sum_of_requests_that_would_be_too_great_stays_at_the_greatest() {
    let opened = opened().await;
    let (link, day) = (link(&plan("gold", &[]), 1), Day::from_number(3).unwrap());
    let count = |requests| [UsageCount { account: account(), link: link.clone(), day, requests }];
    let meter = opened.storage.usage_meter();
    for (number, requests) in [(1, 1), (2, i64::MAX.cast_unsigned()), (3, u64::MAX)] {
        meter.count(Incarnation([1; 16]), number, &count(requests)).await.unwrap();
    }
    let usage = opened.storage.reader().list_usage(account(), None, 2).await.unwrap();
    assert_eq!(usage[0].usage.used, i64::MAX.cast_unsigned());
}
