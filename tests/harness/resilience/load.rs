//! Clients that keep servers busy while something happens to these, and the judgement afterwards.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use super::caller::{Caller, Kept, text};
use super::client::{Client, Work};
use super::random::Random;
use super::{Counts, Run};
use crate::http::Request;
use crate::server::Server;

const PROGRESS_WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(2);
/// So many rows an import has at most, unless told otherwise.
pub(super) const ROWS: usize = 150;
/// So many keys are read one by one, where not all are.
const SAMPLE: usize = 40;

/// Clients at rest.
pub(super) struct Clients(pub(super) Vec<Client>);

impl Clients {
    /// Three that work key by key, and one that imports.
    pub(super) fn new(run: &Run, random: &mut Random) -> Self {
        let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
        let work = [Work::Singly, Work::Singly, Work::Singly, Work::ByFile(ROWS)];
        Self(work.into_iter().map(|work| Client::new(work, random.branch(), nobody, run.patience)).collect())
    }

    /// Sets them to work, spread over these servers.
    pub(super) fn start(self, servers: &[SocketAddr]) -> Load {
        let (stop, acknowledged) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let servers = servers.iter().cycle().copied();
        let threads = self.0.into_iter().zip(servers).map(|(mut client, server)| {
            let (stop, acknowledged) = (Arc::clone(&stop), Arc::clone(&acknowledged));
            client.caller.aim(server);
            thread::spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    acknowledged.fetch_add(usize::from(client.step()), Ordering::SeqCst);
                }
                client
            })
        });
        let threads = threads.collect();
        Load { threads, stop, acknowledged }
    }

    /// Holds what they know against what the server shows: every acknowledged write is there, no import is there in
    /// part that must not be, nothing is there that nobody wrote, and what is listed is found, value and all.
    pub(super) fn check(&mut self, server: &Server, all: bool, counts: &mut Counts) -> HashMap<String, Kept> {
        let mut caller = Caller::new(server.control(), Duration::MAX);
        let kept = caller.list();
        let mut explained = 0;
        for client in &self.0 {
            let values = client.ledger.check(&kept);
            explained += kept.keys().filter(|value| values.contains(value.as_str())).count();
        }
        assert_eq!(explained, kept.len(), "keys are there that nobody made");
        let most = if all { kept.len() } else { SAMPLE };
        for (value, key) in kept.iter().take(most) {
            let target = format!("/apikeys/{}?includeValue=true", key.id);
            let found = caller.ask(&Request::get(&target)).expect(200);
            assert_eq!(
                (&text(&found, "value"), &Kept::of(&found)),
                (value, key),
                "listed one way, found another"
            );
        }
        counts.keys += kept.len();
        kept
    }

    /// Their counts, which begin anew.
    pub(super) fn take_counts(&mut self) -> Counts {
        let mut sum = Counts::default();
        self.0.iter_mut().for_each(|client| sum += std::mem::take(&mut client.caller.counts));
        sum
    }
}

/// Clients at work. When this is dropped, they stop.
pub(super) struct Load {
    threads: Vec<JoinHandle<Client>>,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
}

impl Load {
    /// How many writes were acknowledged since the start.
    pub(super) fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// Waits until so many more writes are acknowledged.
    ///
    /// # Panics
    /// When they are not, or a client saw what must not be.
    pub(super) fn wait_for(&mut self, more: usize) {
        let (wanted, deadline) = (self.acknowledged() + more, Instant::now() + PROGRESS_WITHIN);
        while self.acknowledged() < wanted {
            if let Some(place) = self.threads.iter().position(JoinHandle::is_finished) {
                ended(self.threads.swap_remove(place));
            }
            assert!(
                Instant::now() < deadline,
                "within {PROGRESS_WITHIN:?} fewer than {more} writes are acknowledged"
            );
            sleep(POLL);
        }
    }

    /// Lets every client end its call.
    pub(super) fn finish(mut self) -> Clients {
        self.stop.store(true, Ordering::SeqCst);
        Clients(self.threads.drain(..).map(ended).collect())
    }
}

fn ended(thread: JoinHandle<Client>) -> Client {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}
