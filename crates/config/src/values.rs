//! From text to values: numbers, sizes, durations, addresses. A section adds what only it knows.

use std::fmt::Display;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

/// What is wrong with a text, and what would be right.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) problem: &'static str,
    pub(crate) allowed: String,
}

/// 1 KiB.
pub(crate) const KIB: u64 = 1 << 10;
/// 1 MiB.
pub(crate) const MIB: u64 = 1 << 20;
/// 1 GiB.
pub(crate) const GIB: u64 = 1 << 30;

/// A whole number within a range.
pub(crate) fn whole(range: RangeInclusive<u64>) -> impl Fn(&str) -> Result<u64, Wrong> {
    move |text| {
        let allowed = || span(range.start(), range.end());
        let number =
            digits(text).ok_or_else(|| Wrong { problem: "is not a whole number", allowed: allowed() })?;
        within(number, &range, allowed)
    }
}

/// A number within a range.
pub(crate) fn decimal(range: RangeInclusive<f64>) -> impl Fn(&str) -> Result<f64, Wrong> {
    move |text| {
        let allowed = || span(range.start(), range.end());
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
        let number = number.ok_or_else(|| Wrong { problem: "is not a number", allowed: allowed() })?;
        within(number, &range, allowed)
    }
}

/// A count of bytes within a range: `4096`, `4KiB`, `256MiB`, `1GiB`.
pub(crate) fn size(range: RangeInclusive<u64>) -> impl Fn(&str) -> Result<u64, Wrong> {
    const UNITS: [(&str, u64); 4] = [("KiB", KIB), ("MiB", MIB), ("GiB", GIB), ("", 1)];
    move |text| {
        let allowed = || {
            let span = span(size_text(*range.start()), size_text(*range.end()));
            format!("{span}, in bytes or with KiB, MiB or GiB")
        };
        let bytes =
            scaled(text, &UNITS).ok_or_else(|| Wrong { problem: "is not a size", allowed: allowed() })?;
        within(bytes, &range, allowed)
    }
}

/// A duration within a range: `500ms`, `10s`, `10m`, `1h`.
pub(crate) fn duration(range: RangeInclusive<Duration>) -> impl Fn(&str) -> Result<Duration, Wrong> {
    const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
    move |text| {
        let allowed = || {
            let span = span(duration_text(*range.start()), duration_text(*range.end()));
            format!("{span}, with ms, s, m or h")
        };
        let millis =
            scaled(text, &UNITS).ok_or_else(|| Wrong { problem: "is not a duration", allowed: allowed() })?;
        within(Duration::from_millis(millis), &range, allowed)
    }
}

/// On or off.
pub(crate) fn switch(text: &str) -> Result<bool, Wrong> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Wrong { problem: "is neither true nor false", allowed: "true or false".to_owned() }),
    }
}

/// An address to listen on. Names other than `localhost` would need a resolver, and may change.
pub(crate) fn listen(text: &str) -> Result<SocketAddr, Wrong> {
    let localhost =
        text.strip_prefix("localhost:").filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    let address = match localhost {
        Some(port) => port.parse().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port))).ok(),
        None => text.parse().ok(),
    };
    address.ok_or_else(|| Wrong {
        problem: "is not an address to listen on",
        allowed: "IP:PORT, such as 127.0.0.1:8080, [::1]:8080 or localhost:8080".to_owned(),
    })
}

/// One of a few words.
pub(crate) fn word<T: Copy>(words: &'static [(&'static str, T)]) -> impl Fn(&str) -> Result<T, Wrong> {
    move |text| {
        words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| Wrong {
            problem: "is not supported",
            allowed: words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(" or "),
        })
    }
}

/// A size as it would be written.
pub(crate) fn size_text(bytes: u64) -> String {
    let unit = [("GiB", GIB), ("MiB", MIB), ("KiB", KIB)]
        .into_iter()
        .find(|(_, unit)| bytes > 0 && bytes.is_multiple_of(*unit));
    unit.map_or_else(|| bytes.to_string(), |(name, unit)| format!("{}{name}", bytes / unit))
}

fn duration_text(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        0 => "0s".to_owned(),
        _ if millis.is_multiple_of(3_600_000) => format!("{}h", millis / 3_600_000),
        _ if millis.is_multiple_of(1_000) => format!("{}s", millis / 1_000),
        _ => format!("{millis}ms"),
    }
}

fn span(first: impl Display, last: impl Display) -> String {
    format!("{first} to {last}")
}

fn within<T: PartialOrd>(
    value: T,
    range: &RangeInclusive<T>,
    allowed: impl Fn() -> String,
) -> Result<T, Wrong> {
    if range.contains(&value) {
        Ok(value)
    } else {
        Err(Wrong { problem: "is out of range", allowed: allowed() })
    }
}

/// Digits only: no sign, no space. A number too large for the type is the largest, which no range allows.
fn digits(text: &str) -> Option<u64> {
    let all_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| text.parse().unwrap_or(u64::MAX))
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    units.iter().find_map(|(unit, factor)| Some(digits(text.strip_suffix(unit)?)?.saturating_mul(*factor)))
}
