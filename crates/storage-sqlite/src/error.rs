//! What SQLite says, as what a caller can act on.

use gatepost_storage::StorageError;
use std::io;
use std::path::PathBuf;

// SQLite's primary result codes; the extended ones have them in their lowest byte.
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const NO_MEMORY: i32 = 7;
const READ_ONLY: i32 = 8;
const INTERRUPTED: i32 = 9;
const IO: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANNOT_OPEN: i32 = 14;
const NOT_A_DATABASE: i32 = 26;

/// Why a database could not be opened. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The lock file is held.
    #[error("another server uses {0}: stop it first, or give this one a database of its own")]
    Locked(PathBuf),
    /// The file is there and something else.
    #[error("{0} is not a gatepost database: name another file")]
    NotADatabase(PathBuf),
    /// SQLite finds its own structures broken.
    #[error("{0} is damaged: restore it from a backup")]
    Damaged(PathBuf),
    /// The schema says that it is not for this release.
    #[error(
        "{0} was migrated by a newer gatepost that older ones must not use: install that release or a later one"
    )]
    Newer(PathBuf),
    /// The schema lacks migrations that this release needs.
    #[error("{0} is not migrated: run `gatepost migrate` first, or start without --no-migrate")]
    NotMigrated(PathBuf),
    /// A migration that this release carries was applied in another form.
    #[error(
        "{path} was migrated by something else than a release of gatepost (migration {version} differs): restore it from a backup"
    )]
    Tampered {
        /// The database.
        path: PathBuf,
        /// The migration.
        version: i64,
    },
    /// Somebody else held it for all of the time.
    #[error("{0} is kept locked by another program: end that one, then try again")]
    Busy(PathBuf),
    /// The operating system refused.
    #[error(
        "{path} cannot be opened: see that it and its directory exist, that this user may write them, and that the disk has room: {source}"
    )]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// SQLite refused.
    #[error(
        "{path} cannot be opened: see that it and its directory exist, that this user may write them, and that the disk has room: {source}"
    )]
    Refused {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What a failed statement means.
pub(crate) fn failed(error: sqlx::Error) -> StorageError {
    match code(&error) {
        Some(BUSY | LOCKED | NO_MEMORY | READ_ONLY | INTERRUPTED | IO | FULL | CANNOT_OPEN) => {
            StorageError::Unavailable(error.into())
        }
        Some(CORRUPT | NOT_A_DATABASE) => StorageError::Corrupt(format!("the database file: {error}")),
        Some(_) => StorageError::Backend(error.into()),
        None => match error {
            sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => StorageError::Unavailable(error.into()),
            // The driver's own errors are an open list.
            other => StorageError::Backend(other.into()),
        },
    }
}

/// The same failure for another caller of the same group.
pub(crate) fn again(error: &StorageError) -> StorageError {
    match error {
        StorageError::AlreadyExists(entity) => StorageError::AlreadyExists(*entity),
        StorageError::Stale(entity) => StorageError::Stale(*entity),
        StorageError::LimitReached(entity) => StorageError::LimitReached(*entity),
        StorageError::Unavailable(source) => StorageError::Unavailable(source.to_string().into()),
        StorageError::Corrupt(row) => StorageError::Corrupt(row.clone()),
        StorageError::Backend(source) => StorageError::Backend(source.to_string().into()),
    }
}

/// Somebody else writes.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    matches!(code(error), Some(BUSY | LOCKED))
}

pub(crate) fn late() -> StorageError {
    StorageError::Unavailable("the database was busy for too long".into())
}

pub(crate) fn closed() -> StorageError {
    StorageError::Unavailable("the database is closed".into())
}

/// A failure to open.
pub(crate) fn not_opened(path: PathBuf, error: sqlx::Error) -> OpenError {
    match code(&error) {
        Some(BUSY | LOCKED) => OpenError::Busy(path),
        Some(NOT_A_DATABASE) => OpenError::NotADatabase(path),
        Some(CORRUPT) => OpenError::Damaged(path),
        Some(_) | None => OpenError::Refused { path, source: error.into() },
    }
}

fn code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}
