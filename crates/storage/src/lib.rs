//! What is kept, as promises: the traits that every backend implements, and the errors they share.
//!
//! - [`Storage::reader`] answers single reads, each a snapshot of its own; [`Storage::snapshot`] holds one view over
//!   several of them.
//! - [`Storage::writer`] does single writes, each a unit of work of its own. [`Storage::begin`] opens a [`UnitOfWork`]
//!   over several, which is the repositories themselves: it reads (its own writes included), writes, and either
//!   commits everything or, when dropped, leaves no trace.
//! - [`Storage::changes`] tells what was committed, by whatever replica.
//! - Look-ups answer `Option`; what must not be there twice is refused by the insert; a write states the version
//!   that it read. [`StorageError`] has a variant for each thing that a caller can do something different about.
//! - Every promise is a case of the `conformance` feature, which each backend's tests expand.
//!
//! An aggregate gets one file here with its reading and its writing trait; both become supertraits of
//! [`Reader`] and [`Writer`]. Nothing here knows of key values in the clear: only of [`Digest`] and [`Sealed`].
//!
//! [`Digest`]: gatepost_domain::Digest

mod api_keys;
mod changes;
#[cfg(feature = "conformance")]
pub mod conformance;
mod credentials;
mod error;
mod local_import_turns;
mod replicas;
mod retries;
mod usage;
mod usage_plan_document;
mod usage_plans;

pub use api_keys::{
    ApiKeyReader, ApiKeyWriter, ImportId, ImportedApiKey, NewApiKey, Restored, RowOutcome, StoredApiKey,
};
pub use changes::{Change, ChangeFeed, FeedCursor, News};
pub use credentials::{CredentialReader, CredentialWriter, StoredCredential};
pub use error::{Entity, Source, StorageError};
pub use local_import_turns::LocalImportTurns;
pub use replicas::{Incarnation, Life, Replicas};
pub use retries::{FirstAnswer, RetryReader, RetryToken, RetryWriter};
pub use usage::{KeptUsage, Metered, UsageCount, UsageMeter, UsagePosition, UsageReader, UsageWriter};
pub use usage_plan_document::{CannotReadUsagePlan, UsagePlanDocument};
pub use usage_plans::{NewUsagePlan, PlanChanged, UsagePlanKey, UsagePlanReader, UsagePlanWriter};

use async_trait::async_trait;
use gatepost_domain::{AccountId, Sealed};
use std::time::Duration;

/// One backend.
#[async_trait]
pub trait Storage: Send + Sync + 'static {
    /// Single reads of what is committed.
    fn reader(&self) -> &dyn Reader;

    /// Single writes, each a unit of work of its own: when the call answers, its write is visible and lasting, or
    /// nothing was written. Where one write is all there is to do, this costs least.
    fn writer(&self) -> Box<dyn Writer + '_>;

    /// One view of everything committed, however long it is read. It may keep writers waiting where the backend has
    /// no versions of its own (memory), so it is for loading and moving whole accounts.
    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, StorageError>;

    /// Opens a unit of work. It may wait for others, within the backend's deadline.
    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StorageError>;

    /// What is committed from a position on; a position comes from [`Snapshot::cursor`] or [`ChangeFeed::cursor`].
    /// One that this installation never gave, or that is too old, is no error: the feed tells [`News::Resync`].
    async fn changes(&self, from: FeedCursor) -> Result<Box<dyn ChangeFeed>, StorageError>;

    /// The serving processes that share this storage.
    fn replicas(&self) -> &dyn Replicas;

    /// Where requests are counted.
    fn usage_meter(&self) -> &dyn UsageMeter;

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

    /// What is worth doing after a large import is done: a checkpoint, fresh statistics. Nothing depends on it.
    async fn settle_after_import(&self) -> Result<(), StorageError>;

    /// Whether a write would be accepted now.
    async fn probe(&self) -> Result<(), StorageError>;

    /// Forgets what is kept for a while only, where it is older than that, and clears what deleted plans left behind;
    /// in portions, so that nobody waits for long.
    async fn prune(&self, keep: Keep) -> Result<(), StorageError>;
}

/// For how long is kept what is not kept for ever, by the storage's own clock.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// A change stays in the feed: a replica that was away for longer loads anew.
    pub changes: Duration,
    /// A first answer is remembered: a caller who retries later gets a second key.
    pub retries: Duration,
    /// What a key used on a day is kept. GetUsage goes back 90 days; the rest is for who reads the tables.
    pub usage: Duration,
}

impl Default for Keep {
    fn default() -> Self {
        Self {
            changes: Duration::from_secs(3_600),
            retries: Duration::from_secs(300),
            usage: Duration::from_secs(400 * 86_400),
        }
    }
}

/// The reading side of every aggregate.
pub trait Reader: ApiKeyReader + UsagePlanReader + UsageReader + CredentialReader + RetryReader {}

impl<T: ApiKeyReader + UsagePlanReader + UsageReader + CredentialReader + RetryReader + ?Sized> Reader for T {}

/// The writing side of every aggregate.
pub trait Writer: ApiKeyWriter + UsagePlanWriter + UsageWriter + CredentialWriter + RetryWriter {}

impl<T: ApiKeyWriter + UsagePlanWriter + UsageWriter + CredentialWriter + RetryWriter + ?Sized> Writer for T {}

/// One view of everything committed, held until dropped.
pub trait Snapshot: Reader + Send {
    /// The position from which [`Storage::changes`] tells exactly what this view does not hold yet; it may tell a
    /// few changes that it does hold.
    fn cursor(&self) -> FeedCursor;
}

/// All repositories, with one outcome: everything after [`UnitOfWork::commit`], nothing when dropped before.
#[async_trait]
pub trait UnitOfWork: Reader + Writer + Send {
    /// Makes every write of this unit visible and lasting, at once.
    async fn commit(self: Box<Self>) -> Result<(), StorageError>;
}

/// An account's turn to import, held until dropped.
pub trait ImportTurn: Send {}
