//! Connections: how they are made, kept, lent and given up.
//!
//! - A call is one [`Pool::rows`]: waiting for a connection, sending and receiving, all within one span of time.
//! - A connection goes back only when its statement has ended. One whose call was dropped or came too late is closed:
//!   its server ends the statement by the `statement_timeout` that it was given.
//! - The first connection that breaks, or on which nothing comes any more, takes the idle ones with it, so that a
//!   restart of PostgreSQL or a machine that vanished costs the calls that were running, not one more for each idle
//!   connection.
//! - Writes come by a [narrow](Pool::narrow) way: however many wait for locks, a connection is left for reads.
//! - No connection is made to a standby: what it answers may be old.
//!
//! Not sqlx's pool: it pings before each return, which doubles the round trips of single-statement calls.

use crate::error::{PROTOCOL_VIOLATION, ends_connection, is_code, late};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgRow, Postgres};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Error, Executor as _, Row as _};
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout, timeout_at};

/// A statement with its arguments.
pub(crate) type Statement<'q> = sqlx::query::Query<'q, Postgres, PgArguments>;

/// A connection that lay idle for longer is asked first whether it is still there.
const TRUSTED: Duration = Duration::from_secs(1);
/// So long it may take to say so.
const PING: Duration = Duration::from_millis(500);
/// A connection that lay idle for longer is closed.
const MOST_IDLE: Duration = Duration::from_secs(600);
/// A connection is not used for longer, so that a server's memory for it does not grow for ever.
const MOST_AGE: Duration = Duration::from_secs(3_600);

/// For how long things may take.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// A call, waiting for a connection included.
    pub(crate) call: Duration,
    /// A statement on the server, a little less.
    pub(crate) statement: Duration,
    /// A lock on the server.
    pub(crate) lock: Duration,
    /// The pause between two statements of a transaction, for whoever vanished without a word; zero is none.
    pub(crate) idle: Duration,
}

impl Limits {
    /// What a request waits for.
    pub(crate) const REQUEST: Self = Self {
        call: Duration::from_millis(4_500),
        statement: Duration::from_millis(4_400),
        lock: Duration::from_millis(4_000),
        idle: Duration::from_secs(30),
    };
    /// One portion of a large piece of work: it may be slow, but it may not stand still.
    pub(crate) const BULK: Self = Self {
        call: Duration::from_secs(31),
        statement: Duration::from_secs(30),
        lock: Duration::from_millis(4_000),
        idle: Duration::from_secs(60),
    };

    /// Opens a transaction that keeps these limits, whatever stands between here and the server.
    pub(crate) fn begin(&self, mode: &str) -> String {
        let Self { statement, lock, idle, .. } = self;
        format!(
            "BEGIN {mode}; SET LOCAL statement_timeout = {}; SET LOCAL lock_timeout = {}; \
             SET LOCAL idle_in_transaction_session_timeout = {}",
            statement.as_millis(),
            lock.as_millis(),
            idle.as_millis()
        )
    }
}

/// What connections are made with.
pub(crate) struct Connector {
    options: PgConnectOptions,
    /// A pooler stands before the server and takes no settings.
    is_pooled: AtomicBool,
    /// Whether the server ends every statement in time by itself.
    is_timed: AtomicBool,
}

impl Connector {
    pub(crate) fn new(options: PgConnectOptions) -> Self {
        // A pooler knows no extra_float_digits, and no column here is a float.
        let options =
            options.extra_float_digits(None).statement_cache_capacity(256).disable_statement_logging();
        Self { options, is_pooled: AtomicBool::new(false), is_timed: AtomicBool::new(false) }
    }

    /// A connection to a server that takes writes.
    pub(crate) async fn connect(&self, limits: Limits) -> Result<PgConnection, Error> {
        let mut connection = self.reach(limits).await?;
        let row = connection.fetch_one(sqlx::raw_sql("SELECT pg_is_in_recovery()")).await?;
        if row.try_get(0)? {
            return Err(Error::Io(io::Error::other("the server is a standby")));
        }
        Ok(connection)
    }

    /// A connection to whatever server there is.
    pub(crate) async fn reach(&self, limits: Limits) -> Result<PgConnection, Error> {
        if !self.is_pooled() {
            let settings = [
                ("statement_timeout", limits.statement.as_millis().to_string()),
                ("lock_timeout", limits.lock.as_millis().to_string()),
                ("default_transaction_isolation", "read committed".into()),
                // Every statement here has one good plan, whatever its arguments; a planner that knows those, and not
                // yet how large a table has grown, finds worse ones.
                ("plan_cache_mode", "force_generic_plan".into()),
                ("enable_bitmapscan", "off".into()),
                // Compiling costs more than any statement here.
                ("jit", "off".into()),
                // Nobody else sets it: whoever finds it knows that the others arrived, too.
                ("gatepost.direct", "on".into()),
            ];
            match PgConnection::connect_with(&self.options.clone().options(settings)).await {
                Err(error) if is_code(&error, PROTOCOL_VIOLATION) => {}
                answer => return answer,
            }
            let connection = PgConnection::connect_with(&self.options).await?;
            self.is_pooled.store(true, Ordering::Relaxed);
            return Ok(connection);
        }
        PgConnection::connect_with(&self.options).await
    }

    /// Learns from a connection that was made with these limits what they are worth.
    pub(crate) async fn examine(&self, connection: &mut PgConnection, limits: Limits) -> Result<(), Error> {
        let sql = "SELECT setting::bigint, coalesce(current_setting('gatepost.direct', true), '') = 'on'
                   FROM pg_settings WHERE name = 'statement_timeout'";
        let (timeout, is_direct): (i64, bool) = sqlx::query_as(sql).fetch_one(&mut *connection).await?;
        let most = i64::try_from(limits.statement.as_millis()).expect("a few seconds");
        self.is_timed.store((1..=most).contains(&timeout), Ordering::Relaxed);
        // A pooler may also take settings and forget them.
        self.is_pooled.fetch_or(!is_direct, Ordering::Relaxed);
        Ok(())
    }

    pub(crate) fn is_pooled(&self) -> bool {
        self.is_pooled.load(Ordering::Relaxed)
    }

    pub(crate) fn is_timed(&self) -> bool {
        self.is_timed.load(Ordering::Relaxed)
    }

    pub(crate) fn options(&self) -> &PgConnectOptions {
        &self.options
    }
}

/// So many connections, lent one call or one transaction at a time, to whoever waits longest.
#[derive(Clone)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
    /// What whoever comes this way has to have first, and how many of it there are.
    narrow: Option<(Arc<Semaphore>, usize)>,
}

struct Shared {
    connector: Arc<Connector>,
    limits: Limits,
    permits: Arc<Semaphore>,
    /// So many permits there are.
    all: usize,
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    /// Those used last are at the back.
    connections: VecDeque<Resting>,
    /// Counts the breaks: what was lent before the last one does not come back.
    breaks: u64,
}

struct Resting {
    connection: PgConnection,
    born: Instant,
    since: Instant,
}

impl Pool {
    pub(crate) fn new(connector: Arc<Connector>, limits: Limits, connections: u32) -> Self {
        let all = connections.max(1) as usize;
        let permits = Arc::new(Semaphore::new(all));
        let shared = Shared { connector, limits, permits, all, idle: Mutex::default() };
        Self { shared: Arc::new(shared), narrow: None }
    }

    /// A way to the same connections on which no more than so many are lent at once.
    pub(crate) fn narrow(&self, connections: u32) -> Self {
        let all = connections.max(1) as usize;
        let narrow = Some((Arc::new(Semaphore::new(all)), all));
        Self { shared: Arc::clone(&self.shared), narrow }
    }

    pub(crate) fn limits(&self) -> Limits {
        self.shared.limits
    }

    /// Whether the server ends every statement of this pool in time by itself. Behind a pooler all pools have the
    /// role's timeout, which is meant for requests.
    pub(crate) fn is_timed(&self) -> bool {
        let Shared { connector, limits, .. } = &*self.shared;
        connector.is_timed() && (!connector.is_pooled() || limits.statement <= Limits::REQUEST.statement)
    }

    /// Sends one statement on a connection of its own.
    pub(crate) async fn rows(&self, statement: Statement<'_>) -> Result<Vec<PgRow>, Error> {
        let deadline = now() + self.limits().call;
        let mut lent = self.lend(deadline).await?;
        lent.rows(statement, deadline).await
    }

    /// Whether somebody has a connection now who came this way.
    pub(crate) fn is_in_use(&self) -> bool {
        match &self.narrow {
            Some((narrow, all)) => narrow.available_permits() < *all,
            None => self.shared.permits.available_permits() < self.shared.all,
        }
    }

    /// Whether a connection is made for whoever comes now: none is idle, and there may be more.
    pub(crate) fn has_to_grow(&self) -> bool {
        let free = |of: &Arc<Semaphore>| of.available_permits() > 0;
        self.narrow.as_ref().is_none_or(|(narrow, _)| free(narrow))
            && free(&self.shared.permits)
            && self.shared.idle().connections.is_empty()
    }

    /// A connection.
    pub(crate) async fn lend(&self, deadline: Instant) -> Result<Lent, Error> {
        if let Some(lent) = self.lend_at_once() {
            return Ok(lent);
        }
        // Rare and large: in a box of its own it makes no call's future large, which is copied and allocated each time.
        Box::pin(timeout_at(deadline, self.lending())).await.unwrap_or_else(|_| Err(late()))
    }

    /// A connection that was used just now.
    fn lend_at_once(&self) -> Option<Lent> {
        let free = |of: &Arc<Semaphore>| Arc::clone(of).try_acquire_owned().ok();
        let narrow = match &self.narrow {
            Some((narrow, _)) => Some(free(narrow)?),
            None => None,
        };
        let permits = Permits { _narrow: narrow, _permit: free(&self.shared.permits)? };
        let mut idle = self.shared.idle();
        let resting = idle.connections.pop_back_if(|resting| now() - resting.since < TRUSTED)?;
        let (connection, breaks) = (Some(resting.connection), idle.breaks);
        let pool = Arc::clone(&self.shared);
        Some(Lent { connection, born: resting.born, breaks, pool, permits: Some(permits) })
    }

    async fn lending(&self) -> Result<Lent, Error> {
        let narrow = match &self.narrow {
            Some((narrow, _)) => Some(permit(narrow).await?),
            None => None,
        };
        let permits = Permits { _narrow: narrow, _permit: permit(&self.shared.permits).await? };
        while let Some(resting) = self.last_idle() {
            let mut lent = self.lent(resting.connection, resting.born);
            if now() - resting.since < TRUSTED || lent.ping().await.is_ok() {
                lent.permits = Some(permits);
                return Ok(lent);
            }
        }
        let connection = self.shared.connector.connect(self.limits()).await?;
        let mut lent = self.lent(connection, now());
        lent.permits = Some(permits);
        Ok(lent)
    }

    /// Takes in a connection that was made elsewhere with these limits.
    pub(crate) fn adopt(&self, connection: PgConnection) {
        drop(self.lent(connection, now()));
    }

    /// Lends no more, and closes what is idle.
    pub(crate) async fn close(&self) {
        self.shared.permits.close();
        let idle = std::mem::take(&mut self.shared.idle().connections);
        for resting in idle {
            // Whether the other side hears of it does not matter.
            let _ = timeout(Duration::from_secs(1), resting.connection.close()).await;
        }
    }

    fn last_idle(&self) -> Option<Resting> {
        self.shared.idle().connections.pop_back()
    }

    fn lent(&self, connection: PgConnection, born: Instant) -> Lent {
        let breaks = self.shared.idle().breaks;
        Lent { connection: Some(connection), born, breaks, pool: Arc::clone(&self.shared), permits: None }
    }
}

async fn permit(of: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Error> {
    Arc::clone(of).acquire_owned().await.map_err(|_| Error::PoolClosed)
}

impl Shared {
    fn give_back(&self, connection: PgConnection, born: Instant, breaks: u64) {
        let since = now();
        let mut idle = self.idle();
        if idle.breaks == breaks && since - born < MOST_AGE && !self.permits.is_closed() {
            idle.connections.push_back(Resting { connection, born, since });
        }
        if idle.connections.front().is_some_and(|oldest| since - oldest.since > MOST_IDLE) {
            idle.connections.pop_front();
        }
    }

    fn forget_idle(&self, breaks: u64) {
        let mut idle = self.idle();
        if idle.breaks == breaks {
            idle.breaks += 1;
            idle.connections.clear();
        }
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        // Nothing that can panic leaves it half changed.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Permits {
    _narrow: Option<OwnedSemaphorePermit>,
    _permit: OwnedSemaphorePermit,
}

/// A connection while it is lent. Dropping it gives it back.
pub(crate) struct Lent {
    /// Gone while a statement runs, and for good when that did not end as it should.
    connection: Option<PgConnection>,
    born: Instant,
    breaks: u64,
    pool: Arc<Shared>,
    permits: Option<Permits>,
}

impl Lent {
    pub(crate) async fn rows(
        &mut self,
        statement: Statement<'_>,
        deadline: Instant,
    ) -> Result<Vec<PgRow>, Error> {
        let begun = now();
        let mut connection = self.take()?;
        let answer = timeout_at(deadline, connection.fetch_all(statement)).await;
        self.put_back(connection, begun, answer)
    }

    /// Sends statements without arguments, as one message.
    pub(crate) async fn run(&mut self, sql: impl Into<String>, deadline: Instant) -> Result<(), Error> {
        let begun = now();
        let mut connection = self.take()?;
        let running = connection.execute(sqlx::raw_sql(AssertSqlSafe(sql.into())));
        let answer = timeout_at(deadline, running).await.map(|answer| answer.map(drop));
        self.put_back(connection, begun, answer)
    }

    /// Keeps the connection from being used again.
    pub(crate) fn give_up(&mut self) {
        self.connection = None;
    }

    async fn ping(&mut self) -> Result<(), Error> {
        let mut connection = self.take()?;
        let answer = timeout(PING, connection.ping()).await.unwrap_or_else(|_| Err(late()));
        self.put_back(connection, now(), Ok(answer))
    }

    fn take(&mut self) -> Result<PgConnection, Error> {
        self.connection.take().ok_or(Error::PoolClosed)
    }

    fn put_back<T>(
        &mut self,
        connection: PgConnection,
        begun: Instant,
        answer: Result<Result<T, Error>, Elapsed>,
    ) -> Result<T, Error> {
        let Ok(answer) = answer else {
            // A server that is there would have ended the statement by now.
            if now() - begun >= self.pool.limits.statement {
                self.pool.forget_idle(self.breaks);
            }
            return Err(late());
        };
        if answer.as_ref().is_err_and(ends_connection) {
            self.pool.forget_idle(self.breaks);
        } else {
            self.connection = Some(connection);
        }
        answer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool.give_back(connection, self.born, self.breaks);
        }
        // The permit goes last: whoever gets it finds the connection.
    }
}

/// What deadlines and the ages of connections are measured with; nothing that is stored or answered depends on it.
#[expect(clippy::disallowed_methods, reason = "the spans of a driver, which no test needs to hold still")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_future_of_a_call_is_small() {
        let connector = Arc::new(Connector::new(PgConnectOptions::new_without_pgpass()));
        let pool = Pool::new(connector, Limits::REQUEST, 1);
        let size = size_of_val(&pool.rows(sqlx::query("SELECT")));
        assert!(size <= 1_000, "{size} bytes");
    }
}
