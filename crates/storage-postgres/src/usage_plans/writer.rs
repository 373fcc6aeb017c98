//! Writes of plans: each one statement, with its change and what is to be remembered of it.

use crate::api_keys::{column, number, signed};
use crate::error::{UNIQUE_VIOLATION, is_code, storage_error};
use crate::session::{Session, written};
use gatepost_domain::usage_plans::{UsagePlan, UsagePlanId};
use gatepost_domain::{AccountId, Version};
use gatepost_storage::{Entity, NewUsagePlan, StorageError, UsagePlanDocument};
use sqlx::query;

/// How often an insert is tried whose obstacle is gone when it is looked for.
const ATTEMPTS: u32 = 5;

pub(crate) async fn insert<S: Session>(
    session: &mut S,
    account: AccountId,
    new: &NewUsagePlan,
    most: Option<u64>,
) -> Result<(), StorageError> {
    let NewUsagePlan { plan, retry } = new;
    let token = retry.as_ref().map(|token| &token.0[..]);
    let document = UsagePlanDocument::of(plan).text();
    for attempt in 1..=ATTEMPTS {
        let insert = query(include_str!("../../queries/usage_plans/insert.sql"))
            .bind(number(account))
            .bind(plan.id.as_str())
            .bind(plan.created.micros())
            .bind(signed(plan.version.0))
            .bind(&document)
            .bind(token)
            .bind(most.map(signed));
        // Only a token that is known already is an error.
        let answer = match token {
            Some(_) => session.attempt(insert).await,
            None => session.rows(insert).await,
        };
        match answer {
            Ok(rows) if !rows.is_empty() => return Ok(()),
            Ok(_) => {}
            Err(error) if is_code(&error, UNIQUE_VIOLATION) || session.may_repeat(&error, attempt) => {}
            Err(error) => return Err(storage_error(error)),
        }
        if let Some(refusal) = refusal(session, account, new, most).await? {
            return Err(refusal);
        }
    }
    Err(StorageError::Unavailable("others took what the plan needs, and gave it up, again and again".into()))
}

/// Why a plan was not inserted; `None` when there is no reason any more.
async fn refusal<S: Session>(
    session: &mut S,
    account: AccountId,
    new: &NewUsagePlan,
    most: Option<u64>,
) -> Result<Option<StorageError>, StorageError> {
    let look = query(include_str!("../../queries/usage_plans/refusal.sql"))
        .bind(number(account))
        .bind(new.plan.id.as_str())
        .bind(new.retry.as_ref().map(|token| &token.0[..]));
    let rows = session.rows(look).await.map_err(storage_error)?;
    let Some(row) = rows.first() else { return Ok(None) };
    for (index, entity) in [Entity::Retry, Entity::UsagePlan].into_iter().enumerate() {
        if column(row, index)? {
            return Ok(Some(StorageError::AlreadyExists(entity)));
        }
    }
    let plans: i64 = column(row, 2)?;
    let is_full = most.is_some_and(|most| plans >= signed(most));
    Ok(is_full.then_some(StorageError::LimitReached(Entity::UsagePlan)))
}

/// Replaces a plan, whatever stages it has.
pub(crate) async fn update<S: Session>(
    session: &mut S,
    account: AccountId,
    plan: &UsagePlan,
    expected: Version,
) -> Result<(), StorageError> {
    let document = UsagePlanDocument::of(plan).text();
    let update = || {
        query(include_str!("../../queries/usage_plans/update.sql"))
            .bind(number(account))
            .bind(plan.id.as_str())
            .bind(signed(expected.0))
            .bind(signed(plan.version.0))
            .bind(&document)
    };
    if written(session, update).await? { Ok(()) } else { Err(StorageError::Stale(Entity::UsagePlan)) }
}

pub(crate) async fn delete<S: Session>(
    session: &mut S,
    account: AccountId,
    id: &UsagePlanId,
    expected: Version,
) -> Result<(), StorageError> {
    let delete = || {
        query(include_str!("../../queries/usage_plans/delete.sql"))
            .bind(number(account))
            .bind(id.as_str())
            .bind(signed(expected.0))
    };
    if written(session, delete).await? { Ok(()) } else { Err(StorageError::Stale(Entity::UsagePlan)) }
}
