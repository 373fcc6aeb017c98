//! Time as the product counts it.

use chrono::DateTime;
use std::fmt;

/// Microseconds since 1970-01-01T00:00:00Z. AWS shows whole seconds; the rest keeps listings in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// A moment from its microseconds since the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// The moment `micros` microseconds later.
    #[must_use]
    pub fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }
}

/// ISO 8601 in UTC with whole seconds, such as `2016-06-08T22:21:56Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_timestamp(self.seconds(), 0) {
            Some(moment) => write!(out, "{}", moment.format("%Y-%m-%dT%H:%M:%SZ")),
            None => write!(out, "{}", self.seconds()),
        }
    }
}

/// Where the present comes from. The server passes the system's clock, tests one that they move.
pub trait Clock: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_shown_in_whole_seconds_of_utc() {
        assert_eq!(Timestamp::from_micros(1_465_424_516_999_999).to_string(), "2016-06-08T22:21:56Z");
        assert_eq!(Timestamp::from_micros(-1).seconds(), -1);
        assert_eq!(Timestamp::from_micros(i64::MAX).to_string(), "9223372036854");
    }
}
