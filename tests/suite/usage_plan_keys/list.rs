//! `GET /usageplans/{id}/keys`

use integration_tests::sdk;
use integration_tests::server::Server;
use integration_tests::snapshot::masked;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::{start, start_signed};

/// A plan with keys of these names, made in this order and put into it in the opposite one.
fn plan_of(server: &Server, names: &[&str]) -> String {
    let plan = server.plan_with("p", &[]);
    let keys: Vec<_> = names.iter().map(|name| server.key_named(name)).collect();
    for key in keys.iter().rev() {
        server.attach(&plan, key).expect(201);
    }
    plan
}

fn names(page: &Value) -> Vec<&str> {
    page["item"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap()).collect()
}

fn position(page: &Value) -> String {
    utf8_percent_encode(page["position"].as_str().expect("another page"), NON_ALPHANUMERIC).to_string()
}

#[test]
fn keys_come_newest_first_with_their_values() {
    let server = start();
    let plan = plan_of(&server, &["older", "newer"]);
    server.key_named("not in the plan");
    insta::assert_snapshot!(masked(&server.get(&format!("/usageplans/{plan}/keys"))), @r#"
    200
    {
      "item": [
        {
          "id": "[id]",
          "name": "newer",
          "type": "API_KEY",
          "value": "[value]"
        },
        {
          "id": "[id]",
          "name": "older",
          "type": "API_KEY",
          "value": "[value]"
        }
      ]
    }
    "#);
    server.stop();
}

#[test]
fn a_plan_that_is_not_there_has_no_keys() {
    let server = start();
    for plan in ["aaaaaa", "no%20plan", "%2F"] {
        assert_eq!(
            server.get(&format!("/usageplans/{plan}/keys")).expect(200),
            json!({"item": []}),
            "{plan}"
        );
    }
}

#[test]
fn a_name_is_a_prefix_and_its_case_counts() {
    let server = start();
    let plan = plan_of(&server, &["alpha", "alps", "beta", "Alp"]);
    let found = |prefix: &str| server.get(&format!("/usageplans/{plan}/keys?name={prefix}")).expect(200);
    assert_eq!(names(&found("al")), ["alps", "alpha"]);
    assert_eq!(names(&found("alps")), ["alps"]);
    assert_eq!(names(&found("A")), ["Alp"]);
    assert_eq!(names(&found("lp")), [""; 0]);
    assert_eq!(names(&found("")).len(), 4);
}

#[test]
fn every_key_comes_exactly_once_whatever_the_page_size() {
    let server = start();
    let all: Vec<String> = (0..30).map(|n| format!("key {n:02}")).collect();
    let plan = plan_of(&server, &all.iter().map(String::as_str).collect::<Vec<_>>());
    let mut newest_first: Vec<&str> = all.iter().map(String::as_str).collect();
    newest_first.reverse();
    for (limit, filter, wanted) in [
        (1, "", &newest_first[..]),
        (29, "", &newest_first),
        (30, "", &newest_first),
        (4, "&name=key%201", &newest_first[10..20]),
    ] {
        let mut seen = Vec::new();
        let mut at = String::new();
        loop {
            let page = server.get(&format!("/usageplans/{plan}/keys?limit={limit}{filter}{at}")).expect(200);
            seen.extend(names(&page).iter().map(|name| (*name).to_owned()));
            if page.get("position").is_none() {
                break;
            }
            at = format!("&position={}", position(&page));
        }
        assert_eq!(seen, wanted, "limit {limit}{filter}");
    }
    assert_eq!(names(&server.get(&format!("/usageplans/{plan}/keys?limit=501")).expect(200)).len(), 25);
}

#[test]
fn a_position_is_good_for_its_own_plan_and_filter_only() {
    let server = start();
    let (plan, other) = (plan_of(&server, &["a", "ab"]), plan_of(&server, &["a"]));
    let at = position(&server.get(&format!("/usageplans/{plan}/keys?limit=1")).expect(200));
    for target in [
        format!("/usageplans/{other}/keys?position={at}"),
        format!("/usageplans/{plan}/keys?name=a&position={at}"),
        format!("/usageplans?position={at}"),
        format!("/apikeys?position={at}"),
        format!("/usageplans/{plan}/keys?position=nonsense"),
    ] {
        server.get(&target).expect_error(400, "BadRequestException", "Invalid position specified");
    }
    let rest = server.get(&format!("/usageplans/{plan}/keys?position={at}")).expect(200);
    assert_eq!(names(&rest), ["a"]);
}

#[tokio::test]
async fn the_sdk_paginates_and_filters() {
    let server = start_signed(&[]);
    let client = sdk::client(&server);
    let plan = plan_of(&server, &["a", "b", "c", "ab"]);
    let list = || client.get_usage_plan_keys().usage_plan_id(&plan);
    let mut pages = list().limit(3).into_paginator().items().send();
    let mut seen = Vec::new();
    while let Some(key) = pages.next().await {
        let key = key.unwrap();
        assert!(key.value().is_some_and(|value| value.len() == 40));
        seen.push(key.name().unwrap().to_owned());
    }
    assert_eq!(seen, ["ab", "c", "b", "a"]);
    let found = list().name_query("a").send().await.unwrap();
    assert_eq!(found.items().iter().filter_map(|key| key.name()).collect::<Vec<_>>(), ["ab", "a"]);
    let refused = sdk::refusal(list().position("nonsense").send().await);
    assert_eq!(refused, (400, "BadRequestException".into(), "Invalid position specified".into()));
}
