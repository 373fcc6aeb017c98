//! The change feed: what was committed, told to every replica that keeps a copy.
//!
//! A [`Change`] names what was changed, never what it became: whoever hears of it reads it again. So it does no harm
//! to hear of a change twice, late, or after a later one. Every write tells its changes with its own commit: none is
//! told of a unit that was dropped, none is ever missing of one that was committed.

use crate::api_keys::ImportId;
use crate::error::StorageError;
use crate::usage_plans::UsagePlanKey;
use async_trait::async_trait;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::credentials::AccessKeyId;
use gatepost_domain::usage_plans::UsagePlanId;
use gatepost_domain::{AccountId, Version};
use std::time::Duration;

/// Something that was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A key was made, changed or deleted, or put into plans or taken out of them.
    ApiKey {
        /// Its account.
        account: AccountId,
        /// Its id.
        id: ApiKeyId,
        /// Its version then; after a delete, the one that it would have had next.
        version: Version,
    },
    /// Many keys were made or changed at once: those that
    /// [`list_imported_api_keys`](crate::ApiKeyReader::list_imported_api_keys) answers.
    Import {
        /// Their account.
        account: AccountId,
        /// The name of the range.
        import: ImportId,
    },
    /// A plan was made, changed or deleted; its keys went with it, and nothing more is told of them.
    UsagePlan {
        /// Its account.
        account: AccountId,
        /// Its id.
        id: UsagePlanId,
        /// Its version then; after a delete, the one that it would have had next.
        version: Version,
    },
    /// What a key may still use of a plan was set.
    Usage {
        /// Their account.
        account: AccountId,
        /// The plan and the key.
        link: UsagePlanKey,
    },
    /// A credential was made, changed or deleted.
    Credential {
        /// Its id.
        id: AccessKeyId,
        /// Its version then; after a delete, the one that it would have had next.
        version: Version,
    },
}

/// A position in the feed. Only the backend that made it can read it; it may be kept over a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedCursor(pub Box<str>);

/// What the feed has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// These changes were committed, in any order; none within the patience of the call when there are none.
    Changes(Vec<Change>),
    /// What was changed can no longer be told: take a [`snapshot`](crate::Storage::snapshot) and go on from its
    /// cursor, with a feed of its own.
    Resync,
}

/// One consumer's way through the changes.
#[async_trait]
pub trait ChangeFeed: Send {
    /// The changes since the last call, waiting at most `patience` for the first of them. After an error the same
    /// position is asked for again: nothing is lost.
    async fn next(&mut self, patience: Duration) -> Result<News, StorageError>;

    /// The position behind everything that was told.
    fn cursor(&self) -> FeedCursor;
}
