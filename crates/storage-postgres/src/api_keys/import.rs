//! Rows of an imported file: one statement for all of a call; where rows name plans, a few more.
//!
//! The rows go in the order of their digests, so that two imports which meet wait for each other and never deadlock;
//! rows of one digest are laid on top of each other before. They travel as arrays: that costs less than copying them
//! into a table first, and needs no transaction.
//!
//! An id that is taken makes the statement fail as a whole. That is rare, ids being random; only then the call finds
//! out whose, leaves those rows out, and sends the others again.

use super::row::{self, column, number, signed};
use super::writer::count_keys;
use crate::error::{API_KEY_ID, storage_error, violates};
use crate::pool::Statement;
use crate::session::Session;
use crate::usage_plans::{Attaching, store_imported};
use gatepost_domain::api_keys::{ApiKeyId, ApiKeyName, Description};
use gatepost_domain::usage_plans::{Attachment, UsagePlanId};
use gatepost_domain::{AccountId, Digest};
use gatepost_storage::{Entity, ImportedApiKey, RowOutcome, StorageError};
use sqlx::query;
use std::collections::HashSet;

/// How often a call is sent whose ids were taken in the meantime.
const ATTEMPTS: u32 = 5;

pub(crate) async fn import<S: Session>(
    session: &mut S,
    account: AccountId,
    rows: Vec<ImportedApiKey>,
    most: Option<u64>,
    most_plans: usize,
) -> Result<Vec<RowOutcome>, StorageError> {
    let before = match most {
        Some(_) => count_keys(session, account).await?,
        None => 0,
    };
    let keys = store(session, account, &rows).await?;
    if let Some(most) = most {
        let after = count_keys(session, account).await?;
        if after > before.max(signed(most)) {
            return Err(StorageError::LimitReached(Entity::ApiKey));
        }
    }
    let refused = attach(session, account, &rows, &keys, most_plans).await?;
    let outcome = |((row, key), refused): ((ImportedApiKey, Option<ImportedKey>), _)| match key {
        Some(key) => RowOutcome::Stored { id: key.id, refused },
        None => RowOutcome::IdTaken(Box::new(row)),
    };
    Ok(rows.into_iter().zip(keys).zip(refused).map(outcome).collect())
}

/// A key as it was stored.
#[derive(Clone)]
struct ImportedKey {
    id: ApiKeyId,
    created: i64,
    /// It was not there before, so it is in no plan.
    is_new: bool,
}

/// Puts the rows' keys into the rows' plans, in a transaction if there are any. Of each row, what was refused.
async fn attach<S: Session>(
    session: &mut S,
    account: AccountId,
    rows: &[ImportedApiKey],
    keys: &[Option<ImportedKey>],
    most: usize,
) -> Result<Vec<Vec<(UsagePlanId, Attachment)>>, StorageError> {
    let mut refused = vec![Vec::new(); rows.len()];
    if rows.iter().all(|row| row.plans.is_empty()) {
        return Ok(refused);
    }
    let asked = rows.iter().flat_map(|row| &row.plans).collect();
    let stored = rows.iter().zip(keys).filter_map(|(row, key)| Some((row, key.as_ref()?)));
    let known: HashSet<&ApiKeyId> =
        stored.filter(|(row, key)| !key.is_new && !row.plans.is_empty()).map(|(_, key)| &key.id).collect();
    let known = Vec::from_iter(known);
    let mut attaching = Attaching::begin(session, account, &known, asked, most).await?;
    let mut links = Vec::new();
    for ((row, key), refused) in rows.iter().zip(keys).zip(&mut refused) {
        let Some(key) = key else { continue };
        for plan in &row.plans {
            match attaching.put(&key.id, plan) {
                Attachment::Done => links.push((&key.id, plan, key.created)),
                Attachment::AlreadyThere => {}
                why => refused.push((plan.clone(), why)),
            }
        }
    }
    if !links.is_empty() {
        store_imported(session, account, &links).await?;
    }
    Ok(refused)
}

/// Each row's key; `None` where the row's id is taken.
async fn store<S: Session>(
    session: &mut S,
    account: AccountId,
    rows: &[ImportedApiKey],
) -> Result<Vec<Option<ImportedKey>>, StorageError> {
    let mut keys = vec![None; rows.len()];
    let mut left_out = HashSet::new();
    for attempt in 1..=ATTEMPTS {
        let folded = Folded::all(rows, &left_out);
        if folded.is_empty() {
            return Ok(keys);
        }
        match session.attempt(importing(account, &folded)).await {
            Ok(answers) => {
                for (folded, answer) in folded.iter().zip(&answers) {
                    let id = row::id(account, column(answer, 0)?)?;
                    let key = ImportedKey { id, created: column(answer, 1)?, is_new: column(answer, 2)? };
                    for place in &folded.places {
                        keys[*place] = Some(key.clone());
                    }
                }
                return Ok(keys);
            }
            Err(error) if violates(&error, API_KEY_ID) => {
                left_out = with_taken_ids(session, account, rows).await?;
            }
            Err(error) if session.may_attempt_again(&error, attempt) => {}
            Err(error) => return Err(storage_error(error)),
        }
    }
    Err(StorageError::Unavailable("others took the ids of imported keys again and again".into()))
}

/// All rows of one digest, as one.
struct Folded<'r> {
    first: &'r ImportedApiKey,
    last: &'r ImportedApiKey,
    name: Option<&'r ApiKeyName>,
    description: Option<&'r Description>,
    enabled: Option<bool>,
    has_plans: bool,
    places: Vec<usize>,
}

impl<'r> Folded<'r> {
    /// In the order of the digests.
    fn all(rows: &'r [ImportedApiKey], left_out: &HashSet<usize>) -> Vec<Self> {
        let mut places: Vec<usize> = (0..rows.len()).filter(|place| !left_out.contains(place)).collect();
        places.sort_by_key(|place| rows[*place].digest);
        places.chunk_by(|a, b| rows[*a].digest == rows[*b].digest).map(|same| Self::of(rows, same)).collect()
    }

    /// Places of one digest, at least one, in the order of the rows.
    fn of(rows: &'r [ImportedApiKey], places: &[usize]) -> Self {
        let first = &rows[places[0]];
        let mut folded = Self {
            first,
            last: first,
            name: None,
            description: None,
            enabled: None,
            has_plans: false,
            places: places.to_vec(),
        };
        for place in places {
            let row = &rows[*place];
            folded.last = row;
            folded.name = row.fields.name.as_ref().or(folded.name);
            folded.description = row.fields.description.as_ref().or(folded.description);
            folded.enabled = row.fields.enabled.or(folded.enabled);
            folded.has_plans |= !row.plans.is_empty();
        }
        folded
    }
}

fn importing<'q>(account: AccountId, rows: &'q [Folded<'_>]) -> Statement<'q> {
    fn each<'q, 'r, T>(rows: &'q [Folded<'r>], of: impl Fn(&'q Folded<'r>) -> T) -> Vec<T> {
        rows.iter().map(of).collect()
    }
    let silent: Vec<&[u8]> =
        rows.iter().filter(|row| row.enabled.is_none()).map(|row| &row.first.digest.0[..]).collect();
    query(include_str!("../../queries/api_keys/import.sql"))
        .bind(number(account))
        .bind(each(rows, |row| &row.first.digest.0[..]))
        .bind(each(rows, |row| row.first.id.as_str()))
        .bind(each(rows, |row| &*row.first.sealed.0))
        .bind(each(rows, |row| row.name.map(ApiKeyName::as_str)))
        .bind(each(rows, |row| row.description.map(Description::as_str)))
        .bind(each(rows, |row| row.enabled))
        .bind(each(rows, |row| row.first.at.micros()))
        .bind(each(rows, |row| row.last.at.micros()))
        .bind(each(rows, |row| signed(row.places.len() as u64)))
        .bind(silent)
        .bind(each(rows, |row| row.has_plans))
}

/// The places of the rows whose value is new and whose id another key has, or gets from an earlier row.
async fn with_taken_ids<S: Session>(
    session: &mut S,
    account: AccountId,
    rows: &[ImportedApiKey],
) -> Result<HashSet<usize>, StorageError> {
    let pairs: Vec<_> = rows.iter().map(|row| (&row.digest, &row.id)).collect();
    let taken = taken(session, account, &pairs).await?;
    let refused = |(place, entity)| (entity == Some(Entity::ApiKey)).then_some(place);
    Ok(taken.into_iter().enumerate().filter_map(refused).collect())
}

/// What would be taken of each pair of digest and id, were they inserted one after the other.
pub(super) async fn taken<S: Session>(
    session: &mut S,
    account: AccountId,
    pairs: &[(&Digest, &ApiKeyId)],
) -> Result<Vec<Option<Entity>>, StorageError> {
    let look = query(include_str!("../../queries/api_keys/taken.sql"))
        .bind(number(account))
        .bind(pairs.iter().map(|(digest, _)| &digest.0[..]).collect::<Vec<_>>())
        .bind(pairs.iter().map(|(_, id)| id.as_str()).collect::<Vec<_>>());
    let mut known = vec![(false, false); pairs.len()];
    for row in session.rows(look).await.map_err(storage_error)? {
        let place: i64 = column(&row, 0)?;
        if let Some(known) = usize::try_from(place - 1).ok().and_then(|place| known.get_mut(place)) {
            *known = (column(&row, 1)?, column(&row, 2)?);
        }
    }
    let (mut digests, mut ids) = (HashSet::new(), HashSet::new());
    let one = |((digest, id), (digest_known, id_known))| {
        if digest_known || digests.contains(digest) {
            Some(Entity::ApiKeyValue)
        } else if id_known || ids.contains(id) {
            Some(Entity::ApiKey)
        } else {
            digests.insert(digest);
            ids.insert(id);
            None
        }
    };
    Ok(pairs.iter().copied().zip(known).map(one).collect())
}
