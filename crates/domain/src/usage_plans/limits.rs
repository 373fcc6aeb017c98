//! How fast and how often.

use super::InvalidUsagePlan;
use crate::usage::Day;
use std::fmt;

/// Requests a second, as the caller wrote it: a finite number from 0 to a thousand million.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Rate(f64);

/// A token bucket. A limit that is not given does not limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Throttle {
    /// Tokens that come each second.
    pub rate: Option<Rate>,
    /// Tokens that the bucket can hold.
    pub burst: Option<u32>,
}

/// How often a key may call within each period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    limit: u32,
    offset: u8,
    period: Period,
}

/// What a quota is counted over, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// A day.
    Day,
    /// Seven days from a Monday, or the offset later.
    Week,
    /// A month from its first day, or the offset later.
    Month,
}

/// The quota of a plan as it was at the end of each day of late: what was left on a past day is told by the quota
/// of that day, however often it is changed afterwards.
///
/// It goes back for [`QuotaHistory::DAYS`] days; older days are taken to have had the oldest quota known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuotaHistory {
    /// Each from this day on; ascending. None at all: there never was a quota.
    changes: Vec<(Day, Option<Quota>)>,
}

impl Rate {
    /// Reads a number of requests a second.
    pub fn new(per_second: f64) -> Result<Self, InvalidUsagePlan> {
        // No number at all is in no range.
        if (0.0..=1e9).contains(&per_second) {
            Ok(Self(per_second + 0.0))
        } else {
            Err(InvalidUsagePlan::Rate)
        }
    }

    /// The number.
    #[must_use]
    pub fn per_second(self) -> f64 {
        self.0
    }
}

impl Throttle {
    /// A bucket from numbers as callers write them.
    pub fn new(rate: Option<f64>, burst: Option<i64>) -> Result<Self, InvalidUsagePlan> {
        Ok(Self { rate: rate.map(Rate::new).transpose()?, burst: burst.map(Self::burst).transpose()? })
    }

    /// A number of tokens as callers write it.
    pub fn burst(tokens: i64) -> Result<u32, InvalidUsagePlan> {
        number(tokens).ok_or(InvalidUsagePlan::Burst)
    }
}

impl Quota {
    /// A quota from numbers as callers write them. The offset is a day within the period: 0 for [`Period::Day`], up
    /// to 6 for [`Period::Week`] and up to 27 for [`Period::Month`].
    pub fn new(limit: i64, offset: i64, period: Period) -> Result<Self, InvalidUsagePlan> {
        let limit = number(limit).ok_or(InvalidUsagePlan::QuotaLimit)?;
        let offset = u8::try_from(offset).ok().filter(|offset| *offset <= period.most_offset());
        Ok(Self { limit, offset: offset.ok_or(InvalidUsagePlan::Offset(period))?, period })
    }

    /// Requests in each period.
    #[must_use]
    pub fn limit(self) -> u32 {
        self.limit
    }

    /// Days by which a period begins later.
    #[must_use]
    pub fn offset(self) -> u8 {
        self.offset
    }

    /// The period.
    #[must_use]
    pub fn period(self) -> Period {
        self.period
    }

    /// The first day of the period that holds a day, and the first of the next.
    #[must_use]
    pub fn period_of(self, day: Day) -> (Day, Day) {
        let offset = i32::from(self.offset);
        match self.period {
            Period::Day => (day, day.plus(1)),
            Period::Week => {
                let first = day.plus(-offset).monday().plus(offset);
                (first, first.plus(7))
            }
            Period::Month => {
                let first = day.plus(-offset).first_of_month();
                (first.plus(offset), first.first_of_next_month().plus(offset))
            }
        }
    }
}

impl Period {
    /// Reads `DAY`, `WEEK` or `MONTH`.
    pub fn parse(text: &str) -> Result<Self, InvalidUsagePlan> {
        match text {
            "DAY" => Ok(Self::Day),
            "WEEK" => Ok(Self::Week),
            "MONTH" => Ok(Self::Month),
            _ => Err(InvalidUsagePlan::Period(text.chars().take(64).collect())),
        }
    }

    fn most_offset(self) -> u8 {
        match self {
            Self::Day => 0,
            Self::Week => 6,
            Self::Month => 27,
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Day => "DAY",
            Self::Week => "WEEK",
            Self::Month => "MONTH",
        })
    }
}

impl QuotaHistory {
    /// For how many days a change is remembered: usage can be asked for over 90 days, of periods that began up to 31
    /// days before.
    pub const DAYS: i32 = 130;

    /// The history of a plan that is made today.
    #[must_use]
    pub fn starting(today: Day, quota: Option<Quota>) -> Self {
        Self { changes: vec![(today, quota)] }
    }

    /// A history that was kept; `None` unless its days ascend.
    #[must_use]
    pub fn of(changes: Vec<(Day, Option<Quota>)>) -> Option<Self> {
        changes.is_sorted_by(|(one, _), (next, _)| one < next).then_some(Self { changes })
    }

    /// Days and quotas, each from its day on; ascending.
    #[must_use]
    pub fn changes(&self) -> &[(Day, Option<Quota>)] {
        &self.changes
    }

    /// The quota now.
    #[must_use]
    pub fn current(&self) -> Option<Quota> {
        self.changes.last().and_then(|(_, quota)| *quota)
    }

    /// The quota at the end of a day.
    #[must_use]
    pub fn at_end_of(&self, day: Day) -> Option<Quota> {
        let from = self.changes.iter().rev().find(|(from, _)| *from <= day);
        from.or(self.changes.first()).and_then(|(_, quota)| *quota)
    }

    /// Changes the quota from today on.
    pub fn change(&mut self, today: Day, quota: Option<Quota>) {
        // A clock that went back changes the latest day.
        let today = self.changes.last().map_or(today, |(last, _)| today.max(*last));
        self.changes.retain(|(day, _)| *day != today);
        self.changes.push((today, quota));
        let oldest = today.plus(-Self::DAYS);
        let kept = self.changes.partition_point(|(day, _)| *day <= oldest).saturating_sub(1);
        self.changes.drain(..kept);
    }
}

pub(super) fn wrong_offset(period: Period) -> &'static str {
    match period {
        Period::Day => "Usage Plan quota offset must be zero in the DAY period",
        Period::Week => "Usage Plan quota offset must be between 0 and 6 inclusive in the WEEK period",
        Period::Month => "Usage Plan quota offset must be between 0 and 27 inclusive in the MONTH period",
    }
}

/// An integer as AWS's models have them.
fn number(number: i64) -> Option<u32> {
    i32::try_from(number).ok().and_then(|number| u32::try_from(number).ok())
}

#[cfg(test)]
mod tests;
