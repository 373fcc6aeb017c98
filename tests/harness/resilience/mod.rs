//! What the product must survive: real processes, real PostgreSQL, and something that goes wrong.
//!
//! A scenario is a function of a [`Run`]: it brings about its fault, keeps clients busy meanwhile, and panics when a
//! promise is broken. What it counted, it answers. The suite runs each in a short form, the `soak` program in a long
//! one; both are the same function with other numbers.
//!
//! - [`kills`]: kill -9, of Gatepost and of PostgreSQL
//! - [`faults`]: everything that passes: restarts, cuts, locks, full disks
//! - [`concurrency`]: two requests at the same moment, through two replicas
//! - [`histories`]: what clients saw, held against what one key that nobody replicates could have shown
//!
//! How clients judge what they see is in `ledger`. A new scenario is a function in one of the four files, a test in
//! the suite's `resilience`, and a line in `soak`.

pub mod concurrency;
pub mod faults;
pub mod histories;
pub mod kills;
pub mod place;

mod caller;
mod client;
mod ledger;
mod load;
mod random;

use std::fmt;
use std::ops::AddAssign;
use std::sync::LazyLock;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

/// How much of a scenario is run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The product's binary.
    pub binary: String,
    /// What is random follows from it.
    pub seed: u64,
    /// How often.
    pub rounds: usize,
    /// How long a fault lasts that is there for a while.
    pub hold: Duration,
    /// How long a request may take.
    pub patience: Duration,
}

/// What happened in a scenario.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Rounds.
    pub rounds: usize,
    /// Calls that were answered with success.
    pub acknowledged: usize,
    /// Imports among them.
    pub imports: usize,
    /// Calls that were answered 503.
    pub unavailable: usize,
    /// Calls whose connection ended before an answer.
    pub cut: usize,
    /// Keys that were held against what was acknowledged.
    pub keys: usize,
    /// The longest time a single-key call took.
    pub slowest: Duration,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.rounds += other.rounds;
        self.acknowledged += other.acknowledged;
        self.imports += other.imports;
        self.unavailable += other.unavailable;
        self.cut += other.cut;
        self.keys += other.keys;
        self.slowest = self.slowest.max(other.slowest);
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, acknowledged, imports, unavailable, cut, keys, slowest } = self;
        write!(
            out,
            "{rounds} rounds, {acknowledged} calls acknowledged ({imports} imports), {unavailable} answered 503, \
             {cut} cut, {keys} keys checked, slowest call {slowest:.1?}"
        )
    }
}

/// Runs what is asynchronous in a scenario that is not.
pub fn block_on<F: Future>(future: F) -> F::Output {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime for the scenarios")
    });
    RUNTIME.block_on(future)
}
