//! Moments: `20150830T123600Z`, and how far from the present they may be.

use chrono::{DateTime, Datelike, NaiveDate, Timelike};
use std::fmt;

/// How far the client's clock and ours may differ, in seconds.
pub const MOST_SKEW: u32 = 5 * 60;

/// The longest that a presigned URL may be good, in seconds.
pub const LONGEST_EXPIRY: u32 = 7 * 24 * 60 * 60;

/// A moment in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// A moment from its seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0
    }

    /// Reads ISO 8601's basic format in UTC, `20150830T123600Z`, and nothing else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (day, time) = text.split_once('T')?;
        let time: &[u8; 6] = time.strip_suffix('Z')?.as_bytes().try_into().ok()?;
        let day = day_of(day)?;
        let moment = day.and_hms_opt(number(&time[..2])?, number(&time[2..4])?, number(&time[4..])?)?;
        Some(Self(moment.and_utc().timestamp()))
    }

    /// The first moment of a day, `20150830`.
    pub(crate) fn parse_day(text: &str) -> Option<Self> {
        Some(Self(day_of(text)?.and_hms_opt(0, 0, 0)?.and_utc().timestamp()))
    }

    /// Reads the header `Date`: an HTTP date, or the basic format there.
    pub(crate) fn parse_date_header(text: &str) -> Option<Self> {
        Self::parse(text)
            .or_else(|| DateTime::parse_from_rfc2822(text).ok().map(|moment| Self(moment.timestamp())))
    }

    /// `YYYYMMDD`.
    pub(crate) fn day(self) -> String {
        self.to_string().chars().take(8).collect()
    }

    pub(crate) fn minus(self, seconds: u32) -> Self {
        Self(self.0.saturating_sub(i64::from(seconds)))
    }

    pub(crate) fn plus(self, seconds: u32) -> Self {
        Self(self.0.saturating_add(i64::from(seconds)))
    }
}

/// ISO 8601's basic format in UTC.
impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_timestamp(self.0, 0) {
            // By hand: chrono reads a format anew each time, and every verification writes a moment.
            Some(moment) => write!(
                out,
                "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
                moment.year(),
                moment.month(),
                moment.day(),
                moment.hour(),
                moment.minute(),
                moment.second()
            ),
            None => write!(out, "{}", self.0),
        }
    }
}

fn day_of(text: &str) -> Option<NaiveDate> {
    let text: &[u8; 8] = text.as_bytes().try_into().ok()?;
    let year = i32::try_from(number(&text[..4])?).ok()?;
    NaiveDate::from_ymd_opt(year, number(&text[4..6])?, number(&text[6..])?)
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_basic_format_is_read_and_written() {
        let moment = Timestamp::parse("20150830T123600Z").unwrap();
        assert_eq!((moment.seconds(), moment.to_string()), (1_440_938_160, "20150830T123600Z".to_owned()));
        assert_eq!(moment.day(), "20150830");
        assert_eq!(Timestamp::parse("20240229T235959Z").unwrap().seconds(), 1_709_251_199);
    }

    #[test]
    fn nothing_else_is_a_moment() {
        for text in [
            "",
            "20150830",
            "20150830T123600",
            "20150830T123600z",
            "20150830 123600Z",
            "20150830T123600Z ",
            "+2150830T123600Z",
            "20150230T123600Z",
            "20230229T000000Z",
            "20150830T240000Z",
            "20150830T126000Z",
            "20150830T123660Z",
            "2015-08-30T12:36:00Z",
            "2015083٠T12360Z",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_date_header_is_an_http_date_or_the_basic_format() {
        let moment = Timestamp::parse("20150830T123600Z");
        for text in ["Sun, 30 Aug 2015 12:36:00 GMT", "Sun, 30 Aug 2015 12:36:00 -0000", "20150830T123600Z"] {
            assert_eq!(Timestamp::parse_date_header(text), moment, "{text}");
        }
        for text in ["", "Mon, 30 Aug 2015 12:36:00 GMT", "yesterday", "2015-08-30"] {
            assert_eq!(Timestamp::parse_date_header(text), None, "{text}");
        }
    }
}
