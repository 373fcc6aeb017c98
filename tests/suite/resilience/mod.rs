//! What the product survives: the short forms. The `soak` program runs the same scenarios for longer.

mod concurrency;
mod faults;
mod histories;
mod kills;
mod refusals;

use std::time::Duration;

use integration_tests::resilience::Run;

use crate::BINARY;

/// So many rounds of a scenario, and faults a little longer than a request may take. Requests may take longer than in
/// the long form, because the other tests keep the machine busy.
fn run(rounds: usize) -> Run {
    let (hold, patience) = (Duration::from_millis(4_800), Duration::from_secs(12));
    Run { binary: BINARY.to_owned(), seed: 1, rounds, hold, patience }
}

/// The same with shorter faults, where longer ones show nothing more.
fn brief(rounds: usize) -> Run {
    Run { hold: Duration::from_secs(1), ..run(rounds) }
}
