//! A view that stays: the turn to write is held, so that nothing is committed while it is read.

use crate::Shared;
use gatepost_storage::{FeedCursor, Snapshot};
use std::sync::Arc;
use tokio::sync::OwnedMutexGuard;

/// See [`gatepost_storage::Storage::snapshot`].
pub(crate) struct MemorySnapshot {
    pub(crate) shared: Arc<Shared>,
    pub(crate) cursor: FeedCursor,
    pub(crate) _turn: OwnedMutexGuard<()>,
}

impl Snapshot for MemorySnapshot {
    fn cursor(&self) -> FeedCursor {
        self.cursor.clone()
    }
}
