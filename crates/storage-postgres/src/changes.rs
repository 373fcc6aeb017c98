//! The change feed, over snapshots.
//!
//! Each row of the table `change` carries the transaction that wrote it. A position is a snapshot of PostgreSQL's:
//! what it does not see is what the next call tells, whatever order transactions began, wrote and committed in. So
//! nobody waits for the slowest writer, and a late commit is told when it comes. A sequence could do neither.
//!
//! Asking is the truth; the [`Bell`] only says when. A new kind of change gets a number here, and in the migration's
//! list; binaries that do not know it resync.

use crate::api_keys::{column, unsigned};
use crate::bell::Bell;
use crate::error::{late, storage_error};
use crate::pool::{Connector, Limits, now};
use async_trait::async_trait;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::credentials::AccessKeyId;
use gatepost_domain::usage_plans::UsagePlanId;
use gatepost_domain::{AccountId, Version};
use gatepost_storage::{Change, ChangeFeed, FeedCursor, ImportId, News, StorageError, UsagePlanKey};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Error, Executor as _, query};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// So often a feed asks where nobody rings, or where there was news lately.
const BUSY: Duration = Duration::from_millis(20);
/// So often it asks when it is quiet and other replicas can ring.
const QUIET: Duration = Duration::from_millis(200);
/// "Lately".
const LATELY: Duration = Duration::from_secs(1);
/// Two questions lie at least so far apart, however often the bell rings.
const APART: Duration = Duration::from_millis(10);
/// Whoever missed more than this does better to load anew.
const MOST_CHANGES: usize = 100_000;

const API_KEY: i16 = 1;
const IMPORT: i16 = 2;
const CREDENTIAL: i16 = 3;
const USAGE_PLAN: i16 = 4;
const USAGE: i16 = 5;

/// A position: the cluster that gave it, and a snapshot of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    cluster: String,
    place: String,
}

impl Cursor {
    pub(crate) fn new(cluster: String, place: String) -> Self {
        Self { cluster, place }
    }

    pub(crate) fn text(&self) -> FeedCursor {
        FeedCursor(format!("{}/{}", self.cluster, self.place).into())
    }

    fn parse(cursor: &FeedCursor) -> Option<Self> {
        let (cluster, place) = cursor.0.rsplit_once('/')?;
        is_snapshot(place).then(|| Self::new(cluster.into(), place.into()))
    }
}

/// Whether PostgreSQL would read this as a snapshot: `xmin:xmax:` and those between that were running, in order.
fn is_snapshot(text: &str) -> bool {
    let mut parts = text.split(':');
    let (Some(least), Some(most), Some(running), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let bounds =
        [least, most].map(|number| number.parse().ok().filter(|number| (1..1_u64 << 63).contains(number)));
    let [Some(least), Some(most)] = bounds else { return false };
    let running: Option<Vec<u64>> = match running {
        "" => Some(Vec::new()),
        running => running.split(',').map(|number| number.parse().ok()).collect(),
    };
    let is_between = |number: &u64| (least..most).contains(number);
    least <= most && running.is_some_and(|running| running.is_sorted() && running.iter().all(is_between))
}

/// One consumer's way.
pub(crate) struct PostgresFeed {
    connector: Arc<Connector>,
    bell: Arc<Bell>,
    heard: watch::Receiver<()>,
    /// Gone while a question is open, and for good when it was not answered.
    connection: Option<PgConnection>,
    /// Or the position that is none of this storage's.
    at: Result<Cursor, FeedCursor>,
    asked: Option<Instant>,
    had_news: Option<Instant>,
}

impl PostgresFeed {
    pub(crate) fn new(connector: Arc<Connector>, bell: Arc<Bell>, from: &FeedCursor) -> Self {
        Self {
            connector,
            heard: bell.listen(),
            bell,
            connection: None,
            at: Cursor::parse(from).ok_or_else(|| from.clone()),
            asked: None,
            had_news: None,
        }
    }

    async fn ask(&mut self, at: &Cursor) -> Result<News, StorageError> {
        self.asked = Some(now());
        let limits = Limits::REQUEST;
        let asking = async {
            let mut connection = match self.connection.take() {
                Some(connection) => connection,
                None => self.connector.connect(limits).await?,
            };
            let most = i64::try_from(MOST_CHANGES).expect("a small number") + 1;
            let since = query(include_str!("../queries/changes/since.sql")).bind(&at.place).bind(most);
            let rows = connection.fetch_all(since).await?;
            self.connection = Some(connection);
            Ok::<_, Error>(rows)
        };
        let rows =
            timeout(limits.call, asking).await.unwrap_or_else(|_| Err(late())).map_err(storage_error)?;
        let Some((next, changes)) = told(at, &rows)? else { return Ok(News::Resync) };
        self.at = Ok(next);
        if !changes.is_empty() {
            self.had_news = self.asked;
        }
        Ok(News::Changes(changes))
    }

    fn pause(&self) -> Duration {
        let is_quiet = self.had_news.is_none_or(|at| now() - at > LATELY);
        if is_quiet && self.bell.is_connected() { QUIET } else { BUSY }
    }

    /// How long it is too early to ask again.
    fn early(&self) -> Duration {
        self.asked.map_or(Duration::ZERO, |asked| (asked + APART).saturating_duration_since(now()))
    }
}

#[async_trait]
impl ChangeFeed for PostgresFeed {
    async fn next(&mut self, patience: Duration) -> Result<News, StorageError> {
        let Ok(mut at) = self.at.clone() else { return Ok(News::Resync) };
        let begun = now();
        sleep(self.early().min(patience)).await;
        loop {
            self.heard.mark_unchanged();
            let news = self.ask(&at).await?;
            let left = patience.saturating_sub(now() - begun);
            let has_news = !matches!(&news, News::Changes(changes) if changes.is_empty());
            if has_news || left.is_zero() {
                return Ok(news);
            }
            // The bell outlives its feeds, so that only a ring or the time ends this.
            let _ = timeout(left.min(self.pause()), self.heard.changed()).await;
            sleep(self.early().min(left)).await;
            if let Ok(next) = &self.at {
                at.clone_from(next);
            }
        }
    }

    fn cursor(&self) -> FeedCursor {
        match &self.at {
            Ok(at) => at.text(),
            Err(unknown) => unknown.clone(),
        }
    }
}

/// The next position and the changes up to it; `None` where they cannot be told.
fn told(at: &Cursor, rows: &[PgRow]) -> Result<Option<(Cursor, Vec<Change>)>, StorageError> {
    let Some(first) = rows.first() else { return Ok(None) };
    let cluster: String = column(first, 0)?;
    let is_lost: bool = column(first, 2)?;
    if cluster != at.cluster || is_lost || rows.len() > MOST_CHANGES {
        return Ok(None);
    }
    let mut changes = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(kind) = column::<Option<i16>>(row, 3)? else { continue };
        // What this binary cannot read, the loading of everything makes up for.
        let Some(change) = change(kind, row)? else { return Ok(None) };
        changes.push(change);
    }
    Ok(Some((Cursor::new(cluster, column(first, 1)?), changes)))
}

fn change(kind: i16, row: &PgRow) -> Result<Option<Change>, StorageError> {
    let account: i64 = column(row, 4)?;
    let id: Option<&str> = column(row, 5)?;
    let Some(number) = unsigned(column(row, 6)?) else { return Ok(None) };
    let account = unsigned(account).and_then(|number| AccountId::from_number(number).ok());
    Ok(match kind {
        API_KEY => account.zip(id.and_then(ApiKeyId::parse)).map(|(account, id)| Change::ApiKey {
            account,
            id,
            version: Version(number),
        }),
        IMPORT => account.map(|account| Change::Import { account, import: ImportId(number) }),
        CREDENTIAL => id
            .and_then(|id| AccessKeyId::parse(id).ok())
            .map(|id| Change::Credential { id, version: Version(number) }),
        USAGE_PLAN => account.zip(id.and_then(UsagePlanId::parse)).map(|(account, id)| Change::UsagePlan {
            account,
            id,
            version: Version(number),
        }),
        USAGE => account.zip(id.and_then(link)).map(|(account, link)| Change::Usage { account, link }),
        _ => None,
    })
}

/// Plan and key, as `queries/usage/adjust.sql` writes them.
fn link(text: &str) -> Option<UsagePlanKey> {
    let (plan, key) = text.split_once('/')?;
    Some(UsagePlanKey { plan: UsagePlanId::parse(plan)?, key: ApiKeyId::parse(key)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_was_written() {
        let cursor = Cursor::new("3c1f/7711/00000001".into(), "10:20:10,14".into());
        assert_eq!(Cursor::parse(&cursor.text()), Some(cursor));
    }

    #[test]
    fn what_postgresql_would_not_read_is_no_position() {
        for right in ["1:1:", "10:20:", "10:20:10", "10:20:11,19"] {
            assert!(is_snapshot(right), "{right}");
        }
        for wrong in
            ["", "10", "10:20", "0:20:", "20:10:", "10:20:20", "10:20:9", "10:20:12,11", "10:20:a", "1:2::"]
        {
            assert!(!is_snapshot(wrong), "{wrong}");
        }
    }
}
