//! Writes of plans, and taking keys out of them.

use super::attach::next_version;
use super::reader::find;
use super::row::Kept;
use super::stages::shared;
use crate::api_keys::row::number;
use crate::error::failed;
use gatepost_domain::usage_plans::{UsagePlan, UsagePlanId};
use gatepost_domain::{AccountId, Version};
use gatepost_storage::{Entity, NewUsagePlan, PlanChanged, StorageError, UsagePlanDocument, UsagePlanKey};
use sqlx::{Row, SqliteConnection};

pub(crate) async fn insert(
    conn: &mut SqliteConnection,
    account: AccountId,
    new: &NewUsagePlan,
    most: Option<u64>,
) -> Result<(), StorageError> {
    let NewUsagePlan { plan, retry } = new;
    let retry = retry.as_ref().map(|token| token.0.as_slice());
    let check = sqlx::query(include_str!("../../queries/usage_plan/check.sql"));
    let check = check.bind(number(account)).bind(retry).bind(plan.id.as_str());
    let row = check.fetch_one(&mut *conn).await.map_err(failed)?;
    if row.try_get(0).map_err(failed)? {
        return Err(StorageError::AlreadyExists(Entity::Retry));
    }
    if row.try_get(1).map_err(failed)? {
        return Err(StorageError::AlreadyExists(Entity::UsagePlan));
    }
    let plans: i64 = row.try_get(2).map_err(failed)?;
    if most.is_some_and(|most| plans.cast_unsigned() >= most) {
        return Err(StorageError::LimitReached(Entity::UsagePlan));
    }
    let query = sqlx::query(include_str!("../../queries/usage_plan/insert.sql"))
        .bind(number(account))
        .bind(plan.id.as_str())
        .bind(plan.created.micros())
        .bind(plan.version.0.cast_signed())
        .bind(UsagePlanDocument::of(plan).text())
        .bind(retry);
    query.execute(conn).await.map(drop).map_err(failed)
}

pub(crate) async fn update(
    conn: &mut SqliteConnection,
    account: AccountId,
    plan: &UsagePlan,
    expected: Version,
) -> Result<PlanChanged, StorageError> {
    let stored = find(conn, account, &plan.id).await?;
    let Some(before) = stored.filter(|stored| stored.plan.version == expected) else {
        return Err(StorageError::Stale(Entity::UsagePlan));
    };
    if let Some((stage, key)) = shared(conn, account, &before, plan).await? {
        return Ok(PlanChanged::StageShared { stage, key });
    }
    let Kept { place, .. } = before;
    let query = sqlx::query(include_str!("../../queries/usage_plan/update.sql"))
        .bind(place)
        .bind(plan.version.0.cast_signed())
        .bind(UsagePlanDocument::of(plan).text());
    query.execute(conn).await.map_err(failed)?;
    Ok(PlanChanged::Done)
}

pub(crate) async fn delete(
    conn: &mut SqliteConnection,
    account: AccountId,
    id: &UsagePlanId,
    expected: Version,
) -> Result<(), StorageError> {
    let query = sqlx::query(include_str!("../../queries/usage_plan/delete.sql"));
    let query = query.bind(number(account)).bind(id.as_str()).bind(expected.0.cast_signed());
    match query.execute(conn).await.map_err(failed)?.rows_affected() {
        0 => Err(StorageError::Stale(Entity::UsagePlan)),
        _deleted => Ok(()),
    }
}

pub(crate) async fn detach(
    conn: &mut SqliteConnection,
    account: AccountId,
    link: &UsagePlanKey,
) -> Result<bool, StorageError> {
    let query = sqlx::query(include_str!("../../queries/usage_plan/detach.sql"));
    let query = query.bind(number(account)).bind(link.key.as_str()).bind(link.plan.as_str());
    let was_there = query.execute(&mut *conn).await.map_err(failed)?.rows_affected() > 0;
    if was_there {
        next_version(conn, account, std::iter::once(&link.key)).await?;
    }
    Ok(was_there)
}
