//! The feed of what was committed, by this process and by others.
//!
//! There is one writer at a time, so that the numbers of changes are in the order of their commits and a position is
//! the number that was told last. A pruned feed begins late: where the next number is missing, so may be others.
//!
//! Feeds are woken by this process's own commits at once, and by those of others through a [`Watcher`], which asks
//! SQLite whether the database has changed: every 20 ms while it does, every 200 ms when it does not.

use crate::SqliteStorage;
use crate::api_keys::row::{account, id};
use crate::error::failed;
use crate::readers::Readers;
use crate::usage_plans::row::plan_id;
use async_trait::async_trait;
use gatepost_domain::credentials::AccessKeyId;
use gatepost_domain::usage_plans::UsagePlanId;
use gatepost_domain::{AccountId, Version};
use gatepost_storage::{Change, ChangeFeed, FeedCursor, ImportId, News, StorageError, UsagePlanKey};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

const BUSY: Duration = Duration::from_millis(20);
const IDLE: Duration = Duration::from_millis(200);

/// So many changes are told at a time.
const MOST: i64 = 1_000;

const KEY: i64 = 1;
const IMPORT: i64 = 2;
const CREDENTIAL: i64 = 3;
const USAGE_PLAN: i64 = 4;
const USAGE: i64 = 5;

/// The last number given to a change.
pub(crate) async fn position(conn: &mut SqliteConnection) -> Result<i64, StorageError> {
    let query = sqlx::query_scalar(include_str!("../queries/change/position.sql"));
    query.fetch_one(conn).await.map_err(failed)
}

pub(crate) fn cursor(installation: &str, position: i64) -> FeedCursor {
    FeedCursor(format!("{installation}:{position}").into())
}

fn parse(installation: &str, cursor: &FeedCursor) -> Option<i64> {
    let (name, position) = cursor.0.split_once(':')?;
    let position = position.parse().ok()?;
    (name == installation && position >= 0).then_some(position)
}

/// One consumer's way.
pub(crate) struct SqliteFeed {
    readers: Arc<Readers>,
    installation: Arc<str>,
    committed: watch::Receiver<()>,
    /// What was told last, or the position that nothing is known of.
    told: Result<i64, FeedCursor>,
}

impl SqliteFeed {
    pub(crate) async fn open(storage: &SqliteStorage, from: FeedCursor) -> Result<Self, StorageError> {
        storage.watch_others().await?;
        Ok(Self {
            readers: Arc::clone(&storage.readers),
            installation: Arc::clone(&storage.installation),
            committed: storage.committed.subscribe(),
            told: parse(&storage.installation, &from).ok_or(from),
        })
    }

    /// What there is now; `None` when it can no longer be said.
    async fn read(&mut self, told: i64) -> Result<Option<Vec<Change>>, StorageError> {
        let mut lent = self.readers.lend().await?;
        let query = sqlx::query(include_str!("../queries/change/since.sql")).bind(told).bind(MOST);
        let rows = query.fetch_all(lent.conn()).await.map_err(failed);
        let rows = lent.answered(rows)?;
        let mut changes = Vec::with_capacity(rows.len());
        let mut at = told;
        for row in &rows {
            let (last, next): (i64, Option<i64>) = (cell(row, 0, "seq")?, cell(row, 1, "seq")?);
            let Some(next) = next else { return Ok((last == told).then_some(changes)) };
            if next != at + 1 {
                return Ok(None);
            }
            let Some(change) = change(row, next)? else { return Ok(None) };
            changes.push(change);
            at = next;
        }
        self.told = Ok(at);
        Ok(Some(changes))
    }
}

#[async_trait]
impl ChangeFeed for SqliteFeed {
    async fn next(&mut self, patience: Duration) -> Result<News, StorageError> {
        let mut patience = std::pin::pin!(tokio::time::sleep(patience));
        loop {
            let Ok(told) = self.told else { return Ok(News::Resync) };
            // Before the reading: what is committed during it wakes the waiting.
            self.committed.mark_unchanged();
            match self.read(told).await? {
                None => return Ok(News::Resync),
                Some(changes) if !changes.is_empty() => return Ok(News::Changes(changes)),
                Some(_) => {}
            }
            tokio::select! {
                () = &mut patience => return Ok(News::Changes(Vec::new())),
                changed = self.committed.changed() => if changed.is_err() {
                    return Err(crate::error::closed());
                }
            }
        }
    }

    fn cursor(&self) -> FeedCursor {
        match &self.told {
            Ok(told) => cursor(&self.installation, *told),
            Err(unknown) => unknown.clone(),
        }
    }
}

/// `None` for a kind that a later release writes.
fn change(row: &SqliteRow, seq: i64) -> Result<Option<Change>, StorageError> {
    let change = match cell(row, 2, "kind")? {
        KEY => Change::ApiKey {
            account: account_of(row)?,
            id: id("change", cell(row, 4, "id")?)?,
            version: version(row)?,
        },
        IMPORT => Change::Import { account: account_of(row)?, import: ImportId(seq.cast_unsigned()) },
        CREDENTIAL => {
            let id = AccessKeyId::parse(cell(row, 4, "id")?).map_err(|_| corrupt("id", row))?;
            Change::Credential { id, version: version(row)? }
        }
        USAGE_PLAN => Change::UsagePlan {
            account: account_of(row)?,
            id: UsagePlanId::parse(cell(row, 4, "id")?).ok_or_else(|| corrupt("id", row))?,
            version: version(row)?,
        },
        USAGE => Change::Usage { account: account_of(row)?, link: link(row)? },
        _unknown => return Ok(None),
    };
    Ok(Some(change))
}

fn account_of(row: &SqliteRow) -> Result<AccountId, StorageError> {
    account(cell(row, 3, "account")?).ok_or_else(|| corrupt("account", row))
}

fn link(row: &SqliteRow) -> Result<UsagePlanKey, StorageError> {
    let key = id("change", cell(row, 4, "id")?)?;
    Ok(UsagePlanKey { plan: plan_id("change", cell(row, 6, "plan")?)?, key })
}

fn version(row: &SqliteRow) -> Result<Version, StorageError> {
    let version: i64 = cell(row, 5, "version")?;
    Ok(Version(version.cast_unsigned()))
}

fn cell<'r, T>(row: &'r SqliteRow, index: usize, column: &str) -> Result<T, StorageError>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(index).map_err(|_| corrupt(column, row))
}

fn corrupt(column: &str, row: &SqliteRow) -> StorageError {
    let seq: i64 = row.try_get(1).unwrap_or_default();
    StorageError::Corrupt(format!("table change, column {column}, seq {seq}"))
}

/// Wakes the feeds when another process has committed. It ends when dropped.
pub(crate) struct Watcher(JoinHandle<()>);

impl Watcher {
    /// It misses nothing that is committed after this has answered.
    pub(crate) async fn start(
        readers: Arc<Readers>,
        committed: Arc<watch::Sender<()>>,
    ) -> Result<Self, StorageError> {
        let mut conn = readers.fresh().await?;
        let mut known = data_version(&mut conn).await?;
        Ok(Self(tokio::spawn(async move {
            let mut pause = BUSY;
            loop {
                tokio::time::sleep(pause).await;
                match data_version(&mut conn).await {
                    Ok(version) if version == known => pause = IDLE.min(pause * 2),
                    Ok(version) => {
                        known = version;
                        pause = BUSY;
                        committed.send_replace(());
                    }
                    // What happened meanwhile is not known: the feeds shall look.
                    Err(_) => {
                        pause = IDLE;
                        if let Ok(fresh) = readers.fresh().await {
                            conn = fresh;
                            known = data_version(&mut conn).await.unwrap_or(known);
                        }
                        committed.send_replace(());
                    }
                }
            }
        })))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Differs from what it was when, and only when, another connection has committed since.
pub(crate) async fn data_version(conn: &mut SqliteConnection) -> Result<i64, StorageError> {
    sqlx::query_scalar("PRAGMA data_version").fetch_one(conn).await.map_err(failed)
}
