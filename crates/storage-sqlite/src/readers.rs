//! Connections that only read: a few, lent one at a time.
//!
//! A connection comes back only when its statements were run to their end; one whose caller left in the middle, or
//! that failed, is closed, and a fresh one takes its place when it is needed.

use crate::error::{closed, failed, late};
use crate::{DEADLINE, open};
use gatepost_storage::StorageError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const READERS: usize = 4;

pub(crate) struct Readers {
    options: SqliteConnectOptions,
    idle: Mutex<Vec<SqliteConnection>>,
    permits: Arc<Semaphore>,
}

/// A connection, until dropped or given back.
pub(crate) struct Lent<'r> {
    conn: Option<SqliteConnection>,
    home: &'r Readers,
    _permit: OwnedSemaphorePermit,
}

impl Readers {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            options: open::reading(path),
            idle: Mutex::default(),
            permits: Arc::new(Semaphore::new(READERS)),
        }
    }

    /// A connection of its own, for those who keep it.
    pub(crate) async fn fresh(&self) -> Result<SqliteConnection, StorageError> {
        if self.permits.is_closed() {
            return Err(closed());
        }
        self.options.connect().await.map_err(failed)
    }

    pub(crate) async fn lend(&self) -> Result<Lent<'_>, StorageError> {
        let permit = tokio::time::timeout(DEADLINE, Arc::clone(&self.permits).acquire_owned());
        let permit = permit.await.map_err(|_| late())?.map_err(|_| closed())?;
        let idle = self.idle().pop();
        let conn = match idle {
            Some(conn) => conn,
            None => self.fresh().await?,
        };
        Ok(Lent { conn: Some(conn), home: self, _permit: permit })
    }

    pub(crate) async fn close(&self) {
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle());
        for conn in idle {
            // It only read: there is nothing that closing could fail to save.
            drop(conn.close().await);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<SqliteConnection>> {
        // Nothing that can panic leaves it half changed.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lent<'_> {
    pub(crate) fn conn(&mut self) -> &mut SqliteConnection {
        self.conn.as_mut().expect("it is taken only by what ends this")
    }

    /// Hands on an answer, and gives the connection back if it is one.
    pub(crate) fn answered<T>(mut self, answer: Result<T, StorageError>) -> Result<T, StorageError> {
        if answer.is_ok() && !self.home.permits.is_closed() {
            self.home.idle().extend(self.conn.take());
        }
        answer
    }
}
