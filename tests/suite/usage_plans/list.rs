//! `GET /usageplans`

use integration_tests::sdk;
use integration_tests::server::Server;
use integration_tests::snapshot::masked;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::{start, start_signed};

fn names(page: &Value) -> Vec<&str> {
    page["item"].as_array().unwrap().iter().map(|plan| plan["name"].as_str().unwrap()).collect()
}

fn position(page: &Value) -> String {
    utf8_percent_encode(page["position"].as_str().expect("another page"), NON_ALPHANUMERIC).to_string()
}

/// The names of all pages, walked through by position.
fn walked(server: &Server, query: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut target = format!("/usageplans?{query}");
    loop {
        let page = server.get(&target).expect(200);
        found.extend(names(&page).iter().map(|name| (*name).to_owned()));
        if page.get("position").is_none() {
            return found;
        }
        target = format!("/usageplans?{query}&position={}", position(&page));
    }
}

#[test]
fn plans_come_newest_first_and_without_empty_tags() {
    let server = start();
    server.plan_with("older", &[]);
    server.create_plan(&json!({"name": "newer", "tags": {"k": "v"}})).expect(201);
    insta::assert_snapshot!(masked(&server.get("/usageplans")), @r#"
    200
    {
      "item": [
        {
          "apiStages": [],
          "id": "[id]",
          "name": "newer",
          "tags": {
            "k": "v"
          }
        },
        {
          "apiStages": [],
          "id": "[id]",
          "name": "older"
        }
      ]
    }
    "#);
}

#[test]
fn without_plans_it_is_an_empty_list() {
    assert_eq!(start().get("/usageplans").expect(200), json!({"item": []}));
}

#[test]
fn every_plan_comes_exactly_once_whatever_the_page_size() {
    let server = start();
    let mut all: Vec<String> = (0..30).map(|n| format!("plan {n}")).collect();
    for name in &all {
        server.plan_with(name, &[]);
    }
    all.reverse();
    for limit in [1, 7, 29, 30, 500] {
        assert_eq!(walked(&server, &format!("limit={limit}")), all, "limit {limit}");
    }
    for limit in ["0", "-1", "501"] {
        assert_eq!(names(&server.get(&format!("/usageplans?limit={limit}")).expect(200)).len(), 25);
    }
    assert_eq!(names(&server.get("/usageplans").expect(200)).len(), 25);
    server.get("/usageplans?limit=x").expect_error(
        400,
        "BadRequestException",
        "Invalid request input: 'limit' must be an integer",
    );
}

#[test]
fn a_key_id_shows_only_the_plans_that_the_key_is_in() {
    let server = start();
    let (key, other) = (server.key_named("k"), server.key_named("other"));
    for (nth, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let plan = server.plan_with(name, &[]);
        server.attach(&plan, if nth == 2 { &other } else { &key }).expect(201);
    }
    assert_eq!(walked(&server, &format!("keyId={key}")), ["d", "b", "a"]);
    assert_eq!(walked(&server, &format!("keyId={key}&limit=1")), ["d", "b", "a"]);
    assert_eq!(walked(&server, &format!("keyId={other}")), ["c"]);
    for unknown in ["aaaaaaaaaa", "no%20key", "%2F"] {
        assert_eq!(server.get(&format!("/usageplans?keyId={unknown}")).expect(200), json!({"item": []}));
    }
    assert_eq!(walked(&server, "keyId=").len(), 4, "an empty one is no filter");
    assert_eq!(server.delete(&format!("/apikeys/{key}")).status, 202);
    assert_eq!(walked(&server, &format!("keyId={key}")), [""; 0], "a deleted key is in no plan");
}

#[test]
fn a_position_is_good_for_its_own_filter_only() {
    let server = start();
    let key = server.key_named("k");
    for name in ["a", "b"] {
        let plan = server.plan_with(name, &[]);
        server.attach(&plan, &key).expect(201);
    }
    let all = position(&server.get("/usageplans?limit=1").expect(200));
    let of_key = position(&server.get(&format!("/usageplans?limit=1&keyId={key}")).expect(200));
    let keys = {
        server.key_named("l");
        position(&server.get("/apikeys?limit=1").expect(200))
    };
    for (query, position) in [
        (format!("keyId={key}&"), &all),
        (String::new(), &of_key),
        (String::new(), &keys),
        (String::new(), &"nonsense".to_owned()),
    ] {
        server.get(&format!("/usageplans?{query}position={position}")).expect_error(
            400,
            "BadRequestException",
            "Invalid position specified",
        );
    }
    assert_eq!(names(&server.get(&format!("/usageplans?position={all}")).expect(200)), ["a"]);
}

#[tokio::test]
async fn the_sdk_paginates_and_filters() {
    let server = start_signed(&[]);
    let client = sdk::client(&server);
    let key = server.key_named("k");
    for name in ["a", "b", "c"] {
        server.plan_with(name, &[]);
    }
    let plan = server.plan_with("d", &[]);
    server.attach(&plan, &key).expect(201);
    let mut pages = client.get_usage_plans().limit(2).into_paginator().items().send();
    let mut seen = Vec::new();
    while let Some(plan) = pages.next().await {
        seen.push(plan.unwrap().name().unwrap().to_owned());
    }
    assert_eq!(seen, ["d", "c", "b", "a"]);
    let of_key = client.get_usage_plans().key_id(&key).send().await.unwrap();
    assert_eq!(of_key.items().iter().map(|plan| plan.id()).collect::<Vec<_>>(), [Some(plan.as_str())]);
    let refused = sdk::refusal(client.get_usage_plans().position("nonsense").send().await);
    assert_eq!(refused, (400, "BadRequestException".into(), "Invalid position specified".into()));
}
