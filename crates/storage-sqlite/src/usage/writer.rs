//! Writes, but for the counting.

use crate::api_keys::row::number;
use crate::error::failed;
use crate::sql::{Values, rows};
use gatepost_domain::AccountId;
use gatepost_domain::usage::Day;
use gatepost_storage::{KeptUsage, StorageError, UsagePlanKey};
use sqlx::SqliteConnection;

const RESTORE: &str = include_str!("../../queries/usage/restore.sql");

/// So many rows go into one statement.
pub(super) const PORTION: usize = 500;

pub(crate) async fn adjust(
    conn: &mut SqliteConnection,
    account: AccountId,
    link: &UsagePlanKey,
    day: Day,
    adjustment: i64,
) -> Result<(), StorageError> {
    let query = sqlx::query(include_str!("../../queries/usage/adjust.sql"))
        .bind(number(account))
        .bind(link.plan.as_str())
        .bind(link.key.as_str())
        .bind(day.number())
        .bind(adjustment);
    query.execute(conn).await.map(drop).map_err(failed)
}

pub(crate) async fn restore(
    conn: &mut SqliteConnection,
    account: AccountId,
    usage: &[KeptUsage],
) -> Result<(), StorageError> {
    for portion in usage.chunks(PORTION) {
        let mut values = Values::default();
        for KeptUsage { link, usage } in portion {
            values.add(number(account));
            values.add(link.plan.as_str());
            values.add(link.key.as_str());
            values.add(usage.day.number());
            values.add(stored(usage.used));
            values.add(usage.adjustment);
        }
        values.execute(rows(RESTORE, portion.len()), conn).await.map_err(failed)?;
    }
    Ok(())
}

/// A number of requests as it is kept: what is too great stays at the greatest.
pub(super) fn stored(requests: u64) -> i64 {
    i64::try_from(requests).unwrap_or(i64::MAX)
}
