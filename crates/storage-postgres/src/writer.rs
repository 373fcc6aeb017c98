//! Single writes: each one statement that commits itself, which keys that are inserted at the same time share. Only an
//! import or a restore under a limit, putting keys into plans, and giving stages to a plan are transactions of several.

use crate::error::storage_error;
use crate::session::{Alone, Transaction};
use crate::{PostgresStorage, api_keys, credentials, retries, usage, usage_plans};
use async_trait::async_trait;
use gatepost_domain::api_keys::{ApiKey, ApiKeyId};
use gatepost_domain::credentials::{AccessKeyId, Credential};
use gatepost_domain::usage::Day;
use gatepost_domain::usage_plans::{Attachment, UsagePlan, UsagePlanId};
use gatepost_domain::{AccountId, Timestamp, Version};
use gatepost_storage::{
    ApiKeyWriter, CredentialWriter, ImportedApiKey, KeptUsage, NewApiKey, NewUsagePlan, PlanChanged,
    Restored, RetryToken, RetryWriter, RowOutcome, StorageError, StoredCredential, UsagePlanKey,
    UsagePlanWriter, UsageWriter,
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
        most_plans: usize,
    ) -> Result<Vec<RowOutcome>, StorageError> {
        let imports = self.0.imports();
        self.0.imported().fetch_add(rows.len() as u64, Ordering::Relaxed);
        let is_one_statement = most.is_none() && rows.iter().all(|row| row.plans.is_empty());
        let outcomes = if is_one_statement {
            api_keys::import(&mut Alone(imports), account, rows, None, most_plans).await?
        } else {
            let mut transaction = Transaction::open(imports).await.map_err(storage_error)?;
            let outcomes = api_keys::import(&mut transaction, account, rows, most, most_plans).await?;
            transaction.commit().await.map_err(storage_error)?;
            outcomes
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
impl UsagePlanWriter for PostgresWriter<'_> {
    async fn insert_usage_plan(
        &mut self,
        account: AccountId,
        new: &NewUsagePlan,
        most: Option<u64>,
    ) -> Result<(), StorageError> {
        usage_plans::insert(&mut self.alone(), account, new, most).await.map(|()| self.told(()))
    }

    async fn update_usage_plan(
        &mut self,
        account: AccountId,
        plan: &UsagePlan,
        expected: Version,
    ) -> Result<PlanChanged, StorageError> {
        let mut alone = self.alone();
        let added = usage_plans::added_stages(&mut alone, account, plan, expected).await?;
        if added.is_empty() {
            usage_plans::update(&mut alone, account, plan, expected).await?;
            return Ok(self.told(PlanChanged::Done));
        }
        let mut transaction = Transaction::open(self.0.writes()).await.map_err(storage_error)?;
        let changed = usage_plans::give_stages(&mut transaction, account, plan, expected, &added).await?;
        transaction.commit().await.map_err(storage_error)?;
        Ok(self.told(changed))
    }

    async fn delete_usage_plan(
        &mut self,
        account: AccountId,
        id: &UsagePlanId,
        expected: Version,
    ) -> Result<(), StorageError> {
        usage_plans::delete(&mut self.alone(), account, id, expected).await.map(|()| self.told(()))
    }

    async fn attach_api_keys(
        &mut self,
        account: AccountId,
        links: &[UsagePlanKey],
        most: usize,
    ) -> Result<Vec<Attachment>, StorageError> {
        // Many of them come from a file.
        let pool = if links.len() > 1 { self.0.imports() } else { self.0.writes() };
        let mut transaction = Transaction::open(pool).await.map_err(storage_error)?;
        let outcomes = usage_plans::attach(&mut transaction, account, links, most).await?;
        transaction.commit().await.map_err(storage_error)?;
        Ok(self.told(outcomes))
    }

    async fn detach_api_key(
        &mut self,
        account: AccountId,
        link: &UsagePlanKey,
    ) -> Result<bool, StorageError> {
        usage_plans::detach(&mut self.alone(), account, link).await.map(|detached| self.told(detached))
    }
}

#[async_trait]
impl UsageWriter for PostgresWriter<'_> {
    async fn adjust_usage(
        &mut self,
        account: AccountId,
        link: &UsagePlanKey,
        day: Day,
        adjustment: i64,
    ) -> Result<(), StorageError> {
        usage::adjust(&mut self.alone(), account, link, day, adjustment).await.map(|()| self.told(()))
    }

    async fn restore_usage(&mut self, account: AccountId, usage: &[KeptUsage]) -> Result<(), StorageError> {
        usage::restore(&mut Alone(self.0.imports()), account, usage).await
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
