//! What can go wrong with storage, as far as a caller can act on it.

use std::{error::Error, fmt};

/// The source of a failure, for our logs.
pub type Source = Box<dyn Error + Send + Sync>;

/// What a storage error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entity {
    /// An API key, by its id.
    ApiKey,
    /// The value of an API key, by its digest.
    ApiKeyValue,
    /// A usage plan, by its id.
    UsagePlan,
    /// A batch of counted requests, by its number.
    UsageBatch,
    /// A credential, by its id.
    Credential,
    /// The memory of a first answer, by its token.
    Retry,
}

impl fmt::Display for Entity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::ApiKey => "api key",
            Self::ApiKeyValue => "api key value",
            Self::UsagePlan => "usage plan",
            Self::UsageBatch => "usage batch",
            Self::Credential => "credential",
            Self::Retry => "answered request",
        })
    }
}

/// A failed call. Nothing of the call has been done. A unit of work can go on after [`StorageError::Stale`] and
/// [`StorageError::AlreadyExists`] only; after any other it is to be dropped.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// What was to be inserted is there already: choose another or give up.
    #[error("the {0} exists already")]
    AlreadyExists(Entity),
    /// What was to be changed is no longer as it was read, or is gone: read again.
    #[error("the {0} was changed by another writer")]
    Stale(Entity),
    /// One more would pass the bound that the caller set.
    #[error("the limit for {0}s is reached")]
    LimitReached(Entity),
    /// The backend cannot be reached or did not answer in time: try again later.
    #[error("the storage is unavailable")]
    Unavailable(#[source] Source),
    /// A row that cannot be what it says it is, by table, column and id: an operator must look.
    #[error("corrupt row: {0}")]
    Corrupt(String),
    /// Anything else that the backend says: a defect of ours or of the backend's.
    #[error("the storage failed")]
    Backend(#[source] Source),
}
