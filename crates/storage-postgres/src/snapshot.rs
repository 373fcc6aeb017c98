//! One view that stays: a read-only transaction on a connection of its own, since it may be held for as long as a
//! million keys take to be loaded.

use crate::api_keys::column;
use crate::changes::Cursor;
use crate::error::{late, storage_error};
use crate::pool::{Connector, Limits, Statement};
use crate::source::Source;
use gatepost_storage::{FeedCursor, Snapshot, StorageError};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Error, Executor as _, query};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// See [`gatepost_storage::Storage::snapshot`].
pub(crate) struct PostgresSnapshot {
    /// Gone while a statement runs, and for good when one did not end. Dropping it ends the transaction.
    connection: Mutex<Option<PgConnection>>,
    cursor: FeedCursor,
}

impl PostgresSnapshot {
    pub(crate) async fn take(connector: &Connector) -> Result<Self, StorageError> {
        // Whoever reads it may take the time between two pages that they take.
        let limits = Limits { idle: Duration::ZERO, ..Limits::BULK };
        let taking = async {
            let mut connection = connector.connect(limits).await?;
            let begin = limits.begin("ISOLATION LEVEL REPEATABLE READ READ ONLY");
            connection.execute(sqlx::raw_sql(AssertSqlSafe(begin))).await?;
            // The first statement takes the snapshot: that the cursor is read from is the one that stays.
            let row = connection.fetch_one(query(include_str!("../queries/changes/place.sql"))).await?;
            Ok((connection, row))
        };
        let waited = timeout(Limits::REQUEST.call, taking).await.unwrap_or_else(|_| Err(late()));
        let (connection, row) = waited.map_err(storage_error)?;
        let cursor = Cursor::new(column(&row, 0)?, column(&row, 1)?).text();
        Ok(Self { connection: Mutex::new(Some(connection)), cursor })
    }
}

impl Source for PostgresSnapshot {
    async fn fetch(&self, statement: Statement<'_>) -> Result<Vec<PgRow>, Error> {
        let mut slot = self.connection.lock().await;
        let mut connection = slot.take().ok_or(Error::PoolClosed)?;
        let fetching = timeout(Limits::BULK.call, connection.fetch_all(statement));
        let answer = fetching.await.unwrap_or_else(|_| Err(late()));
        if answer.is_ok() {
            *slot = Some(connection);
        }
        answer
    }
}

impl Snapshot for PostgresSnapshot {
    fn cursor(&self) -> FeedCursor {
        self.cursor.clone()
    }
}
