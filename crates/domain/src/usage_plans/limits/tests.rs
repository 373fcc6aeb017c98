use super::*;
use proptest::prelude::*;

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn quota(period: Period, offset: i64) -> Quota {
    Quota::new(100, offset, period).unwrap()
}

#[test]
fn rates_and_bursts_are_no_absurd_numbers() {
    assert_eq!(Rate::new(0.1).unwrap().per_second(), 0.1);
    assert!(Rate::new(-0.0).unwrap().per_second().is_sign_positive());
    for wrong in [-0.1, f64::NAN, f64::INFINITY, 1.1e9] {
        assert_eq!(Rate::new(wrong), Err(InvalidUsagePlan::Rate), "{wrong}");
    }
    assert_eq!(Throttle::burst(i64::from(i32::MAX)), Ok(2_147_483_647));
    for wrong in [-1, i64::from(i32::MAX) + 1, i64::MIN] {
        assert_eq!(Throttle::burst(wrong), Err(InvalidUsagePlan::Burst), "{wrong}");
        assert_eq!(Quota::new(wrong, 0, Period::Day), Err(InvalidUsagePlan::QuotaLimit), "{wrong}");
    }
}

#[test]
fn an_offset_is_a_day_of_its_period() {
    for (period, most, text) in [
        (Period::Day, 0, "Usage Plan quota offset must be zero in the DAY period"),
        (Period::Week, 6, "Usage Plan quota offset must be between 0 and 6 inclusive in the WEEK period"),
        (Period::Month, 27, "Usage Plan quota offset must be between 0 and 27 inclusive in the MONTH period"),
    ] {
        assert!(Quota::new(1, most, period).is_ok());
        for wrong in [-1, most + 1, 256, i64::MAX] {
            assert_eq!(Quota::new(1, wrong, period).unwrap_err().to_string(), text, "{wrong}");
        }
    }
}

#[test]
fn a_period_is_one_of_three() {
    for period in [Period::Day, Period::Week, Period::Month] {
        assert_eq!(Period::parse(&period.to_string()), Ok(period));
    }
    let wrong = Period::parse("day").unwrap_err().to_string();
    assert!(
        wrong.starts_with("1 validation error detected: Value 'day' at 'quota.period' failed"),
        "{wrong}"
    );
}

#[test]
fn periods_begin_on_the_day_their_offset_says() {
    let begin = |period, offset, on| quota(period, offset).period_of(day(on)).0.to_string();
    assert_eq!(begin(Period::Day, 0, "2026-11-23"), "2026-11-23");
    // 2026-11-23 is a Monday.
    assert_eq!(begin(Period::Week, 0, "2026-11-23"), "2026-11-23");
    assert_eq!(begin(Period::Week, 0, "2026-11-29"), "2026-11-23");
    assert_eq!(begin(Period::Week, 1, "2026-11-23"), "2026-11-17");
    assert_eq!(begin(Period::Month, 0, "2024-02-29"), "2024-02-01");
    assert_eq!(begin(Period::Month, 27, "2025-03-01"), "2025-02-28");
    assert_eq!(begin(Period::Month, 27, "2025-12-31"), "2025-12-28");
    assert_eq!(begin(Period::Month, 27, "2026-01-27"), "2025-12-28");
}

proptest! {
    #[test]
    fn the_periods_of_a_quota_tile_the_days(
        number in 40..100_000_i32,
        offset in 0..=27_i64,
        kind in prop::sample::select(vec![Period::Day, Period::Week, Period::Month]),
    ) {
        let quota = quota(kind, offset % (i64::from(kind.most_offset()) + 1));
        let day = Day::from_number(number).unwrap();
        let (first, next) = quota.period_of(day);
        prop_assert!(first <= day && day < next);
        let days = next.number() - first.number();
        match kind {
            Period::Day => prop_assert_eq!(days, 1),
            Period::Week => prop_assert_eq!(days, 7),
            Period::Month => prop_assert!((28..=31).contains(&days)),
        }
        // Every day of it says the same, and the day after begins the next.
        for other in (first.number()..next.number()).filter_map(Day::from_number) {
            prop_assert_eq!(quota.period_of(other), (first, next));
        }
        prop_assert_eq!(quota.period_of(next).0, next);
    }
}

#[test]
fn a_past_day_keeps_its_quota() {
    let (one, two) = (Some(quota(Period::Day, 0)), Some(quota(Period::Month, 3)));
    let mut history = QuotaHistory::starting(day("2026-01-10"), one);
    history.change(day("2026-01-20"), two);
    history.change(day("2026-01-20"), None);
    history.change(day("2026-01-30"), two);
    for (on, expected) in [
        ("2026-01-01", one),
        ("2026-01-19", one),
        ("2026-01-20", None),
        ("2026-01-29", None),
        ("2026-02-05", two),
    ] {
        assert_eq!(history.at_end_of(day(on)), expected, "{on}");
    }
    assert_eq!(history.current(), two);
    assert_eq!(QuotaHistory::default().at_end_of(day("2026-01-01")), None);
}

#[test]
fn a_history_goes_back_as_far_as_it_is_asked_for() {
    let mut history = QuotaHistory::starting(day("2020-01-01"), None);
    let today = day("2026-11-23");
    for ago in (0..1_000).rev() {
        history.change(today.plus(-ago), Some(Quota::new(i64::from(ago), 0, Period::Day).unwrap()));
    }
    let days = i64::from(QuotaHistory::DAYS);
    assert_eq!(i64::try_from(history.changes().len()).unwrap(), days + 1);
    assert_eq!(i64::from(history.at_end_of(today.plus(-QuotaHistory::DAYS)).unwrap().limit()), days);
}

#[test]
fn a_clock_that_went_back_changes_the_latest_day() {
    let mut history = QuotaHistory::starting(day("2026-01-10"), None);
    history.change(day("2026-01-05"), Some(quota(Period::Day, 0)));
    assert_eq!(history.changes(), [(day("2026-01-10"), Some(quota(Period::Day, 0)))]);
}

#[test]
fn only_ascending_days_are_a_history() {
    let (one, two) = ((day("2026-01-10"), None), (day("2026-01-11"), None));
    assert!(QuotaHistory::of(vec![one, two]).is_some() && QuotaHistory::of(vec![]).is_some());
    assert!(QuotaHistory::of(vec![two, one]).is_none() && QuotaHistory::of(vec![one, one]).is_none());
}
