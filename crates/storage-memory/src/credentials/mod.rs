//! Credentials: one ordered map, because there are hundreds of them and not millions.
//!
//! A unit of work keeps what it writes to itself, as [`Written`], and lays it over the map when it commits: undoing it
//! is forgetting it. That takes no more than one open unit at a time.

mod reader;
mod writer;

use crate::Shared;
use gatepost_domain::credentials::AccessKeyId;
use gatepost_storage::StoredCredential;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLockReadGuard, RwLockWriteGuard};

/// What is committed.
#[derive(Default)]
pub(crate) struct Credentials(BTreeMap<AccessKeyId, StoredCredential>);

/// What a unit of work has written: credentials as they will be, and `None` for those that will be gone.
#[derive(Default)]
pub(crate) struct Written(BTreeMap<AccessKeyId, Option<StoredCredential>>);

/// What is seen by whoever has written nothing.
static NOTHING: Written = Written(BTreeMap::new());

impl Credentials {
    /// Commits what a unit of work has written.
    pub(crate) fn settle(&mut self, written: Written) {
        for (id, stored) in written.0 {
            match stored {
                Some(stored) => self.0.insert(id, stored),
                None => self.0.remove(&id),
            };
        }
    }
}

// Nothing that can panic leaves them half changed.
impl Shared {
    pub(crate) fn credentials(&self) -> RwLockReadGuard<'_, Credentials> {
        self.credentials.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn credentials_mut(&self) -> RwLockWriteGuard<'_, Credentials> {
        self.credentials.write().unwrap_or_else(PoisonError::into_inner)
    }
}
