//! What is told of usage, and set, over the in-memory storage. Requests are counted as replicas will: in batches.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Place, caller, stranger};
use gatepost_application::usage::{GetUsage, ShownUsage};
use gatepost_application::usage_plan_keys::CreateUsagePlanKey;
use gatepost_application::{AppError, Caller, ErrorKind};
use gatepost_domain::api_keys::{ApiKeyId, ApiKeyPosition, PatchOperation};
use gatepost_domain::usage::{Day, UsageDays};
use gatepost_domain::usage_plans::UsagePlanId;
use gatepost_domain::{PageLimit, PageRequest};
use gatepost_storage::{Incarnation, UsageCount, UsagePlanKey};

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

impl Place {
    async fn attach(&self, plan: &str, key: &str) {
        let input = CreateUsagePlanKey { key: Some(key.to_owned()), key_type: Some("API_KEY".to_owned()) };
        self.app.create_usage_plan_key(caller(), plan, input, false).await.unwrap();
    }

    /// A key in a plan.
    async fn attached(&self, plan: &str) -> String {
        let key = self.key().await;
        self.attach(plan, &key).await;
        key
    }

    /// Counts requests as the `number`th batch.
    async fn count(&self, number: u64, plan: &str, key: &str, days: &[(&str, u64)]) {
        let link =
            UsagePlanKey { plan: UsagePlanId::parse(plan).unwrap(), key: ApiKeyId::parse(key).unwrap() };
        let count = |(on, requests): &(&str, u64)| UsageCount {
            account: caller().account,
            link: link.clone(),
            day: day(on),
            requests: *requests,
        };
        let counts: Vec<_> = days.iter().map(count).collect();
        self.app.storage.usage_meter().count(Incarnation([7; 16]), number, &counts).await.unwrap();
    }

    async fn ask(
        &self,
        caller: Caller,
        plan: &str,
        days: (&str, &str),
        key: Option<&str>,
        page: PageRequest<ApiKeyPosition>,
    ) -> Result<ShownUsage, AppError> {
        let days = UsageDays::parse(Some(days.0), Some(days.1)).unwrap();
        self.app.get_usage(caller, GetUsage { plan, days, key, page }).await
    }

    async fn usage(&self, plan: &str, first: &str, last: &str) -> Vec<(String, Vec<(u64, i64)>)> {
        pairs(&self.ask(caller(), plan, (first, last), None, first_page()).await.unwrap())
    }

    async fn set(&self, plan: &str, key: &str, remaining: &str) -> Result<ShownUsage, AppError> {
        let operation =
            PatchOperation { op: Some("replace"), path: Some("/remaining"), value: Some(remaining) };
        self.app.update_usage(caller(), plan, key, &[operation]).await
    }
}

fn first_page() -> PageRequest<ApiKeyPosition> {
    PageRequest { after: None, limit: PageLimit::MAX }
}

fn pairs(usage: &ShownUsage) -> Vec<(String, Vec<(u64, i64)>)> {
    let day = |day: &gatepost_domain::usage::DayShown| {
        (day.used, day.remaining.map_or(-1, |left| i64::try_from(left).unwrap()))
    };
    let of = |(key, days): &(ApiKeyId, Vec<_>)| (key.to_string(), days.iter().map(day).collect());
    usage.keys.iter().map(of).collect()
}

fn refusal<T>(outcome: Result<T, AppError>) -> (ErrorKind, String) {
    let Err(error) = outcome else { panic!("a refusal") };
    (error.kind(), error.message().to_owned())
}

#[tokio::test]
async fn each_key_has_a_pair_a_day_newest_key_first() {
    let place = Place::new();
    place.clock.set(day("2026-09-01"));
    let plan = place.plan(Some((1_000_000, "MONTH"))).await;
    let (first, second) = (place.attached(&plan).await, place.attached(&plan).await);
    place.count(1, &plan, &first, &[("2026-09-01", 137), ("2026-09-02", 123), ("2026-09-03", 84)]).await;
    let full = (0, 1_000_000);
    let expected =
        [(second, vec![full, full, full]), (first, vec![(137, 999_863), (123, 999_740), (84, 999_656)])];
    assert_eq!(place.usage(&plan, "2026-09-01", "2026-09-03").await, expected);
}

#[tokio::test]
async fn what_was_used_before_the_first_day_counts_in_its_period() {
    let place = Place::new();
    place.clock.set(day("2026-08-01"));
    let plan = place.plan(Some((100, "MONTH"))).await;
    let key = place.attached(&plan).await;
    place.count(1, &plan, &key, &[("2026-08-31", 50), ("2026-09-01", 7), ("2026-09-30", 1)]).await;
    assert_eq!(place.usage(&plan, "2026-09-30", "2026-09-30").await, [(key.clone(), vec![(1, 92)])]);
    let around = place.usage(&plan, "2026-08-31", "2026-09-01").await;
    assert_eq!(around, [(key, vec![(50, 50), (7, 93)])], "a period begins anew");
}

#[tokio::test]
async fn without_a_quota_there_is_nothing_left_to_tell() {
    let place = Place::new();
    let plan = place.plan(None).await;
    let key = place.attached(&plan).await;
    place.count(1, &plan, &key, &[("2026-09-01", 3)]).await;
    assert_eq!(place.usage(&plan, "2026-09-01", "2026-09-02").await, [(key, vec![(3, -1), (0, -1)])]);
}

#[tokio::test]
async fn what_is_counted_of_a_key_elsewhere_or_out_of_the_plan_is_not_told() {
    let place = Place::new();
    let (plan, other) = (place.plan(Some((10, "DAY"))).await, place.plan(Some((10, "DAY"))).await);
    let key = place.attached(&plan).await;
    let gone = place.attached(&plan).await;
    place.attach(&other, &key).await;
    place.count(1, &other, &key, &[("2026-09-01", 4)]).await;
    place.count(2, &plan, &gone, &[("2026-09-01", 5)]).await;
    place.app.delete_usage_plan_key(caller(), &plan, &gone).await.unwrap();
    assert_eq!(place.usage(&plan, "2026-09-01", "2026-09-01").await, [(key.clone(), vec![(0, 10)])]);
    // It is kept, and told again when the key is back.
    place.attach(&plan, &gone).await;
    let both = [(gone, vec![(5, 5)]), (key, vec![(0, 10)])];
    assert_eq!(place.usage(&plan, "2026-09-01", "2026-09-01").await, both);
}

#[tokio::test]
async fn usage_comes_in_pages_of_keys() {
    let place = Place::new();
    let plan = place.plan(None).await;
    let mut keys = Vec::new();
    for _ in 0..5 {
        keys.push(place.attached(&plan).await);
    }
    keys.reverse();
    let mut page = PageRequest { after: None, limit: PageLimit::or_default(2) };
    let mut seen = Vec::new();
    loop {
        let shown =
            place.ask(caller(), &plan, ("2026-09-01", "2026-09-01"), None, page.clone()).await.unwrap();
        seen.push(shown.keys.iter().map(|(key, _)| key.to_string()).collect::<Vec<_>>());
        page.after = shown.next;
        if page.after.is_none() {
            break;
        }
    }
    assert_eq!(seen.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
    assert_eq!(seen.concat(), keys);
}

#[tokio::test]
async fn one_key_of_the_plan_may_be_asked_for() {
    let place = Place::new();
    let plan = place.plan(None).await;
    let (key, _) = (place.attached(&plan).await, place.attached(&plan).await);
    let outside = place.key().await;
    let days = ("2026-09-01", "2026-09-01");
    let one = place.ask(caller(), &plan, days, Some(&key), first_page()).await.unwrap();
    assert_eq!((pairs(&one), one.next), (vec![(key.clone(), vec![(0, -1)])], None));
    let no_key = (ErrorKind::NotFound, "Invalid Key identifier specified".to_owned());
    for unknown in [&*outside, "unknown", "no key"] {
        assert_eq!(refusal(place.ask(caller(), &plan, days, Some(unknown), first_page()).await), no_key);
        assert_eq!(refusal(place.set(&plan, unknown, "1").await), no_key);
    }
    let no_plan = (ErrorKind::NotFound, "Invalid Usage Plan ID specified".to_owned());
    for unknown in ["unknown", "no plan"] {
        assert_eq!(refusal(place.ask(caller(), unknown, days, None, first_page()).await), no_plan);
        assert_eq!(refusal(place.set(unknown, &key, "1").await), no_plan);
    }
    assert_eq!(refusal(place.ask(stranger(), &plan, days, None, first_page()).await), no_plan);
}

#[tokio::test]
async fn a_later_quota_leaves_past_days_as_they_were() {
    let place = Place::new();
    place.clock.set(day("2026-09-01"));
    let plan = place.plan(Some((10, "MONTH"))).await;
    let key = place.attached(&plan).await;
    place.count(1, &plan, &key, &[("2026-09-01", 4)]).await;
    place.clock.set(day("2026-09-03"));
    let limit = PatchOperation { op: Some("replace"), path: Some("/quota/limit"), value: Some("100") };
    place.app.update_usage_plan(caller(), &plan, &[limit], |_| unreachable!()).await.unwrap();
    let shown = place.usage(&plan, "2026-09-01", "2026-09-03").await;
    assert_eq!(shown, [(key, vec![(4, 6), (0, 6), (0, 96)])]);
}

/// The sample of the guide: 5,000 a month, until an operator says 10 on the third day.
#[tokio::test]
async fn what_an_operator_sets_shows_from_its_day_to_the_end_of_the_period() {
    let place = Place::new();
    place.clock.set(day("2026-09-01"));
    let plan = place.plan(Some((5_000, "MONTH"))).await;
    let key = place.attached(&plan).await;
    place.count(1, &plan, &key, &[("2026-09-01", 20), ("2026-09-03", 5)]).await;
    place.clock.set(day("2026-09-03"));
    let shown = place.set(&plan, &key, "10").await.unwrap();
    assert_eq!(
        (shown.days, pairs(&shown)),
        (UsageDays::only(day("2026-09-03")), vec![(key.clone(), vec![(5, 10)])])
    );
    place.count(2, &plan, &key, &[("2026-09-03", 3), ("2026-09-04", 9)]).await;
    let month = place.usage(&plan, "2026-09-01", "2026-09-04").await;
    assert_eq!(month, [(key.clone(), vec![(20, 4_980), (0, 4_980), (8, 7), (9, 0)])]);
    let next = place.usage(&plan, "2026-09-30", "2026-10-01").await;
    assert_eq!(next, [(key, vec![(0, 0), (0, 5_000)])], "the next period has all of its quota");
}

#[tokio::test]
async fn of_several_settings_the_last_stays() {
    let place = Place::new();
    let plan = place.plan(Some((10, "DAY"))).await;
    let key = place.attached(&plan).await;
    let set = |value| PatchOperation { op: Some("replace"), path: Some("/remaining"), value: Some(value) };
    let twice = place.app.update_usage(caller(), &plan, &key, &[set("7"), set("2147483647")]).await;
    assert_eq!(pairs(&twice.unwrap()), [(key.clone(), vec![(0, 2_147_483_647)])]);
    for remaining in ["3", "0"] {
        let shown = place.set(&plan, &key, remaining).await.unwrap();
        assert_eq!(pairs(&shown), [(key.clone(), vec![(0, remaining.parse().unwrap())])]);
    }
    let none = place.app.update_usage(caller(), &plan, &key, &[]).await.unwrap();
    assert_eq!(pairs(&none), [(key.clone(), vec![(0, 0)])], "no operation sets nothing");
    assert_eq!(place.usage(&plan, "1970-01-01", "1970-01-02").await, [(key, vec![(0, 0), (0, 10)])]);
}

#[tokio::test]
async fn without_a_quota_nothing_can_be_left() {
    let place = Place::new();
    let plan = place.plan(None).await;
    let key = place.attached(&plan).await;
    let no_quota = "Invalid remaining quota specified: the usage plan has no quota";
    assert_eq!(refusal(place.set(&plan, &key, "1").await), (ErrorKind::BadRequest, no_quota.to_owned()));
    let shown = place.app.update_usage(caller(), &plan, &key, &[]).await.unwrap();
    assert_eq!(pairs(&shown), [(key, vec![(0, -1)])]);
}
