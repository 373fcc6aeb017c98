//! The storage traits on PostgreSQL, for as many replicas as like to share it.
//!
//! - A single read or write is one statement, which commits itself; look-ups, and inserts of keys, that come at the same
//!   time share one. A unit of work is one transaction. What a write changes and what it tells the
//!   [feed](gatepost_storage::Storage::changes) become visible together.
//! - Every call ends within 4.5 seconds, waiting for a connection and for locks included; portions of an import within
//!   31. Where PostgreSQL cannot be reached, is read-only, full, or slow, the answer is
//!   [`StorageError::Unavailable`], and the next call tries anew: nothing here needs a restart.
//! - Nothing is kept in a session, so PgBouncer (1.21 or later, `max_prepared_statements` above 0) may hand sessions
//!   around by transaction. It takes no settings in the first message, so the role should have them: `ALTER ROLE … SET
//!   plan_cache_mode = force_generic_plan`, `enable_bitmapscan = off`, `jit = off`, `statement_timeout = 4400`. Without the last,
//!   single writes bring theirs along, in a transaction of three messages instead of one.
//! - PostgreSQL 13 or later; tested with 15.
//!
//! Connections: so many as asked for serve requests, of which a quarter (1 to 4) is kept from writes; 2 more imports; 1 each
//! feed and snapshot; 1 each import's turn, 8 at most; 1 hears other replicas ring.
//!
//! `pool` makes and lends connections, `gathering` makes one statement of several calls; `source` and `session` are what
//! reads and writes are written over, once for single calls, units of work and snapshots. A new aggregate is a folder like
//! `api_keys`, its statements one in `queries`, its tables a migration.

mod api_keys;
mod bell;
mod changes;
mod credentials;
mod error;
mod gathering;
mod migrations;
mod pool;
mod prune;
mod replicas;
mod retries;
mod session;
mod snapshot;
mod source;
mod turns;
mod unit_of_work;
mod usage;
mod usage_plans;
mod writer;

pub use migrations::Migrated;

use api_keys::{Creations, LookUps, column};
use async_trait::async_trait;
use bell::{Bell, Rope};
use changes::PostgresFeed;
use error::{late, storage_error};
use gatepost_domain::{AccountId, Sealed};
use gatepost_storage::{
    ChangeFeed, FeedCursor, ImportTurn, Keep, Reader, Replicas, Snapshot, Storage, StorageError, UnitOfWork,
    UsageMeter, Writer,
};
use gathering::Gathering;
use pool::{Connector, Limits, Pool};
use session::{Alone, Session as _, Transaction};
use snapshot::PostgresSnapshot;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{query, query_as};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::timeout;
use turns::Turns;
use unit_of_work::PostgresUnit;
use writer::PostgresWriter;

/// Imports run on so many connections at once.
const IMPORT_CONNECTIONS: u32 = 2;
/// So many rows an import's unit holds: a key among them is locked for as long as these take.
const IMPORT_ROWS: usize = 5_000;
/// So many rows make new statistics worth their while.
const UNSETTLED: u64 = 10_000;
/// The first release with transaction ids that are never used again.
const OLDEST_SERVER: u32 = 130_000;

/// Where the database is, and how it is used.
#[derive(Clone)]
pub struct PostgresOptions {
    /// `postgres://user:password@host:port/database?…`, as libpq has it.
    pub url: String,
    /// A direct connection to the same database, where `url` leads through a pooler.
    pub listen_url: Option<String>,
    /// So many connections serve requests.
    pub connections: u32,
    /// Whether to bring the schema up to date first.
    pub migrate: bool,
}

impl PostgresOptions {
    /// The defaults for a database.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), listen_url: None, connections: 16, migrate: true }
    }
}

/// See the file.
const ADOPT: &str = include_str!("../queries/changes/adopt.sql");

/// Why a database cannot be used. Each message says what to do; none holds a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL cannot be read.
    #[error(
        "the storage url cannot be read: write postgres://USER:PASSWORD@HOST:PORT/DATABASE, with reserved characters as %XX"
    )]
    Url,
    /// Nobody answers, or who answers refuses.
    #[error(
        "cannot connect to postgresql at {place}: {source}; check that it runs there and that user, password and database are right"
    )]
    Connect {
        /// Host and port, user and database.
        place: String,
        /// What was answered.
        source: sqlx::Error,
    },
    /// A server that lacks what is needed.
    #[error("the server is postgresql {}, and gatepost needs 13 or later: upgrade the server", .0 / 10_000)]
    ServerTooOld(u32),
    /// A standby, or a server or role that was made read-only.
    #[error(
        "the server accepts no writes: name the primary in the storage url, or end default_transaction_read_only"
    )]
    ReadOnly,
    /// Migrations are missing, and none were to be run.
    #[error("the schema has version {found} and this gatepost needs {wanted}: run `gatepost migrate`")]
    NotMigrated {
        /// The database's version.
        found: u32,
        /// This binary's.
        wanted: u32,
    },
    /// The schema has gone on without this binary.
    #[error(
        "the schema needs a gatepost that knows its version {oldest}, and this one knows {known}: start a newer release"
    )]
    TooNew {
        /// What a binary must know.
        oldest: i64,
        /// What this one knows.
        known: u32,
    },
    /// Somebody else holds the lock of migrations, or a table.
    #[error(
        "another migration has not ended within a minute, nothing was changed: {0}; wait for it, or see pg_stat_activity for who holds a lock"
    )]
    Migrating(#[source] sqlx::Error),
    /// A migration failed, and nothing of it was kept.
    #[error(
        "the schema could not be migrated, nothing was changed: {0}; check that the role owns the tables and may create some"
    )]
    Migrate(#[source] sqlx::Error),
    /// A question about the schema failed.
    #[error("the schema could not be read: {0}; check that the role may read gatepost's tables")]
    Failed(#[source] sqlx::Error),
}

/// Brings the schema up to date.
pub async fn migrate(url: &str) -> Result<Migrated, OpenError> {
    let connector = Connector::new(parse(url)?);
    let mut connection = open(&connector).await?;
    migrations::run(&mut connection).await
}

/// A storage in one database of PostgreSQL.
pub struct PostgresStorage {
    connector: Arc<Connector>,
    requests: Pool,
    /// The same connections, but for a few.
    writes: Pool,
    look_ups: Arc<Gathering<LookUps>>,
    creations: Arc<Gathering<Creations>>,
    imports: Pool,
    turns: Turns,
    /// So many rows were imported since the last statistics.
    imported: Arc<AtomicU64>,
    bell: Arc<Bell>,
    /// Absent where no direct connection is to be had.
    _rope: Option<Rope>,
}

impl PostgresStorage {
    /// Connects, migrates if asked to, and checks that the database can be used.
    pub async fn connect(options: PostgresOptions) -> Result<Self, OpenError> {
        let connector = Arc::new(Connector::new(parse(&options.url)?));
        let mut connection = open(&connector).await?;
        if options.migrate {
            migrations::run(&mut connection).await?;
        }
        migrations::check(&mut connection).await?;
        query(ADOPT).fetch_optional(&mut connection).await.map_err(OpenError::Failed)?;

        let requests = Pool::new(Arc::clone(&connector), Limits::REQUEST, options.connections);
        // Those that wait for locks must leave some to whoever does not.
        let writes =
            requests.narrow(options.connections.saturating_sub((options.connections / 4).clamp(1, 4)));
        let imports = Pool::new(Arc::clone(&connector), Limits::BULK, IMPORT_CONNECTIONS);
        requests.adopt(connection);
        let direct = match &options.listen_url {
            Some(url) => Some(parse(url)?),
            None if connector.is_pooled() => None,
            None => Some(connector.options().clone()),
        };
        let bell = Bell::new();
        let rope = direct.map(|options| bell.connect(options));
        let turns = Turns::new(Arc::clone(&connector));
        let look_ups = Gathering::new(requests.clone(), LookUps);
        let creations = Gathering::new(writes.clone(), Creations(writes.clone()));
        let imported = Arc::default();
        Ok(Self {
            connector,
            requests,
            writes,
            look_ups,
            creations,
            imports,
            turns,
            imported,
            bell,
            _rope: rope,
        })
    }

    /// Closes the idle connections and lends none from now on.
    pub async fn close(&self) {
        self.requests.close().await;
        self.imports.close().await;
    }

    pub(crate) fn requests(&self) -> &Pool {
        &self.requests
    }

    pub(crate) fn writes(&self) -> &Pool {
        &self.writes
    }

    pub(crate) fn look_ups(&self) -> &Arc<Gathering<LookUps>> {
        &self.look_ups
    }

    pub(crate) fn creations(&self) -> &Arc<Gathering<Creations>> {
        &self.creations
    }

    pub(crate) fn imports(&self) -> &Pool {
        &self.imports
    }

    pub(crate) fn imported(&self) -> &Arc<AtomicU64> {
        &self.imported
    }

    pub(crate) fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }
}

fn parse(url: &str) -> Result<PgConnectOptions, OpenError> {
    let options: PgConnectOptions = url.parse().map_err(|_| OpenError::Url)?;
    Ok(options.application_name("gatepost"))
}

/// The first connection, of a server that will do.
async fn open(connector: &Connector) -> Result<PgConnection, OpenError> {
    let options = connector.options();
    let host =
        options.get_socket().map_or_else(|| options.get_host().into(), |path| path.display().to_string());
    let place = format!(
        "{host}:{}, user {}, database {}",
        options.get_port(),
        options.get_username(),
        options.get_database().unwrap_or(options.get_username())
    );
    let limits = Limits::REQUEST;
    let connecting = async {
        let mut connection = connector.reach(limits).await?;
        connector.examine(&mut connection, limits).await?;
        let sql = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean";
        let (is_read_only,): (bool,) = query_as(sql).fetch_one(&mut connection).await?;
        Ok((connection, is_read_only))
    };
    let answer = timeout(limits.call, connecting).await.unwrap_or_else(|_| Err(late()));
    let (connection, is_read_only) = answer.map_err(|source| OpenError::Connect { place, source })?;
    match connection.server_version_num() {
        Some(version) if version < OLDEST_SERVER => Err(OpenError::ServerTooOld(version)),
        Some(_) | None if is_read_only => Err(OpenError::ReadOnly),
        Some(_) | None => Ok(connection),
    }
}

#[async_trait]
impl Storage for PostgresStorage {
    fn reader(&self) -> &dyn Reader {
        self
    }

    fn writer(&self) -> Box<dyn Writer + '_> {
        Box::new(PostgresWriter(self))
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, StorageError> {
        Ok(Box::new(PostgresSnapshot::take(&self.connector).await?))
    }

    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StorageError> {
        Ok(Box::new(PostgresUnit::new(self)))
    }

    async fn changes(&self, from: FeedCursor) -> Result<Box<dyn ChangeFeed>, StorageError> {
        Ok(Box::new(PostgresFeed::new(Arc::clone(&self.connector), Arc::clone(&self.bell), &from)))
    }

    fn replicas(&self) -> &dyn Replicas {
        self
    }

    fn usage_meter(&self) -> &dyn UsageMeter {
        self
    }

    async fn installation_secret(&self, candidate: Sealed) -> Result<Sealed, StorageError> {
        let known = query(include_str!("../queries/installation/secret.sql"));
        let rows = self.requests.rows(known).await.map_err(storage_error)?;
        let secret: Option<Vec<u8>> = rows.first().map_or(Ok(None), |row| column(row, 0))?;
        if let Some(secret) = secret {
            return Ok(Sealed(secret.into()));
        }
        let offer = query(include_str!("../queries/installation/offer_secret.sql")).bind(&*candidate.0);
        let rows = Alone(&self.requests).rows(offer).await.map_err(storage_error)?;
        let row = rows.first().ok_or_else(|| StorageError::Corrupt("table installation, no row".into()))?;
        Ok(Sealed(column::<Vec<u8>>(row, 0)?.into()))
    }

    async fn import_turn(
        &self,
        account: AccountId,
        patience: Duration,
    ) -> Result<Option<Box<dyn ImportTurn>>, StorageError> {
        self.turns.take(account, patience).await
    }

    fn import_rows_per_unit(&self) -> usize {
        IMPORT_ROWS
    }

    /// Fresh statistics, when many rows came; the rest is autovacuum's, whose work this would end.
    async fn settle_after_import(&self) -> Result<(), StorageError> {
        let many = |imported| (imported >= UNSETTLED).then_some(0);
        if self.imported.fetch_update(Ordering::Relaxed, Ordering::Relaxed, many).is_err() {
            return Ok(());
        }
        let mut transaction = Transaction::open(&self.imports).await.map_err(storage_error)?;
        transaction
            .rows(query("ANALYZE (SKIP_LOCKED) api_key, usage_plan_key"))
            .await
            .map_err(storage_error)?;
        transaction.commit().await.map_err(storage_error)
    }

    /// By a write: a full disk or a server that became a standby shows in nothing else.
    async fn probe(&self) -> Result<(), StorageError> {
        let probe = query(include_str!("../queries/installation/probe.sql"));
        Alone(&self.requests).rows(probe).await.map(drop).map_err(storage_error)
    }

    async fn prune(&self, keep: Keep) -> Result<(), StorageError> {
        prune::prune(&mut Alone(&self.requests), keep).await
    }
}
