//! Writes.

use crate::changes::Pending;
use crate::unit_of_work::MemoryUnit;
use async_trait::async_trait;
use gatepost_domain::credentials::{AccessKeyId, Credential};
use gatepost_domain::{Timestamp, Version};
use gatepost_storage::{Change, CredentialWriter, Entity, StorageError, StoredCredential};

#[async_trait]
impl CredentialWriter for MemoryUnit {
    async fn insert_credential(&mut self, new: &StoredCredential) -> Result<(), StorageError> {
        if self.credential(&new.credential.id).is_some() {
            return Err(StorageError::AlreadyExists(Entity::Credential));
        }
        self.tell(&new.credential.id, new.credential.version);
        self.keep(new.clone());
        Ok(())
    }

    async fn update_credential(
        &mut self,
        credential: &Credential,
        expected: Version,
    ) -> Result<(), StorageError> {
        let Some(StoredCredential { credential: old, sealed }) =
            self.credential(&credential.id).filter(|stored| stored.credential.version == expected)
        else {
            return Err(StorageError::Stale(Entity::Credential));
        };
        let (account, created, last_used) = (old.account, old.created, old.last_used);
        let credential = Credential { account, created, last_used, ..credential.clone() };
        self.tell(&credential.id, credential.version);
        self.keep(StoredCredential { credential, sealed });
        Ok(())
    }

    async fn delete_credential(&mut self, id: &AccessKeyId) -> Result<bool, StorageError> {
        let Some(stored) = self.credential(id) else { return Ok(false) };
        self.tell(id, stored.credential.version.next());
        self.credentials.0.insert(id.clone(), None);
        Ok(true)
    }

    async fn note_use(&mut self, used: &[(AccessKeyId, Timestamp)]) -> Result<(), StorageError> {
        for (id, at) in used {
            if let Some(mut stored) = self.credential(id)
                && stored.credential.last_used < Some(*at)
            {
                stored.credential.last_used = Some(*at);
                self.keep(stored);
            }
        }
        Ok(())
    }
}

impl MemoryUnit {
    /// A credential as this unit sees it.
    fn credential(&self, id: &AccessKeyId) -> Option<StoredCredential> {
        self.shared.credentials().find(&self.credentials, id).cloned()
    }

    fn keep(&mut self, stored: StoredCredential) {
        self.credentials.0.insert(stored.credential.id.clone(), Some(stored));
    }

    fn tell(&mut self, id: &AccessKeyId, version: Version) {
        self.changes.push(Pending::Told(Change::Credential { id: id.clone(), version }));
    }
}
