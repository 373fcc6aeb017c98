//! What is kept, as promises: the traits that every backend implements, and the errors they share.
//!
//! - [`Storage::reader`] answers single reads, each a snapshot of its own.
//! - [`Storage::begin`] opens a [`UnitOfWork`], which is the repositories themselves: it reads (its own writes
//!   included), writes, and either commits everything or, when dropped, leaves no trace.
//! - Look-ups answer `Option`; what must not be there twice is refused by the insert; a write states the version
//!   that it read. [`StorageError`] has a variant for each thing that a caller can do something different about.
//! - Every promise is a case of the `conformance` feature, which each backend's tests expand.
//!
//! An aggregate gets one file here with its reading and its writing trait; both become supertraits of
//! [`Reader`] and [`UnitOfWork`]. Nothing here knows of key values in the clear: only of [`Digest`] and [`Sealed`].
//!
//! [`Digest`]: gatepost_domain::Digest

mod api_keys;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;

pub use api_keys::{ApiKeyReader, ApiKeyWriter, ImportedApiKey, NewApiKey, RowOutcome, StoredApiKey};
pub use error::{Entity, Source, StorageError};

use async_trait::async_trait;
use gatepost_domain::{AccountId, Sealed};
use std::time::Duration;

/// One backend.
#[async_trait]
pub trait Storage: Send + Sync + 'static {
    /// Single-statement reads of what is committed.
    fn reader(&self) -> &dyn Reader;

    /// Opens a unit of work. It may wait for others, within the backend's deadline.
    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StorageError>;

    /// The secret of this installation, sealed by custody: the candidate if there was none, otherwise the first
    /// that was ever offered, whoever asks and however many at once.
    async fn installation_secret(&self, candidate: Sealed) -> Result<Sealed, StorageError>;

    /// Waits for the account's turn to import, of which there is one at a time; `None` when it did not come within
    /// `patience`. The turn ends when the guard is dropped.
    async fn import_turn(
        &self,
        account: AccountId,
        patience: Duration,
    ) -> Result<Option<Box<dyn ImportTurn>>, StorageError>;

    /// How many imported rows one unit of work should hold, so that other writers and readers of this backend are
    /// never kept waiting for long; at most 10,000.
    fn import_rows_per_unit(&self) -> usize;

    /// Whether a write would be accepted now.
    async fn probe(&self) -> Result<(), StorageError>;
}

/// The reading side of every aggregate.
pub trait Reader: ApiKeyReader {}

impl<T: ApiKeyReader> Reader for T {}

/// All repositories, with one outcome: everything after [`UnitOfWork::commit`], nothing when dropped before.
#[async_trait]
pub trait UnitOfWork: ApiKeyReader + ApiKeyWriter + Send {
    /// Makes every write of this unit visible and lasting, at once.
    async fn commit(self: Box<Self>) -> Result<(), StorageError>;
}

/// An account's turn to import, held until dropped.
pub trait ImportTurn: Send {}
