//! Turns to import: an advisory lock of a transaction that does nothing else.
//!
//! It has a connection of its own, which holds neither a snapshot nor a transaction id while it waits for the import
//! to end. The turn ends with the connection, so it cannot outlive the process. A lock of the session's would be lost
//! in a pooler that hands sessions around; a row with a date would have to be renewed. Imports of this process wait for
//! each other here first, so that no more than [`AT_ONCE`] connections are opened for turns.

use crate::error::{LOCK_NOT_AVAILABLE, is_code, late, storage_error};
use crate::pool::{Connector, Limits, now};
use gatepost_domain::AccountId;
use gatepost_storage::{ImportTurn, StorageError};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Error, Executor as _};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{timeout, timeout_at};

/// Locks of import turns are told from others by their upper bits: "turn".
const NAMESPACE: u64 = 0x7475_0000_0000_0000;
/// A turn that has just ended is still had by its connection for a moment: nobody is refused for that.
const LEAST_PATIENCE: Duration = Duration::from_millis(50);

/// So many turns of one process are taken or waited for on the server.
const AT_ONCE: usize = 8;

/// Whatever must be had before a connection is opened, in this order: the account, then one of the places.
type Ahead = (OwnedSemaphorePermit, OwnedSemaphorePermit);

struct HeldTurn(Option<(PgConnection, Ahead)>);

impl ImportTurn for HeldTurn {}

impl Drop for HeldTurn {
    fn drop(&mut self) {
        let Some((connection, ahead)) = self.0.take() else { return };
        // Saying goodbye ends the turn sooner than a closed socket; without a runtime that has to do.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let _ = timeout(Duration::from_secs(1), connection.close()).await;
                drop(ahead);
            });
        }
    }
}

/// Turns, as this process takes them.
pub(crate) struct Turns {
    connector: Arc<Connector>,
    places: Arc<Semaphore>,
    accounts: Mutex<HashMap<AccountId, Weak<Semaphore>>>,
}

impl Turns {
    pub(crate) fn new(connector: Arc<Connector>) -> Self {
        Self { connector, places: Arc::new(Semaphore::new(AT_ONCE)), accounts: Mutex::default() }
    }

    pub(crate) async fn take(
        &self,
        account: AccountId,
        patience: Duration,
    ) -> Result<Option<Box<dyn ImportTurn>>, StorageError> {
        let deadline = now() + patience.max(LEAST_PATIENCE);
        let Ok(ahead) = timeout_at(deadline, self.come_ahead(account)).await else { return Ok(None) };
        let left = deadline.saturating_duration_since(now());
        let connection = lock(&self.connector, account, left.max(LEAST_PATIENCE)).await?;
        Ok(connection.map(|connection| Box::new(HeldTurn(Some((connection, ahead)))) as _))
    }

    async fn come_ahead(&self, account: AccountId) -> Ahead {
        let own = self.of(account);
        let closed = "nobody closes it";
        let own = own.acquire_owned().await.expect(closed);
        (own, Arc::clone(&self.places).acquire_owned().await.expect(closed))
    }

    /// What imports of the account wait for; it is there as long as somebody has it.
    fn of(&self, account: AccountId) -> Arc<Semaphore> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.retain(|_, own| own.strong_count() > 0);
        let known = accounts.get(&account).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let own = Arc::new(Semaphore::new(1));
            accounts.insert(account, Arc::downgrade(&own));
            own
        })
    }
}

/// A connection that has the account's lock; `None` when others kept it.
async fn lock(
    connector: &Connector,
    account: AccountId,
    patience: Duration,
) -> Result<Option<PgConnection>, StorageError> {
    let connecting = timeout(Limits::REQUEST.call, connector.connect(Limits::REQUEST));
    let mut connection = connecting.await.unwrap_or_else(|_| Err(late())).map_err(storage_error)?;
    let limits = Limits {
        call: patience + Duration::from_secs(1),
        statement: Duration::ZERO,
        lock: patience,
        idle: Duration::ZERO,
    };
    let begin = limits.begin("ISOLATION LEVEL READ COMMITTED READ ONLY");
    let taking = async {
        connection.execute(sqlx::raw_sql(AssertSqlSafe(begin))).await?;
        let lock = NAMESPACE | account.number();
        let lock = format!("SELECT pg_advisory_xact_lock({lock})");
        connection.execute(sqlx::raw_sql(AssertSqlSafe(lock))).await?;
        Ok::<_, Error>(())
    };
    match timeout(limits.call, taking).await {
        Ok(Ok(())) => Ok(Some(connection)),
        Ok(Err(error)) if is_code(&error, LOCK_NOT_AVAILABLE) => Ok(None),
        Ok(Err(error)) => Err(storage_error(error)),
        Err(_) => Err(storage_error(late())),
    }
}
