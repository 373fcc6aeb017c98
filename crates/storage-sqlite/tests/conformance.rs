//! Every promise of the storage traits, kept in a file.

use gatepost_storage_sqlite::{SqliteOptions, SqliteStorage};
use std::ops::Deref;
use tempfile::TempDir;

/// A storage, and the folder that goes with it.
struct Stored {
    storage: SqliteStorage,
    _folder: TempDir,
}

impl Deref for Stored {
    type Target = SqliteStorage;

    fn deref(&self) -> &SqliteStorage {
        &self.storage
    }
}

async fn storage() -> Stored {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gatepost.db");
    let storage =
        SqliteStorage::open(SqliteOptions { path, migrate: true, serve: true }).await.expect("opens");
    Stored { storage, _folder: folder }
}

gatepost_storage::conformance::cases!(storage);
