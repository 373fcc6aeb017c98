//! An open loop: requests leave at fixed times, whether or not earlier ones were answered.
//!
//! A latency counts from the time a request *should* have been sent. A server that stalls therefore delays every
//! request of the stall in the figures, not only the one that was in flight (no coordinated omission).

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::load::connection::Connection;

/// Connections the requests are spread over, so that a slow answer does not hold back the next request.
pub(crate) const CONNECTIONS: u32 = 16;

/// When a request was due, and how long after that its answer was complete.
pub(crate) type Sample = (Instant, Duration);

/// Sends `requests` in turn, `rate` a second, until `stop` is set.
///
/// With as many requests as there are connections, or a multiple, none of them is ever sent while it is under way.
pub(crate) fn run(
    address: SocketAddr,
    requests: &[Vec<u8>],
    rate: u32,
    stop: &AtomicBool,
) -> Result<Vec<Sample>, Failure> {
    let interval = Duration::from_secs(1) / rate;
    let start = Instant::now() + interval;
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..CONNECTIONS)
            .map(|lane| {
                let turns = requests.iter().cycle().skip(lane as usize).step_by(CONNECTIONS as usize);
                scope.spawn(move || drive(address, turns, start + interval * lane, interval, stop))
            })
            .collect();
        let mut samples = Vec::new();
        for lane in lanes {
            samples.extend(lane.join().map_err(|_| Failure::new("the open loop panicked"))??);
        }
        Ok(samples)
    })
}

fn drive<'load>(
    address: SocketAddr,
    turns: impl Iterator<Item = &'load Vec<u8>>,
    start: Instant,
    interval: Duration,
    stop: &AtomicBool,
) -> Result<Vec<Sample>, Failure> {
    let mut connection = Connection::open(address)?;
    let (mut samples, mut due) = (Vec::new(), start);
    for request in turns {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        connection.exchange(request)?.expect(200)?;
        samples.push((due, due.elapsed()));
        due += interval * CONNECTIONS;
    }
    Ok(samples)
}

/// The duration that `share` (0 to 1) of the samples do not exceed.
pub(crate) fn percentile(samples: &mut [Duration], share: f64) -> Option<Duration> {
    samples.sort_unstable();
    let rank = (samples.len() as f64 * share).ceil() as usize;
    samples.get(rank.max(1) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_99th_percentile_of_100_samples_is_the_second_longest() {
        let mut samples: Vec<_> = (1..=100).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&mut samples, 0.99), Some(Duration::from_millis(99)));
        assert_eq!(percentile(&mut [], 0.99), None);
    }
}
