//! Where statements go: each alone, or all into one transaction.
//!
//! What a write is made of is written once, over [`Session`]; [`Alone`] sends it as statements that each commit
//! themselves, [`Transaction`] into the unit of work that is open.

use crate::error::{late, lost_a_race, storage_error};
use crate::pool::{Lent, Limits, Pool, Statement, now};
use gatepost_storage::StorageError;
use sqlx::postgres::PgRow;
use sqlx::{Error, query};
use std::future::Future;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};

/// How often a statement is sent again that lost a race against others.
const ATTEMPTS: u32 = 3;

/// Where the statements of a write go.
pub(crate) trait Session: Send {
    /// Sends a statement. After an error the session may be of no more use.
    fn rows(&mut self, statement: Statement<'_>) -> impl Future<Output = Result<Vec<PgRow>, Error>> + Send;

    /// Sends a statement that may well be refused: the session goes on as if it had not been sent.
    fn attempt(&mut self, statement: Statement<'_>)
    -> impl Future<Output = Result<Vec<PgRow>, Error>> + Send;

    /// Begins to keep count of an account's keys.
    fn count_keys(&mut self, account: i64) -> impl Future<Output = Result<(), Error>> + Send;

    /// Whether a statement only lost a race, had no effect, and may be sent again.
    fn may_repeat(&self, error: &Error, attempts: u32) -> bool;

    /// The same of one that was sent by [`attempt`](Self::attempt), which a unit of work outlives.
    fn may_attempt_again(&self, error: &Error, attempts: u32) -> bool {
        attempts < ATTEMPTS && lost_a_race(error)
    }
}

/// Each statement on any connection, a transaction of its own.
pub(crate) struct Alone<'s>(pub(crate) &'s Pool);

impl Alone<'_> {
    /// Sends a statement on a connection that was lent already.
    pub(crate) async fn rows_on(
        &self,
        lent: &mut Lent,
        statement: Statement<'_>,
        deadline: Instant,
    ) -> Result<Vec<PgRow>, Error> {
        if self.0.is_timed() {
            return lent.rows(statement, deadline).await;
        }
        Box::pin(self.rows_with_limits(lent, statement, deadline)).await
    }

    /// Nobody on the server would end the statement after we have given up: it must bring its own limits.
    async fn rows_with_limits(
        &self,
        lent: &mut Lent,
        statement: Statement<'_>,
        deadline: Instant,
    ) -> Result<Vec<PgRow>, Error> {
        if let Err(error) = lent.run(self.0.limits().begin(Transaction::READ_COMMITTED), deadline).await {
            // It may be in a transaction all the same.
            lent.give_up();
            return Err(error);
        }
        match lent.rows(statement, deadline).await {
            Ok(rows) => lent.run("COMMIT", deadline).await.map(|()| rows),
            Err(error) => {
                // The statement's own error is what there is to tell.
                if lent.run("ROLLBACK", deadline).await.is_err() {
                    lent.give_up();
                }
                Err(error)
            }
        }
    }
}

impl Session for Alone<'_> {
    async fn rows(&mut self, statement: Statement<'_>) -> Result<Vec<PgRow>, Error> {
        let deadline = now() + self.0.limits().call;
        let mut lent = self.0.lend(deadline).await?;
        self.rows_on(&mut lent, statement, deadline).await
    }

    async fn attempt(&mut self, statement: Statement<'_>) -> Result<Vec<PgRow>, Error> {
        self.rows(statement).await
    }

    async fn count_keys(&mut self, account: i64) -> Result<(), Error> {
        let pool = self.0.clone();
        // Of many keys it may take longer than a call; it goes on without the caller, and the next one finds it done.
        let counting = tokio::spawn(async move {
            let mut transaction = Transaction::with(&pool, Limits::BULK).await?;
            transaction.count_keys(account).await?;
            transaction.commit().await
        });
        match timeout(self.0.limits().call, counting).await {
            Ok(Ok(counted)) => counted,
            Ok(Err(_)) => Err(Error::WorkerCrashed),
            Err(_) => Err(late()),
        }
    }

    fn may_repeat(&self, error: &Error, attempts: u32) -> bool {
        attempts < ATTEMPTS && lost_a_race(error)
    }
}

/// One transaction, rolled back unless committed.
pub(crate) struct Transaction {
    /// Gone when it has ended.
    lent: Option<Lent>,
    span: Duration,
    /// A statement failed: the server would answer a commit like a success, and roll back.
    has_failed: bool,
}

impl Transaction {
    /// Whether it may write is for the server to say.
    pub(crate) const READ_COMMITTED: &str = "ISOLATION LEVEL READ COMMITTED";

    pub(crate) async fn open(pool: &Pool) -> Result<Self, Error> {
        Self::with(pool, pool.limits()).await
    }

    async fn with(pool: &Pool, limits: Limits) -> Result<Self, Error> {
        let deadline = now() + pool.limits().call;
        let mut lent = pool.lend(deadline).await?;
        let answer = lent.run(limits.begin(Self::READ_COMMITTED), deadline).await;
        if answer.is_err() {
            // It may be in a transaction all the same.
            lent.give_up();
        }
        answer?;
        Ok(Self { lent: Some(lent), span: limits.call, has_failed: false })
    }

    pub(crate) async fn commit(mut self) -> Result<(), Error> {
        if self.has_failed {
            return Err(Error::BeginFailed);
        }
        let Some(mut lent) = self.lent.take() else { return Err(Error::BeginFailed) };
        let answer = lent.run("COMMIT", now() + self.span).await;
        if answer.is_err() {
            lent.give_up();
        }
        answer
    }

    async fn run(&mut self, sql: &str) -> Result<(), Error> {
        let Some(lent) = &mut self.lent else { return Err(Error::BeginFailed) };
        lent.run(sql, now() + self.span).await
    }
}

impl Session for Transaction {
    async fn rows(&mut self, statement: Statement<'_>) -> Result<Vec<PgRow>, Error> {
        let Some(lent) = &mut self.lent else { return Err(Error::BeginFailed) };
        let answer = lent.rows(statement, now() + self.span).await;
        self.has_failed |= answer.is_err();
        answer
    }

    async fn attempt(&mut self, statement: Statement<'_>) -> Result<Vec<PgRow>, Error> {
        self.run("SAVEPOINT attempt").await?;
        let answer = self.rows(statement).await;
        match &answer {
            Ok(_) => self.run("RELEASE attempt").await?,
            Err(Error::Database(_)) => {
                self.run("ROLLBACK TO attempt; RELEASE attempt").await?;
                self.has_failed = false;
            }
            Err(_) => {}
        }
        answer
    }

    async fn count_keys(&mut self, account: i64) -> Result<(), Error> {
        // Two statements: the second one's snapshot must be younger than the lock.
        self.rows(query(include_str!("../queries/limits/lock.sql")).bind(account)).await?;
        self.rows(query(include_str!("../queries/limits/count.sql")).bind(account)).await.map(drop)
    }

    fn may_repeat(&self, _: &Error, _: u32) -> bool {
        false
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        let Some(mut lent) = self.lent.take() else { return };
        let span = self.span;
        match Handle::try_current() {
            // Beside the caller; whoever waits for a connection gets this one afterwards.
            Ok(runtime) => drop(runtime.spawn(async move {
                if lent.run("ROLLBACK", now() + span).await.is_err() {
                    lent.give_up();
                }
            })),
            Err(_) => lent.give_up(),
        }
    }
}

/// Sends a statement, again where it lost a race, and says whether it answered a row.
pub(crate) async fn written<'q, S: Session>(
    session: &mut S,
    statement: impl Fn() -> Statement<'q> + Send + Sync,
) -> Result<bool, StorageError> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        match session.rows(statement()).await {
            Ok(rows) => return Ok(!rows.is_empty()),
            Err(error) if session.may_repeat(&error, attempt) => {}
            Err(error) => return Err(storage_error(error)),
        }
    }
}
