//! `GET /usageplans/{usageplanId}/usage`

use super::{Place, key_in, per, plan_with, usage};
use integration_tests::http::Request;
use integration_tests::sdk;
use integration_tests::server::Credential;
use integration_tests::server::Server;
use serde_json::{Value, json};

use crate::{start, start_signed};

const NO_PLAN: &str = "Invalid Usage Plan ID specified";
const NO_KEY: &str = "Invalid Key identifier specified";

fn hal(server: &Server, target: &str) -> Value {
    server.send(&Request::new("GET", target)).expect(200)
}

/// The numbers of an answer of the real service that somebody published.
#[test]
fn each_key_has_a_pair_a_day_and_what_is_left_falls_over_the_period() {
    let place = Place::new();
    let plan = plan_with(&place.server, &per(1_000_000, "MONTH"));
    let (used, idle) = (key_in(&place.server, &plan), key_in(&place.server, &plan));
    place.count(&plan, &used, &[("2026-09-01", 137), ("2026-09-02", 123), ("2026-09-03", 84)]);
    let answer = place.server.get(&usage(&plan, "2026-09-01", "2026-09-03")).expect(200);
    let full = json!([0, 1_000_000]);
    let expected = json!({
        "usagePlanId": plan, "startDate": "2026-09-01", "endDate": "2026-09-03",
        "values": {
            &idle: [full, full, full],
            &used: [[137, 999_863], [123, 999_740], [84, 999_656]],
        },
    });
    assert_eq!(answer, expected);
}

#[test]
fn what_was_used_earlier_in_the_period_is_not_left() {
    let place = Place::new();
    let plan = plan_with(&place.server, &per(100, "WEEK"));
    let key = key_in(&place.server, &plan);
    // 2026-09-07 is a Monday.
    place.count(&plan, &key, &[("2026-09-06", 60), ("2026-09-07", 30), ("2026-09-09", 80)]);
    let of = |first: &str, last: &str| {
        place.server.get(&usage(&plan, first, last)).expect(200)["values"][&key].clone()
    };
    assert_eq!(of("2026-09-08", "2026-09-09"), json!([[0, 70], [80, 0]]));
    assert_eq!(of("2026-09-13", "2026-09-14"), json!([[0, 0], [0, 100]]));
}

#[test]
fn a_plan_without_a_quota_has_minus_one_left() {
    let place = Place::new();
    let plan = plan_with(&place.server, &Value::Null);
    let key = key_in(&place.server, &plan);
    place.count(&plan, &key, &[("2026-09-01", 3)]);
    let answer = place.server.get(&usage(&plan, "2026-09-01", "2026-09-02")).expect(200);
    assert_eq!(answer["values"], json!({ &key: [[3, -1], [0, -1]] }));
}

#[test]
fn a_plan_without_keys_has_no_values() {
    let server = start();
    let plan = plan_with(&server, &per(1, "DAY"));
    let target = usage(&plan, "2026-09-01", "2026-09-01");
    assert_eq!(server.get(&target).expect(200)["values"], json!({}));
    assert_eq!(hal(&server, &target).get("values"), None);
}

#[test]
fn in_hal_one_day_is_its_pair_and_the_links_are_the_request() {
    let server = start();
    let plan = plan_with(&server, &per(10, "DAY"));
    let key = key_in(&server, &plan);
    let link = |href: &str| json!({ "href": href });
    let one = usage(&plan, "2026-09-01", "2026-09-01");
    let expected = json!({
        "_links": {"self": link(&one), "first": link(&one)},
        "usagePlanId": plan, "startDate": "2026-09-01", "endDate": "2026-09-01",
        "values": {&key: [0, 10]},
    });
    assert_eq!(hal(&server, &one), expected);
    let two = hal(&server, &usage(&plan, "2026-09-01", "2026-09-02"));
    assert_eq!(two["values"], json!({ &key: [[0, 10], [0, 10]] }));
    let filtered = format!("{one}&keyId={key}");
    assert_eq!(hal(&server, &filtered)["_links"]["self"], link(&filtered));
}

#[test]
fn both_dates_are_needed_and_hold_one_to_ninety_days() {
    let server = start();
    let plan = plan_with(&server, &per(1, "DAY"));
    let key = key_in(&server, &plan);
    let at = |query: &str| server.get(&format!("/usageplans/{plan}/usage{query}"));
    let ninety = at("?startDate=2026-06-03&endDate=2026-08-31").expect(200);
    assert_eq!(ninety["values"][&key].as_array().map(Vec::len), Some(90));
    let required = "Invalid dates specified: startDate and endDate are required";
    let day = "Invalid date specified: must be a day from 1970 on, as YYYY-MM-DD";
    for (query, message) in [
        ("", required),
        ("?startDate=2026-09-01", required),
        ("?endDate=2026-09-01", required),
        ("?startDate=&endDate=2026-09-01", day),
        ("?startDate=2026-09-01&endDate=2026-9-2", day),
        ("?startDate=2026-09-01&endDate=2026-09-31", day),
        ("?startDate=2026-09-01T00:00:00Z&endDate=2026-09-01", day),
        ("?startDate=1969-12-31&endDate=1970-01-01", day),
        ("?startDate=1790000000&endDate=1790000000", day),
        (
            "?startDate=2026-09-02&endDate=2026-09-01",
            "Invalid dates specified: endDate must not be before startDate",
        ),
        (
            "?startDate=2026-06-02&endDate=2026-08-31",
            "Invalid dates specified: usage can be asked for over at most 90 days",
        ),
    ] {
        at(query).expect_error(400, "BadRequestException", message);
    }
    let twice = at("?startDate=2026-09-01&endDate=2026-09-01&startDate=2026-09-01");
    twice.expect_error(400, "BadRequestException", "Invalid request input: 'startDate' is given twice");
}

#[test]
fn days_to_come_can_be_asked_for() {
    let server = start();
    let plan = plan_with(&server, &per(7, "MONTH"));
    let key = key_in(&server, &plan);
    let answer = server.get(&usage(&plan, "9999-12-30", "9999-12-31")).expect(200);
    assert_eq!(answer["values"][&key], json!([[0, 7], [0, 7]]));
}

#[test]
fn one_key_may_be_asked_for() {
    let server = start();
    let (plan, other) = (plan_with(&server, &per(1, "DAY")), plan_with(&server, &per(2, "DAY")));
    let (key, _) = (key_in(&server, &plan), key_in(&server, &plan));
    let elsewhere = key_in(&server, &other);
    let target = usage(&plan, "2026-09-01", "2026-09-01");
    let answer = server.get(&format!("{target}&keyId={key}&limit=1")).expect(200);
    assert_eq!((&answer["values"], answer.get("position")), (&json!({ &key: [[0, 1]] }), None));
    let all = server.get(&format!("{target}&keyId=")).expect(200);
    assert_eq!(all["values"].as_object().map(serde_json::Map::len), Some(2), "an empty filter is none");
    for unknown in [&*elsewhere, "unknown", "no%20key"] {
        server.get(&format!("{target}&keyId={unknown}")).expect_error(404, "NotFoundException", NO_KEY);
    }
}

#[test]
fn an_unknown_plan_has_no_usage() {
    let server = start();
    let gone = plan_with(&server, &Value::Null);
    assert_eq!(server.delete(&format!("/usageplans/{gone}")).status, 202);
    for unknown in [&*gone, "unknown", "no%20plan"] {
        let target = usage(unknown, "2026-09-01", "2026-09-01");
        server.get(&target).expect_error(404, "NotFoundException", NO_PLAN);
    }
    // A wrong date is told first.
    let target = usage("unknown", "2026-09-01", "never");
    server.get(&target).expect_error_like(400, "BadRequestException", |_| true);
}

#[test]
fn usage_comes_in_pages_of_keys_newest_first() {
    let server = start();
    let plan = plan_with(&server, &per(1, "DAY"));
    let mut keys: Vec<String> = (0..5).map(|_| key_in(&server, &plan)).collect();
    keys.reverse();
    let target = usage(&plan, "2026-09-01", "2026-09-01");
    let (mut seen, mut position) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("{target}&limit=2{position}")).expect(200);
        assert_eq!((&page["startDate"], &page["usagePlanId"]), (&json!("2026-09-01"), &json!(plan)));
        let mut shown: Vec<String> = page["values"].as_object().unwrap().keys().cloned().collect();
        // Members of an object have no order.
        shown.sort_by_key(|id| keys.iter().position(|key| key == id));
        seen.push(shown);
        let Some(next) = page["position"].as_str() else { break };
        position = format!("&position={next}");
    }
    assert_eq!(seen, [&keys[..2], &keys[2..4], &keys[4..]]);
    for query in ["limit=0", "limit=501", "limit=-1", "limit=2&position="] {
        server.get(&format!("{target}&{query}")).expect(200);
    }
    let wrong = server.get(&format!("{target}&limit=two"));
    wrong.expect_error(400, "BadRequestException", "Invalid request input: 'limit' must be an integer");
}

#[test]
fn a_position_is_good_for_the_usage_it_came_from_only() {
    let server = start();
    let (plan, other) = (plan_with(&server, &Value::Null), plan_with(&server, &Value::Null));
    let keys = [(); 3].map(|()| key_in(&server, &plan));
    for key in &keys {
        server.attach(&other, key).expect(201);
    }
    let target = usage(&plan, "2026-09-01", "2026-09-02");
    let page = server.get(&format!("{target}&limit=1")).expect(200);
    let position = page["position"].as_str().unwrap();
    let rest = server.get(&format!("{target}&position={position}")).expect(200);
    assert_eq!(rest["values"].as_object().map(serde_json::Map::len), Some(2));
    for elsewhere in [
        usage(&other, "2026-09-01", "2026-09-02"),
        usage(&plan, "2026-09-01", "2026-09-03"),
        usage(&plan, "2026-09-02", "2026-09-02"),
        format!("{target}&keyId={}", keys[0]),
        format!("/usageplans/{plan}/keys?"),
    ] {
        let answer = server.get(&format!("{elsewhere}&position={position}"));
        answer.expect_error(400, "BadRequestException", "Invalid position specified");
    }
}

#[test]
fn pages_in_hal_are_linked() {
    let server = start();
    let plan = plan_with(&server, &Value::Null);
    let keys = [(); 3].map(|()| key_in(&server, &plan));
    let target = format!("{}&limit=2", usage(&plan, "2026-09-01", "2026-09-01"));
    let page = hal(&server, &target);
    assert_eq!(page["_links"]["self"]["href"], target.as_str());
    let next = page["_links"]["next"]["href"].as_str().expect("a link to the next page");
    let last = hal(&server, next);
    assert_eq!(last["values"], json!({ &keys[0]: [0, -1] }));
    let links = &last["_links"];
    assert_eq!((&links["self"]["href"], &links["first"]["href"]), (&json!(next), &json!(target)));
    assert_eq!(links.get("next"), None);
}

#[test]
fn of_another_account_there_is_no_usage() {
    let place = crate::auth::Place::new();
    let plan = plan_with(&place.server, &per(5, "DAY"));
    let key = key_in(&place.server, &plan);
    let stranger = place.credential("administrator", "000000000002");
    let target = usage(&plan, "2026-09-01", "2026-09-01");
    let answer = place.server.send_as(&stranger, &Request::get(&target));
    answer.expect_error(404, "NotFoundException", NO_PLAN);
    // Its own plan, and the other's key.
    let made = Request::json("POST", "/usageplans", &json!({"name": "n"}));
    let mine = integration_tests::server::id_of(&place.server.send_as(&stranger, &made).expect(201));
    let target = usage(&mine, "2026-09-01", "2026-09-01");
    let answer = place.server.send_as(&stranger, &Request::get(&format!("{target}&keyId={key}")));
    answer.expect_error(404, "NotFoundException", NO_KEY);
    let shown =
        place.server.send_as(&Credential::root(), &Request::get(&usage(&plan, "2026-09-01", "2026-09-01")));
    assert_eq!(shown.expect(200)["values"], json!({ &key: [[0, 5]] }));
}

#[tokio::test]
async fn the_sdk_reads_all_pages_and_understands_a_refusal() {
    let server = start_signed(&[]);
    let client = sdk::client(&server);
    let plan = plan_with(&server, &per(10, "DAY"));
    let keys = [(); 3].map(|()| key_in(&server, &plan));
    let ask = |plan: &str| {
        client.get_usage().usage_plan_id(plan).start_date("2026-09-01").end_date("2026-09-02").limit(2)
    };
    let mut pages = ask(&plan).into_paginator().send();
    let mut seen = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert_eq!((page.usage_plan_id(), page.start_date()), (Some(plan.as_str()), Some("2026-09-01")));
        for (key, days) in page.items().unwrap() {
            assert_eq!(days, &vec![vec![0, 10], vec![0, 10]]);
            seen.push(key.clone());
        }
    }
    seen.sort_unstable();
    let mut expected = keys.to_vec();
    expected.sort_unstable();
    assert_eq!(seen, expected);
    assert_eq!(sdk::refusal(ask("unknown").send().await), (404, "NotFoundException".into(), NO_PLAN.into()));
    let filtered = ask(&plan).key_id("unknown").send().await;
    assert_eq!(sdk::refusal(filtered), (404, "NotFoundException".into(), NO_KEY.into()));
}
