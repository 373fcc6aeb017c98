//! Writes of single keys.

use super::{ApiKeys, Record, Touched};
use crate::slab::View;
use crate::unit_of_work::MemoryUnit;
use async_trait::async_trait;
use gatepost_domain::api_keys::{ApiKey, ApiKeyId};
use gatepost_domain::{AccountId, Version};
use gatepost_storage::{ApiKeyWriter, Entity, ImportedApiKey, NewApiKey, RowOutcome, StorageError};

#[async_trait]
impl ApiKeyWriter for MemoryUnit {
    async fn insert_api_key(
        &mut self,
        account: AccountId,
        key: NewApiKey,
        most: Option<u64>,
    ) -> Result<(), StorageError> {
        self.shared.write()?.insert(&mut self.touched, account, &key, most)
    }

    async fn update_api_key(
        &mut self,
        account: AccountId,
        key: &ApiKey,
        expected: Version,
    ) -> Result<(), StorageError> {
        self.shared.write()?.update(&mut self.touched, account, key, expected)
    }

    async fn delete_api_key(&mut self, account: AccountId, id: &ApiKeyId) -> Result<bool, StorageError> {
        Ok(self.shared.write()?.delete(&mut self.touched, account, id))
    }

    async fn import_api_keys(
        &mut self,
        account: AccountId,
        rows: Vec<ImportedApiKey>,
        most: Option<u64>,
    ) -> Result<Vec<RowOutcome>, StorageError> {
        self.import(account, rows, most).await
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
                let record = record.replaced(key);
                self.replace(touched, slot, record);
                Ok(())
            }
            Some(_) | None => Err(StorageError::Stale(Entity::ApiKey)),
        }
    }

    pub(super) fn delete(&mut self, touched: &mut Touched, account: AccountId, id: &ApiKeyId) -> bool {
        let slot = self.find(View::Unit, account, id);
        if let Some(slot) = slot {
            self.remove(touched, slot);
        }
        slot.is_some()
    }
}
