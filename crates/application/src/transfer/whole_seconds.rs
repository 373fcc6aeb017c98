//! Dates as the API of AWS shows them.

use gatepost_domain::Timestamp;

/// Gives the keys of a listing, which comes newest first with dates in whole seconds, microseconds that keep its order.
#[derive(Debug, Default)]
pub struct WholeSeconds {
    last: Option<i64>,
}

impl WholeSeconds {
    /// The dates of the next key, within their seconds; `None` when they are out of all range.
    pub fn next(&mut self, created: i64, updated: i64) -> Option<(Timestamp, Timestamp)> {
        let micros = |seconds: i64| seconds.checked_mul(1_000_000);
        let earliest = micros(created)?;
        let latest = earliest.checked_add(999_999)?;
        let at = self.last.map_or(latest, |last| latest.min(last.saturating_sub(1))).max(earliest);
        self.last = Some(at);
        // A key that was not changed since keeps one date for both.
        let updated = if updated == created { at } else { micros(updated)? };
        Some((Timestamp::from_micros(at), Timestamp::from_micros(updated)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_one_second_keep_the_order_of_the_listing() {
        let mut seconds = WholeSeconds::default();
        let mut next = |created: i64, updated: i64| {
            let (created, updated) = seconds.next(created, updated).expect("dates of our time");
            (created.micros(), updated.micros())
        };
        assert_eq!(next(7, 7), (7_999_999, 7_999_999));
        assert_eq!(next(7, 9), (7_999_998, 9_000_000));
        assert_eq!(next(3, 3), (3_999_999, 3_999_999));
        assert_eq!(next(8, 8), (8_000_000, 8_000_000), "a second listing keeps its seconds at least");
        assert_eq!(seconds.next(i64::MAX, 0), None);
        assert_eq!(seconds.next(0, i64::MAX), None);
    }
}
