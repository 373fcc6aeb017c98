//! Counting: one statement for a batch, which the incarnation's number makes count once.

use crate::PostgresStorage;
use crate::api_keys::{column, number, signed};
use crate::error::storage_error;
use crate::session::{Alone, Session as _, written};
use async_trait::async_trait;
use gatepost_storage::{Entity, Incarnation, Metered, StorageError, UsageCount, UsageMeter};
use sqlx::query;
use std::collections::BTreeMap;

#[async_trait]
impl UsageMeter for PostgresStorage {
    async fn count(
        &self,
        incarnation: Incarnation,
        batch: u64,
        counts: &[UsageCount],
    ) -> Result<Metered, StorageError> {
        let mut ordered = BTreeMap::new();
        for one in counts {
            let requests: &mut u64 = ordered.entry((one.account, &one.link, one.day)).or_default();
            *requests = requests.saturating_add(one.requests);
        }
        let count = || {
            query(include_str!("../../queries/usage/count.sql"))
                .bind(&incarnation.0[..])
                .bind(signed(batch))
                .bind(ordered.keys().map(|(account, _, _)| number(*account)).collect::<Vec<_>>())
                .bind(ordered.keys().map(|(_, link, _)| link.plan.as_str()).collect::<Vec<_>>())
                .bind(ordered.keys().map(|(_, link, _)| link.key.as_str()).collect::<Vec<_>>())
                .bind(ordered.keys().map(|(_, _, day)| day.number()).collect::<Vec<_>>())
                .bind(ordered.values().map(|requests| signed(*requests)).collect::<Vec<_>>())
        };
        let mut session = Alone(self.writes());
        if written(&mut session, count).await? {
            return Ok(Metered::Now);
        }
        let last = query(include_str!("../../queries/usage/last_batch.sql")).bind(&incarnation.0[..]);
        let rows = session.rows(last).await.map_err(storage_error)?;
        let last: i64 = rows.first().map_or(Ok(0), |row| column(row, 0))?;
        if signed(batch) <= last { Ok(Metered::Before) } else { Err(StorageError::Stale(Entity::UsageBatch)) }
    }
}
