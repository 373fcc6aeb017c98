//! The feed of what was committed, kept in order for as long as [`prune`] leaves it.
//!
//! Changes are numbered from 0; a position is the number of the next one. A range of imported keys is kept as their
//! slots: a slot that was freed and used again makes the range answer a key too many, which does no harm.
//!
//! [`prune`]: gatepost_storage::Storage::prune

use async_trait::async_trait;
use gatepost_domain::{AccountId, Timestamp};
use gatepost_storage::{Change, ChangeFeed, FeedCursor, ImportId, News, StorageError};
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// A change that its unit of work will tell when it commits.
pub(crate) enum Pending {
    Told(Change),
    /// An import, which gets its name at the commit, and the slots of its keys.
    Import(AccountId, Vec<u32>),
}

/// What was committed, until it is pruned.
pub(crate) struct ChangeLog {
    /// Tells this storage's positions from those of another process.
    name: u64,
    kept: Mutex<Kept>,
    /// The number of the next change.
    next: watch::Sender<u64>,
}

#[derive(Default)]
struct Kept {
    /// The number of the oldest change.
    first: u64,
    changes: VecDeque<(Timestamp, Change)>,
    imports: HashMap<ImportId, Vec<u32>>,
    last_import: u64,
}

impl ChangeLog {
    pub(crate) fn new() -> Self {
        Self { name: RandomState::new().hash_one(0), kept: Mutex::default(), next: watch::Sender::new(0) }
    }

    pub(crate) fn tell(&self, pending: Vec<Pending>, at: Timestamp) {
        let mut kept = self.kept();
        for pending in pending {
            let change = match pending {
                Pending::Told(change) => change,
                Pending::Import(account, slots) => {
                    kept.last_import += 1;
                    let import = ImportId(kept.last_import);
                    kept.imports.insert(import, slots);
                    Change::Import { account, import }
                }
            };
            kept.changes.push_back((at, change));
        }
        self.next.send_replace(kept.next());
    }

    /// The slots that an import filled.
    pub(crate) fn imported(&self, import: ImportId) -> Vec<u32> {
        self.kept().imports.get(&import).cloned().unwrap_or_default()
    }

    pub(crate) fn cursor(&self) -> FeedCursor {
        self.cursor_at(self.kept().next())
    }

    pub(crate) fn follow(self: Arc<Self>, from: &FeedCursor) -> MemoryFeed {
        let at = from.0.split_once('-').and_then(|(name, number)| {
            let number = number.parse().ok()?;
            (name == format!("{:016x}", self.name) && number <= self.kept().next()).then_some(number)
        });
        MemoryFeed { next: self.next.subscribe(), at: at.ok_or_else(|| from.clone()), log: self }
    }

    /// Forgets what was committed before `since`.
    pub(crate) fn prune(&self, since: Timestamp) {
        let mut kept = self.kept();
        while kept.changes.front().is_some_and(|(at, _)| *at < since) {
            if let Some((_, Change::Import { import, .. })) = kept.changes.pop_front() {
                kept.imports.remove(&import);
            }
            kept.first += 1;
        }
    }

    fn cursor_at(&self, number: u64) -> FeedCursor {
        FeedCursor(format!("{:016x}-{number}", self.name).into())
    }

    /// What is known at `at` and later; `None` when some of it is forgotten.
    fn since(&self, at: u64) -> Option<Vec<Change>> {
        let kept = self.kept();
        let skip = usize::try_from(at.checked_sub(kept.first)?).ok()?;
        Some(kept.changes.iter().skip(skip).map(|(_, change)| change.clone()).collect())
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing that can panic leaves it half changed.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn next(&self) -> u64 {
        self.first + self.changes.len() as u64
    }
}

/// One consumer's way.
pub(crate) struct MemoryFeed {
    log: Arc<ChangeLog>,
    next: watch::Receiver<u64>,
    /// The number of the next change, or the position that nothing is known of.
    at: Result<u64, FeedCursor>,
}

#[async_trait]
impl ChangeFeed for MemoryFeed {
    async fn next(&mut self, patience: Duration) -> Result<News, StorageError> {
        let Ok(at) = self.at else { return Ok(News::Resync) };
        // The log lives as long as this feed, so that only time can end the waiting.
        let _ = tokio::time::timeout(patience, self.next.wait_for(|next| *next > at)).await;
        let Some(changes) = self.log.since(at) else { return Ok(News::Resync) };
        self.at = Ok(at + changes.len() as u64);
        Ok(News::Changes(changes))
    }

    fn cursor(&self) -> FeedCursor {
        match &self.at {
            Ok(at) => self.log.cursor_at(*at),
            Err(unknown) => unknown.clone(),
        }
    }
}
