//! Credentials, as they are kept.

use crate::error::StorageError;
use async_trait::async_trait;
use gatepost_domain::credentials::{AccessKeyId, Credential};
use gatepost_domain::{Page, PageRequest, Sealed, Timestamp, Version};

/// A credential with its sealed secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCredential {
    /// The credential.
    pub credential: Credential,
    /// Its secret, which custody can open.
    pub sealed: Sealed,
}

/// Reads.
#[async_trait]
pub trait CredentialReader: Send + Sync {
    /// The credential with this id, whatever its account.
    async fn find_credential(&self, id: &AccessKeyId) -> Result<Option<StoredCredential>, StorageError>;

    /// All credentials by id, smallest first, strictly above `page.after`.
    async fn list_credentials(
        &self,
        page: PageRequest<AccessKeyId>,
    ) -> Result<Page<StoredCredential, AccessKeyId>, StorageError>;
}

/// Writes. Every one but [`note_use`](CredentialWriter::note_use) tells a
/// [`Change::Credential`](crate::Change::Credential).
#[async_trait]
pub trait CredentialWriter: Send {
    /// Adds a credential; [`StorageError::AlreadyExists`] when its id is taken.
    async fn insert_credential(&mut self, new: &StoredCredential) -> Result<(), StorageError>;

    /// Replaces name, `enabled`, policy and version. [`StorageError::Stale`] unless the stored version is `expected`.
    async fn update_credential(
        &mut self,
        credential: &Credential,
        expected: Version,
    ) -> Result<(), StorageError>;

    /// Removes a credential; false when there was none.
    async fn delete_credential(&mut self, id: &AccessKeyId) -> Result<bool, StorageError>;

    /// Moves `last_used` of these credentials forward, never back. Those that are gone are passed over.
    async fn note_use(&mut self, used: &[(AccessKeyId, Timestamp)]) -> Result<(), StorageError>;
}
