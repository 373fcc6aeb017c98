//! Single writes: each opens a unit of work, does one thing in it, and commits.

use crate::MemoryStorage;
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

/// See [`gatepost_storage::Storage::writer`].
pub(crate) struct MemoryWriter<'s>(pub(crate) &'s MemoryStorage);

/// One call in a unit of its own; where it fails, the unit is dropped.
macro_rules! alone {
    ($self:ident, $unit:ident => $call:expr) => {{
        let mut $unit = $self.0.unit().await?;
        let answer = $call.await?;
        Box::new($unit).commit().await?;
        Ok(answer)
    }};
}

#[async_trait]
impl ApiKeyWriter for MemoryWriter<'_> {
    async fn insert_api_key(
        &mut self,
        account: AccountId,
        key: NewApiKey,
        most: Option<u64>,
    ) -> Result<(), StorageError> {
        alone!(self, unit => unit.insert_api_key(account, key, most))
    }

    async fn update_api_key(
        &mut self,
        account: AccountId,
        key: &ApiKey,
        expected: Version,
    ) -> Result<(), StorageError> {
        alone!(self, unit => unit.update_api_key(account, key, expected))
    }

    async fn delete_api_key(&mut self, account: AccountId, id: &ApiKeyId) -> Result<bool, StorageError> {
        alone!(self, unit => unit.delete_api_key(account, id))
    }

    async fn import_api_keys(
        &mut self,
        account: AccountId,
        rows: Vec<ImportedApiKey>,
        most: Option<u64>,
        most_plans: usize,
    ) -> Result<Vec<RowOutcome>, StorageError> {
        alone!(self, unit => unit.import_api_keys(account, rows, most, most_plans))
    }

    async fn restore_api_keys(
        &mut self,
        account: AccountId,
        keys: Vec<NewApiKey>,
        most: Option<u64>,
    ) -> Result<Vec<Restored>, StorageError> {
        alone!(self, unit => unit.restore_api_keys(account, keys, most))
    }
}

#[async_trait]
impl CredentialWriter for MemoryWriter<'_> {
    async fn insert_credential(&mut self, new: &StoredCredential) -> Result<(), StorageError> {
        alone!(self, unit => unit.insert_credential(new))
    }

    async fn update_credential(
        &mut self,
        credential: &Credential,
        expected: Version,
    ) -> Result<(), StorageError> {
        alone!(self, unit => unit.update_credential(credential, expected))
    }

    async fn delete_credential(&mut self, id: &AccessKeyId) -> Result<bool, StorageError> {
        alone!(self, unit => unit.delete_credential(id))
    }

    async fn note_use(&mut self, used: &[(AccessKeyId, Timestamp)]) -> Result<(), StorageError> {
        alone!(self, unit => unit.note_use(used))
    }
}

#[async_trait]
impl UsagePlanWriter for MemoryWriter<'_> {
    async fn insert_usage_plan(
        &mut self,
        account: AccountId,
        new: &NewUsagePlan,
        most: Option<u64>,
    ) -> Result<(), StorageError> {
        alone!(self, unit => unit.insert_usage_plan(account, new, most))
    }

    async fn update_usage_plan(
        &mut self,
        account: AccountId,
        plan: &UsagePlan,
        expected: Version,
    ) -> Result<PlanChanged, StorageError> {
        alone!(self, unit => unit.update_usage_plan(account, plan, expected))
    }

    async fn delete_usage_plan(
        &mut self,
        account: AccountId,
        id: &UsagePlanId,
        expected: Version,
    ) -> Result<(), StorageError> {
        alone!(self, unit => unit.delete_usage_plan(account, id, expected))
    }

    async fn attach_api_keys(
        &mut self,
        account: AccountId,
        links: &[UsagePlanKey],
        most: usize,
    ) -> Result<Vec<Attachment>, StorageError> {
        alone!(self, unit => unit.attach_api_keys(account, links, most))
    }

    async fn detach_api_key(
        &mut self,
        account: AccountId,
        link: &UsagePlanKey,
    ) -> Result<bool, StorageError> {
        alone!(self, unit => unit.detach_api_key(account, link))
    }
}

#[async_trait]
impl UsageWriter for MemoryWriter<'_> {
    async fn adjust_usage(
        &mut self,
        account: AccountId,
        link: &UsagePlanKey,
        day: Day,
        adjustment: i64,
    ) -> Result<(), StorageError> {
        alone!(self, unit => unit.adjust_usage(account, link, day, adjustment))
    }

    async fn restore_usage(&mut self, account: AccountId, usage: &[KeptUsage]) -> Result<(), StorageError> {
        alone!(self, unit => unit.restore_usage(account, usage))
    }
}

#[async_trait]
impl RetryWriter for MemoryWriter<'_> {
    async fn remember_import(&mut self, account: AccountId, token: &RetryToken) -> Result<(), StorageError> {
        alone!(self, unit => unit.remember_import(account, token))
    }
}
