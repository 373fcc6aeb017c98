//! Single writes: each one statement that commits itself, which keys that are inserted at the same time share. Only an
//! import or a restore under a limit is a transaction of several.

use crate::error::storage_error;
use crate::session::{Alone, Transaction};
use crate::{PostgresStorage, api_keys, credentials, retries};
use async_trait::async_trait;
use gatepost_domain::api_keys::{ApiKey, ApiKeyId};
use gatepost_domain::credentials::{AccessKeyId, Credential};
use gatepost_domain::{AccountId, Timestamp, Version};
use gatepost_storage::{
    ApiKeyWriter, CredentialWriter, ImportedApiKey, NewApiKey, Restored, RetryToken, RetryWriter, RowOutcome,
    StorageError, StoredCredential,
};
use std::sync::atomic::Ordering;

/// See [`gatepost_storage::Storage::writer`].
pub(crate) struct PostgresWriter<'s>(pub(crate) &'s PostgresStorage);

impl PostgresWriter<'_> {
    fn alone(&self) -> Alone<'_> {
        Alone(self.0.writes())
    }

    /// Tells the feeds that a write was committed.
    fn told<T>(&self, answer: T) -> T {
        self.0.bell().ring();
        answer
    }
}

#[async_trait]
impl ApiKeyWriter for PostgresWriter<'_> {
    async fn insert_api_key(
        &mut self,
        account: AccountId,
        key: NewApiKey,
        most: Option<u64>,
    ) -> Result<(), StorageError> {
        let (writes, creations) = (self.0.writes(), self.0.creations());
        let inserted = if creations.has_company() {
            // In a box: the future of every insert would be as large.
            Box::pin(api_keys::insert_gathered(creations, writes, account, key, most)).await
        } else {
            api_keys::insert(&mut self.alone(), account, &key, most).await
        };
        inserted.map(|()| self.told(()))
    }

    async fn update_api_key(
        &mut self,
        account: AccountId,
        key: &ApiKey,
        expected: Version,
    ) -> Result<(), StorageError> {
        api_keys::update(&mut self.alone(), account, key, expected).await.map(|()| self.told(()))
    }

    async fn delete_api_key(&mut self, account: AccountId, id: &ApiKeyId) -> Result<bool, StorageError> {
        api_keys::delete(&mut self.alone(), account, id).await.map(|deleted| self.told(deleted))
    }

    async fn import_api_keys(
        &mut self,
        account: AccountId,
        rows: Vec<ImportedApiKey>,
        most: Option<u64>,
    ) -> Result<Vec<RowOutcome>, StorageError> {
        let imports = self.0.imports();
        self.0.imported().fetch_add(rows.len() as u64, Ordering::Relaxed);
        let outcomes = match most {
            None => api_keys::import(&mut Alone(imports), account, rows, None).await?,
            Some(_) => {
                let mut transaction = Transaction::open(imports).await.map_err(storage_error)?;
                let outcomes = api_keys::import(&mut transaction, account, rows, most).await?;
                transaction.commit().await.map_err(storage_error)?;
                outcomes
            }
        };
        Ok(self.told(outcomes))
    }

    async fn restore_api_keys(
        &mut self,
        account: AccountId,
        keys: Vec<NewApiKey>,
        most: Option<u64>,
    ) -> Result<Vec<Restored>, StorageError> {
        let imports = self.0.imports();
        self.0.imported().fetch_add(keys.len() as u64, Ordering::Relaxed);
        let outcomes = match most {
            None => api_keys::restore(&mut Alone(imports), account, &keys, None).await?,
            Some(_) => {
                let mut transaction = Transaction::open(imports).await.map_err(storage_error)?;
                let outcomes = api_keys::restore(&mut transaction, account, &keys, most).await?;
                transaction.commit().await.map_err(storage_error)?;
                outcomes
            }
        };
        Ok(self.told(outcomes))
    }
}

#[async_trait]
impl CredentialWriter for PostgresWriter<'_> {
    async fn insert_credential(&mut self, new: &StoredCredential) -> Result<(), StorageError> {
        credentials::insert(&mut self.alone(), new).await.map(|()| self.told(()))
    }

    async fn update_credential(
        &mut self,
        credential: &Credential,
        expected: Version,
    ) -> Result<(), StorageError> {
        credentials::update(&mut self.alone(), credential, expected).await.map(|()| self.told(()))
    }

    async fn delete_credential(&mut self, id: &AccessKeyId) -> Result<bool, StorageError> {
        credentials::delete(&mut self.alone(), id).await.map(|deleted| self.told(deleted))
    }

    async fn note_use(&mut self, used: &[(AccessKeyId, Timestamp)]) -> Result<(), StorageError> {
        credentials::note_use(&mut self.alone(), used).await
    }
}

#[async_trait]
impl RetryWriter for PostgresWriter<'_> {
    async fn remember_import(&mut self, account: AccountId, token: &RetryToken) -> Result<(), StorageError> {
        retries::remember_import(&mut self.alone(), account, token).await
    }
}
