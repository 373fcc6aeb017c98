//! What a server does besides answering: it says that it is alive, forgets what is kept for a while only, and follows
//! what becomes of credentials.
//!
//! All go on whatever storage answers; a trouble is told when it begins and when it ends, not at every try.

use crate::sources::SystemRandom;
use gatepost_application::credentials::CredentialTable;
use gatepost_custody::Random;
use gatepost_storage::{Incarnation, Keep, Life, Storage, StorageError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

const BEAT: Duration = Duration::from_secs(1);
/// A replica that is silent for so long is dead to the others.
const DEAD_AFTER: Duration = Duration::from_secs(10);
/// `last_used` of a credential is true to the minute.
const FLUSH: Duration = Duration::from_secs(60);
const PRUNE: Duration = Duration::from_secs(60);
/// How long the end waits for storage to hear of it.
const FAREWELL: Duration = Duration::from_secs(2);

pub(crate) struct Background {
    storage: Arc<dyn Storage>,
    incarnation: Arc<Mutex<Incarnation>>,
    credentials: Option<Arc<CredentialTable>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Background {
    pub(crate) fn start(
        storage: Arc<dyn Storage>,
        credentials: Option<Arc<CredentialTable>>,
        runtime: &Runtime,
    ) -> Self {
        let incarnation = Arc::new(Mutex::new(new_incarnation()));
        let mut tasks = vec![
            runtime.spawn(beat(Arc::clone(&storage), Arc::clone(&incarnation))),
            runtime.spawn(prune(Arc::clone(&storage))),
        ];
        if let Some(credentials) = &credentials {
            let (followed, flushed) = (Arc::clone(credentials), Arc::clone(credentials));
            tasks.push(runtime.spawn(async move { followed.follow().await }));
            tasks.push(runtime.spawn(flush_uses(flushed)));
        }
        Self { storage, incarnation, credentials, tasks }
    }

    /// Ends both, and tells the other replicas at once.
    pub(crate) async fn stop(self) {
        for task in self.tasks {
            task.abort();
            // Awaited, so that no beat comes after the farewell. It fails because it was aborted.
            let _ = task.await;
        }
        if let Some(credentials) = &self.credentials {
            match timeout(FAREWELL, credentials.flush_uses()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => tracing::warn!("the last uses of credentials were not noted"),
            }
        }
        let incarnation = current(&self.incarnation);
        match timeout(FAREWELL, self.storage.replicas().leave(incarnation)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the others were not told of the end"
            ),
            Err(_) => tracing::warn!("the others were not told of the end: storage does not answer"),
        }
    }
}

async fn beat(storage: Arc<dyn Storage>, incarnation: Arc<Mutex<Incarnation>>) {
    let mut trouble = Trouble::new("heartbeat");
    let mut ticks = interval(BEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let own = current(&incarnation);
        let life = storage.replicas().beat(own, DEAD_AFTER).await;
        if let Some(Life::Dead) = trouble.passed(life) {
            let next = new_incarnation();
            tracing::warn!(was = %own, is = %next, "this replica was silent for too long and counts as a new one now");
            *incarnation.lock().unwrap_or_else(PoisonError::into_inner) = next;
        }
    }
}

async fn prune(storage: Arc<dyn Storage>) {
    let mut trouble = Trouble::new("pruning");
    let mut ticks = interval(PRUNE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        trouble.passed(storage.prune(Keep::default()).await);
    }
}

/// Notes which credentials were used, each once a minute at most.
async fn flush_uses(credentials: Arc<CredentialTable>) {
    let mut trouble = Trouble::new("noting the use of credentials");
    let mut ticks = interval(FLUSH);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        trouble.passed(credentials.flush_uses().await);
    }
}

/// Whether a repeated task fails at present.
struct Trouble {
    task: &'static str,
    fails: bool,
}

impl Trouble {
    fn new(task: &'static str) -> Self {
        Self { task, fails: false }
    }

    /// What came of a try; a change is told.
    fn passed<T>(&mut self, outcome: Result<T, StorageError>) -> Option<T> {
        let fails = outcome.is_err();
        match (&outcome, self.fails) {
            (Err(error), false) => {
                tracing::warn!(
                    task = self.task,
                    error = error as &dyn std::error::Error,
                    "storage fails; trying on"
                );
            }
            (Ok(_), true) => tracing::info!(task = self.task, "storage answers again"),
            (Err(_), true) | (Ok(_), false) => {}
        }
        self.fails = fails;
        outcome.ok()
    }
}

fn current(incarnation: &Mutex<Incarnation>) -> Incarnation {
    *incarnation.lock().unwrap_or_else(PoisonError::into_inner)
}

fn new_incarnation() -> Incarnation {
    let mut bytes = [0; 16];
    SystemRandom.fill(&mut bytes);
    Incarnation(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::SystemClock;
    use gatepost_storage_memory::MemoryStorage;

    #[test]
    fn a_server_is_alive_while_it_runs_and_takes_a_new_life_when_it_was_taken_for_dead() {
        let runtime = Runtime::new().unwrap();
        let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new(Arc::new(SystemClock)));
        let alive = || runtime.block_on(storage.replicas().alive()).unwrap();
        let background = Background::start(Arc::clone(&storage), None, &runtime);
        let wait_for = |what: &dyn Fn(&[Incarnation]) -> bool| {
            while !what(&alive()) {
                runtime.block_on(async { tokio::time::sleep(Duration::from_millis(20)).await });
            }
        };
        wait_for(&|alive| alive.len() == 1);
        let first = alive()[0];
        runtime.block_on(storage.replicas().leave(first)).unwrap();
        wait_for(&|alive| alive.len() == 1 && alive[0] != first);
        runtime.block_on(background.stop());
        assert_eq!(alive(), [], "the end is told");
    }
}
