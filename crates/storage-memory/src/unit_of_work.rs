//! The one unit of work that may be open.
//!
//! It writes keys, and which plans they are in, into the shared state at once, where only it sees what it wrote; see [`crate::slab`] for how the ends
//! of it are made. Whatever has become invisible is then taken out in portions, between which others have the lock.

use crate::Shared;
use crate::api_keys::{ApiKeys, Touched};
use crate::changes::Pending;
use crate::credentials::Written;
use crate::slab::View;
use crate::usage::Usage;
use crate::usage_plans::Plans;
use async_trait::async_trait;
use gatepost_domain::AccountId;
use gatepost_storage::{FirstAnswer, RetryToken, StorageError, UnitOfWork};
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::OwnedMutexGuard;

/// Reads and writes under the turn that makes it the only writer.
pub(crate) struct MemoryUnit {
    pub(crate) shared: Arc<Shared>,
    pub(crate) touched: Touched,
    pub(crate) plans: Plans,
    pub(crate) usage: Usage,
    pub(crate) credentials: Written,
    /// What is told at the commit.
    pub(crate) changes: Vec<Pending>,
    /// What is remembered from the commit on.
    pub(crate) answers: Vec<(AccountId, RetryToken, FirstAnswer)>,
    turn: Option<OwnedMutexGuard<()>>,
}

impl MemoryUnit {
    pub(crate) fn new(shared: Arc<Shared>, turn: OwnedMutexGuard<()>) -> Self {
        Self {
            shared,
            touched: Touched::default(),
            plans: Plans::default(),
            usage: Usage::default(),
            credentials: Written::default(),
            changes: Vec::new(),
            answers: Vec::new(),
            turn: Some(turn),
        }
    }
}

#[async_trait]
impl UnitOfWork for MemoryUnit {
    async fn commit(mut self: Box<Self>) -> Result<(), StorageError> {
        let more = {
            let mut keys = self.shared.write()?;
            keys.settle(&mut self.touched, View::Unit);
            // Before anybody reads a key again: whoever has seen one write of the unit finds all of them.
            self.shared.plans_mut().settle(std::mem::take(&mut self.plans));
            self.shared.usage_mut().settle(std::mem::take(&mut self.usage));
            self.shared.credentials_mut().settle(std::mem::take(&mut self.credentials));
            keys.sweep(ApiKeys::PORTION)
        };
        self.publish();
        self.turn = None;
        if more {
            self.sweep_the_rest();
        }
        Ok(())
    }
}

/// A unit that was not committed leaves no trace. After a panic under the lock there is nothing to save: every
/// later call says so.
impl Drop for MemoryUnit {
    fn drop(&mut self) {
        if self.touched.len() == 0 {
            return;
        }
        let Ok(mut keys) = self.shared.write() else { return };
        keys.settle(&mut self.touched, View::Committed);
        let more = keys.sweep(ApiKeys::PORTION);
        drop(keys);
        if more {
            self.sweep_the_rest();
        }
    }
}

impl MemoryUnit {
    /// While it has the turn, so that no snapshot comes between the writes and the news of them.
    fn publish(&mut self) {
        let now = self.shared.clock.now();
        if !self.answers.is_empty() {
            let mut retries = self.shared.retries();
            for (account, token, answer) in self.answers.drain(..) {
                retries.remember(account, token, answer, now);
            }
        }
        if !self.changes.is_empty() {
            self.shared.changes.tell(std::mem::take(&mut self.changes), now);
        }
    }

    /// Beside others where there is a runtime to do it; a later unit of work goes on with what that leaves.
    fn sweep_the_rest(&self) {
        let shared = Arc::clone(&self.shared);
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                while shared.write().is_ok_and(|mut keys| keys.sweep(ApiKeys::PORTION)) {
                    tokio::task::yield_now().await;
                }
            })),
            Err(_) => while shared.write().is_ok_and(|mut keys| keys.sweep(ApiKeys::PORTION)) {},
        }
    }
}
