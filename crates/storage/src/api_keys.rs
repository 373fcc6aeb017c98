//! API keys, as they are kept.

use crate::error::{Entity, StorageError};
use crate::retries::RetryToken;
use async_trait::async_trait;
use gatepost_domain::api_keys::{ApiKey, ApiKeyFilter, ApiKeyId, ApiKeyPosition, ImportedFields};
use gatepost_domain::usage_plans::{Attachment, UsagePlanId};
use gatepost_domain::{AccountId, Digest, Page, PageRequest, Sealed, Timestamp, Version};

/// A key with its sealed value, as a look-up answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredApiKey {
    /// The key.
    pub key: ApiKey,
    /// Its value, which custody can open.
    pub sealed: Sealed,
}

/// A key to be inserted.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// The key.
    pub key: ApiKey,
    /// What its value is found by; unique within the account.
    pub digest: Digest,
    /// Its value, sealed under the key's id.
    pub sealed: Sealed,
    /// What its making is remembered by.
    pub retry: Option<RetryToken>,
}

/// The name of what one call of [`ApiKeyWriter::import_api_keys`] or [`ApiKeyWriter::restore_api_keys`] stored; later
/// ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImportId(pub u64);

/// One row of an import, ready to be stored.
#[derive(Clone, Debug)]
pub struct ImportedApiKey {
    /// The row's number in its file, from 1.
    pub row: u64,
    /// What its value is found by.
    pub digest: Digest,
    /// The id that the key gets if its value is new.
    pub id: ApiKeyId,
    /// The value, sealed under that id; unused if the value is known.
    pub sealed: Sealed,
    /// What the row sets.
    pub fields: ImportedFields,
    /// The plans that the row puts its key into.
    pub plans: Vec<UsagePlanId>,
    /// When the row is stored: its key's `updated`, and `created` if it is new.
    pub at: Timestamp,
}

/// What became of one row of an import.
#[derive(Clone, Debug)]
pub enum RowOutcome {
    /// The key with the row's value now has this id: a new key's own, or the one it always had. It is in the row's
    /// plans, or was before, but for those refused.
    Stored {
        /// The id.
        id: ApiKeyId,
        /// The plans that it could not be put into, in the row's order, and why; never for being in them already.
        refused: Vec<(UsagePlanId, Attachment)>,
    },
    /// The value is new, but another key has the row's id. Nothing of the row was stored; here it is back, to be
    /// sealed under another id and offered again.
    IdTaken(Box<ImportedApiKey>),
}

/// What became of one restored key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restored {
    /// It is there now, exactly as given.
    Stored,
    /// Its value, or otherwise its id, belongs to a key already, which stays as it is.
    Taken(Entity),
}

/// Reads.
#[async_trait]
pub trait ApiKeyReader: Send + Sync {
    /// The key of this account with this id.
    async fn find_api_key(
        &self,
        account: AccountId,
        id: &ApiKeyId,
    ) -> Result<Option<StoredApiKey>, StorageError>;

    /// The account's keys that pass the filter, greatest [`ApiKeyPosition`] first, strictly below `page.after`.
    ///
    /// While at most 10,000 keys pass one of the filter's conditions, a filtered page is complete; beyond that the
    /// backend may look at 10,000 keys and answer those that match with the position it came to.
    async fn list_api_keys(
        &self,
        account: AccountId,
        filter: &ApiKeyFilter,
        page: PageRequest<ApiKeyPosition>,
    ) -> Result<Page<StoredApiKey, ApiKeyPosition>, StorageError>;

    /// How many keys the account has.
    async fn count_api_keys(&self, account: AccountId) -> Result<u64, StorageError>;

    /// The ids of the account's keys with these digests, in their order; `None` for a digest of no key.
    async fn find_ids_by_digest(
        &self,
        account: AccountId,
        digests: &[Digest],
    ) -> Result<Vec<Option<ApiKeyId>>, StorageError>;

    /// The keys that an import stored and no later one did, by id, smallest first, as they are now; strictly above
    /// `page.after`. It may answer other keys of the account too. Once its change is pruned, a range may be empty.
    async fn list_imported_api_keys(
        &self,
        account: AccountId,
        import: ImportId,
        page: PageRequest<ApiKeyId>,
    ) -> Result<Page<StoredApiKey, ApiKeyId>, StorageError>;
}

/// Writes. `most` is the greatest number of keys that the account may have after the call; beyond it:
/// [`StorageError::LimitReached`].
#[async_trait]
pub trait ApiKeyWriter: Send {
    /// Adds a key. Of several things that are taken, [`StorageError::AlreadyExists`] names the retry token before the
    /// value, and the value before the id.
    async fn insert_api_key(
        &mut self,
        account: AccountId,
        key: NewApiKey,
        most: Option<u64>,
    ) -> Result<(), StorageError>;

    /// Replaces all of a key but its value and its `created`. [`StorageError::Stale`] unless the stored version is
    /// `expected`.
    async fn update_api_key(
        &mut self,
        account: AccountId,
        key: &ApiKey,
        expected: Version,
    ) -> Result<(), StorageError>;

    /// Removes a key, from its plans too; false when there was none.
    async fn delete_api_key(&mut self, account: AccountId, id: &ApiKeyId) -> Result<bool, StorageError>;

    /// Stores rows of an imported file, at most 10,000 a call, and answers what became of each, in their order. A key
    /// may be in `most_plans` plans.
    ///
    /// A row whose digest is unknown adds a key. Otherwise the key that has it takes the fields which the row sets,
    /// the row's time as `updated` and its next version, and keeps id, `created` and sealed value. A later row with
    /// the digest of an earlier one applies on top of it. One row never spoils another; only
    /// [`StorageError::LimitReached`] refuses all rows of the call.
    async fn import_api_keys(
        &mut self,
        account: AccountId,
        rows: Vec<ImportedApiKey>,
        most: Option<u64>,
        most_plans: usize,
    ) -> Result<Vec<RowOutcome>, StorageError>;

    /// Stores whole keys, at most 10,000 a call, and answers what became of each, in their order. Tokens to be
    /// remembered are not looked at.
    async fn restore_api_keys(
        &mut self,
        account: AccountId,
        keys: Vec<NewApiKey>,
        most: Option<u64>,
    ) -> Result<Vec<Restored>, StorageError>;
}
