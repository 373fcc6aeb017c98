//! Writes of single keys.

use super::{ApiKeys, Record, Touched};
use crate::changes::Pending;
use crate::slab::View;
use crate::unit_of_work::MemoryUnit;
use async_trait::async_trait;
use gatepost_domain::api_keys::{ApiKey, ApiKeyId};
use gatepost_domain::{AccountId, Version};
use gatepost_storage::{
    ApiKeyWriter, Change, Entity, FirstAnswer, ImportedApiKey, NewApiKey, Restored, RowOutcome, StorageError,
};

#[async_trait]
impl ApiKeyWriter for MemoryUnit {
    async fn insert_api_key(
        &mut self,
        account: AccountId,
        key: NewApiKey,
        most: Option<u64>,
    ) -> Result<(), StorageError> {
        if key.retry.is_some_and(|token| self.recalled(account, &token).is_some()) {
            return Err(StorageError::AlreadyExists(Entity::Retry));
        }
        self.shared.write()?.insert(&mut self.touched, account, &key, most)?;
        let (id, version) = (key.key.id, key.key.version);
        if let Some(token) = key.retry {
            self.answers.push((account, token, FirstAnswer::ApiKey(id.clone())));
        }
        self.changes.push(Pending::Told(Change::ApiKey { account, id, version }));
        Ok(())
    }

    async fn update_api_key(
        &mut self,
        account: AccountId,
        key: &ApiKey,
        expected: Version,
    ) -> Result<(), StorageError> {
        self.shared.write()?.update(&mut self.touched, account, key, expected)?;
        let (id, version) = (key.id.clone(), key.version);
        self.changes.push(Pending::Told(Change::ApiKey { account, id, version }));
        Ok(())
    }

    async fn delete_api_key(&mut self, account: AccountId, id: &ApiKeyId) -> Result<bool, StorageError> {
        let deleted = self.shared.write()?.delete(&mut self.touched, account, id);
        if let Some(version) = deleted {
            let (id, version) = (id.clone(), version.next());
            self.changes.push(Pending::Told(Change::ApiKey { account, id, version }));
        }
        Ok(deleted.is_some())
    }

    async fn import_api_keys(
        &mut self,
        account: AccountId,
        rows: Vec<ImportedApiKey>,
        most: Option<u64>,
        most_plans: usize,
    ) -> Result<Vec<RowOutcome>, StorageError> {
        self.import(account, rows, most, most_plans).await
    }

    async fn restore_api_keys(
        &mut self,
        account: AccountId,
        keys: Vec<NewApiKey>,
        most: Option<u64>,
    ) -> Result<Vec<Restored>, StorageError> {
        self.restore(account, &keys, most).await
    }
}

impl ApiKeys {
    pub(super) fn insert(
        &mut self,
        touched: &mut Touched,
        account: AccountId,
        new: &NewApiKey,
        most: Option<u64>,
    ) -> Result<(), StorageError> {
        if self.find_digest(View::Unit, account, &new.digest).is_some() {
            return Err(StorageError::AlreadyExists(Entity::ApiKeyValue));
        }
        if self.find(View::Unit, account, &new.key.id).is_some() {
            return Err(StorageError::AlreadyExists(Entity::ApiKey));
        }
        if most.is_some_and(|most| self.count(View::Unit, account) >= most) {
            return Err(StorageError::LimitReached(Entity::ApiKey));
        }
        self.add(touched, Record::pack(account, &new.key, &new.digest, &new.sealed));
        Ok(())
    }

    pub(super) fn update(
        &mut self,
        touched: &mut Touched,
        account: AccountId,
        key: &ApiKey,
        expected: Version,
    ) -> Result<(), StorageError> {
        let slot = self.find(View::Unit, account, &key.id);
        match slot.map(|slot| (slot, self.record(slot))) {
            Some((slot, record)) if record.version() == expected => {
                let plans: Vec<_> = record.plans().collect();
                let record = record.replaced(key, &plans);
                self.replace(touched, slot, record);
                Ok(())
            }
            Some(_) | None => Err(StorageError::Stale(Entity::ApiKey)),
        }
    }

    /// The version of the key that was there.
    pub(super) fn delete(
        &mut self,
        touched: &mut Touched,
        account: AccountId,
        id: &ApiKeyId,
    ) -> Option<Version> {
        let slot = self.find(View::Unit, account, id)?;
        let version = self.record(slot).version();
        self.remove(touched, slot);
        Some(version)
    }
}
