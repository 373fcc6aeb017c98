//! Whole keys, brought back as they were, a range as an import is. A call is cut where an id or a value comes again.

use super::import::{PORTION, Range, distinct};
use super::row::add_row;
use crate::error::failed;
use crate::sql::rows;
use gatepost_domain::AccountId;
use gatepost_storage::{Entity, NewApiKey, Restored, StorageError};
use sqlx::SqliteConnection;

const RESTORE: &str = include_str!("../../queries/api_key/restore.sql");

pub(crate) async fn restore(
    conn: &mut SqliteConnection,
    account: AccountId,
    keys: &[NewApiKey],
    most: Option<u64>,
) -> Result<Vec<Restored>, StorageError> {
    let mut outcomes = Vec::with_capacity(keys.len());
    let mut rest = keys;
    while !rest.is_empty() {
        let ids = distinct(rest.iter().map(|new| &new.key.id));
        let (piece, others) = rest.split_at(distinct(rest[..ids].iter().map(|new| new.digest)));
        rest = others;
        restore_piece(conn, account, piece, most, &mut outcomes).await?;
    }
    Ok(outcomes)
}

async fn restore_piece(
    conn: &mut SqliteConnection,
    account: AccountId,
    keys: &[NewApiKey],
    most: Option<u64>,
    outcomes: &mut Vec<Restored>,
) -> Result<(), StorageError> {
    let range = Range::begin(conn, account).await?;
    let mut added = 0;
    for portion in keys.chunks(PORTION) {
        added += offer(conn, &range, portion, outcomes).await?;
    }
    let keys = range.end(conn, added, added > 0).await?;
    if added > 0 && most.is_some_and(|most| keys > most) {
        return Err(StorageError::LimitReached(Entity::ApiKey));
    }
    Ok(())
}

async fn offer(
    conn: &mut SqliteConnection,
    range: &Range,
    portion: &[NewApiKey],
    outcomes: &mut Vec<Restored>,
) -> Result<u64, StorageError> {
    let mut values = range.values();
    for new in portion {
        add_row(&mut values, &new.key, &new.digest.0, &new.sealed);
    }
    let added = values.execute(rows(RESTORE, portion.len()), conn).await.map_err(failed)?;
    if added == portion.len() as u64 {
        outcomes.extend(portion.iter().map(|_| Restored::Stored));
        return Ok(added);
    }
    let known = range.known(conn, portion.iter().map(|new| &new.digest)).await?;
    outcomes.extend(portion.iter().zip(known).map(|(new, known)| match known {
        Some((id, true)) if id == new.key.id => Restored::Stored,
        Some(_) => Restored::Taken(Entity::ApiKeyValue),
        None => Restored::Taken(Entity::ApiKey),
    }));
    Ok(added)
}
