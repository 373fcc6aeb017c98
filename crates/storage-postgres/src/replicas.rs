//! Who is alive: the table `replica`, on the database's clock.

use crate::PostgresStorage;
use crate::api_keys::column;
use crate::error::{lost_a_race, storage_error};
use async_trait::async_trait;
use gatepost_storage::{Incarnation, Life, Replicas, StorageError};
use sqlx::query;
use std::time::Duration;

#[async_trait]
impl Replicas for PostgresStorage {
    async fn beat(&self, incarnation: Incarnation, dead_after: Duration) -> Result<Life, StorageError> {
        let mut attempts = 0;
        let rows = loop {
            attempts += 1;
            let beat = query(include_str!("../queries/replicas/beat.sql"))
                .bind(&incarnation.0[..])
                .bind(micros(dead_after));
            match self.requests().rows(beat).await {
                Err(error) if attempts < 3 && lost_a_race(&error) => {}
                answer => break answer.map_err(storage_error)?,
            }
        };
        let is_dead = rows.first().map_or(Ok(false), |row| column(row, 0))?;
        Ok(if is_dead { Life::Dead } else { Life::Alive })
    }

    async fn alive(&self) -> Result<Vec<Incarnation>, StorageError> {
        let alive = query(include_str!("../queries/replicas/alive.sql"));
        let rows = self.requests().rows(alive).await.map_err(storage_error)?;
        rows.iter()
            .map(|row| {
                let bytes: &[u8] = column(row, 0)?;
                let incarnation = bytes.try_into().map(Incarnation);
                incarnation.map_err(|_| {
                    StorageError::Corrupt(format!("table replica, incarnation of {} bytes", bytes.len()))
                })
            })
            .collect()
    }

    async fn leave(&self, incarnation: Incarnation) -> Result<(), StorageError> {
        let leave = query(include_str!("../queries/replicas/leave.sql")).bind(&incarnation.0[..]);
        self.requests().rows(leave).await.map(drop).map_err(storage_error)
    }
}

/// A span, as the statements take it.
pub(crate) fn micros(span: Duration) -> i64 {
    // Spans that no clock can go back by would overflow the database's.
    const MOST: i64 = 1_000 * 365 * 86_400 * 1_000_000;
    i64::try_from(span.as_micros()).unwrap_or(MOST).min(MOST)
}
