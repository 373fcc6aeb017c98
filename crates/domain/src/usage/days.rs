//! The days that usage is asked for.

use super::{Day, InvalidDay};
use crate::usage_plans::QuotaHistory;

/// From one day to another, both included; 1 to [`UsageDays::MOST`] of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageDays {
    first: Day,
    last: Day,
}

/// No days that usage can be asked for. The texts are ours: AWS's are not known.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUsageDays {
    /// One of the two is not given.
    #[error("Invalid dates specified: startDate and endDate are required")]
    Missing,
    /// One of the two is no day.
    #[error(transparent)]
    Day(#[from] InvalidDay),
    /// The last comes before the first.
    #[error("Invalid dates specified: endDate must not be before startDate")]
    Inverted,
    /// More than can be asked for at once.
    #[error("Invalid dates specified: usage can be asked for over at most 90 days")]
    TooMany,
}

impl UsageDays {
    /// The most days that usage can be asked for at once.
    pub const MOST: i32 = 90;

    /// Reads the first and the last day.
    pub fn parse(first: Option<&str>, last: Option<&str>) -> Result<Self, InvalidUsageDays> {
        let (Some(first), Some(last)) = (first, last) else {
            return Err(InvalidUsageDays::Missing);
        };
        let (first, last) = (Day::parse(first)?, Day::parse(last)?);
        match last.number() - first.number() {
            ..0 => Err(InvalidUsageDays::Inverted),
            Self::MOST.. => Err(InvalidUsageDays::TooMany),
            0..Self::MOST => Ok(Self { first, last }),
        }
    }

    /// One day alone.
    #[must_use]
    pub fn only(day: Day) -> Self {
        Self { first: day, last: day }
    }

    /// The first of them.
    #[must_use]
    pub fn first(self) -> Day {
        self.first
    }

    /// The last of them.
    #[must_use]
    pub fn last(self) -> Day {
        self.last
    }

    /// The day from which on counts are needed to tell what was left on these days: the beginning of the period that
    /// reaches back furthest, as the quotas of different days may have different periods. At most 31 days before the
    /// first.
    #[must_use]
    pub fn counted_from(self, quotas: &QuotaHistory) -> Day {
        let days = (self.first.number()..=self.last.number()).filter_map(Day::from_number);
        let begins = days.map(|day| quotas.at_end_of(day).map_or(day, |quota| quota.period_of(day).0));
        begins.min().unwrap_or(self.first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::{UsageOfDay, usage_by_day};
    use crate::usage_plans::{Period, Quota};
    use proptest::prelude::*;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    fn days(first: &str, last: &str) -> Result<UsageDays, InvalidUsageDays> {
        UsageDays::parse(Some(first), Some(last))
    }

    #[test]
    fn usage_is_asked_for_over_1_to_90_days() {
        let one = days("2026-09-01", "2026-09-01").unwrap();
        assert_eq!((one.first(), one.last()), (day("2026-09-01"), day("2026-09-01")));
        assert_eq!(one, UsageDays::only(day("2026-09-01")));
        // 30 days of September, 31 of October, 29 of November.
        assert!(days("2026-09-01", "2026-11-29").is_ok());
        assert_eq!(days("2026-09-01", "2026-11-30"), Err(InvalidUsageDays::TooMany));
        assert_eq!(days("1970-01-01", "9999-12-31"), Err(InvalidUsageDays::TooMany));
        assert_eq!(days("2026-09-02", "2026-09-01"), Err(InvalidUsageDays::Inverted));
        assert_eq!(days("9999-12-31", "1970-01-01"), Err(InvalidUsageDays::Inverted));
        assert_eq!(days("2026-09-01", "2026-09-31"), Err(InvalidUsageDays::Day(InvalidDay)));
        assert_eq!(UsageDays::parse(Some("2026-09-01"), None), Err(InvalidUsageDays::Missing));
        assert_eq!(UsageDays::parse(None, Some("2026-09-01")), Err(InvalidUsageDays::Missing));
    }

    #[test]
    fn counts_are_needed_from_the_beginning_of_the_widest_period_on() {
        let asked = days("2026-09-09", "2026-09-20").unwrap();
        let history =
            |period| QuotaHistory::starting(day("2026-01-01"), Some(Quota::new(1, 0, period).unwrap()));
        assert_eq!(asked.counted_from(&QuotaHistory::default()), day("2026-09-09"));
        assert_eq!(asked.counted_from(&history(Period::Day)), day("2026-09-09"));
        assert_eq!(asked.counted_from(&history(Period::Week)), day("2026-09-07"));
        assert_eq!(asked.counted_from(&history(Period::Month)), day("2026-09-01"));
        // Of the days asked for only the last has a quota that counts over a month.
        let mut changed = history(Period::Day);
        changed.change(day("2026-09-20"), Some(Quota::new(1, 19, Period::Month).unwrap()));
        assert_eq!(asked.counted_from(&changed), day("2026-09-09"));
        changed.change(day("2026-09-20"), Some(Quota::new(1, 27, Period::Month).unwrap()));
        assert_eq!(asked.counted_from(&changed), day("2026-08-28"));
    }

    fn quota() -> impl Strategy<Value = Option<Quota>> {
        let kinds = vec![(Period::Day, 0), (Period::Week, 6), (Period::Month, 27)];
        let quota = (prop::sample::select(kinds), 0..28_i64, 0..50_i64)
            .prop_map(|((period, most), by, limit)| Quota::new(limit, by.min(most), period).unwrap());
        prop::option::weighted(0.8, quota)
    }

    proptest! {
        /// What came before the day that is named makes no difference, however often the quota was changed.
        #[test]
        fn earlier_counts_are_not_needed(
            quotas in prop::collection::btree_map(0..200_i32, quota(), 0..5),
            counted in prop::collection::btree_map(0..200_i32, (0..10_u64, prop::option::of(-5..5_i64)), 0..60),
            first in 40..110_i32,
            more in 0..UsageDays::MOST,
        ) {
            let start = day("2026-01-15");
            let changes = quotas.into_iter().map(|(at, quota)| (start.plus(at), quota)).collect();
            let quotas = QuotaHistory::of(changes).unwrap();
            let all: Vec<_> = counted
                .into_iter()
                .map(|(at, (used, adjustment))| UsageOfDay { day: start.plus(at), used, adjustment })
                .collect();
            let days = UsageDays { first: start.plus(first), last: start.plus(first + more) };
            let from = days.counted_from(&quotas);
            prop_assert!(from <= days.first && days.first.number() - from.number() <= 31);
            let needed: Vec<_> = all.iter().copied().filter(|one| one.day >= from).collect();
            prop_assert_eq!(
                usage_by_day(&quotas, &needed, days.first, days.last),
                usage_by_day(&quotas, &all, days.first, days.last)
            );
        }
    }
}
