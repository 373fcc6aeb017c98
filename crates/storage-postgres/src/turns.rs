//! Turns to import: an advisory lock of a transaction that does nothing else.
//!
//! It has a connection of its own, which holds neither a snapshot nor a transaction id while it waits for the import
//! to end. The turn ends with the connection, so it cannot outlive the process. A lock of the session's would be lost
//! in a pooler that hands sessions around; a row with a date would have to be renewed.

use crate::error::{LOCK_NOT_AVAILABLE, is_code, late, storage_error};
use crate::pool::{Connector, Limits};
use gatepost_domain::AccountId;
use gatepost_storage::{ImportTurn, StorageError};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Error, Executor as _};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// Locks of import turns are told from others by their upper bits: "turn".
const NAMESPACE: u64 = 0x7475_0000_0000_0000;
/// A turn that has just ended is still had by its connection for a moment: nobody is refused for that.
const LEAST_PATIENCE: Duration = Duration::from_millis(50);

struct HeldTurn(Option<PgConnection>);

impl ImportTurn for HeldTurn {}

impl Drop for HeldTurn {
    fn drop(&mut self) {
        let Some(connection) = self.0.take() else { return };
        // Saying goodbye ends the turn sooner than a closed socket; without a runtime that has to do.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let _ = timeout(Duration::from_secs(1), connection.close()).await;
            });
        }
    }
}

pub(crate) async fn take(
    connector: &Connector,
    account: AccountId,
    patience: Duration,
) -> Result<Option<Box<dyn ImportTurn>>, StorageError> {
    let patience = patience.max(LEAST_PATIENCE);
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
        Ok(Ok(())) => Ok(Some(Box::new(HeldTurn(Some(connection))))),
        Ok(Err(error)) if is_code(&error, LOCK_NOT_AVAILABLE) => Ok(None),
        Ok(Err(error)) => Err(storage_error(error)),
        Err(_) => Err(storage_error(late())),
    }
}
