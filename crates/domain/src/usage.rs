//! What keys used of their plans: counted by UTC day, told against the quota of the day. `days` are those that can be
//! asked for, `patch` holds the change that UpdateUsage can make.

mod days;
mod patch;

pub use days::{InvalidUsageDays, UsageDays};
pub use patch::{InvalidUsagePatch, UsagePatch};

use crate::usage_plans::{Quota, QuotaHistory};
use chrono::{DateTime, Datelike, Days, Months, NaiveDate};
use std::fmt;

use crate::Timestamp;

/// A day in UTC, as days since 1970-01-01; within the years 1970 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

/// What one key used on one day, and what an operator gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageOfDay {
    /// The day.
    pub day: Day,
    /// Requests admitted on it.
    pub used: u64,
    /// What UpdateUsage last said on this day: by how much the rest of the running period is greater than its quota
    /// would have it, or smaller.
    pub adjustment: Option<i64>,
}

/// One day of a Usage document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayShown {
    /// Requests admitted on this day.
    pub used: u64,
    /// What was left of the period at the end of the day; `None` where there was no quota.
    pub remaining: Option<u64>,
}

/// The text is no day.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid date specified: must be a day from 1970 on, as YYYY-MM-DD")]
pub struct InvalidDay;

impl Day {
    const LAST: i32 = 2_932_896;

    /// Reads `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Result<Self, InvalidDay> {
        let shape =
            |(at, byte): (usize, u8)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() };
        if text.len() != 10 || !text.bytes().enumerate().all(shape) {
            return Err(InvalidDay);
        }
        let date: NaiveDate = text.parse().map_err(|_| InvalidDay)?;
        Self::from_number(date.to_epoch_days()).ok_or(InvalidDay)
    }

    /// The day of a moment.
    #[must_use]
    pub fn of(moment: Timestamp) -> Self {
        let days = moment.seconds().div_euclid(86_400);
        Self(i32::try_from(days).unwrap_or(if days < 0 { 0 } else { Self::LAST }).clamp(0, Self::LAST))
    }

    /// A day from the number that [`Day::number`] gave.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        (0..=Self::LAST).contains(&number).then_some(Self(number))
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub fn number(self) -> i32 {
        self.0
    }

    /// The day so many days later, or earlier; within the range of days.
    #[must_use]
    pub fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days).clamp(0, Self::LAST))
    }

    /// The Monday on this day or the last one before.
    pub(crate) fn monday(self) -> Self {
        // 1970-01-01 was a Thursday.
        Self(self.0 - (self.0 + 3).rem_euclid(7))
    }

    pub(crate) fn first_of_month(self) -> Self {
        self.plus(1 - i32::try_from(self.date().day()).unwrap_or(1))
    }

    pub(crate) fn first_of_next_month(self) -> Self {
        let next = self.first_of_month().date().checked_add_months(Months::new(1));
        next.and_then(|date| Self::from_number(date.to_epoch_days())).unwrap_or(Self(Self::LAST))
    }

    fn date(self) -> NaiveDate {
        let days = u64::try_from(self.0).unwrap_or_default();
        DateTime::UNIX_EPOCH.date_naive().checked_add_days(Days::new(days)).unwrap_or(NaiveDate::MAX)
    }
}

/// `YYYY-MM-DD`.
impl fmt::Display for Day {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.date().format("%Y-%m-%d"))
    }
}

/// The days from `first` to `last`, both included, told from what was counted: `counted` holds the days with anything
/// to tell, ascending, from the beginning of the period that holds `first` on.
#[must_use]
pub fn usage_by_day(quotas: &QuotaHistory, counted: &[UsageOfDay], first: Day, last: Day) -> Vec<DayShown> {
    let days = first.number()..=last.number();
    days.filter_map(Day::from_number)
        .map(|day| {
            let used = counted.binary_search_by_key(&day, |one| one.day).map_or(0, |at| counted[at].used);
            DayShown { used, remaining: remaining(quotas, counted, day) }
        })
        .collect()
}

/// What is left of the period at the end of a day.
#[must_use]
pub fn remaining(quotas: &QuotaHistory, counted: &[UsageOfDay], day: Day) -> Option<u64> {
    let quota = quotas.at_end_of(day)?;
    let period = period_until(quota, counted, day);
    let adjustment = period.iter().rev().find_map(|one| one.adjustment).unwrap_or_default();
    let left = i128::from(quota.limit()) + i128::from(adjustment);
    let used: i128 = period.iter().map(|one| i128::from(one.used)).sum();
    Some(u64::try_from((left - used).max(0)).unwrap_or(u64::MAX))
}

/// The adjustment that makes `remaining` what is left now, on `today`; `None` where there is no quota.
#[must_use]
pub fn adjustment_for(
    quotas: &QuotaHistory,
    counted: &[UsageOfDay],
    today: Day,
    remaining: u32,
) -> Option<i64> {
    let quota = quotas.at_end_of(today)?;
    let used: u64 = period_until(quota, counted, today).iter().map(|one| one.used).sum();
    let used = i64::try_from(used).unwrap_or(i64::MAX);
    Some(i64::from(remaining).saturating_sub(i64::from(quota.limit())).saturating_add(used))
}

/// What was counted from the beginning of the period that holds a day to its end.
fn period_until(quota: Quota, counted: &[UsageOfDay], day: Day) -> &[UsageOfDay] {
    let (begin, _) = quota.period_of(day);
    let from = counted.partition_point(|one| one.day < begin);
    let to = counted.partition_point(|one| one.day <= day);
    &counted[from..to]
}

#[cfg(test)]
mod tests;
