//! A transaction on the lent connection, and single writes.

use crate::SqliteStorage;
use crate::api_keys::import::import;
use crate::api_keys::restore::restore;
use crate::api_keys::writer::{Insert, delete, insert, update};
use crate::credentials::writer as credentials;
use crate::retries::remember_import;
use crate::transaction::{Held, Transaction};
use crate::usage::writer as usage;
use crate::usage_plans::attach::attach;
use crate::usage_plans::writer as usage_plans;
use crate::writer::{Lease, Write};
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
use sqlx::SqliteConnection;

/// See [`gatepost_storage::Storage::begin`].
pub(crate) struct SqliteUnit(Transaction<Lease>);

impl SqliteUnit {
    pub(crate) fn new(lease: Lease) -> Self {
        Self(Transaction::new(lease))
    }

    pub(crate) async fn read(&self) -> Result<Held<'_, Lease>, StorageError> {
        self.0.read().await
    }

    /// The connection for a write. Until [`SqliteUnit::wrote`] the unit counts as broken.
    pub(crate) fn write(&mut self) -> Result<&mut SqliteConnection, StorageError> {
        self.0.write()
    }

    /// Hands on an answer.
    pub(crate) fn wrote<T>(&mut self, answer: Result<T, StorageError>) -> Result<T, StorageError> {
        self.0.wrote(answer)
    }

    /// Commits, unless something failed.
    pub(crate) async fn end(self) -> Result<(), StorageError> {
        self.0.whole()?.commit().await
    }
}

#[async_trait]
impl UnitOfWork for SqliteUnit {
    async fn commit(self: Box<Self>) -> Result<(), StorageError> {
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
        let answer = insert(self.write()?, &[&one]).await;
        self.wrote(answer.and_then(|outcomes| outcomes.into_iter().collect()))
    }

    async fn update_api_key(
        &mut self,
        account: AccountId,
        key: &ApiKey,
        expected: Version,
    ) -> Result<(), StorageError> {
        let answer = update(self.write()?, account, key, expected).await;
        self.wrote(answer)
    }

    async fn delete_api_key(&mut self, account: AccountId, id: &ApiKeyId) -> Result<bool, StorageError> {
        let answer = delete(self.write()?, account, id).await;
        self.wrote(answer)
    }

    async fn import_api_keys(
        &mut self,
        account: AccountId,
        rows: Vec<ImportedApiKey>,
        most: Option<u64>,
        most_plans: usize,
    ) -> Result<Vec<RowOutcome>, StorageError> {
        let answer = import(self.write()?, account, rows, most, most_plans).await;
        self.wrote(answer)
    }

    async fn restore_api_keys(
        &mut self,
        account: AccountId,
        keys: Vec<NewApiKey>,
        most: Option<u64>,
    ) -> Result<Vec<Restored>, StorageError> {
        let answer = restore(self.write()?, account, &keys, most).await;
        self.wrote(answer)
    }
}

#[async_trait]
impl UsagePlanWriter for SqliteUnit {
    async fn insert_usage_plan(
        &mut self,
        account: AccountId,
        new: &NewUsagePlan,
        most: Option<u64>,
    ) -> Result<(), StorageError> {
        let answer = usage_plans::insert(self.write()?, account, new, most).await;
        self.wrote(answer)
    }

    async fn update_usage_plan(
        &mut self,
        account: AccountId,
        plan: &UsagePlan,
        expected: Version,
    ) -> Result<PlanChanged, StorageError> {
        let answer = usage_plans::update(self.write()?, account, plan, expected).await;
        self.wrote(answer)
    }

    async fn delete_usage_plan(
        &mut self,
        account: AccountId,
        id: &UsagePlanId,
        expected: Version,
    ) -> Result<(), StorageError> {
        let answer = usage_plans::delete(self.write()?, account, id, expected).await;
        self.wrote(answer)
    }

    async fn attach_api_keys(
        &mut self,
        account: AccountId,
        links: &[UsagePlanKey],
        most: usize,
    ) -> Result<Vec<Attachment>, StorageError> {
        let answer = attach(self.write()?, account, links, most).await;
        self.wrote(answer)
    }

    async fn detach_api_key(
        &mut self,
        account: AccountId,
        link: &UsagePlanKey,
    ) -> Result<bool, StorageError> {
        let answer = usage_plans::detach(self.write()?, account, link).await;
        self.wrote(answer)
    }
}

#[async_trait]
impl UsageWriter for SqliteUnit {
    async fn adjust_usage(
        &mut self,
        account: AccountId,
        link: &UsagePlanKey,
        day: Day,
        adjustment: i64,
    ) -> Result<(), StorageError> {
        let answer = usage::adjust(self.write()?, account, link, day, adjustment).await;
        self.wrote(answer)
    }

    async fn restore_usage(&mut self, account: AccountId, usage: &[KeptUsage]) -> Result<(), StorageError> {
        let answer = usage::restore(self.write()?, account, usage).await;
        self.wrote(answer)
    }
}

#[async_trait]
impl CredentialWriter for SqliteUnit {
    async fn insert_credential(&mut self, new: &StoredCredential) -> Result<(), StorageError> {
        let answer = credentials::insert(self.write()?, new).await;
        self.wrote(answer)
    }

    async fn update_credential(
        &mut self,
        credential: &Credential,
        expected: Version,
    ) -> Result<(), StorageError> {
        let answer = credentials::update(self.write()?, credential, expected).await;
        self.wrote(answer)
    }

    async fn delete_credential(&mut self, id: &AccessKeyId) -> Result<bool, StorageError> {
        let answer = credentials::delete(self.write()?, id).await;
        self.wrote(answer)
    }

    async fn note_use(&mut self, used: &[(AccessKeyId, Timestamp)]) -> Result<(), StorageError> {
        let answer = credentials::note_use(self.write()?, used).await;
        self.wrote(answer)
    }
}

#[async_trait]
impl RetryWriter for SqliteUnit {
    async fn remember_import(&mut self, account: AccountId, token: &RetryToken) -> Result<(), StorageError> {
        let answer = remember_import(self.write()?, account, token).await;
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
        most_plans: usize,
    ) -> Result<Vec<RowOutcome>, StorageError> {
        let mut unit = self.0.unit().await?;
        let answer = import(unit.write()?, account, rows, most, most_plans).await;
        let outcomes = unit.wrote(answer)?;
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
        let answer = restore(unit.write()?, account, &keys, most).await;
        let outcomes = unit.wrote(answer)?;
        unit.end().await?;
        Ok(outcomes)
    }
}

#[async_trait]
impl UsagePlanWriter for SqliteWriter<'_> {
    async fn insert_usage_plan(
        &mut self,
        account: AccountId,
        new: &NewUsagePlan,
        most: Option<u64>,
    ) -> Result<(), StorageError> {
        self.0.writer.single(Write::InsertUsagePlan { account, new: new.clone(), most }).await.map(drop)
    }

    async fn update_usage_plan(
        &mut self,
        account: AccountId,
        plan: &UsagePlan,
        expected: Version,
    ) -> Result<PlanChanged, StorageError> {
        let mut unit = self.0.unit().await?;
        let changed = unit.update_usage_plan(account, plan, expected).await?;
        unit.end().await?;
        Ok(changed)
    }

    async fn delete_usage_plan(
        &mut self,
        account: AccountId,
        id: &UsagePlanId,
        expected: Version,
    ) -> Result<(), StorageError> {
        self.0.writer.single(Write::DeleteUsagePlan { account, id: id.clone(), expected }).await.map(drop)
    }

    async fn attach_api_keys(
        &mut self,
        account: AccountId,
        links: &[UsagePlanKey],
        most: usize,
    ) -> Result<Vec<Attachment>, StorageError> {
        let mut unit = self.0.unit().await?;
        let outcomes = unit.attach_api_keys(account, links, most).await?;
        unit.end().await?;
        Ok(outcomes)
    }

    async fn detach_api_key(
        &mut self,
        account: AccountId,
        link: &UsagePlanKey,
    ) -> Result<bool, StorageError> {
        self.0.writer.single(Write::Detach { account, link: link.clone() }).await
    }
}

#[async_trait]
impl UsageWriter for SqliteWriter<'_> {
    async fn adjust_usage(
        &mut self,
        account: AccountId,
        link: &UsagePlanKey,
        day: Day,
        adjustment: i64,
    ) -> Result<(), StorageError> {
        let write = Write::AdjustUsage { account, link: link.clone(), day, adjustment };
        self.0.writer.single(write).await.map(drop)
    }

    async fn restore_usage(&mut self, account: AccountId, usage: &[KeptUsage]) -> Result<(), StorageError> {
        let mut unit = self.0.unit().await?;
        unit.restore_usage(account, usage).await?;
        unit.end().await
    }
}

#[async_trait]
impl CredentialWriter for SqliteWriter<'_> {
    async fn insert_credential(&mut self, new: &StoredCredential) -> Result<(), StorageError> {
        self.0.writer.single(Write::InsertCredential(new.clone())).await.map(drop)
    }

    async fn update_credential(
        &mut self,
        credential: &Credential,
        expected: Version,
    ) -> Result<(), StorageError> {
        let write = Write::UpdateCredential { credential: credential.clone(), expected };
        self.0.writer.single(write).await.map(drop)
    }

    async fn delete_credential(&mut self, id: &AccessKeyId) -> Result<bool, StorageError> {
        self.0.writer.single(Write::DeleteCredential(id.clone())).await
    }

    async fn note_use(&mut self, used: &[(AccessKeyId, Timestamp)]) -> Result<(), StorageError> {
        self.0.writer.single(Write::NoteUse(used.to_vec())).await.map(drop)
    }
}

#[async_trait]
impl RetryWriter for SqliteWriter<'_> {
    async fn remember_import(&mut self, account: AccountId, token: &RetryToken) -> Result<(), StorageError> {
        self.0.writer.single(Write::RememberImport { account, token: *token }).await.map(drop)
    }
}
