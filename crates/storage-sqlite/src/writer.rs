//! The one writer: a task that owns the only connection that writes, and serves whoever asks in the order of asking.
//!
//! - Single writes that wait at the same time are a *group*: one transaction, one commit, one flush of the disk for
//!   all. What is wrong with one of them is found without harm to the others; where the group fails for a reason that
//!   may lie in one write, each is tried alone.
//! - A unit of work gets the connection itself, with a transaction open, and gives it back when it ends: then the task
//!   undoes what was not committed.
//! - Other processes get their turns in gaps; see [`pace`](crate::pace).
//! - Who waits for more than [`DEADLINE`] gives up; what nobody waits for is not begun. What was begun may still
//!   be done, as with any request whose answer is lost.
//!
//! No statement of a group runs in its caller's task, so that a caller who leaves cannot stop it half way. After a
//! failure that is not understood the connection is replaced, so that a disk that was full needs no restart.

use crate::api_keys::writer::{Insert, delete, insert, update};
use crate::changes::data_version;
use crate::credentials::writer as credentials;
use crate::error::{again, closed, failed, is_busy, late};
use crate::open::with_ending;
use crate::pace::{ATTEMPT, Pace};
use crate::retries::remember_import;
use crate::usage::writer as usage;
use crate::usage_plans::writer as usage_plans;
use crate::{DEADLINE, open};
use gatepost_domain::api_keys::{ApiKey, ApiKeyId};
use gatepost_domain::credentials::{AccessKeyId, Credential};
use gatepost_domain::usage::Day;
use gatepost_domain::usage_plans::UsagePlanId;
use gatepost_domain::{AccountId, Timestamp, Version};
use gatepost_storage::{NewUsagePlan, RetryToken, StorageError, StoredCredential, UsagePlanKey};
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

/// The most writes of one commit.
const GROUP: usize = 64;

/// A write-ahead log of more bytes is worth folding in after an import.
const LONG_LOG: u64 = 8 << 20;

/// So many may wait in the queue; more wait to get in.
const QUEUE: usize = 1_024;

/// A write that is a unit of its own.
#[derive(Debug)]
pub(crate) enum Write {
    Insert(Insert),
    Update {
        account: AccountId,
        key: ApiKey,
        expected: Version,
    },
    Delete {
        account: AccountId,
        id: ApiKeyId,
    },
    InsertUsagePlan {
        account: AccountId,
        new: NewUsagePlan,
        most: Option<u64>,
    },
    DeleteUsagePlan {
        account: AccountId,
        id: UsagePlanId,
        expected: Version,
    },
    Detach {
        account: AccountId,
        link: UsagePlanKey,
    },
    AdjustUsage {
        account: AccountId,
        link: UsagePlanKey,
        day: Day,
        adjustment: i64,
    },
    InsertCredential(StoredCredential),
    UpdateCredential {
        credential: Credential,
        expected: Version,
    },
    DeleteCredential(AccessKeyId),
    NoteUse(Vec<(AccessKeyId, Timestamp)>),
    RememberImport {
        account: AccountId,
        token: RetryToken,
    },
    /// Changes nothing that anybody reads.
    Probe,
}

/// Whether something was written, for those who want to know.
type Written = Result<bool, StorageError>;

enum Turn {
    Single(Single),
    Unit(oneshot::Sender<Result<Lease, StorageError>>),
    Settle(oneshot::Sender<Result<(), StorageError>>),
    Close(oneshot::Sender<()>),
}

struct Single {
    write: Box<Write>,
    reply: oneshot::Sender<Written>,
}

/// The way to the writer.
pub(crate) struct Writer {
    queue: mpsc::Sender<Turn>,
    lent: watch::Receiver<bool>,
}

/// The writing connection, lent. Dropped, it goes back, whatever state it is in.
pub(crate) struct Lease {
    conn: Option<SqliteConnection>,
    committed: bool,
    back: Option<oneshot::Sender<(SqliteConnection, bool)>>,
}

impl Writer {
    pub(crate) fn start(
        conn: SqliteConnection,
        path: PathBuf,
        pace: Pace,
        committed: Arc<watch::Sender<()>>,
    ) -> Self {
        let (queue, turns) = mpsc::channel(QUEUE);
        let (lend, lent) = watch::channel(false);
        let task =
            Task { conn: Some(conn), path, turns, next: None, committed, lent: lend, pace, began: None };
        tokio::spawn(task.run());
        Self { queue, lent }
    }

    /// One write, in a group with others.
    pub(crate) async fn single(&self, write: Write) -> Written {
        let write = Box::new(write);
        self.ask(|reply| Turn::Single(Single { write, reply })).await?
    }

    /// The connection, with a transaction open.
    pub(crate) async fn lease(&self) -> Result<Lease, StorageError> {
        self.ask(Turn::Unit).await?
    }

    /// Answers as soon as somebody has a lease, whose transaction has begun.
    pub(crate) async fn lent(&self) {
        if self.lent.clone().wait_for(|lent| *lent).await.is_err() {
            // The task has ended, and lends nothing any more.
            std::future::pending::<()>().await;
        }
    }

    pub(crate) async fn settle(&self) -> Result<(), StorageError> {
        let (reply, answer) = oneshot::channel();
        self.queue.send(Turn::Settle(reply)).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Ends the task when what was asked before is done.
    pub(crate) async fn close(&self) {
        let (reply, answer) = oneshot::channel();
        if self.queue.send(Turn::Close(reply)).await.is_ok() {
            // Without an answer it is closed as well.
            answer.await.ok();
        }
    }

    async fn ask<T>(&self, turn: impl FnOnce(oneshot::Sender<T>) -> Turn) -> Result<T, StorageError> {
        let (reply, answer) = oneshot::channel();
        let asked = async {
            self.queue.send(turn(reply)).await.map_err(|_| closed())?;
            answer.await.map_err(|_| closed())
        };
        tokio::time::timeout(DEADLINE, asked).await.map_err(|_| late())?
    }
}

impl Lease {
    pub(crate) async fn commit(mut self) -> Result<(), StorageError> {
        commit(&mut self).await?;
        self.committed = true;
        Ok(())
    }
}

impl Deref for Lease {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        self.conn.as_ref().expect("it is taken only when dropped")
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        self.conn.as_mut().expect("it is taken only when dropped")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let (Some(conn), Some(back)) = (self.conn.take(), self.back.take()) {
            // Where the task is gone, the connection is closed, which undoes what was not committed.
            back.send((conn, self.committed)).ok();
        }
    }
}

struct Task {
    /// `None` after a failure: the next turn connects anew.
    conn: Option<SqliteConnection>,
    path: PathBuf,
    turns: mpsc::Receiver<Turn>,
    /// Taken out of the queue already.
    next: Option<Turn>,
    /// Wakes the feeds.
    committed: Arc<watch::Sender<()>>,
    lent: watch::Sender<bool>,
    pace: Pace,
    /// When this turn's first transaction began.
    began: Option<Instant>,
}

impl Task {
    async fn run(mut self) {
        loop {
            let turn = match self.next.take() {
                Some(turn) => turn,
                None => match self.turns.recv().await {
                    Some(turn) => turn,
                    None => break,
                },
            };
            match turn {
                Turn::Single(single) => {
                    self.leave_gap().await;
                    let group = self.gather(single);
                    self.commit_group(group).await;
                }
                Turn::Unit(reply) => {
                    self.leave_gap().await;
                    self.lend(reply).await;
                }
                Turn::Settle(reply) => {
                    let settled = self.settle().await;
                    reply.send(settled).ok();
                }
                Turn::Close(reply) => {
                    self.close().await;
                    reply.send(()).ok();
                    return;
                }
            }
            if let Some(began) = self.began.take() {
                self.pace.wrote(began, now());
            }
        }
        self.close().await;
    }

    /// Where it is due, lets others write.
    async fn leave_gap(&mut self) {
        if self.pace.wants_to_look()
            && let Some(conn) = &mut self.conn
            // What cannot be read now is read the next time.
            && let Ok(version) = data_version(conn).await
        {
            self.pace.looked(version, now());
        }
        let gap = self.pace.gap(now());
        if !gap.is_zero() {
            tokio::time::sleep(gap).await;
        }
    }

    async fn close(&mut self) {
        if let Some(conn) = self.conn.take() {
            // What is committed is safe in the log, whether it could be folded in or not.
            conn.close().await.ok();
        }
    }

    /// The single writes that wait, up to whoever wants something else.
    fn gather(&mut self, first: Single) -> Vec<Single> {
        let mut group = vec![first];
        while group.len() < GROUP {
            match self.turns.try_recv() {
                Ok(Turn::Single(single)) => group.push(single),
                Ok(other) => {
                    self.next = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        group
    }

    async fn commit_group(&mut self, mut group: Vec<Single>) {
        let is_wanted = |group: &mut Vec<Single>| {
            group.retain(|single| !single.reply.is_closed());
            !group.is_empty()
        };
        let done = match self.begin(|| is_wanted(&mut group)).await {
            Ok(true) => self.write(&group).await,
            Ok(false) => return,
            Err(error) => Err(error),
        };
        match done {
            Ok(answers) => {
                self.committed.send_replace(());
                for (single, answer) in group.into_iter().zip(answers) {
                    single.reply.send(answer).ok();
                }
            }
            Err(error) => {
                self.undo().await;
                if group.len() > 1 && may_be_of_one_write(&error) {
                    for single in group {
                        Box::pin(self.commit_group(vec![single])).await;
                    }
                    return;
                }
                for single in group {
                    single.reply.send(Err(again(&error))).ok();
                }
            }
        }
    }

    /// Inserts of keys last and together: whose calls run at the same time have no order.
    async fn write(&mut self, group: &[Single]) -> Result<Vec<Written>, StorageError> {
        let conn = self.conn.as_mut().ok_or_else(closed)?;
        let mut answers: Vec<Written> = Vec::with_capacity(group.len());
        let mut inserts = Vec::new();
        for single in group {
            let answer = match &*single.write {
                Write::Insert(insert) => {
                    inserts.push((answers.len(), insert));
                    Ok(true)
                }
                Write::Update { account, key, expected } => {
                    update(conn, *account, key, *expected).await.map(|()| true)
                }
                Write::Delete { account, id } => delete(conn, *account, id).await,
                Write::InsertUsagePlan { account, new, most } => {
                    usage_plans::insert(conn, *account, new, *most).await.map(|()| true)
                }
                Write::DeleteUsagePlan { account, id, expected } => {
                    usage_plans::delete(conn, *account, id, *expected).await.map(|()| true)
                }
                Write::Detach { account, link } => usage_plans::detach(conn, *account, link).await,
                Write::AdjustUsage { account, link, day, adjustment } => {
                    usage::adjust(conn, *account, link, *day, *adjustment).await.map(|()| true)
                }
                Write::InsertCredential(new) => credentials::insert(conn, new).await.map(|()| true),
                Write::UpdateCredential { credential, expected } => {
                    credentials::update(conn, credential, *expected).await.map(|()| true)
                }
                Write::DeleteCredential(id) => credentials::delete(conn, id).await,
                Write::NoteUse(used) => credentials::note_use(conn, used).await.map(|()| true),
                Write::RememberImport { account, token } => {
                    remember_import(conn, *account, token).await.map(|()| true)
                }
                Write::Probe => probe(conn).await.map(|()| true),
            };
            answers.push(refused_only(answer)?);
        }
        if !inserts.is_empty() {
            let news: Vec<&Insert> = inserts.iter().map(|(_, insert)| *insert).collect();
            let outcomes = insert(conn, &news).await?;
            for ((index, _), outcome) in inserts.into_iter().zip(outcomes) {
                answers[index] = outcome.map(|()| true);
            }
        }
        commit(conn).await?;
        Ok(answers)
    }

    async fn lend(&mut self, reply: oneshot::Sender<Result<Lease, StorageError>>) {
        match self.begin(|| !reply.is_closed()).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                self.undo().await;
                reply.send(Err(error)).ok();
                return;
            }
        }
        let (back, returned) = oneshot::channel();
        self.lent.send_replace(true);
        // If the caller has left by now, the lease comes back at once.
        drop(reply.send(Ok(Lease { conn: self.conn.take(), committed: false, back: Some(back) })));
        if let Ok((conn, committed)) = returned.await {
            self.conn = Some(conn);
            if !committed {
                self.undo().await;
            }
        }
        self.lent.send_replace(false);
        // Also where only the answer to the commit was lost.
        self.committed.send_replace(());
    }

    /// Opens a transaction that may write; false when it was given up. Other processes may hold it up.
    async fn begin(&mut self, mut is_wanted: impl FnMut() -> bool) -> Result<bool, StorageError> {
        loop {
            if !is_wanted() {
                return Ok(false);
            }
            let conn = match &mut self.conn {
                Some(conn) => conn,
                None => self.conn.insert(open::connect_again(&self.path).await.map_err(failed)?),
            };
            match sqlx::query("BEGIN IMMEDIATE").execute(conn).await {
                Ok(_) if is_wanted() => {
                    self.began.get_or_insert_with(now);
                    return Ok(true);
                }
                Ok(_) => self.undo().await,
                Err(error) if is_busy(&error) => tokio::time::sleep(ATTEMPT).await,
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// Ends a transaction that failed or was dropped. SQLite may have ended it itself, and then complains; the
    /// connection is replaced in any case but the one that is understood.
    async fn undo(&mut self) {
        if let Some(mut conn) = self.conn.take()
            && sqlx::query("ROLLBACK").execute(&mut conn).await.is_ok()
        {
            self.conn = Some(conn);
        }
    }

    /// Folds a long log into the database, as far as nobody reads it, and lets SQLite look at its statistics.
    async fn settle(&mut self) -> Result<(), StorageError> {
        let log = std::fs::metadata(with_ending(&self.path, "-wal")).map_or(0, |log| log.len());
        let Some(conn) = self.conn.as_mut().filter(|_| log > LONG_LOG) else { return Ok(()) };
        for pragma in ["PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA optimize"] {
            match sqlx::query(pragma).execute(&mut *conn).await {
                Ok(_) => {}
                // Another process writes; this can be done any time.
                Err(error) if is_busy(&error) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(())
    }
}

async fn probe(conn: &mut SqliteConnection) -> Result<(), StorageError> {
    let query = sqlx::query(include_str!("../queries/installation/probe.sql"));
    query.execute(conn).await.map(drop).map_err(failed)
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long other processes were kept waiting is this machine's time"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

async fn commit(conn: &mut SqliteConnection) -> Result<(), StorageError> {
    sqlx::query("COMMIT").execute(conn).await.map(drop).map_err(failed)
}

/// Keeps the answers that leave everything as it was apart from failures.
fn refused_only(answer: Written) -> Result<Written, StorageError> {
    match answer {
        Ok(_)
        | Err(StorageError::AlreadyExists(_) | StorageError::Stale(_) | StorageError::LimitReached(_)) => {
            Ok(answer)
        }
        Err(error @ (StorageError::Unavailable(_) | StorageError::Corrupt(_) | StorageError::Backend(_))) => {
            Err(error)
        }
    }
}

/// Whether the others of the group might be written without it.
fn may_be_of_one_write(error: &StorageError) -> bool {
    match error {
        StorageError::Unavailable(_) => false,
        StorageError::AlreadyExists(_)
        | StorageError::Stale(_)
        | StorageError::LimitReached(_)
        | StorageError::Corrupt(_)
        | StorageError::Backend(_) => true,
    }
}
