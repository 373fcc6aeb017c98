//! The storage traits in memory: a product for demonstrations, tests and benchmarks, and as durable as the process.
//!
//! - One unit of work is open at a time, in the order in which they were asked for; [`begin`] waits for its turn.
//! - A unit writes into the shared state at once, under a lock that it holds for a millisecond or two at a time, and
//!   its writes stay invisible to others until it commits. Readers wait for such portions and never for a unit, be
//!   it a million rows long: publishing those takes about two milliseconds, undoing them about ten.
//! - A key costs about 260 bytes: one packed record, two hash tables and the ordered indexes, which hold eight and
//!   twelve bytes an entry. Every call costs about the same with a thousand keys and with a million, but for what
//!   waiting for main memory adds. While a large unit of work is open, a listing passes over its rows: about three
//!   milliseconds a million.
//! - Where a panic has left the state in doubt, every call answers [`StorageError::Backend`].
//!
//! - A snapshot holds the turn: nobody writes while one is open.
//!
//! An aggregate is a folder like `api_keys` and a field of `Shared`. `slab`, `slot_table` and `ordered_slots` are what
//! one of millions is made of; `credentials` shows what is enough for a few, and `usage_plans` how the two are linked.
//!
//! [`begin`]: gatepost_storage::Storage::begin

mod api_keys;
mod changes;
mod credentials;
mod ordered_slots;
mod replicas;
mod retries;
mod slab;
mod slot_table;
mod snapshot;
mod unit_of_work;
mod usage;
mod usage_plans;
mod writer;

use api_keys::ApiKeys;
use async_trait::async_trait;
use changes::ChangeLog;
use credentials::Credentials;
use gatepost_domain::usage::Day;
use gatepost_domain::{AccountId, Clock, Sealed};
use gatepost_storage::{
    ChangeFeed, FeedCursor, ImportTurn, Keep, LocalImportTurns, Reader, Replicas, Snapshot, Storage,
    StorageError, UnitOfWork, UsageMeter, Writer,
};
use replicas::{Beats, before};
use retries::Retries;
use snapshot::MemorySnapshot;
use std::sync::{Arc, Mutex, OnceLock, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};
use unit_of_work::MemoryUnit;
use usage::{Batches, Usage};
use usage_plans::{PlanNumbers, Plans};
use writer::MemoryWriter;

/// How long a unit of work is waited for: less than a request may take, so that the answer can say why it failed.
const DEADLINE: Duration = Duration::from_secs(4);

/// A storage that begins empty and ends with the process.
pub struct MemoryStorage {
    shared: Arc<Shared>,
    /// Held by the open unit of work.
    turn: Arc<Turn<()>>,
    import_turns: LocalImportTurns,
    beats: Mutex<Beats>,
    batches: Mutex<Batches>,
    secret: OnceLock<Sealed>,
}

/// What units of work and readers share. Who needs several takes them in this order.
pub(crate) struct Shared {
    api_keys: RwLock<ApiKeys>,
    plans: RwLock<Plans>,
    plan_numbers: PlanNumbers,
    usage: RwLock<Usage>,
    credentials: RwLock<Credentials>,
    retries: Mutex<Retries>,
    changes: Arc<ChangeLog>,
    clock: Arc<dyn Clock>,
}

impl MemoryStorage {
    /// An empty storage; by the clock it prunes and declares replicas dead.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            shared: Arc::new(Shared {
                api_keys: RwLock::new(ApiKeys::new()),
                plans: RwLock::default(),
                plan_numbers: PlanNumbers::default(),
                usage: RwLock::default(),
                credentials: RwLock::default(),
                retries: Mutex::default(),
                changes: Arc::new(ChangeLog::new()),
                clock,
            }),
            turn: Arc::default(),
            import_turns: LocalImportTurns::default(),
            beats: Mutex::default(),
            batches: Mutex::default(),
            secret: OnceLock::new(),
        }
    }

    async fn turn(&self) -> Result<OwnedMutexGuard<()>, StorageError> {
        let turn = tokio::time::timeout(DEADLINE, Arc::clone(&self.turn).lock_owned());
        turn.await.map_err(|elapsed| StorageError::Unavailable(elapsed.into()))
    }

    async fn unit(&self) -> Result<MemoryUnit, StorageError> {
        Ok(MemoryUnit::new(Arc::clone(&self.shared), self.turn().await?))
    }
}

#[async_trait]
impl Storage for MemoryStorage {
    fn reader(&self) -> &dyn Reader {
        self
    }

    fn writer(&self) -> Box<dyn Writer + '_> {
        Box::new(MemoryWriter(self))
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, StorageError> {
        let turn = self.turn().await?;
        let cursor = self.shared.changes.cursor();
        Ok(Box::new(MemorySnapshot { shared: Arc::clone(&self.shared), cursor, _turn: turn }))
    }

    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StorageError> {
        Ok(Box::new(self.unit().await?))
    }

    async fn changes(&self, from: FeedCursor) -> Result<Box<dyn ChangeFeed>, StorageError> {
        Ok(Box::new(Arc::clone(&self.shared.changes).follow(&from)))
    }

    fn replicas(&self) -> &dyn Replicas {
        self
    }

    fn usage_meter(&self) -> &dyn UsageMeter {
        self
    }

    async fn installation_secret(&self, candidate: Sealed) -> Result<Sealed, StorageError> {
        Ok(self.secret.get_or_init(|| candidate).clone())
    }

    async fn import_turn(
        &self,
        account: AccountId,
        patience: Duration,
    ) -> Result<Option<Box<dyn ImportTurn>>, StorageError> {
        Ok(self.import_turns.take(account, patience).await)
    }

    fn import_rows_per_unit(&self) -> usize {
        2 * ApiKeys::PORTION
    }

    async fn settle_after_import(&self) -> Result<(), StorageError> {
        Ok(())
    }

    async fn probe(&self) -> Result<(), StorageError> {
        self.shared.read().map(drop)
    }

    async fn prune(&self, keep: Keep) -> Result<(), StorageError> {
        let now = self.shared.clock.now();
        self.shared.changes.prune(before(now, keep.changes));
        self.shared.retries().prune(before(now, keep.retries));
        // A snapshot sees plans and usage as they were.
        let _turn = self.turn().await?;
        self.shared.clear_deleted_plans()?;
        self.shared.prune_usage(Day::of(before(now, keep.usage)));
        Ok(())
    }
}

impl Shared {
    fn read(&self) -> Result<RwLockReadGuard<'_, ApiKeys>, StorageError> {
        self.api_keys.read().map_err(|_| in_doubt())
    }

    fn write(&self) -> Result<RwLockWriteGuard<'_, ApiKeys>, StorageError> {
        self.api_keys.write().map_err(|_| in_doubt())
    }
}

fn in_doubt() -> StorageError {
    StorageError::Backend("a write to memory ended in a panic".into())
}
