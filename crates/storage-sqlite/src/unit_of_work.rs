//! A transaction on the lent connection, and single writes.
//!
//! A unit whose statement failed, or whose call was left in the middle, can only be dropped: SQLite may have ended
//! the transaction, and what came after would be committed statement by statement.

use crate::SqliteStorage;
use crate::api_keys::import::import;
use crate::api_keys::restore::restore;
use crate::api_keys::writer::{Insert, delete, insert, update};
use crate::retries::remember_import;
use crate::writer::{Lease, Write};
use async_trait::async_trait;
use gatepost_domain::api_keys::{ApiKey, ApiKeyId};
use gatepost_domain::{AccountId, Version};
use gatepost_storage::{
    ApiKeyWriter, ImportedApiKey, NewApiKey, Restored, RetryToken, RetryWriter, RowOutcome, StorageError,
    UnitOfWork,
};
use sqlx::SqliteConnection;
use std::ops::{Deref, DerefMut};
use tokio::sync::{Mutex, MutexGuard};

/// See [`gatepost_storage::Storage::begin`].
pub(crate) struct SqliteUnit {
    lease: Mutex<Lease>,
    /// A write failed, or has not come to its end.
    broken: bool,
}

/// The connection, while a read of the unit uses it.
pub(crate) struct Held<'u>(MutexGuard<'u, Lease>);

impl SqliteUnit {
    pub(crate) fn new(lease: Lease) -> Self {
        Self { lease: Mutex::new(lease), broken: false }
    }

    pub(crate) async fn conn(&self) -> Result<Held<'_>, StorageError> {
        if self.broken {
            return Err(broken());
        }
        Ok(Held(self.lease.lock().await))
    }

    /// The connection for a write. Until [`SqliteUnit::wrote`] the unit counts as broken.
    pub(crate) fn open_conn(&mut self) -> Result<&mut SqliteConnection, StorageError> {
        if std::mem::replace(&mut self.broken, true) {
            return Err(broken());
        }
        Ok(self.lease.get_mut().conn())
    }

    /// Hands on an answer. After those that leave everything as it was, the unit can go on.
    fn wrote<T>(&mut self, answer: Result<T, StorageError>) -> Result<T, StorageError> {
        self.broken = match &answer {
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

    /// Commits what its owner knows to have gone well.
    pub(crate) async fn end(self) -> Result<(), StorageError> {
        self.lease.into_inner().commit().await
    }
}

#[async_trait]
impl UnitOfWork for SqliteUnit {
    async fn commit(self: Box<Self>) -> Result<(), StorageError> {
        if self.broken {
            return Err(broken());
        }
        self.end().await
    }
}

#[async_trait]
impl ApiKeyWriter for SqliteUnit {
    async fn insert_api_key(
        &mut self,
        account: AccountId,
        key: NewApiKey,
        most: Option<u64>,
    ) -> Result<(), StorageError> {
        let one = Insert { account, new: key, most };
        let answer = insert(self.open_conn()?, &[&one]).await;
        self.wrote(answer.and_then(|outcomes| outcomes.into_iter().collect()))
    }

    async fn update_api_key(
        &mut self,
        account: AccountId,
        key: &ApiKey,
        expected: Version,
    ) -> Result<(), StorageError> {
        let answer = update(self.open_conn()?, account, key, expected).await;
        self.wrote(answer)
    }

    async fn delete_api_key(&mut self, account: AccountId, id: &ApiKeyId) -> Result<bool, StorageError> {
        let answer = delete(self.open_conn()?, account, id).await;
        self.wrote(answer)
    }

    async fn import_api_keys(
        &mut self,
        account: AccountId,
        rows: Vec<ImportedApiKey>,
        most: Option<u64>,
    ) -> Result<Vec<RowOutcome>, StorageError> {
        let answer = import(self.open_conn()?, account, rows, most).await;
        self.wrote(answer)
    }

    async fn restore_api_keys(
        &mut self,
        account: AccountId,
        keys: Vec<NewApiKey>,
        most: Option<u64>,
    ) -> Result<Vec<Restored>, StorageError> {
        let answer = restore(self.open_conn()?, account, &keys, most).await;
        self.wrote(answer)
    }
}

#[async_trait]
impl RetryWriter for SqliteUnit {
    async fn remember_import(&mut self, account: AccountId, token: &RetryToken) -> Result<(), StorageError> {
        let answer = remember_import(self.open_conn()?, account, token).await;
        self.wrote(answer)
    }
}

/// See [`gatepost_storage::Storage::writer`].
pub(crate) struct SqliteWriter<'s>(pub(crate) &'s SqliteStorage);

#[async_trait]
impl ApiKeyWriter for SqliteWriter<'_> {
    async fn insert_api_key(
        &mut self,
        account: AccountId,
        key: NewApiKey,
        most: Option<u64>,
    ) -> Result<(), StorageError> {
        self.0.writer.single(Write::Insert(Insert { account, new: key, most })).await.map(drop)
    }

    async fn update_api_key(
        &mut self,
        account: AccountId,
        key: &ApiKey,
        expected: Version,
    ) -> Result<(), StorageError> {
        self.0.writer.single(Write::Update { account, key: key.clone(), expected }).await.map(drop)
    }

    async fn delete_api_key(&mut self, account: AccountId, id: &ApiKeyId) -> Result<bool, StorageError> {
        self.0.writer.single(Write::Delete { account, id: id.clone() }).await
    }

    async fn import_api_keys(
        &mut self,
        account: AccountId,
        rows: Vec<ImportedApiKey>,
        most: Option<u64>,
    ) -> Result<Vec<RowOutcome>, StorageError> {
        let mut unit = self.0.unit().await?;
        let outcomes = import(unit.open_conn()?, account, rows, most).await?;
        unit.end().await?;
        Ok(outcomes)
    }

    async fn restore_api_keys(
        &mut self,
        account: AccountId,
        keys: Vec<NewApiKey>,
        most: Option<u64>,
    ) -> Result<Vec<Restored>, StorageError> {
        let mut unit = self.0.unit().await?;
        let outcomes = restore(unit.open_conn()?, account, &keys, most).await?;
        unit.end().await?;
        Ok(outcomes)
    }
}

#[async_trait]
impl RetryWriter for SqliteWriter<'_> {
    async fn remember_import(&mut self, account: AccountId, token: &RetryToken) -> Result<(), StorageError> {
        self.0.writer.single(Write::RememberImport { account, token: *token }).await.map(drop)
    }
}

impl Deref for Held<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        self.0.get()
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        self.0.conn()
    }
}

fn broken() -> StorageError {
    StorageError::Backend("the unit of work failed before and can only be dropped".into())
}
