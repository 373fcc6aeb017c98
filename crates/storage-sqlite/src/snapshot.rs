//! A view that stays: a read transaction on a connection of its own. Writers go on beside it; what they write stays
//! in the write-ahead log until the snapshot ends, so that one should not be held for hours.

use crate::changes::position;
use crate::error::failed;
use crate::transaction::{Held, Transaction};
use crate::{SqliteStorage, changes};
use gatepost_storage::{FeedCursor, Snapshot, StorageError};
use sqlx::SqliteConnection;

/// See [`gatepost_storage::Storage::snapshot`]. Dropping it closes its connection.
pub(crate) struct SqliteSnapshot {
    view: Transaction<Box<SqliteConnection>>,
    cursor: FeedCursor,
}

impl SqliteSnapshot {
    pub(crate) async fn open(storage: &SqliteStorage) -> Result<Self, StorageError> {
        let mut conn = storage.readers.fresh().await?;
        sqlx::query("BEGIN").execute(&mut conn).await.map_err(failed)?;
        // The first read is what fixes the view.
        let position = position(&mut conn).await?;
        let cursor = changes::cursor(&storage.installation, position);
        Ok(Self { view: Transaction::new(Box::new(conn)), cursor })
    }

    pub(crate) async fn read(&self) -> Result<Held<'_, Box<SqliteConnection>>, StorageError> {
        self.view.read().await
    }
}

impl Snapshot for SqliteSnapshot {
    fn cursor(&self) -> FeedCursor {
        self.cursor.clone()
    }
}
