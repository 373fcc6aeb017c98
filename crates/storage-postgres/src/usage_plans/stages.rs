//! Giving stages to a plan whose keys may be in other plans too.

use super::row;
use crate::api_keys::{column, id, number, signed};
use crate::error::storage_error;
use crate::session::Session;
use gatepost_domain::AccountId;
use gatepost_domain::Version;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::usage_plans::{StageId, UsagePlan};
use gatepost_storage::{Entity, PlanChanged, StorageError};
use sqlx::postgres::PgRow;
use sqlx::query;

/// A plan, and one of the stages that are being given to another one.
type Sharing = (UsagePlan, StageId);

/// The stages that an update gives to its plan, of which the stored version must be `expected`.
pub(crate) async fn added_stages<S: Session>(
    session: &mut S,
    account: AccountId,
    plan: &UsagePlan,
    expected: Version,
) -> Result<Vec<StageId>, StorageError> {
    let find = query(include_str!("../../queries/usage_plans/find.sql"))
        .bind(number(account))
        .bind(plan.id.as_str());
    let rows = session.rows(find).await.map_err(storage_error)?;
    let stored = rows.first().map(|row| row::plan(account, row)).transpose()?;
    let stored =
        stored.filter(|stored| stored.version == expected).ok_or(StorageError::Stale(Entity::UsagePlan))?;
    let stages = plan.stages.iter().map(|stage| &stage.id);
    Ok(stages.filter(|stage| stored.stages.find(stage).is_none()).cloned().collect())
}

/// Replaces a plan that gets these stages, in a transaction.
pub(crate) async fn give_stages<S: Session>(
    session: &mut S,
    account: AccountId,
    plan: &UsagePlan,
    expected: Version,
    added: &[StageId],
) -> Result<PlanChanged, StorageError> {
    let lock = query(include_str!("../../queries/usage_plans/lock_stages.sql")).bind(number(account));
    session.rows(lock).await.map_err(storage_error)?;
    let lock = query(include_str!("../../queries/usage_plans/lock.sql"))
        .bind(number(account))
        .bind(plan.id.as_str())
        .bind(signed(expected.0));
    if session.rows(lock).await.map_err(storage_error)?.is_empty() {
        return Err(StorageError::Stale(Entity::UsagePlan));
    }
    let sharing = sharing(session, account, plan, added).await?;
    if let Some((place, key)) = shared_key(session, account, plan, &sharing).await?
        && let Some((_, stage)) = sharing.get(place)
    {
        return Ok(PlanChanged::StageShared { stage: stage.clone(), key });
    }
    super::update(session, account, plan, expected).await.map(|()| PlanChanged::Done)
}

/// The account's other plans that have one of these stages.
async fn sharing<S: Session>(
    session: &mut S,
    account: AccountId,
    plan: &UsagePlan,
    added: &[StageId],
) -> Result<Vec<Sharing>, StorageError> {
    let others = query(include_str!("../../queries/usage_plans/others.sql"))
        .bind(number(account))
        .bind(plan.id.as_str());
    let rows = session.rows(others).await.map_err(storage_error)?;
    let sharing = |row: &PgRow| {
        let other = row::plan(account, row)?;
        let stage = added.iter().find(|stage| other.stages.find(stage).is_some());
        Ok(stage.cloned().map(|stage| (other, stage)))
    };
    rows.iter().filter_map(|row| sharing(row).transpose()).collect()
}

/// A key of the plan that is in one of the others too, and the place of that one.
async fn shared_key<S: Session>(
    session: &mut S,
    account: AccountId,
    plan: &UsagePlan,
    others: &[Sharing],
) -> Result<Option<(usize, ApiKeyId)>, StorageError> {
    if others.is_empty() {
        return Ok(None);
    }
    merge_only(session, "off").await?;
    let look = query(include_str!("../../queries/usage_plans/shared_key.sql"))
        .bind(number(account))
        .bind(plan.id.as_str())
        .bind(others.iter().map(|(other, _)| other.id.as_str()).collect::<Vec<_>>());
    let rows = session.rows(look).await.map_err(storage_error)?;
    merge_only(session, "on").await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let place: i64 = column(row, 0)?;
    Ok(Some((usize::try_from(place - 1).unwrap_or(usize::MAX), id(account, column(row, 1)?)?)))
}

/// Other statements of the transaction are to be planned as ever, and keep their plans for longer than it lasts.
async fn merge_only<S: Session>(session: &mut S, others: &str) -> Result<(), StorageError> {
    let set = query(include_str!("../../queries/usage_plans/merge_only.sql")).bind(others);
    session.rows(set).await.map(drop).map_err(storage_error)
}
