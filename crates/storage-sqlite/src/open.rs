//! Opening a database: its file, its lock, its schema.
//!
//! `PATH.lock` is locked by the one server of a database and never removed; other programs of ours work beside it,
//! and wait for each other's writes as SQLite does. The lock ends with the process, however that ends.

use crate::error::{OpenError, failed, is_busy, not_opened};
use gatepost_storage::StorageError;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row};
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");

/// What this release understands of a schema. A migration that older releases must not meet writes a greater
/// `oldest_level`, and comes with a greater one here.
const LEVEL: i64 = 1;

/// The migrations' `application_id`.
const APPLICATION: i64 = 0x4761_7465;

/// Only the owner reads what is in it.
const MODE: u32 = 0o600;

/// So long a statement waits for another process before it is asked whether anybody still waits for it.
const PATIENCE: Duration = Duration::from_millis(250);

/// So often opening waits for [`PATIENCE`], where others open or migrate the same file.
const TRIES: usize = 16;

/// Which migrations there were, and are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The newest that was applied before; 0 for a new database.
    pub from: i64,
    /// The newest that is applied now.
    pub to: i64,
}

/// Makes a database if there is none, and brings its schema to what this release needs. It may be done beside a
/// running server.
pub async fn migrate(path: &Path) -> Result<Migrated, OpenError> {
    make_file(path, true).await?;
    let (conn, migrated) = connect(path, true).await?;
    drop(conn.close().await);
    Ok(migrated)
}

/// The options of the connection that writes.
pub(crate) fn writing(path: &Path) -> SqliteConnectOptions {
    common(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("cache_size", "-24000")
        // 24 MiB: a page that many commits touch is folded into the file once for all of them, and who writes next
        // waits for the folding.
        .pragma("wal_autocheckpoint", "6000")
        .pragma("journal_size_limit", "67108864")
        .analysis_limit(400)
        .thread_name(|_| "sqlite-writer".to_owned())
}

/// The options of those that read.
pub(crate) fn reading(path: &Path) -> SqliteConnectOptions {
    common(path)
        .read_only(true)
        .pragma("query_only", "ON")
        .pragma("cache_size", "-4000")
        .thread_name(|_| "sqlite-reader".to_owned())
}

fn common(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(PATIENCE)
        .pragma("temp_store", "MEMORY")
        .statement_cache_capacity(256)
        .row_buffer_size(512)
        .disable_statement_logging()
}

/// Takes the server's lock; it lasts as long as the file is open.
pub(crate) fn lock(path: &Path) -> Result<File, OpenError> {
    let name = with_ending(path, ".lock");
    let refused = |source| OpenError::File { path: name.clone(), source };
    let file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(false)
        .mode(MODE)
        .open(&name)
        .map_err(refused)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked(path.to_owned())),
        Err(TryLockError::Error(source)) => Err(refused(source)),
    }
}

/// Makes the file where it may be new, and takes one that is ours from the eyes of others. SQLite gives its other files
/// the same mode. What is not ours stays as it is.
pub(crate) async fn make_file(path: &Path, create: bool) -> Result<(), OpenError> {
    let refused = |source| OpenError::File { path: path.to_owned(), source };
    if create {
        match OpenOptions::new().write(true).create_new(true).mode(MODE).open(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(drop).map_err(refused),
        }
    }
    // Never opened but by SQLite: whoever closes a file gives up all locks that this process has on it.
    match fs::metadata(path) {
        Err(error) if !create && error.kind() == io::ErrorKind::NotFound => {
            return Err(OpenError::NotMigrated(path.to_owned()));
        }
        Err(error) => return Err(refused(error)),
        Ok(_) => {}
    }
    patiently(path, || check_file(path, create)).await?;
    for ending in ["", "-wal", "-shm"] {
        let file = with_ending(path, ending);
        match narrow(&file) {
            Err(error) if !ending.is_empty() && error.kind() == io::ErrorKind::NotFound => {}
            narrowed => narrowed.map_err(|source| OpenError::File { path: file, source })?,
        }
    }
    Ok(())
}

fn narrow(file: &Path) -> io::Result<()> {
    match fs::metadata(file)?.permissions().mode() & 0o777 {
        MODE => Ok(()),
        _wider => fs::set_permissions(file, Permissions::from_mode(MODE)),
    }
}

/// One of the files that lie beside a database.
pub(crate) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// The writing connection to a file of ours, its schema brought to what this release needs.
pub(crate) async fn connect(path: &Path, migrate: bool) -> Result<(SqliteConnection, Migrated), OpenError> {
    patiently(path, || try_connect(path, migrate)).await
}

/// The same connection later.
pub(crate) async fn connect_again(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    let mut conn = writing(path).connect().await?;
    wait_no_more(&mut conn).await?;
    Ok(conn)
}

/// From now on it is the writer's task that waits for other processes.
async fn wait_no_more(conn: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query("PRAGMA busy_timeout = 0").execute(conn).await.map(drop)
}

/// Tries until other processes that open or migrate the file have done so.
async fn patiently<T, A: Future<Output = Result<T, Attempt>>>(
    path: &Path,
    attempt: impl Fn() -> A,
) -> Result<T, OpenError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match attempt().await {
            Err(Attempt::Contended(_)) if tries < TRIES => tokio::time::sleep(PATIENCE / 5).await,
            Err(Attempt::Contended(error)) => return Err(not_opened(path.to_owned(), error)),
            Err(Attempt::Failed(error)) => return Err(error),
            Ok(done) => return Ok(done),
        }
    }
}

enum Attempt {
    Contended(sqlx::Error),
    Failed(OpenError),
}

fn attempt(path: &Path, error: sqlx::Error) -> Attempt {
    if is_busy(&error) {
        Attempt::Contended(error)
    } else {
        Attempt::Failed(not_opened(path.to_owned(), error))
    }
}

/// Refuses what is not a database of ours, nor one that may be made, before anything of it is changed.
async fn check_file(path: &Path, migrate: bool) -> Result<(), Attempt> {
    let attempt = |error| attempt(path, error);
    let plain = SqliteConnectOptions::new().filename(path).busy_timeout(PATIENCE).disable_statement_logging();
    let mut conn = plain.connect().await.map_err(attempt)?;
    let is_new = is_new(&mut conn).await.map_err(attempt)?;
    if !is_new {
        check_ours(path, &mut conn).await.map_err(attempt)?.map_err(Attempt::Failed)?;
    }
    conn.close().await.map_err(attempt)?;
    if is_new && !migrate {
        return Err(Attempt::Failed(OpenError::NotMigrated(path.to_owned())));
    }
    Ok(())
}

async fn try_connect(path: &Path, migrate: bool) -> Result<(SqliteConnection, Migrated), Attempt> {
    let attempt = |error| attempt(path, error);
    let mut conn = writing(path).connect().await.map_err(attempt)?;
    let from = newest(&mut conn).await.map_err(attempt)?;
    let needed = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
    if from < needed {
        if !migrate {
            return Err(Attempt::Failed(OpenError::NotMigrated(path.to_owned())));
        }
        apply(path, &mut conn).await?;
    }
    // Another process may have migrated it since it was checked.
    check_ours(path, &mut conn).await.map_err(attempt)?.map_err(Attempt::Failed)?;
    wait_no_more(&mut conn).await.map_err(attempt)?;
    Ok((conn, Migrated { from, to: from.max(needed) }))
}

async fn is_new(conn: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(conn).await?;
    Ok(tables == 0)
}

/// Whether the file is a database of this product that this release may use.
async fn check_ours(path: &Path, conn: &mut SqliteConnection) -> Result<Result<(), OpenError>, sqlx::Error> {
    let application: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *conn).await?;
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE name = 'installation'")
        .fetch_one(&mut *conn)
        .await?;
    if application == 0 && only_migrations(conn).await? {
        // Another process has begun to migrate it.
        return Ok(Ok(()));
    }
    if application != APPLICATION || tables == 0 {
        return Ok(Err(OpenError::NotADatabase(path.to_owned())));
    }
    let level: i64 = sqlx::query_scalar("SELECT oldest_level FROM installation").fetch_one(conn).await?;
    Ok(if level > LEVEL { Err(OpenError::Newer(path.to_owned())) } else { Ok(()) })
}

async fn only_migrations(conn: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let others = "SELECT count(*) FROM sqlite_schema WHERE tbl_name <> '_sqlx_migrations'";
    let others: i64 = sqlx::query_scalar(others).fetch_one(conn).await?;
    Ok(others == 0)
}

/// The newest migration that was applied.
async fn newest(conn: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let table = "SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'";
    let tables: i64 = sqlx::query_scalar(table).fetch_one(&mut *conn).await?;
    if tables == 0 {
        return Ok(0);
    }
    let newest = "SELECT coalesce(max(version), 0) FROM _sqlx_migrations";
    sqlx::query_scalar(newest).fetch_one(conn).await
}

async fn apply(path: &Path, conn: &mut SqliteConnection) -> Result<(), Attempt> {
    // Those that a later release applied are not ours to judge: `oldest_level` has.
    let migrator =
        Migrator { migrations: MIGRATIONS.migrations.clone(), ignore_missing: true, ..Migrator::DEFAULT };
    let error = match migrator.run_direct(None, conn, false).await {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    match error {
        MigrateError::VersionMismatch(version) => {
            Err(Attempt::Failed(OpenError::Tampered { path: path.to_owned(), version }))
        }
        // Of two that migrate at once, one finds the tables there, or the file changed under its transaction.
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            Err(Attempt::Contended(error))
        }
        other => Err(Attempt::Failed(OpenError::Refused { path: path.to_owned(), source: other.into() })),
    }
}

/// What this installation is called.
pub(crate) async fn installation(conn: &mut SqliteConnection) -> Result<String, StorageError> {
    let row = sqlx::query(include_str!("../queries/installation/facts.sql"))
        .fetch_one(conn)
        .await
        .map_err(failed)?;
    row.try_get(0).map_err(failed)
}
