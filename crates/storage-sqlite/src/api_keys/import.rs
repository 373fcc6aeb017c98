//! Rows of an imported file.
//!
//! Most rows of most files are new, so each portion is inserted first, passing over what is taken; only where fewer
//! rows were inserted than offered is it asked which were known. Known values are brought up to date at the end, all
//! rows of one value at once. Two rows with one id stand in each other's way: a call is cut where an id comes again,
//! and each piece is imported as if it were a call.

use super::row::{id, number};
use crate::error::failed;
use crate::sql::{Values, hex_list, rows};
use crate::usage_plans::attach::Desk;
use gatepost_domain::api_keys::{ApiKeyId, ApiKeyName, Description};
use gatepost_domain::usage_plans::{Attachment, UsagePlanId};
use gatepost_domain::{AccountId, Digest};
use gatepost_storage::{Entity, ImportedApiKey, RowOutcome, StorageError};
use sqlx::{Row, SqliteConnection};
use std::collections::{HashMap, HashSet};

const ADD: &str = include_str!("../../queries/api_key/import_add.sql");
const KNOWN: &str = include_str!("../../queries/api_key/import_known.sql");
const APPLY: &str = include_str!("../../queries/api_key/import_apply.sql");

/// So many rows go into one statement.
pub(super) const PORTION: usize = 500;

pub(crate) async fn import(
    conn: &mut SqliteConnection,
    account: AccountId,
    mut rows: Vec<ImportedApiKey>,
    most: Option<u64>,
    most_plans: usize,
) -> Result<Vec<RowOutcome>, StorageError> {
    let mut outcomes = Vec::with_capacity(rows.len());
    while !rows.is_empty() {
        let rest = rows.split_off(distinct(rows.iter().map(|row| &row.id)));
        outcomes.extend(Piece::import(conn, account, rows, most, most_plans).await?);
        rows = rest;
    }
    Ok(outcomes)
}

/// How many come before one that was there already.
pub(super) fn distinct<T: std::hash::Hash + Eq>(items: impl ExactSizeIterator<Item = T>) -> usize {
    let count = items.len();
    let mut seen = HashSet::with_capacity(count);
    items.into_iter().position(|item| !seen.insert(item)).unwrap_or(count)
}

/// The import or restore that is going on.
pub(super) struct Range {
    account: i64,
    import: i64,
}

impl Range {
    pub(super) async fn begin(conn: &mut SqliteConnection, account: AccountId) -> Result<Self, StorageError> {
        let account = number(account);
        let query = sqlx::query_scalar(include_str!("../../queries/api_key/import_begin.sql"));
        let import = query.bind(account).fetch_one(conn).await.map_err(failed)?;
        Ok(Self { account, import })
    }

    /// What every statement over rows begins with.
    pub(super) fn values(&self) -> Values {
        let mut values = Values::default();
        values.add(self.account);
        values.add(self.import);
        values
    }

    /// For each digest the id of the key that has it, and whether this very import added that key.
    pub(super) async fn known<'d>(
        &self,
        conn: &mut SqliteConnection,
        digests: impl Iterator<Item = &'d Digest>,
    ) -> Result<Vec<Option<(ApiKeyId, bool)>>, StorageError> {
        let list = hex_list(digests.map(|digest| digest.0.as_slice()));
        let query = sqlx::query(KNOWN).bind(self.account).bind(list).bind(self.import);
        let found = query.fetch_all(conn).await.map_err(failed)?;
        let one = |row: &sqlx::sqlite::SqliteRow| match row.try_get::<Option<&str>, _>(0).map_err(failed)? {
            Some(text) => Ok(Some((id("api_key", text)?, row.try_get(1).map_err(failed)?))),
            None => Ok(None),
        };
        found.iter().map(one).collect()
    }

    /// Counts what was added, and answers how many keys there are now.
    pub(super) async fn end(
        self,
        conn: &mut SqliteConnection,
        added: u64,
        touched: bool,
    ) -> Result<u64, StorageError> {
        if !touched {
            let query = sqlx::query(include_str!("../../queries/change/delete.sql"));
            query.bind(self.import).execute(&mut *conn).await.map_err(failed)?;
        }
        let query = sqlx::query_scalar(include_str!("../../queries/api_key/import_end.sql"));
        let keys: i64 =
            query.bind(self.account).bind(added.cast_signed()).fetch_one(conn).await.map_err(failed)?;
        Ok(keys.cast_unsigned())
    }
}

/// Rows without a second use of an id.
struct Piece {
    rows: Vec<Option<ImportedApiKey>>,
    outcomes: Vec<Option<RowOutcome>>,
    /// By the first row of a digest, the later ones with it.
    later: HashMap<usize, Vec<usize>>,
    /// The rows that say something of a known value: all rows of one value, in their order.
    known: Vec<Vec<usize>>,
    /// The rows that made a key.
    fresh: Vec<usize>,
}

impl Piece {
    async fn import(
        conn: &mut SqliteConnection,
        account: AccountId,
        rows: Vec<ImportedApiKey>,
        most: Option<u64>,
        most_plans: usize,
    ) -> Result<Vec<RowOutcome>, StorageError> {
        let range = Range::begin(conn, account).await?;
        let (firsts, later) = by_digest(&rows);
        let outcomes = rows.iter().map(|_| None).collect();
        let rows = rows.into_iter().map(Some).collect();
        let mut piece = Self { rows, outcomes, later, known: Vec::new(), fresh: Vec::new() };
        let mut offered = firsts;
        while !offered.is_empty() {
            let mut next = Vec::new();
            for portion in offered.chunks(PORTION) {
                piece.offer(conn, &range, portion, &mut next).await?;
            }
            offered = next;
        }
        piece.apply(conn, &range).await?;
        let added = piece.fresh.len() as u64;
        let touched = added > 0 || !piece.known.is_empty();
        let keys = range.end(conn, added, touched).await?;
        if added > 0 && most.is_some_and(|most| keys > most) {
            return Err(StorageError::LimitReached(Entity::ApiKey));
        }
        piece.attach(conn, account, most_plans).await?;
        Ok(piece.outcomes.into_iter().map(|outcome| outcome.expect("every row was offered")).collect())
    }

    /// Tries to add rows of different values. Where an id was taken, the next row of the value is to be offered.
    async fn offer(
        &mut self,
        conn: &mut SqliteConnection,
        range: &Range,
        portion: &[usize],
        next: &mut Vec<usize>,
    ) -> Result<(), StorageError> {
        let mut values = range.values();
        for index in portion {
            let row = self.row(*index);
            values.add(row.id.as_str());
            values.add(row.digest.0.as_slice());
            values.add(row.fields.enabled.unwrap_or(true));
            values.add(row.at.micros());
            values.add(&*row.sealed.0);
            values.add(row.fields.name.as_ref().map(ApiKeyName::as_str));
            values.add(row.fields.description.as_ref().map(Description::as_str));
        }
        let added = values.execute(rows(ADD, portion.len()), conn).await.map_err(failed)?;
        if added == portion.len() as u64 {
            portion.iter().for_each(|index| self.stored(*index));
            return Ok(());
        }
        let known = range.known(conn, portion.iter().map(|index| &self.row(*index).digest)).await?;
        for (index, known) in portion.iter().zip(known) {
            match known {
                Some((id, true)) if id == self.row(*index).id => self.stored(*index),
                Some((id, _)) => self.is_known(*index, &id),
                None => next.extend(self.give_back(*index)),
            }
        }
        Ok(())
    }

    /// The row made a key; later ones of its value apply to it.
    fn stored(&mut self, index: usize) {
        let id = self.row(index).id.clone();
        if let Some(later) = self.later.remove(&index) {
            for index in &later {
                self.outcomes[*index] = Some(stored(id.clone()));
            }
            self.known.push(later);
        }
        self.outcomes[index] = Some(stored(id));
        self.fresh.push(index);
    }

    fn is_known(&mut self, index: usize, id: &ApiKeyId) {
        let mut all = vec![index];
        all.extend(self.later.remove(&index).into_iter().flatten());
        for index in &all {
            self.outcomes[*index] = Some(stored(id.clone()));
        }
        self.known.push(all);
    }

    /// The row cannot be stored; the next one of its value is answered.
    fn give_back(&mut self, index: usize) -> Option<usize> {
        let row = self.rows[index].take().expect("a row is given back once");
        self.outcomes[index] = Some(RowOutcome::IdTaken(Box::new(row)));
        let mut later = self.later.remove(&index)?;
        let next = later.remove(0);
        if !later.is_empty() {
            self.later.insert(next, later);
        }
        Some(next)
    }

    async fn apply(&self, conn: &mut SqliteConnection, range: &Range) -> Result<(), StorageError> {
        for portion in self.known.chunks(PORTION) {
            let mut values = range.values();
            for same in portion {
                let all = || same.iter().rev().map(|index| self.row(*index));
                let last = all().next().expect("somebody said something of the value");
                values.add(last.digest.0.as_slice());
                values.add(same.len() as i64);
                values.add(all().find_map(|row| row.fields.enabled));
                values.add(last.at.micros());
                values.add(all().find_map(|row| row.fields.name.as_ref()).map(ApiKeyName::as_str));
                values.add(all().find_map(|row| row.fields.description.as_ref()).map(Description::as_str));
            }
            values.execute(rows(APPLY, portion.len()), conn).await.map_err(failed)?;
        }
        Ok(())
    }

    /// Puts the keys into the plans of their rows, row by row.
    async fn attach(
        &mut self,
        conn: &mut SqliteConnection,
        account: AccountId,
        most: usize,
    ) -> Result<(), StorageError> {
        let stored: Vec<(usize, &ApiKeyId, &ImportedApiKey)> = self.rows_with_plans().collect();
        if stored.is_empty() {
            return Ok(());
        }
        let fresh: HashMap<&ApiKeyId, i64> =
            self.fresh.iter().map(|index| self.row(*index)).map(|row| (&row.id, row.at.micros())).collect();
        let mut desk = Desk::new(account, most);
        let known = stored.iter().map(|(_, id, _)| *id).filter(|id| !fresh.contains_key(id));
        desk.read_keys(conn, known).await?;
        fresh.into_iter().for_each(|(id, created)| desk.new_key(id, created));
        desk.read_plans(conn, stored.iter().flat_map(|(_, _, row)| &row.plans)).await?;
        let mut refusals = Vec::new();
        for (index, id, row) in stored {
            let refused: Vec<_> = row.plans.iter().filter_map(|plan| refusal(&mut desk, id, plan)).collect();
            if !refused.is_empty() {
                refusals.push((index, refused));
            }
        }
        desk.add(conn).await?;
        for (index, all) in refusals {
            if let Some(RowOutcome::Stored { refused, .. }) = &mut self.outcomes[index] {
                *refused = all;
            }
        }
        Ok(())
    }

    /// Those that were stored and name plans, with the ids of their keys.
    fn rows_with_plans(&self) -> impl Iterator<Item = (usize, &ApiKeyId, &ImportedApiKey)> {
        self.rows.iter().zip(&self.outcomes).enumerate().filter_map(|(index, both)| match both {
            (Some(row), Some(RowOutcome::Stored { id, .. })) if !row.plans.is_empty() => {
                Some((index, id, row))
            }
            _ => None,
        })
    }

    fn row(&self, index: usize) -> &ImportedApiKey {
        self.rows[index].as_ref().expect("rows that were given back are not looked at")
    }
}

fn stored(id: ApiKeyId) -> RowOutcome {
    RowOutcome::Stored { id, refused: Vec::new() }
}

fn refusal<'r>(
    desk: &mut Desk<'r>,
    key: &'r ApiKeyId,
    plan: &UsagePlanId,
) -> Option<(UsagePlanId, Attachment)> {
    match desk.judge(key, plan) {
        Attachment::Done | Attachment::AlreadyThere => None,
        refused @ (Attachment::NoSuchPlan
        | Attachment::NoSuchKey
        | Attachment::StageShared(_)
        | Attachment::TooManyPlans) => Some((plan.clone(), refused)),
    }
}

/// The first row of each digest in the order of digests, and the others by it.
fn by_digest(rows: &[ImportedApiKey]) -> (Vec<usize>, HashMap<usize, Vec<usize>>) {
    let mut firsts: Vec<usize> = Vec::with_capacity(rows.len());
    let mut later: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut seen: HashMap<Digest, usize> = HashMap::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let first = *seen.entry(row.digest).or_insert(index);
        if first == index {
            firsts.push(index);
        } else {
            later.entry(first).or_default().push(index);
        }
    }
    // In this order the rows of a call go through the index of digests from its one end to the other.
    firsts.sort_unstable_by_key(|index| &rows[*index].digest);
    (firsts, later)
}
