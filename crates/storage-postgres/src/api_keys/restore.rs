//! Whole keys, brought back as they were: one statement for all of a call, in the order of their digests.

use super::import::taken;
use super::row::{bind_keys, column, signed};
use super::writer::count_keys;
use crate::error::storage_error;
use crate::session::Session;
use gatepost_domain::AccountId;
use gatepost_storage::{Entity, NewApiKey, Restored, StorageError};
use sqlx::query;
use std::collections::HashSet;

pub(crate) async fn restore<S: Session>(
    session: &mut S,
    account: AccountId,
    keys: &[NewApiKey],
    most: Option<u64>,
) -> Result<Vec<Restored>, StorageError> {
    let before = match most {
        Some(_) => count_keys(session, account).await?,
        None => 0,
    };
    let outcomes = store(session, account, keys).await?;
    if let Some(most) = most
        && count_keys(session, account).await? > before.max(signed(most))
    {
        return Err(StorageError::LimitReached(Entity::ApiKey));
    }
    Ok(outcomes)
}

async fn store<S: Session>(
    session: &mut S,
    account: AccountId,
    keys: &[NewApiKey],
) -> Result<Vec<Restored>, StorageError> {
    let mut outcomes = vec![Restored::Stored; keys.len()];
    // Where keys of the call are in each other's way, their order decides, which the statement does not know.
    if meet(keys) {
        mark_taken(session, account, keys, &mut outcomes, |_| true).await?;
    }
    let mut places: Vec<usize> =
        (0..keys.len()).filter(|place| outcomes[*place] == Restored::Stored).collect();
    if places.is_empty() {
        return Ok(outcomes);
    }
    places.sort_by_key(|place| keys[*place].digest);
    let stored = send(session, account, keys, &places).await?;
    if stored.len() < places.len() {
        for place in places {
            if !stored.contains(&keys[place].digest.0[..]) {
                // Unless it has been deleted since, the next statement finds what it is.
                outcomes[place] = Restored::Taken(Entity::ApiKeyValue);
            }
        }
        let refused = outcomes.clone();
        mark_taken(session, account, keys, &mut outcomes, |place| refused[place] != Restored::Stored).await?;
    }
    Ok(outcomes)
}

/// Whether two of the keys have one digest or one id.
fn meet(keys: &[NewApiKey]) -> bool {
    let (mut digests, mut ids) = (HashSet::new(), HashSet::new());
    !keys.iter().all(|new| digests.insert(&new.digest) && ids.insert(&new.key.id))
}

/// Says of the keys at some places what of them is taken.
async fn mark_taken<S: Session>(
    session: &mut S,
    account: AccountId,
    keys: &[NewApiKey],
    outcomes: &mut [Restored],
    at: impl Fn(usize) -> bool + Send,
) -> Result<(), StorageError> {
    let places: Vec<usize> = (0..keys.len()).filter(|place| at(*place)).collect();
    let pairs: Vec<_> = places.iter().map(|place| (&keys[*place].digest, &keys[*place].key.id)).collect();
    for (place, entity) in places.iter().zip(taken(session, account, &pairs).await?) {
        if let Some(entity) = entity {
            outcomes[*place] = Restored::Taken(entity);
        }
    }
    Ok(())
}

/// The digests of the keys that were stored.
async fn send<S: Session>(
    session: &mut S,
    account: AccountId,
    keys: &[NewApiKey],
    places: &[usize],
) -> Result<HashSet<Box<[u8]>>, StorageError> {
    let keys: Vec<&NewApiKey> = places.iter().map(|place| &keys[*place]).collect();
    let mut attempt = 0;
    loop {
        attempt += 1;
        let restore = bind_keys(query(include_str!("../../queries/api_keys/restore.sql")), account, &keys);
        match session.attempt(restore).await {
            Ok(rows) => return rows.iter().map(|row| Ok(column::<&[u8]>(row, 0)?.into())).collect(),
            Err(error) if session.may_attempt_again(&error, attempt) => {}
            Err(error) => return Err(storage_error(error)),
        }
    }
}
