//! Writes of single keys: each one statement, with its change and what is to be remembered of it.

use super::row::{Lists, column, number, signed};
use crate::error::{UNIQUE_VIOLATION, is_code, storage_error};
use crate::pool::Statement;
use crate::session::Session;
use gatepost_domain::api_keys::{ApiKey, ApiKeyId, ApiKeyName, CustomerId, Description};
use gatepost_domain::{AccountId, Version};
use gatepost_storage::{Entity, NewApiKey, StorageError};
use sqlx::query;

/// How often an insert is tried whose obstacle is gone when it is looked for.
const ATTEMPTS: u32 = 5;

pub(crate) async fn insert<S: Session>(
    session: &mut S,
    account: AccountId,
    new: &NewApiKey,
    most: Option<u64>,
) -> Result<(), StorageError> {
    for attempt in 1..=ATTEMPTS {
        let insert = insertion(account, new, most);
        // Only a token that is known already is an error; a taken value or id just stores nothing.
        let answer = match new.retry {
            Some(_) => session.attempt(insert).await,
            None => session.rows(insert).await,
        };
        match answer {
            Ok(rows) if !rows.is_empty() => return Ok(()),
            Ok(_) => {}
            Err(error) if is_code(&error, UNIQUE_VIOLATION) || session.may_repeat(&error, attempt) => {}
            Err(error) => return Err(storage_error(error)),
        }
        // In a box: it is rare, and the future of every insert would be as large.
        if let Some(refusal) = Box::pin(refusal(session, account, new, most)).await? {
            return Err(refusal);
        }
    }
    Err(StorageError::Unavailable("others took what the key needs, and gave it up, again and again".into()))
}

pub(super) fn insertion<'q>(account: AccountId, new: &'q NewApiKey, most: Option<u64>) -> Statement<'q> {
    let key = &new.key;
    let lists = Lists::of(key);
    let insert = match most {
        None => query(include_str!("../../queries/api_keys/insert.sql")),
        Some(_) => query(include_str!("../../queries/api_keys/insert_bounded.sql")),
    };
    let insert = insert
        .bind(number(account))
        .bind(key.id.as_str())
        .bind(&new.digest.0[..])
        .bind(&*new.sealed.0)
        .bind(key.name.as_ref().map(ApiKeyName::as_str))
        .bind(key.description.as_ref().map(Description::as_str))
        .bind(key.enabled)
        .bind(key.customer_id.as_ref().map(CustomerId::as_str))
        .bind(lists.stage_keys)
        .bind(lists.labels)
        .bind(lists.tags)
        .bind(key.created.micros())
        .bind(key.updated.micros())
        .bind(signed(key.version.0))
        .bind(new.retry.as_ref().map(|token| &token.0[..]));
    match most {
        None => insert,
        Some(most) => insert.bind(signed(most)),
    }
}

/// Why a key was not inserted; `None` when there is no reason any more.
async fn refusal<S: Session>(
    session: &mut S,
    account: AccountId,
    new: &NewApiKey,
    most: Option<u64>,
) -> Result<Option<StorageError>, StorageError> {
    let look = query(include_str!("../../queries/api_keys/refusal.sql"))
        .bind(number(account))
        .bind(new.key.id.as_str())
        .bind(&new.digest.0[..])
        .bind(new.retry.as_ref().map(|token| &token.0[..]));
    let rows = session.rows(look).await.map_err(storage_error)?;
    let Some(row) = rows.first() else { return Ok(None) };
    for (index, entity) in [Entity::Retry, Entity::ApiKeyValue, Entity::ApiKey].into_iter().enumerate() {
        if column(row, index)? {
            return Ok(Some(StorageError::AlreadyExists(entity)));
        }
    }
    let Some(most) = most else { return Ok(None) };
    match column::<Option<i64>>(row, 3)? {
        None => session.count_keys(number(account)).await.map_err(storage_error).map(|()| None),
        Some(keys) => Ok((keys >= signed(most)).then_some(StorageError::LimitReached(Entity::ApiKey))),
    }
}

/// The number of keys, which nobody else changes until the transaction ends.
pub(crate) async fn count_keys<S: Session>(session: &mut S, account: AccountId) -> Result<i64, StorageError> {
    let account = number(account);
    loop {
        let count = query(include_str!("../../queries/limits/room.sql")).bind(account);
        let rows = session.rows(count).await.map_err(storage_error)?;
        if let Some(row) = rows.first() {
            return column(row, 0);
        }
        session.count_keys(account).await.map_err(storage_error)?;
    }
}

pub(crate) async fn update<S: Session>(
    session: &mut S,
    account: AccountId,
    key: &ApiKey,
    expected: Version,
) -> Result<(), StorageError> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let lists = Lists::of(key);
        let update = query(include_str!("../../queries/api_keys/update.sql"))
            .bind(number(account))
            .bind(key.id.as_str())
            .bind(signed(expected.0))
            .bind(key.name.as_ref().map(ApiKeyName::as_str))
            .bind(key.description.as_ref().map(Description::as_str))
            .bind(key.enabled)
            .bind(key.customer_id.as_ref().map(CustomerId::as_str))
            .bind(lists.stage_keys)
            .bind(lists.labels)
            .bind(lists.tags)
            .bind(key.updated.micros())
            .bind(signed(key.version.0));
        match session.rows(update).await {
            Ok(rows) if rows.is_empty() => return Err(StorageError::Stale(Entity::ApiKey)),
            Ok(_) => return Ok(()),
            Err(error) if session.may_repeat(&error, attempt) => {}
            Err(error) => return Err(storage_error(error)),
        }
    }
}

pub(crate) async fn delete<S: Session>(
    session: &mut S,
    account: AccountId,
    id: &ApiKeyId,
) -> Result<bool, StorageError> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let delete =
            query(include_str!("../../queries/api_keys/delete.sql")).bind(number(account)).bind(id.as_str());
        match session.rows(delete).await {
            Ok(rows) => return Ok(!rows.is_empty()),
            Err(error) if session.may_repeat(&error, attempt) => {}
            Err(error) => return Err(storage_error(error)),
        }
    }
}
