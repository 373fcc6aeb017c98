//! Writes of single keys: any number of inserts at once, and one update or delete.

use super::row::{add_properties, add_row, number};
use crate::error::failed;
use crate::sql::{Values, rows};
use gatepost_domain::api_keys::{ApiKey, ApiKeyId};
use gatepost_domain::{AccountId, Digest, Version};
use gatepost_storage::{Entity, NewApiKey, RetryToken, StorageError};
use sqlx::{Row, SqliteConnection};
use std::collections::{HashMap, HashSet};

const CHECK: &str = include_str!("../../queries/api_key/check.sql");
const INSERT: &str = include_str!("../../queries/api_key/insert.sql");
const INSERT_CHANGE: &str = include_str!("../../queries/change/insert.sql");
const INSERT_RETRY: &str = include_str!("../../queries/retry/insert.sql");
const ADD_COUNT: &str = include_str!("../../queries/api_key/add_count.sql");
const UPDATE: &str = include_str!("../../queries/api_key/update.sql");
const DELETE: &str = include_str!("../../queries/api_key/delete.sql");

/// A key to be added.
#[derive(Debug)]
pub(crate) struct Insert {
    pub(crate) account: AccountId,
    pub(crate) new: NewApiKey,
    /// The most keys that the account may have then.
    pub(crate) most: Option<u64>,
}

type Outcome = Result<(), StorageError>;

/// Adds keys as if one after the other, and says of each whether it was added. The error is that of all: whatever
/// is wrong with one key is found before the first is added.
pub(crate) async fn insert(
    conn: &mut SqliteConnection,
    inserts: &[&Insert],
) -> Result<Vec<Outcome>, StorageError> {
    let outcomes = check(conn, inserts).await?;
    let good: Vec<&Insert> = inserts
        .iter()
        .zip(&outcomes)
        .filter(|(_, outcome)| outcome.is_ok())
        .map(|(insert, _)| *insert)
        .collect();
    if !good.is_empty() {
        add(conn, &good).await?;
    }
    Ok(outcomes)
}

async fn check(conn: &mut SqliteConnection, inserts: &[&Insert]) -> Result<Vec<Outcome>, StorageError> {
    let mut values = Values::default();
    for insert in inserts {
        values.add(number(insert.account));
        values.add(insert.new.retry.as_ref().map(|token| token.0.as_slice()));
        values.add(insert.new.digest.0.as_slice());
        values.add(insert.new.key.id.as_str());
    }
    let found = values.fetch_all(rows(CHECK, inserts.len()), conn).await.map_err(failed)?;
    let mut earlier = Earlier::default();
    let mut outcomes = Vec::with_capacity(inserts.len());
    for (insert, row) in inserts.iter().zip(&found) {
        outcomes.push(earlier.judge(insert, &taken(row).map_err(failed)?));
    }
    Ok(outcomes)
}

fn taken(row: &sqlx::sqlite::SqliteRow) -> Result<Taken, sqlx::Error> {
    let keys: i64 = row.try_get(3)?;
    Ok(Taken {
        retry: row.try_get(0)?,
        digest: row.try_get(1)?,
        id: row.try_get(2)?,
        keys: keys.cast_unsigned(),
    })
}

/// What was there before the call.
struct Taken {
    retry: bool,
    digest: bool,
    id: bool,
    keys: u64,
}

/// What the inserts that come earlier in the call take.
#[derive(Default)]
struct Earlier<'i> {
    retries: HashSet<(AccountId, RetryToken)>,
    digests: HashSet<(AccountId, Digest)>,
    ids: HashSet<(AccountId, &'i ApiKeyId)>,
    keys: HashMap<AccountId, u64>,
}

impl<'i> Earlier<'i> {
    fn judge(&mut self, insert: &'i Insert, taken: &Taken) -> Outcome {
        let Insert { account, new, most } = insert;
        let retry = new.retry.map(|token| (*account, token));
        let digest = (*account, new.digest);
        let id = (*account, &new.key.id);
        if taken.retry || retry.is_some_and(|retry| self.retries.contains(&retry)) {
            return Err(StorageError::AlreadyExists(Entity::Retry));
        }
        if taken.digest || self.digests.contains(&digest) {
            return Err(StorageError::AlreadyExists(Entity::ApiKeyValue));
        }
        if taken.id || self.ids.contains(&id) {
            return Err(StorageError::AlreadyExists(Entity::ApiKey));
        }
        let added = self.keys.entry(*account).or_default();
        if most.is_some_and(|most| taken.keys + *added >= most) {
            return Err(StorageError::LimitReached(Entity::ApiKey));
        }
        *added += 1;
        self.retries.extend(retry);
        self.digests.insert(digest);
        self.ids.insert(id);
        Ok(())
    }
}

/// Keys, their changes, their retry tokens and the numbers of keys, sent as one text.
async fn add(conn: &mut SqliteConnection, inserts: &[&Insert]) -> Result<(), StorageError> {
    let mut values = Values::default();
    let mut sql = rows(INSERT, inserts.len());
    for Insert { account, new, .. } in inserts {
        values.add(number(*account));
        add_row(&mut values, &new.key, &new.digest.0, &new.sealed);
    }
    sql.push_str(&rows(INSERT_CHANGE, inserts.len()));
    let mut added: HashMap<AccountId, i64> = HashMap::new();
    for Insert { account, new, .. } in inserts {
        values.add(number(*account));
        values.add(new.key.id.as_str());
        values.add(new.key.version.0.cast_signed());
        *added.entry(*account).or_default() += 1;
    }
    let mut remembered = 0;
    for Insert { account, new, .. } in inserts {
        if let Some(token) = &new.retry {
            remembered += 1;
            values.add(number(*account));
            values.add(token.0.as_slice());
            values.add(new.key.id.as_str());
        }
    }
    if remembered > 0 {
        sql.push_str(&rows(INSERT_RETRY, remembered));
    }
    sql.push_str(&rows(ADD_COUNT, added.len()));
    for (account, keys) in added {
        values.add(number(account));
        values.add(keys);
    }
    values.execute(sql, conn).await.map_err(failed)?;
    Ok(())
}

pub(crate) async fn update(
    conn: &mut SqliteConnection,
    account: AccountId,
    key: &ApiKey,
    expected: Version,
) -> Result<(), StorageError> {
    let mut values = Values::default();
    values.add(key.enabled);
    values.add(key.updated.micros());
    values.add(key.version.0.cast_signed());
    add_properties(&mut values, key);
    values.add(number(account));
    values.add(key.id.as_str());
    values.add(expected.0.cast_signed());
    values.add(number(account));
    values.add(key.id.as_str());
    values.add(key.version.0.cast_signed());
    match values.execute(UPDATE.to_owned(), conn).await.map_err(failed)? {
        0 => Err(StorageError::Stale(Entity::ApiKey)),
        _updated => Ok(()),
    }
}

pub(crate) async fn delete(
    conn: &mut SqliteConnection,
    account: AccountId,
    id: &ApiKeyId,
) -> Result<bool, StorageError> {
    let query = sqlx::query(DELETE).bind(number(account)).bind(id.as_str());
    let done = query.execute(conn).await.map_err(failed)?;
    Ok(done.rows_affected() > 0)
}
