//! The storage traits on SQLite: one file, kept by one server.
//!
//! - One connection writes, owned by a task (`writer`); single writes that come together are committed together. Four
//!   connections read beside it, each statement in a view of its own: nobody who reads waits for a writer.
//! - What a call has answered is on the disk (write-ahead log, `synchronous=FULL`); after `kill -9` the database opens
//!   without repair. A full or failing disk makes calls fail as unavailable until it works again.
//! - A second server on the same file is refused by `PATH.lock`. Commands may read and write beside the server, which
//!   hears of their changes through its feed.
//! - The files are for their owner only (0600).
//!
//! A backup is `sqlite3 PATH ".backup COPY"` beside the running server. A copy of the file alone is one only after the
//! server has ended in order, when there is no `PATH-wal`; otherwise what was written last is in that.
//!
//! An aggregate is a folder like `api_keys`; its SQL is in `queries`, its tables in the top-level `migrations/sqlite`.

mod api_keys;
mod changes;
mod credentials;
mod error;
mod open;
mod pace;
mod readers;
mod replicas;
mod retries;
mod snapshot;
mod sql;
#[cfg(test)]
mod tests;
mod transaction;
mod unit_of_work;
mod usage;
mod usage_plans;
mod writer;

pub use error::OpenError;
pub use open::{Migrated, migrate};

use async_trait::async_trait;
use changes::{SqliteFeed, Watcher};
use error::failed;
use gatepost_domain::{AccountId, Sealed};
use gatepost_storage::{
    ChangeFeed, FeedCursor, ImportTurn, Keep, LocalImportTurns, Reader, Replicas, Snapshot, Storage,
    StorageError, UnitOfWork, UsageMeter, Writer as StorageWriter,
};
use pace::Pace;
use readers::{Lent, Readers};
use replicas::millis;
use snapshot::SqliteSnapshot;
use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex as AsyncMutex, watch};
use unit_of_work::{SqliteUnit, SqliteWriter};
use writer::{Write, Writer};

/// How long anything is waited for: less than a request may take, so that the answer can say why it failed.
const DEADLINE: Duration = Duration::from_secs(4);

/// Imported rows of one unit. Another write waits for one of them, and late in a large import each takes longest. Fewer
/// rows would cost more log, because each commit writes every page it touched, and rows lie scattered in the indexes.
const IMPORT_ROWS: usize = 2_000;

/// After so long a probe takes a unit of work of this process, which holds the writer, for proof that writing works.
const PROBE_PATIENCE: Duration = Duration::from_secs(1);

/// What is forgotten at once, as the statements say it: others wait for it to be done.
const PRUNED_AT_ONCE: u64 = 2_000;

/// How to open a database.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// The database file.
    pub path: PathBuf,
    /// Whether to make it if it is missing, and to bring its schema up to date.
    pub migrate: bool,
    /// Whether to be its one server. Commands that work beside it are not.
    pub serve: bool,
}

/// An open database.
pub struct SqliteStorage {
    writer: Writer,
    readers: Arc<Readers>,
    installation: Arc<str>,
    committed: Arc<watch::Sender<()>>,
    watcher: AsyncMutex<Option<Watcher>>,
    /// Two processes that import one account beside each other only wait for each other's units.
    import_turns: LocalImportTurns,
    lock: Mutex<Option<File>>,
}

impl SqliteStorage {
    /// Opens a database, within a runtime that lives as long as it is used.
    pub async fn open(options: SqliteOptions) -> Result<Self, OpenError> {
        let SqliteOptions { path, migrate, serve } = options;
        open::make_file(&path, migrate).await?;
        let lock = serve.then(|| open::lock(&path)).transpose()?;
        let (mut conn, _migrated) = open::connect(&path, migrate).await?;
        let installation = open::installation(&mut conn)
            .await
            .map_err(|error| OpenError::Refused { path: path.clone(), source: error.into() })?;
        let committed = Arc::new(watch::Sender::new(()));
        let pace = Pace::new(!serve);
        Ok(Self {
            writer: Writer::start(conn, path.clone(), pace, Arc::clone(&committed)),
            readers: Arc::new(Readers::new(&path)),
            installation: installation.into(),
            committed,
            watcher: AsyncMutex::default(),
            import_turns: LocalImportTurns::default(),
            lock: Mutex::new(lock),
        })
    }

    /// Ends in order: what was asked before is done, the log is folded into the file, the lock is given back. Every
    /// later call is answered that the storage is unavailable.
    pub async fn close(&self) {
        drop(self.watcher.lock().await.take());
        self.readers.close().await;
        self.writer.close().await;
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// A connection for reads of what is committed.
    async fn read(&self) -> Result<Lent<'_>, StorageError> {
        self.readers.lend().await
    }

    async fn unit(&self) -> Result<SqliteUnit, StorageError> {
        Ok(SqliteUnit::new(self.writer.lease().await?))
    }

    /// Has the feeds told what other processes commit from now on.
    async fn watch_others(&self) -> Result<(), StorageError> {
        let mut watcher = self.watcher.lock().await;
        if watcher.is_none() {
            let (readers, committed) = (Arc::clone(&self.readers), Arc::clone(&self.committed));
            *watcher = Some(Watcher::start(readers, committed).await?);
        }
        Ok(())
    }

    async fn find_secret(&self) -> Result<Option<Vec<u8>>, StorageError> {
        let mut lent = self.readers.lend().await?;
        let query = sqlx::query_scalar(include_str!("../queries/installation/find_secret.sql"));
        let secret = query.fetch_one(lent.conn()).await.map_err(failed);
        lent.answered(secret)
    }

    /// Forgets the beginning of a table, in portions between which others write.
    async fn prune_table(&self, sql: &'static str, keep: Duration) -> Result<(), StorageError> {
        while self.prune_portion(sqlx::query(sql).bind(millis(keep))).await? >= PRUNED_AT_ONCE {}
        Ok(())
    }

    /// Takes the keys out of deleted plans, in portions between which others write.
    async fn prune_plans(&self) -> Result<(), StorageError> {
        let sql = include_str!("../queries/usage_plan/prune.sql");
        while self.prune_portion(sqlx::query(sql)).await? > 0 {}
        Ok(())
    }

    async fn prune_portion(&self, query: Query<'_, Sqlite, SqliteArguments>) -> Result<u64, StorageError> {
        let mut unit = self.unit().await?;
        let pruned = query.execute(unit.write()?).await.map_err(failed);
        let pruned = unit.wrote(pruned)?.rows_affected();
        unit.end().await?;
        Ok(pruned)
    }
}

#[async_trait]
impl Storage for SqliteStorage {
    fn reader(&self) -> &dyn Reader {
        self
    }

    fn writer(&self) -> Box<dyn StorageWriter + '_> {
        Box::new(SqliteWriter(self))
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, StorageError> {
        Ok(Box::new(SqliteSnapshot::open(self).await?))
    }

    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StorageError> {
        Ok(Box::new(self.unit().await?))
    }

    async fn changes(&self, from: FeedCursor) -> Result<Box<dyn ChangeFeed>, StorageError> {
        Ok(Box::new(SqliteFeed::open(self, from).await?))
    }

    fn replicas(&self) -> &dyn Replicas {
        self
    }

    fn usage_meter(&self) -> &dyn UsageMeter {
        self
    }

    async fn installation_secret(&self, candidate: Sealed) -> Result<Sealed, StorageError> {
        if let Some(secret) = self.find_secret().await? {
            return Ok(Sealed(secret.into()));
        }
        let mut unit = self.unit().await?;
        let query = sqlx::query_scalar(include_str!("../queries/installation/offer_secret.sql"));
        let secret = query.bind(&*candidate.0).fetch_one(unit.write()?).await.map_err(failed);
        let secret: Vec<u8> = unit.wrote(secret)?;
        unit.end().await?;
        Ok(Sealed(secret.into()))
    }

    async fn import_turn(
        &self,
        account: AccountId,
        patience: Duration,
    ) -> Result<Option<Box<dyn ImportTurn>>, StorageError> {
        Ok(self.import_turns.take(account, patience).await)
    }

    fn import_rows_per_unit(&self) -> usize {
        IMPORT_ROWS
    }

    async fn settle_after_import(&self) -> Result<(), StorageError> {
        self.writer.settle().await
    }

    async fn probe(&self) -> Result<(), StorageError> {
        let mut written = std::pin::pin!(self.writer.single(Write::Probe));
        if let Ok(written) = tokio::time::timeout(PROBE_PATIENCE, &mut written).await {
            return written.map(drop);
        }
        tokio::select! {
            written = written => written.map(drop),
            () = self.writer.lent() => Ok(()),
        }
    }

    async fn prune(&self, keep: Keep) -> Result<(), StorageError> {
        self.prune_table(include_str!("../queries/change/prune.sql"), keep.changes).await?;
        self.prune_table(include_str!("../queries/retry/prune.sql"), keep.retries).await?;
        self.prune_table(include_str!("../queries/replica/prune.sql"), replicas::REMEMBERED).await?;
        self.prune_table(include_str!("../queries/usage/prune.sql"), keep.usage).await?;
        self.prune_plans().await
    }
}
