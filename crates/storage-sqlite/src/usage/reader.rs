//! Reads, of what is committed and of what a unit of work sees.

use crate::SqliteStorage;
use crate::api_keys::row::{corrupt, number};
use crate::error::failed;
use crate::snapshot::SqliteSnapshot;
use crate::unit_of_work::SqliteUnit;
use crate::usage_plans::reader::id_list;
use crate::usage_plans::row::{key_id, plan_id};
use async_trait::async_trait;
use gatepost_domain::AccountId;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::usage::{Day, UsageOfDay};
use gatepost_domain::usage_plans::UsagePlanId;
use gatepost_storage::{KeptUsage, StorageError, UsagePlanKey, UsagePosition, UsageReader};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

/// The reads on whatever lends a connection; the orphan rule forbids one generic implementation.
macro_rules! answer_reads {
    ($reader:ty) => {
        #[async_trait]
        impl UsageReader for $reader {
            async fn find_usage(
                &self,
                account: AccountId,
                plan: &UsagePlanId,
                keys: &[ApiKeyId],
                days: (Day, Day),
            ) -> Result<Vec<Vec<UsageOfDay>>, StorageError> {
                let mut held = self.read().await?;
                let answer = find(held.conn(), account, plan, keys, days).await;
                held.answered(answer)
            }

            async fn list_usage(
                &self,
                account: AccountId,
                after: Option<&UsagePosition>,
                limit: usize,
            ) -> Result<Vec<KeptUsage>, StorageError> {
                let mut held = self.read().await?;
                let answer = list(held.conn(), account, after, limit).await;
                held.answered(answer)
            }
        }
    };
}

answer_reads!(SqliteStorage);
answer_reads!(SqliteSnapshot);
answer_reads!(SqliteUnit);

async fn find(
    conn: &mut SqliteConnection,
    account: AccountId,
    plan: &UsagePlanId,
    keys: &[ApiKeyId],
    days: (Day, Day),
) -> Result<Vec<Vec<UsageOfDay>>, StorageError> {
    let rows = sqlx::query(include_str!("../../queries/usage/find.sql"))
        .bind(number(account))
        .bind(plan.as_str())
        .bind(id_list(keys.iter().map(ApiKeyId::as_str)))
        .bind(days.0.number())
        .bind(days.1.number())
        .fetch_all(conn)
        .await
        .map_err(failed)?;
    let mut usage = vec![Vec::new(); keys.len()];
    for row in &rows {
        let index: i64 = row.try_get(0).map_err(failed)?;
        usage[index.cast_unsigned() as usize].push(usage_of_day(row)?);
    }
    Ok(usage)
}

async fn list(
    conn: &mut SqliteConnection,
    account: AccountId,
    after: Option<&UsagePosition>,
    limit: usize,
) -> Result<Vec<KeptUsage>, StorageError> {
    let rows = sqlx::query(include_str!("../../queries/usage/list.sql"))
        .bind(number(account))
        // No id is empty.
        .bind(after.map_or("", |after| after.link.plan.as_str()))
        .bind(after.map_or("", |after| after.link.key.as_str()))
        .bind(after.map_or(0, |after| after.day.number()))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await
        .map_err(failed)?;
    let one = |row: &SqliteRow| {
        let plan = plan_id("usage", row.try_get(0).map_err(failed)?)?;
        let key = key_id("usage", row.try_get(1).map_err(failed)?)?;
        Ok(KeptUsage { link: UsagePlanKey { plan, key }, usage: usage_of_day(row)? })
    };
    rows.iter().map(one).collect()
}

/// The last four columns of both statements: key, day, requests and adjustment.
fn usage_of_day(row: &SqliteRow) -> Result<UsageOfDay, StorageError> {
    let cell = |column: &str| corrupt("usage", column, row.try_get(1).unwrap_or_default());
    let day: i64 = row.try_get(2).map_err(|_| cell("day"))?;
    let used: i64 = row.try_get(3).map_err(|_| cell("used"))?;
    Ok(UsageOfDay {
        day: i32::try_from(day).ok().and_then(Day::from_number).ok_or_else(|| cell("day"))?,
        used: u64::try_from(used).map_err(|_| cell("used"))?,
        adjustment: row.try_get(4).map_err(|_| cell("adjustment"))?,
    })
}
