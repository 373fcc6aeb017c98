//! How many lines strangers may write.
//!
//! Who is refused without having shown who he is chooses himself how often: a line for each time would let anybody fill
//! the disk, and hide among the lines. A host has [`LINES`] of them in a second; what goes beyond is counted, and told in
//! one line when the second is over. So nothing is left out of the sums.
//!
//! The host is what the line tells as its peer, but for IPv6, where it is the network of 64 bits. Only so many hosts are
//! told apart in a second ([`HOSTS`]): all further ones are counted together, as a flood from everywhere.

use super::AuditSink;
use crate::wire::peer::Peer;
use gatepost_domain::Timestamp;
use serde::Serialize;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::sleep;

/// Lines of one host in a second.
const LINES: u64 = 10;
/// Hosts that have lines of their own in a second.
const HOSTS: usize = 100;
/// How long a second is.
const SECOND: Duration = Duration::from_secs(1);

/// Counts the lines of strangers.
pub(super) struct Strangers {
    sink: Arc<dyn AuditSink>,
    second: Mutex<Second>,
}

/// What came since the first line of this second. None is whoever is on this machine.
#[derive(Default)]
struct Second {
    hosts: HashMap<Option<IpAddr>, Count>,
    others: Count,
}

#[derive(Default)]
struct Count {
    lines: u64,
    summed: u64,
    /// When the first and the last of the summed came.
    between: Option<(Timestamp, Timestamp)>,
}

/// What is written in place of many lines.
#[derive(Serialize)]
struct Sum {
    at: String,
    outcome: &'static str,
    requests: u64,
    since: String,
    peer: String,
}

impl Strangers {
    pub(super) fn new(sink: Arc<dyn AuditSink>) -> Arc<Self> {
        Arc::new(Self { sink, second: Mutex::default() })
    }

    /// Whether this stranger's line is written; else it is counted.
    pub(super) fn may_write(self: &Arc<Self>, peer: Peer, now: Timestamp) -> bool {
        // Where nothing runs any more nobody would end the second.
        let Ok(runtime) = Handle::try_current() else { return true };
        let mut second = self.second();
        let begins = second.hosts.is_empty();
        let may_write = second.of(peer.host()).may_write(now);
        drop(second);
        if begins {
            let strangers = Arc::clone(self);
            runtime.spawn(async move {
                sleep(SECOND).await;
                strangers.end_second();
            });
        }
        may_write
    }

    fn end_second(&self) {
        let Second { hosts, others } = std::mem::take(&mut *self.second());
        let hosts = hosts.into_iter().map(|(host, count)| (shown(host), count));
        for (peer, count) in hosts.chain([("others".to_owned(), others)]) {
            if let Some(sum) = count.sum(peer) {
                let mut line = serde_json::to_vec(&sum).expect("texts and numbers are JSON");
                line.push(b'\n');
                self.sink.write(&line);
            }
        }
    }

    fn second(&self) -> MutexGuard<'_, Second> {
        self.second.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of the server is the end of the second too.
impl Drop for Strangers {
    fn drop(&mut self) {
        self.end_second();
    }
}

impl Second {
    fn of(&mut self, host: Option<IpAddr>) -> &mut Count {
        if self.hosts.len() >= HOSTS && !self.hosts.contains_key(&host) {
            return &mut self.others;
        }
        self.hosts.entry(host).or_default()
    }
}

impl Count {
    fn may_write(&mut self, now: Timestamp) -> bool {
        if self.lines < LINES {
            self.lines += 1;
            return true;
        }
        self.summed += 1;
        let since = self.between.map_or(now, |(since, _)| since);
        self.between = Some((since, now));
        false
    }

    fn sum(self, peer: String) -> Option<Sum> {
        let (since, at) = self.between?;
        let (at, since) = (at.to_string(), since.to_string());
        Some(Sum { at, outcome: "summed", requests: self.summed, since, peer })
    }
}

fn shown(host: Option<IpAddr>) -> String {
    match host {
        Some(IpAddr::V6(network)) => format!("{network}/64"),
        Some(address) => address.to_string(),
        None => Peer::Unix.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Kept(Mutex<Vec<String>>);

    impl AuditSink for Kept {
        fn write(&self, line: &[u8]) {
            self.0.lock().unwrap().push(String::from_utf8(line.to_vec()).unwrap());
        }
    }

    impl Kept {
        fn taken(&self) -> Vec<String> {
            std::mem::take(&mut self.0.lock().unwrap())
        }
    }

    fn strangers() -> (Arc<Strangers>, Arc<Kept>) {
        let kept = Arc::new(Kept::default());
        (Strangers::new(kept.clone()), kept)
    }

    fn peer(text: &str) -> Peer {
        text.parse::<IpAddr>().unwrap().into()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros((1_800_000_000 + second) * 1_000_000)
    }

    fn written(strangers: &Arc<Strangers>, from: &str, times: u32) -> usize {
        (0..times).filter(|_| strangers.may_write(peer(from), at(0))).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_has_ten_lines_in_a_second_and_the_sum_of_the_others() {
        let (strangers, kept) = strangers();
        assert_eq!(written(&strangers, "192.0.2.7", 500), 10);
        assert!(!strangers.may_write(peer("::ffff:192.0.2.7"), at(3)));
        assert_eq!(written(&strangers, "192.0.2.8", 10), 10, "another one has its own");
        assert!(kept.taken().is_empty());
        sleep(SECOND * 2).await;
        let sum = "{\"at\":\"2027-01-15T08:00:03Z\",\"outcome\":\"summed\",\"requests\":491,\
                   \"since\":\"2027-01-15T08:00:00Z\",\"peer\":\"192.0.2.7\"}\n";
        assert_eq!(kept.taken(), [sum]);
        assert_eq!(written(&strangers, "192.0.2.7", 12), 10, "the next second is a new one");
        sleep(SECOND * 2).await;
        assert!(kept.taken()[0].contains("\"requests\":2,"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_of_ipv6_is_one_host() {
        let (strangers, kept) = strangers();
        for host in 0..30 {
            written(&strangers, &format!("2001:db8::{host:x}"), 1);
        }
        sleep(SECOND * 2).await;
        let sums = kept.taken();
        assert!(sums.len() == 1 && sums[0].contains("\"requests\":20,"), "{sums:?}");
        assert!(sums[0].contains("\"peer\":\"2001:db8::/64\""), "{sums:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_from_everywhere_has_few_lines_and_one_sum() {
        let (strangers, kept) = strangers();
        let written: usize = (0..1_000)
            .map(|host| written(&strangers, &format!("10.0.{}.{}", host / 250, host % 250), 1))
            .sum();
        assert_eq!(written, HOSTS + 10);
        sleep(SECOND * 2).await;
        let sums = kept.taken();
        let expected = 1_000 - written;
        assert!(sums.len() == 1 && sums[0].contains(&format!("\"requests\":{expected},")), "{sums:?}");
        assert!(sums[0].contains("\"peer\":\"others\""), "{sums:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_kept_of_a_host_once_its_second_is_over() {
        let (strangers, _) = strangers();
        written(&strangers, "192.0.2.7", 500);
        sleep(SECOND * 2).await;
        assert!(strangers.second().hosts.is_empty());
    }

    #[test]
    fn what_was_counted_is_told_at_the_end() {
        let (strangers, kept) = strangers();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { written(&strangers, "192.0.2.7", 15) });
        drop(strangers);
        assert!(kept.taken().is_empty());
        drop(runtime);
        assert!(kept.taken()[0].contains("\"requests\":5,"));
    }

    #[test]
    fn without_a_runtime_that_would_tell_the_sum_each_line_is_written() {
        let (strangers, _) = strangers();
        assert_eq!(written(&strangers, "192.0.2.7", 500), 500);
    }
}
