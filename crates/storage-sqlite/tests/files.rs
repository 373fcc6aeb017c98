//! The files of a database, and who may use them beside whom.

use gatepost_domain::api_keys::{ApiKey, ApiKeyId};
use gatepost_domain::{AccountId, Digest, Sealed, Tags, Timestamp, Version};
use gatepost_storage::{Change, FirstAnswer, NewApiKey, News, RetryToken, Storage};
use gatepost_storage_sqlite::{Migrated, OpenError, SqliteOptions, SqliteStorage, migrate};
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gatepost.db");
    (folder, path)
}

async fn open(path: &Path, migrate: bool, serve: bool) -> Result<SqliteStorage, OpenError> {
    SqliteStorage::open(SqliteOptions { path: path.to_owned(), migrate, serve }).await
}

async fn refusal(path: &Path, migrate: bool) -> OpenError {
    match open(path, migrate, false).await {
        Ok(_) => panic!("it opened"),
        Err(error) => error,
    }
}

async fn execute(path: &Path, sql: &str) {
    let url = format!("sqlite:{}?mode=rwc", path.display());
    let mut conn = SqliteConnection::connect(&url).await.expect("connects");
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut conn).await.expect("runs");
    conn.close().await.expect("closes");
}

fn account() -> AccountId {
    AccountId::from_number(1).expect("1 is an account")
}

async fn insert(storage: &SqliteStorage, id: &str, n: u8) {
    let key = ApiKey {
        id: ApiKeyId::parse(id).expect("an id"),
        name: None,
        description: None,
        enabled: true,
        customer_id: None,
        stage_keys: Vec::new(),
        labels: Vec::new(),
        tags: Tags::default(),
        created: Timestamp::from_micros(1),
        updated: Timestamp::from_micros(1),
        version: Version::FIRST,
    };
    let new = NewApiKey { key, digest: Digest([n; 32]), sealed: Sealed([n; 75].into()), retry: None };
    storage.writer().insert_api_key(account(), new, None).await.expect("inserts");
}

async fn count(storage: &SqliteStorage) -> u64 {
    storage.reader().count_api_keys(account()).await.expect("counts")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("is there").permissions().mode() & 0o777
}

#[tokio::test]
async fn a_second_server_is_refused_until_the_first_ends() {
    let (_folder, path) = folder();
    let first = open(&path, true, true).await.unwrap();
    let Err(refused) = open(&path, true, true).await else { panic!("two servers") };
    assert!(matches!(&refused, OpenError::Locked(at) if *at == path), "{refused:?}");
    let beside = open(&path, true, false).await.unwrap();
    insert(&beside, "beside", 1).await;
    assert_eq!(count(&first).await, 1);
    drop(beside);
    first.close().await;
    let second = open(&path, true, true).await.unwrap();
    assert_eq!(count(&second).await, 1);
    drop(second);
    drop(open(&path, false, true).await.unwrap());
}

#[tokio::test]
async fn a_closed_storage_is_unavailable_and_leaves_one_file_and_its_lock() {
    let (folder, path) = folder();
    let storage = open(&path, true, true).await.unwrap();
    insert(&storage, "first", 1).await;
    storage.close().await;
    storage.close().await;
    assert!(storage.reader().count_api_keys(account()).await.is_err());
    assert!(storage.begin().await.is_err() && storage.probe().await.is_err());
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["gatepost.db", "gatepost.db.lock"]);
}

#[tokio::test]
async fn files_are_for_their_owner_only() {
    let (_folder, path) = folder();
    let storage = open(&path, true, true).await.unwrap();
    insert(&storage, "first", 1).await;
    for ending in ["", "-wal", "-shm", ".lock"] {
        assert_eq!(mode(&PathBuf::from(format!("{}{ending}", path.display()))), 0o600, "{ending}");
    }
    storage.close().await;
    // As a backup may come back.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let storage = open(&path, true, true).await.unwrap();
    assert_eq!((mode(&path), count(&storage).await), (0o600, 1));
}

#[tokio::test]
async fn a_feed_hears_of_another_programs_changes() {
    let (_folder, path) = folder();
    let server = open(&path, true, true).await.unwrap();
    let cursor = server.snapshot().await.unwrap().cursor();
    let mut feed = server.changes(cursor).await.unwrap();
    let command = open(&path, true, false).await.unwrap();
    for (n, id) in (1..).zip(["first", "second"]) {
        insert(&command, id, n).await;
        let news = tokio::time::timeout(Duration::from_secs(2), feed.next(Duration::from_secs(60))).await;
        let id = ApiKeyId::parse(id).unwrap();
        let change = Change::ApiKey { account: account(), id, version: Version::FIRST };
        assert_eq!(news.expect("it is told").unwrap(), News::Changes(vec![change]));
    }
}

#[tokio::test]
async fn a_change_that_only_a_later_release_knows_is_a_resync() {
    let (_folder, path) = folder();
    let storage = open(&path, true, true).await.unwrap();
    let cursor = storage.snapshot().await.unwrap().cursor();
    execute(&path, "INSERT INTO change (kind, account) VALUES (99, 1)").await;
    let mut feed = storage.changes(cursor).await.unwrap();
    assert_eq!(feed.next(Duration::ZERO).await.unwrap(), News::Resync);
    let cursor = storage.snapshot().await.unwrap().cursor();
    let mut feed = storage.changes(cursor).await.unwrap();
    assert_eq!(feed.next(Duration::ZERO).await.unwrap(), News::Changes(Vec::new()));
}

#[tokio::test]
async fn a_position_of_another_database_is_a_resync() {
    let ((_one, one), (_two, two)) = (folder(), folder());
    let (one, two) = (open(&one, true, true).await.unwrap(), open(&two, true, true).await.unwrap());
    let cursor = one.snapshot().await.unwrap().cursor();
    let mut feed = two.changes(cursor).await.unwrap();
    assert_eq!(feed.next(Duration::ZERO).await.unwrap(), News::Resync);
}

#[tokio::test]
async fn migrating_is_a_step_of_its_own() {
    let (_folder, path) = folder();
    assert!(matches!(refusal(&path, false).await, OpenError::NotMigrated(_)));
    assert!(!path.exists());
    fs::write(&path, "").unwrap();
    assert!(matches!(refusal(&path, false).await, OpenError::NotMigrated(_)));
    assert_eq!(migrate(&path).await.unwrap(), Migrated { from: 0, to: 2 });
    assert_eq!(migrate(&path).await.unwrap(), Migrated { from: 2, to: 2 });
    assert_eq!(mode(&path), 0o600);
    open(&path, false, true).await.unwrap();
    execute(&path, "DELETE FROM _sqlx_migrations").await;
    assert!(matches!(refusal(&path, false).await, OpenError::NotMigrated(_)));
}

#[tokio::test]
async fn a_database_of_the_first_release_keeps_its_keys() {
    let (_folder, path) = folder();
    fs::write(&path, "").unwrap();
    let mut conn = SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap();
    let first = MIGRATIONS.iter().filter(|migration| migration.version == 1).cloned();
    let first = Migrator { migrations: first.collect(), ..Migrator::DEFAULT };
    first.run_direct(None, &mut conn, false).await.unwrap();
    conn.close().await.unwrap();
    execute(
        &path,
        "INSERT INTO api_key (account, id, digest, enabled, created, updated, version, sealed)
            VALUES (1, 'kept', x'01', 1, 1, 1, 1, x'01');
        INSERT INTO api_key_count VALUES (1, 1);
        INSERT INTO retry (account, token, id) VALUES (1, zeroblob(32), 'kept')",
    )
    .await;
    assert!(matches!(refusal(&path, false).await, OpenError::NotMigrated(_)));
    let storage = open(&path, true, true).await.unwrap();
    let kept = ApiKeyId::parse("kept").unwrap();
    assert!(storage.reader().find_api_key(account(), &kept).await.unwrap().is_some());
    let first = storage.reader().recall(account(), &RetryToken([0; 32])).await.unwrap();
    assert_eq!(first, Some(FirstAnswer::ApiKey(kept)));
}

#[tokio::test]
async fn many_that_migrate_at_once_find_one_schema() {
    let (_folder, path) = folder();
    let all = (0..8).map(|_| {
        let path = path.clone();
        tokio::spawn(async move { migrate(&path).await.unwrap().to })
    });
    for one in all.collect::<Vec<_>>() {
        assert_eq!(one.await.unwrap(), 2);
    }
}

#[tokio::test]
async fn only_an_older_binary_is_refused() {
    let (_folder, path) = folder();
    migrate(&path).await.unwrap();
    // A later release was here, and says that this one may go on.
    execute(
        &path,
        "INSERT INTO _sqlx_migrations SELECT 9999, 'later', installed_on, success, x'00', 1 FROM _sqlx_migrations
            WHERE version = 1;
        ALTER TABLE api_key ADD COLUMN later TEXT",
    )
    .await;
    for migrate in [false, true] {
        insert(&open(&path, migrate, true).await.unwrap(), &format!("with-{migrate}"), u8::from(migrate))
            .await;
    }
    // And then that it may not.
    execute(&path, "UPDATE installation SET oldest_level = 2").await;
    for migrate in [false, true] {
        assert!(matches!(refusal(&path, migrate).await, OpenError::Newer(_)));
    }
}

#[tokio::test]
async fn a_migration_that_is_not_ours_is_refused() {
    let (_folder, path) = folder();
    migrate(&path).await.unwrap();
    let sql = "DELETE FROM _sqlx_migrations WHERE version > 1;
        UPDATE _sqlx_migrations SET version = 0, checksum = x'00'";
    execute(&path, sql).await;
    let refused = refusal(&path, true).await;
    assert!(matches!(refused, OpenError::Refused { .. } | OpenError::Tampered { .. }), "{refused:?}");
}

#[tokio::test]
async fn another_programs_file_is_refused_and_left_as_it_is() {
    let (folder, path) = folder();
    fs::write(&path, "no database, but some text that is long enough to be one".repeat(100)).unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(refusal(&path, true).await, OpenError::NotADatabase(_)));
    assert!(fs::read(&path).unwrap() == before);
    fs::remove_file(&path).unwrap();
    execute(&path, "CREATE TABLE theirs (a)").await;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let before = fs::read(&path).unwrap();
    for serve in [true, false] {
        let refused = open(&path, true, serve).await;
        assert!(matches!(refused, Err(OpenError::NotADatabase(_))));
    }
    assert!(fs::read(&path).unwrap() == before && mode(&path) == 0o644);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was left beside it");
}

#[tokio::test]
async fn refusals_are_one_line_that_says_what_to_do() {
    let (folder, path) = folder();
    let missing = folder.path().join("no/such/folder.db");
    fs::write(&path, "no database, but some text that is long enough to be one".repeat(100)).unwrap();
    for (refused, advice) in [
        (refusal(&missing, true).await, "see that it and its directory exist"),
        (refusal(folder.path(), true).await, "this user may write"),
        (refusal(&path, true).await, "name another file"),
    ] {
        let text = refused.to_string();
        assert!(text.contains(advice) && !text.contains('\n'), "{text}");
    }
}
