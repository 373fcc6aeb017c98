//! Who is alive. A database has one server at a time, but the promise is the same.
//!
//! The dead are remembered for [`REMEMBERED`]. Each incarnation is random and beats every few seconds, so that none
//! comes back after that.

use crate::SqliteStorage;
use crate::error::failed;
use async_trait::async_trait;
use gatepost_storage::{Incarnation, Life, Replicas, StorageError};
use std::time::Duration;

/// How long an incarnation that is dead is known to be.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

#[async_trait]
impl Replicas for SqliteStorage {
    async fn beat(&self, incarnation: Incarnation, dead_after: Duration) -> Result<Life, StorageError> {
        let mut unit = self.unit().await?;
        let query = sqlx::query_scalar(include_str!("../queries/replica/beat.sql"));
        let query = query.bind(incarnation.0.as_slice()).bind(millis(dead_after));
        let beaten = query.fetch_optional(unit.write()?).await.map_err(failed);
        let beaten: Option<i64> = unit.wrote(beaten)?;
        unit.end().await?;
        // The dead are not written, and nothing is answered of them.
        Ok(if beaten.is_some() { Life::Alive } else { Life::Dead })
    }

    async fn alive(&self) -> Result<Vec<Incarnation>, StorageError> {
        let mut lent = self.readers.lend().await?;
        let query = sqlx::query_scalar(include_str!("../queries/replica/alive.sql"));
        let alive: Result<Vec<Vec<u8>>, _> = query.fetch_all(lent.conn()).await;
        let alive = lent.answered(alive.map_err(failed))?;
        let one = |bytes: Vec<u8>| {
            let bytes = bytes.try_into().map_err(|_| corrupt())?;
            Ok(Incarnation(bytes))
        };
        alive.into_iter().map(one).collect()
    }

    async fn leave(&self, incarnation: Incarnation) -> Result<(), StorageError> {
        let mut unit = self.unit().await?;
        let query = sqlx::query(include_str!("../queries/replica/leave.sql"));
        let left = query.bind(incarnation.0.as_slice()).execute(unit.write()?).await.map_err(failed);
        unit.wrote(left)?;
        unit.end().await
    }
}

pub(crate) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

fn corrupt() -> StorageError {
    StorageError::Corrupt("table replica, column incarnation: not sixteen bytes".to_owned())
}
