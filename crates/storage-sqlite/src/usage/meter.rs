//! Counting requests, batch by batch.

use super::writer::{PORTION, stored};
use crate::SqliteStorage;
use crate::api_keys::row::number;
use crate::error::failed;
use crate::sql::{Values, rows};
use async_trait::async_trait;
use gatepost_storage::{Entity, Incarnation, Metered, StorageError, UsageCount, UsageMeter};
use sqlx::SqliteConnection;

const COUNT: &str = include_str!("../../queries/usage/count.sql");

#[async_trait]
impl UsageMeter for SqliteStorage {
    async fn count(
        &self,
        incarnation: Incarnation,
        number: u64,
        counts: &[UsageCount],
    ) -> Result<Metered, StorageError> {
        let mut unit = self.unit().await?;
        let answer = count(unit.write()?, incarnation, number, counts).await;
        let metered = unit.wrote(answer)?;
        unit.end().await?;
        Ok(metered)
    }
}

async fn count(
    conn: &mut SqliteConnection,
    incarnation: Incarnation,
    batch: u64,
    counts: &[UsageCount],
) -> Result<Metered, StorageError> {
    let query = sqlx::query_scalar(include_str!("../../queries/usage/find_batch.sql"));
    let last: Option<i64> =
        query.bind(incarnation.0.as_slice()).fetch_optional(&mut *conn).await.map_err(failed)?;
    let last = last.unwrap_or(0).cast_unsigned();
    if batch <= last {
        return Ok(Metered::Before);
    }
    if batch != last + 1 {
        return Err(StorageError::Stale(Entity::UsageBatch));
    }
    add(conn, counts).await?;
    let query = sqlx::query(include_str!("../../queries/usage/note_batch.sql"));
    let query = query.bind(incarnation.0.as_slice()).bind(batch.cast_signed());
    query.execute(conn).await.map_err(failed)?;
    Ok(Metered::Now)
}

/// In the order of the index, which is then gone through from one end to the other.
async fn add(conn: &mut SqliteConnection, counts: &[UsageCount]) -> Result<(), StorageError> {
    let mut counts: Vec<&UsageCount> = counts.iter().collect();
    counts.sort_unstable_by_key(|count| (count.account, &count.link, count.day));
    for portion in counts.chunks(PORTION) {
        let mut values = Values::default();
        for count in portion {
            values.add(number(count.account));
            values.add(count.link.plan.as_str());
            values.add(count.link.key.as_str());
            values.add(count.day.number());
            values.add(stored(count.requests));
        }
        values.execute(rows(COUNT, portion.len()), conn).await.map_err(failed)?;
    }
    Ok(())
}
