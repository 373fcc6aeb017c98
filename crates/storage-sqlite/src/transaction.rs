//! A connection in a transaction that several calls share.
//!
//! After a call that failed, or was left in the middle, it can only be dropped: SQLite may have ended the transaction
//! (a failing disk or a lack of memory does), and what came after would be read from another view, or committed
//! statement by statement.

use gatepost_storage::StorageError;
use sqlx::sqlite::SqliteConnection;
use std::ops::DerefMut;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{Mutex, MutexGuard};

pub(crate) struct Transaction<C> {
    conn: Mutex<C>,
    /// A call failed, or has not come to its end.
    broken: AtomicBool,
}

/// The connection, during a read. Unless [`Held::answered`], the transaction is broken.
pub(crate) struct Held<'t, C> {
    conn: MutexGuard<'t, C>,
    broken: &'t AtomicBool,
}

impl<C: DerefMut<Target = SqliteConnection>> Transaction<C> {
    pub(crate) fn new(conn: C) -> Self {
        Self { conn: Mutex::new(conn), broken: AtomicBool::new(false) }
    }

    pub(crate) async fn read(&self) -> Result<Held<'_, C>, StorageError> {
        let conn = self.conn.lock().await;
        if self.broken.swap(true, Ordering::Relaxed) {
            return Err(broken());
        }
        Ok(Held { conn, broken: &self.broken })
    }

    /// The connection for a write. Until [`Transaction::wrote`] the transaction counts as broken.
    pub(crate) fn write(&mut self) -> Result<&mut SqliteConnection, StorageError> {
        if std::mem::replace(self.broken.get_mut(), true) {
            return Err(broken());
        }
        Ok(self.conn.get_mut())
    }

    /// Hands on an answer. After those that leave everything as it was, the transaction can go on.
    pub(crate) fn wrote<T>(&mut self, answer: Result<T, StorageError>) -> Result<T, StorageError> {
        *self.broken.get_mut() = match &answer {
            Ok(_) | Err(StorageError::AlreadyExists(_) | StorageError::Stale(_)) => false,
            Err(
                StorageError::LimitReached(_)
                | StorageError::Unavailable(_)
                | StorageError::Corrupt(_)
                | StorageError::Backend(_),
            ) => true,
        };
        answer
    }

    /// The connection, to be committed.
    pub(crate) fn whole(self) -> Result<C, StorageError> {
        if self.broken.into_inner() { Err(broken()) } else { Ok(self.conn.into_inner()) }
    }
}

impl<C: DerefMut<Target = SqliteConnection>> Held<'_, C> {
    pub(crate) fn conn(&mut self) -> &mut SqliteConnection {
        &mut self.conn
    }

    /// Hands on an answer.
    pub(crate) fn answered<T>(self, answer: Result<T, StorageError>) -> Result<T, StorageError> {
        self.broken.store(answer.is_err(), Ordering::Relaxed);
        answer
    }
}

fn broken() -> StorageError {
    StorageError::Backend("the transaction failed before and can only be dropped".into())
}
