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
//! `api_keys` is the aggregate; `slab`, `slot_table` and `ordered_slots` are what an aggregate is made of. The
//! next one is a folder like `api_keys` and a field of `Shared`.
//!
//! [`begin`]: gatepost_storage::Storage::begin

mod api_keys;
mod import_turns;
mod ordered_slots;
mod slab;
mod slot_table;
mod unit_of_work;

use api_keys::ApiKeys;
use async_trait::async_trait;
use gatepost_domain::{AccountId, Sealed};
use gatepost_storage::{ImportTurn, Reader, Storage, StorageError, UnitOfWork};
use import_turns::ImportTurns;
use std::sync::{Arc, OnceLock, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;
use tokio::sync::Mutex;
use unit_of_work::MemoryUnit;

/// How long a unit of work is waited for: less than a request may take, so that the answer can say why it failed.
const DEADLINE: Duration = Duration::from_secs(4);

/// A storage that begins empty and ends with the process.
pub struct MemoryStorage {
    shared: Arc<Shared>,
    /// Held by the open unit of work.
    turn: Arc<Mutex<()>>,
    import_turns: ImportTurns,
    secret: OnceLock<Sealed>,
}

/// What units of work and readers share.
pub(crate) struct Shared {
    api_keys: RwLock<ApiKeys>,
}

impl MemoryStorage {
    /// An empty storage.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared { api_keys: RwLock::new(ApiKeys::new()) }),
            turn: Arc::default(),
            import_turns: ImportTurns::default(),
            secret: OnceLock::new(),
        }
    }
}

impl Default for MemoryStorage {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Storage for MemoryStorage {
    fn reader(&self) -> &dyn Reader {
        self
    }

    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StorageError> {
        let turn = tokio::time::timeout(DEADLINE, Arc::clone(&self.turn).lock_owned());
        let turn = turn.await.map_err(|elapsed| StorageError::Unavailable(elapsed.into()))?;
        Ok(Box::new(MemoryUnit::new(Arc::clone(&self.shared), turn)))
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

    async fn probe(&self) -> Result<(), StorageError> {
        self.shared.read().map(drop)
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
