//! Letting other processes write.
//!
//! SQLite has no queue of processes: one that waits to write tries again and again, and gets in if nobody writes just
//! then. Whoever began its next transaction at once would keep all others out. So a process that has written for a
//! while leaves a gap in which every other one tries: often and in proportion where others are, now and then where
//! none was noticed, because one that never gets in is never noticed.

use std::time::Duration;
use tokio::time::Instant;

/// The time between two attempts to begin. It does not grow: who waits long has the same chance in each gap.
pub(crate) const ATTEMPT: Duration = Duration::from_millis(3);

/// The shortest gap: others try in it more than once.
const GAP: Duration = Duration::from_millis(10);

/// No gap is longer; one attempt is all that the others need.
const LONGEST_GAP: Duration = Duration::from_millis(100);

/// Beside others, a gap is such a part of the time that was held before it.
const PART: u32 = 8;

/// So long this process writes without a gap where others are.
const BESIDE_OTHERS: Duration = Duration::from_millis(50);

/// And so long where none was noticed.
const ALONE: Duration = Duration::from_millis(500);

/// So long others count as there after they were noticed.
const REMEMBERED: Duration = Duration::from_secs(2);

pub(crate) struct Pace {
    /// A command works beside a server, for all that it knows.
    beside_server: bool,
    /// Written since the last gap, and since it was looked whether others write.
    held: Duration,
    unlooked: Duration,
    ended: Option<Instant>,
    data_version: Option<i64>,
    noticed: Option<Instant>,
}

impl Pace {
    pub(crate) fn new(beside_server: bool) -> Self {
        let (held, unlooked) = (Duration::ZERO, Duration::ZERO);
        Self { beside_server, held, unlooked, ended: None, data_version: None, noticed: None }
    }

    pub(crate) fn wrote(&mut self, began: Instant, ended: Instant) {
        let held = ended.saturating_duration_since(began);
        self.held += held;
        self.unlooked += held;
        self.ended = Some(ended);
    }

    /// Whether it is time to ask SQLite for its `data_version`.
    pub(crate) fn wants_to_look(&self) -> bool {
        !self.beside_server && (self.data_version.is_none() || self.unlooked >= BESIDE_OTHERS)
    }

    /// It differs from what it was when another connection has committed since.
    pub(crate) fn looked(&mut self, data_version: i64, now: Instant) {
        self.unlooked = Duration::ZERO;
        if self.data_version.replace(data_version).is_some_and(|known| known != data_version) {
            self.noticed = Some(now);
        }
    }

    /// How long to wait before the next transaction.
    pub(crate) fn gap(&mut self, now: Instant) -> Duration {
        let noticed = self.noticed.is_some_and(|at| now.saturating_duration_since(at) < REMEMBERED);
        let (most, gap) = if self.beside_server || noticed {
            (BESIDE_OTHERS, (self.held / PART).clamp(GAP, LONGEST_GAP))
        } else {
            (ALONE, GAP)
        };
        let idle = self.ended.map_or(Duration::MAX, |ended| now.saturating_duration_since(ended));
        let rest = gap.saturating_sub(idle);
        if rest.is_zero() || self.held >= most {
            self.held = Duration::ZERO;
            return rest;
        }
        Duration::ZERO
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a moment to count from")]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// The gaps after so many transactions of a length, each begun as soon as it may.
    fn gaps(pace: &mut Pace, now: &mut Instant, length: Duration, count: usize) -> Vec<Duration> {
        let one = |_| {
            pace.wrote(*now, *now + length);
            *now += length;
            let gap = pace.gap(*now);
            *now += gap;
            gap
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn beside_a_server_each_long_transaction_is_followed_by_a_gap_in_proportion() {
        let (mut pace, mut now) = (Pace::new(true), Instant::now());
        assert_eq!(gaps(&mut pace, &mut now, 160 * MS, 3), [20 * MS; 3]);
        assert_eq!(gaps(&mut pace, &mut now, 60_000 * MS, 1), [LONGEST_GAP]);
        assert_eq!(
            gaps(&mut pace, &mut now, 20 * MS, 4),
            [Duration::ZERO, Duration::ZERO, GAP, Duration::ZERO]
        );
    }

    #[test]
    fn alone_gaps_are_rare_until_another_process_is_noticed() {
        let (mut pace, mut now) = (Pace::new(false), Instant::now());
        let five = [Duration::ZERO, Duration::ZERO, Duration::ZERO, Duration::ZERO, GAP];
        assert!(pace.wants_to_look());
        pace.looked(1, now);
        assert_eq!(gaps(&mut pace, &mut now, 100 * MS, 5), five);
        assert!(pace.wants_to_look());
        pace.looked(1, now);
        assert_eq!(gaps(&mut pace, &mut now, 100 * MS, 5), five);
        pace.looked(2, now);
        assert_eq!(gaps(&mut pace, &mut now, 100 * MS, 2), [100 * MS / PART; 2]);
        now += REMEMBERED;
        assert_eq!(gaps(&mut pace, &mut now, 100 * MS, 5), five);
    }

    #[test]
    fn who_rests_on_its_own_leaves_no_further_gap() {
        let (mut pace, mut now) = (Pace::new(true), Instant::now());
        for _ in 0..10 {
            pace.wrote(now, now + 40 * MS);
            now += 40 * MS + GAP;
            assert_eq!(pace.gap(now), Duration::ZERO);
        }
    }
}
