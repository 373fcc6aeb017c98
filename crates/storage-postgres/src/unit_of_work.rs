//! A unit of work: one transaction, opened by its first call.
//!
//! A unit whose first call is an import, a restore, or puts many keys into plans gets one of the few connections that are kept for those, so that
//! a large file never takes one from the requests. Dropping a unit rolls back, at whatever point its caller left.

use crate::PostgresStorage;
use crate::api_keys;
use crate::bell::Bell;
use crate::credentials;
use crate::error::storage_error;
use crate::pool::{Pool, Statement};
use crate::retries;
use crate::session::{Session as _, Transaction};
use crate::source::Source;
use crate::usage;
use crate::usage_plans;
use async_trait::async_trait;
use gatepost_domain::api_keys::{ApiKey, ApiKeyId};
use gatepost_domain::credentials::{AccessKeyId, Credential};
use gatepost_domain::usage::Day;
use gatepost_domain::usage_plans::{Attachment, UsagePlan, UsagePlanId};
use gatepost_domain::{AccountId, Timestamp, Version};
use gatepost_storage::{
    ApiKeyWriter, CredentialWriter, ImportedApiKey, KeptUsage, NewApiKey, NewUsagePlan, PlanChanged,
    Restored, RetryToken, RetryWriter, RowOutcome, StorageError, StoredCredential, UnitOfWork, UsagePlanKey,
    UsagePlanWriter, UsageWriter,
};
use sqlx::Error;
use sqlx::postgres::PgRow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;

/// See [`gatepost_storage::UnitOfWork`].
pub(crate) struct PostgresUnit {
    writes: Pool,
    imports: Pool,
    bell: Arc<Bell>,
    imported: Arc<AtomicU64>,
    transaction: Mutex<Option<Transaction>>,
    /// Whether there is news to tell after the commit.
    has_changes: bool,
}

impl PostgresUnit {
    pub(crate) fn new(storage: &PostgresStorage) -> Self {
        Self {
            writes: storage.writes().clone(),
            imports: storage.imports().clone(),
            bell: Arc::clone(storage.bell()),
            imported: Arc::clone(storage.imported()),
            transaction: Mutex::default(),
            has_changes: false,
        }
    }

    async fn writing(&mut self) -> Result<&mut Transaction, StorageError> {
        self.has_changes = true;
        opened(self.transaction.get_mut(), &self.writes).await.map_err(storage_error)
    }

    async fn importing(&mut self) -> Result<&mut Transaction, StorageError> {
        self.has_changes = true;
        opened(self.transaction.get_mut(), &self.imports).await.map_err(storage_error)
    }
}

async fn opened<'t>(
    transaction: &'t mut Option<Transaction>,
    pool: &Pool,
) -> Result<&'t mut Transaction, Error> {
    let open = match transaction.take() {
        Some(open) => open,
        None => Transaction::open(pool).await?,
    };
    Ok(transaction.insert(open))
}

impl Source for PostgresUnit {
    async fn fetch(&self, statement: Statement<'_>) -> Result<Vec<PgRow>, Error> {
        opened(&mut *self.transaction.lock().await, &self.writes).await?.rows(statement).await
    }
}

#[async_trait]
impl ApiKeyWriter for PostgresUnit {
    async fn insert_api_key(
        &mut self,
        account: AccountId,
        key: NewApiKey,
        most: Option<u64>,
    ) -> Result<(), StorageError> {
        api_keys::insert(self.writing().await?, account, &key, most).await
    }

    async fn update_api_key(
        &mut self,
        account: AccountId,
        key: &ApiKey,
        expected: Version,
    ) -> Result<(), StorageError> {
        api_keys::update(self.writing().await?, account, key, expected).await
    }

    async fn delete_api_key(&mut self, account: AccountId, id: &ApiKeyId) -> Result<bool, StorageError> {
        api_keys::delete(self.writing().await?, account, id).await
    }

    async fn import_api_keys(
        &mut self,
        account: AccountId,
        rows: Vec<ImportedApiKey>,
        most: Option<u64>,
        most_plans: usize,
    ) -> Result<Vec<RowOutcome>, StorageError> {
        self.imported.fetch_add(rows.len() as u64, Ordering::Relaxed);
        api_keys::import(self.importing().await?, account, rows, most, most_plans).await
    }

    async fn restore_api_keys(
        &mut self,
        account: AccountId,
        keys: Vec<NewApiKey>,
        most: Option<u64>,
    ) -> Result<Vec<Restored>, StorageError> {
        self.imported.fetch_add(keys.len() as u64, Ordering::Relaxed);
        api_keys::restore(self.importing().await?, account, &keys, most).await
    }
}

#[async_trait]
impl UsagePlanWriter for PostgresUnit {
    async fn insert_usage_plan(
        &mut self,
        account: AccountId,
        new: &NewUsagePlan,
        most: Option<u64>,
    ) -> Result<(), StorageError> {
        usage_plans::insert(self.writing().await?, account, new, most).await
    }

    async fn update_usage_plan(
        &mut self,
        account: AccountId,
        plan: &UsagePlan,
        expected: Version,
    ) -> Result<PlanChanged, StorageError> {
        let transaction = self.writing().await?;
        let added = usage_plans::added_stages(transaction, account, plan, expected).await?;
        if added.is_empty() {
            return usage_plans::update(transaction, account, plan, expected)
                .await
                .map(|()| PlanChanged::Done);
        }
        usage_plans::give_stages(transaction, account, plan, expected, &added).await
    }

    async fn delete_usage_plan(
        &mut self,
        account: AccountId,
        id: &UsagePlanId,
        expected: Version,
    ) -> Result<(), StorageError> {
        usage_plans::delete(self.writing().await?, account, id, expected).await
    }

    async fn attach_api_keys(
        &mut self,
        account: AccountId,
        links: &[UsagePlanKey],
        most: usize,
    ) -> Result<Vec<Attachment>, StorageError> {
        // Many of them come from a file.
        let transaction = if links.len() > 1 { self.importing().await? } else { self.writing().await? };
        usage_plans::attach(transaction, account, links, most).await
    }

    async fn detach_api_key(
        &mut self,
        account: AccountId,
        link: &UsagePlanKey,
    ) -> Result<bool, StorageError> {
        usage_plans::detach(self.writing().await?, account, link).await
    }
}

#[async_trait]
impl UsageWriter for PostgresUnit {
    async fn adjust_usage(
        &mut self,
        account: AccountId,
        link: &UsagePlanKey,
        day: Day,
        adjustment: i64,
    ) -> Result<(), StorageError> {
        usage::adjust(self.writing().await?, account, link, day, adjustment).await
    }

    async fn restore_usage(&mut self, account: AccountId, usage: &[KeptUsage]) -> Result<(), StorageError> {
        usage::restore(self.importing().await?, account, usage).await
    }
}

#[async_trait]
impl CredentialWriter for PostgresUnit {
    async fn insert_credential(&mut self, new: &StoredCredential) -> Result<(), StorageError> {
        credentials::insert(self.writing().await?, new).await
    }

    async fn update_credential(
        &mut self,
        credential: &Credential,
        expected: Version,
    ) -> Result<(), StorageError> {
        credentials::update(self.writing().await?, credential, expected).await
    }

    async fn delete_credential(&mut self, id: &AccessKeyId) -> Result<bool, StorageError> {
        credentials::delete(self.writing().await?, id).await
    }

    async fn note_use(&mut self, used: &[(AccessKeyId, Timestamp)]) -> Result<(), StorageError> {
        credentials::note_use(self.writing().await?, used).await
    }
}

#[async_trait]
impl RetryWriter for PostgresUnit {
    async fn remember_import(&mut self, account: AccountId, token: &RetryToken) -> Result<(), StorageError> {
        retries::remember_import(self.writing().await?, account, token).await
    }
}

#[async_trait]
impl UnitOfWork for PostgresUnit {
    async fn commit(mut self: Box<Self>) -> Result<(), StorageError> {
        let Some(transaction) = self.transaction.get_mut().take() else { return Ok(()) };
        transaction.commit().await.map_err(storage_error)?;
        if self.has_changes {
            self.bell.ring();
        }
        Ok(())
    }
}
