use super::*;
use crate::usage_plans::{Period, Quota};
use proptest::prelude::*;

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn quotas(limit: i64, period: Period) -> QuotaHistory {
    QuotaHistory::starting(day("2026-01-01"), Some(Quota::new(limit, 0, period).unwrap()))
}

fn used(on: &str, used: u64) -> UsageOfDay {
    UsageOfDay { day: day(on), used, adjustment: None }
}

fn pairs(shown: &[DayShown]) -> Vec<(u64, Option<u64>)> {
    shown.iter().map(|one| (one.used, one.remaining)).collect()
}

#[test]
fn a_day_is_ten_characters_from_1970_on() {
    for text in ["1970-01-01", "2024-02-29", "9999-12-31"] {
        assert_eq!(day(text).to_string(), text);
    }
    for wrong in [
        "",
        "2026-1-01",
        "2026-01-1",
        "2025-02-29",
        "2026-13-01",
        "1969-12-31",
        "+2026-01-01",
        "2026-01-01T",
        "2026/01/01",
        "２026-01-0",
        "-026-01-01",
    ] {
        assert_eq!(Day::parse(wrong), Err(InvalidDay), "{wrong}");
    }
    assert_eq!(Day::of(Timestamp::from_micros(86_399_999_999)), day("1970-01-01"));
    assert_eq!(Day::of(Timestamp::from_micros(86_400_000_000)), day("1970-01-02"));
    assert_eq!(Day::of(Timestamp::from_micros(i64::MIN)), day("1970-01-01"));
    assert_eq!(Day::of(Timestamp::from_micros(i64::MAX)), day("9999-12-31"));
}

/// The numbers of a real answer: what is left falls over the days of a month.
#[test]
fn what_is_left_falls_over_a_period() {
    let counted = [used("2026-09-01", 137), used("2026-09-02", 123), used("2026-09-03", 84)];
    let shown =
        usage_by_day(&quotas(1_000_000, Period::Month), &counted, day("2026-09-01"), day("2026-09-04"));
    let left = [(137, 999_863), (123, 999_740), (84, 999_656), (0, 999_656)];
    assert_eq!(pairs(&shown), left.map(|(used, left)| (used, Some(left))));
}

#[test]
fn a_period_begins_anew_and_never_shows_less_than_nothing() {
    let counted = [used("2026-09-06", 8), used("2026-09-07", 30), used("2026-09-08", 1)];
    let shown = usage_by_day(&quotas(10, Period::Week), &counted, day("2026-09-06"), day("2026-09-14"));
    // 2026-09-07 is a Monday.
    let left: Vec<_> = shown.iter().map(|one| one.remaining.unwrap()).collect();
    assert_eq!(left, [2, 0, 0, 0, 0, 0, 0, 0, 10]);
}

#[test]
fn usage_before_the_first_day_asked_for_counts_in_its_period() {
    let counted = [used("2026-09-01", 4), used("2026-09-10", 1)];
    let shown = usage_by_day(&quotas(10, Period::Month), &counted, day("2026-09-10"), day("2026-09-10"));
    assert_eq!(pairs(&shown), [(1, Some(5))]);
}

/// The sample of the guide: 5,000 left until an operator says 10.
#[test]
fn an_adjustment_shows_from_its_day_to_the_end_of_its_period() {
    let quotas = quotas(5_000, Period::Month);
    let adjustment = adjustment_for(&quotas, &[], day("2026-09-03"), 10);
    let counted = [UsageOfDay { day: day("2026-09-03"), used: 0, adjustment }];
    let shown = usage_by_day(&quotas, &counted, day("2026-09-01"), day("2026-09-04"));
    assert_eq!(pairs(&shown), [5_000, 5_000, 10, 10].map(|left| (0, Some(left))));
    assert_eq!(remaining(&quotas, &counted, day("2026-10-01")), Some(5_000));
}

#[test]
fn without_a_quota_nothing_is_left_to_tell() {
    let none = QuotaHistory::default();
    let shown = usage_by_day(&none, &[used("2026-09-01", 3)], day("2026-09-01"), day("2026-09-01"));
    assert_eq!(pairs(&shown), [(3, None)]);
    assert_eq!(adjustment_for(&none, &[], day("2026-09-01"), 5), None);
}

#[test]
fn a_later_quota_does_not_change_what_a_past_day_shows() {
    let mut quotas = quotas(10, Period::Month);
    quotas.change(day("2026-09-03"), Some(Quota::new(100, 0, Period::Month).unwrap()));
    let counted = [used("2026-09-01", 4), used("2026-09-03", 1)];
    let shown = usage_by_day(&quotas, &counted, day("2026-09-01"), day("2026-09-03"));
    assert_eq!(pairs(&shown), [(4, Some(6)), (0, Some(6)), (1, Some(95))]);
}

proptest! {
    /// Whatever was used before, what an operator says is what is left.
    #[test]
    fn an_adjustment_leaves_what_it_says(
        limit in 0..1_000_000_i64,
        before in prop::collection::vec((0..60_i32, 0..2_000_000_u64), 0..20),
        left in 0..u32::MAX,
        today in 0..60_i32,
        kind in prop::sample::select(vec![Period::Day, Period::Week, Period::Month]),
    ) {
        let start = day("2026-01-15");
        let quotas = QuotaHistory::starting(start, Some(Quota::new(limit, 0, kind).unwrap()));
        let days: std::collections::BTreeMap<_, _> = before.into_iter().collect();
        let mut counted: Vec<_> = days
            .into_iter()
            .filter(|(ago, _)| *ago <= today)
            .map(|(day, used)| UsageOfDay { day: start.plus(day), used, adjustment: None })
            .collect();
        let today = start.plus(today);
        let adjustment = adjustment_for(&quotas, &counted, today, left);
        match counted.last_mut().filter(|last| last.day == today) {
            Some(last) => last.adjustment = adjustment,
            None => counted.push(UsageOfDay { day: today, used: 0, adjustment }),
        }
        prop_assert_eq!(remaining(&quotas, &counted, today), Some(u64::from(left)));
    }
}
