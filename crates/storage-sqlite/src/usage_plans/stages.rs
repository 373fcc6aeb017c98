//! Whether a plan may have more stages: no key of it may be in another plan that has one of them.
//!
//! | keys of the plan | others with the stages | how | cost |
//! |---|---|---|---|
//! | few | any | each key's plans are looked at | its keys |
//! | many | with few keys | the same from the other side | their keys |
//! | many | some with many keys | the two ranges are merged, one other after the other | all of their keys |
//! | many | more than [`MERGES`] with many keys | each key's plans are looked at | its keys |
//!
//! Each ends at the first key that is found, and whatever the numbers, after [`PATIENCE`]: it is the writer's time.

use super::row::{Kept, kept, key_id};
use crate::api_keys::row::number;
use crate::error::failed;
use crate::writer::now;
use gatepost_domain::AccountId;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::usage_plans::{StageId, UsagePlan};
use gatepost_storage::StorageError;
use sqlx::{Row, SqliteConnection};
use std::time::Duration;

/// The table of which keys are in which plans.
const LINKS: &str = "usage_plan_key";

/// So many keys are few: they are looked up one by one in some milliseconds.
const FEW: i64 = 1_000;

/// A merge looks at a key in a fifth of the time that looking it up takes.
const MERGES: usize = 4;

/// After so long the comparison is given up as if the database were busy.
const PATIENCE: Duration = Duration::from_secs(3);

/// So many steps of SQLite's machine lie between two looks at the clock: less than a millisecond.
const STEPS: i32 = 10_000;

/// Of the stages that a plan shall have and has not had, one that another plan of one of its keys has; and that key.
pub(super) async fn shared(
    conn: &mut SqliteConnection,
    account: AccountId,
    before: &Kept,
    after: &UsagePlan,
) -> Result<Option<(StageId, ApiKeyId)>, StorageError> {
    let stages = after.stages.iter().map(|stage| &stage.id);
    let new: Vec<&StageId> = stages.filter(|id| before.plan.stages.find(id).is_none()).collect();
    if new.is_empty() {
        return Ok(None);
    }
    let mut others = others(conn, account, before.place).await?;
    others.retain(|other| new.iter().any(|stage| other.plan.stages.find(stage).is_some()));
    if others.is_empty() {
        return Ok(None);
    }
    let places: Vec<i64> = others.iter().map(|other| other.place).collect();
    stop_after(conn, Some(PATIENCE)).await?;
    let found = shared_key(conn, before.place, &places).await;
    stop_after(conn, None).await?;
    let Some((key, place)) = found? else { return Ok(None) };
    let stage = others
        .iter()
        .filter(|other| other.place == place)
        .find_map(|other| new.iter().find(|stage| other.plan.stages.find(stage).is_some()));
    Ok(stage.map(|stage| ((*stage).clone(), key)))
}

async fn others(
    conn: &mut SqliteConnection,
    account: AccountId,
    place: i64,
) -> Result<Vec<Kept>, StorageError> {
    let query = sqlx::query(include_str!("../../queries/usage_plan/list.sql"));
    let query = query.bind(number(account)).bind(i64::MAX).bind("~").bind(-1);
    let rows = query.fetch_all(conn).await.map_err(failed)?;
    let plans = rows.iter().map(kept).filter(|other| !matches!(other, Ok(other) if other.place == place));
    plans.collect()
}

/// A key of one plan that is in one of others too, and in which.
async fn shared_key(
    conn: &mut SqliteConnection,
    plan: i64,
    others: &[i64],
) -> Result<Option<(ApiKeyId, i64)>, StorageError> {
    if has_few_keys(conn, plan).await? {
        return look_up(conn, plan, others).await;
    }
    let mut large = Vec::new();
    for other in others {
        if !has_few_keys(conn, *other).await? {
            large.push(*other);
        } else if let Some((key, _)) = look_up(conn, *other, &[plan]).await? {
            return Ok(Some((key, *other)));
        }
    }
    if large.len() > MERGES {
        return look_up(conn, plan, &large).await;
    }
    for other in large {
        if let Some(key) = merge(conn, plan, other).await? {
            return Ok(Some((key, other)));
        }
    }
    Ok(None)
}

async fn has_few_keys(conn: &mut SqliteConnection, plan: i64) -> Result<bool, StorageError> {
    let query = sqlx::query_scalar(include_str!("../../queries/usage_plan/count_keys.sql"));
    let keys: i64 = query.bind(plan).bind(FEW + 1).fetch_one(conn).await.map_err(failed)?;
    Ok(keys <= FEW)
}

async fn look_up(
    conn: &mut SqliteConnection,
    plan: i64,
    others: &[i64],
) -> Result<Option<(ApiKeyId, i64)>, StorageError> {
    let list = serde_json::to_string(others).expect("numbers are JSON");
    let query = sqlx::query(include_str!("../../queries/usage_plan/shared_by_key.sql"));
    let row = query.bind(plan).bind(list).fetch_optional(conn).await.map_err(failed)?;
    let one = |row: sqlx::sqlite::SqliteRow| {
        Ok((key_id(LINKS, row.try_get(0).map_err(failed)?)?, row.try_get(1).map_err(failed)?))
    };
    row.map(one).transpose()
}

async fn merge(conn: &mut SqliteConnection, plan: i64, other: i64) -> Result<Option<ApiKeyId>, StorageError> {
    let query = sqlx::query(include_str!("../../queries/usage_plan/shared_by_age.sql"));
    let row = query.bind(plan).bind(other).fetch_optional(conn).await.map_err(failed)?;
    row.map(|row| key_id(LINKS, row.try_get(1).map_err(failed)?)).transpose()
}

/// Has SQLite interrupt statements that are still running after so long.
async fn stop_after(conn: &mut SqliteConnection, patience: Option<Duration>) -> Result<(), StorageError> {
    let mut handle = conn.lock_handle().await.map_err(failed)?;
    match patience {
        None => handle.remove_progress_handler(),
        Some(patience) => {
            let began = now();
            handle.set_progress_handler(STEPS, move || now() - began < patience);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::Connection;

    #[tokio::test]
    async fn a_comparison_that_takes_too_long_is_interrupted() {
        let mut conn = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let count = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 1000000) SELECT max(n) FROM n";
        stop_after(&mut conn, Some(Duration::ZERO)).await.unwrap();
        let interrupted = sqlx::query(count).fetch_one(&mut conn).await.map_err(failed);
        assert!(matches!(interrupted, Err(StorageError::Unavailable(_))));
        stop_after(&mut conn, None).await.unwrap();
        sqlx::query(count).fetch_one(&mut conn).await.unwrap();
    }
}
