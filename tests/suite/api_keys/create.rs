//! `POST /apikeys`

use integration_tests::http::Request;
use integration_tests::sdk;
use integration_tests::snapshot::masked;
use serde_json::{Value, json};

use crate::{start, start_signed, start_with};

#[test]
fn without_anything_given_it_makes_a_disabled_key_with_a_value() {
    let server = start();
    let answer = server.create(&json!({}));
    insta::assert_snapshot!(masked(&answer), @r#"
    201
    {
      "createdDate": "[epoch]",
      "enabled": false,
      "id": "[id]",
      "lastUpdatedDate": "[epoch]",
      "stageKeys": [],
      "value": "[value]"
    }
    "#);
    let key = answer.json();
    let (id, value) = (key["id"].as_str().unwrap(), key["value"].as_str().unwrap());
    assert!(id.len() == 10 && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "{id}");
    assert!(value.len() == 40 && value.bytes().all(|b| b.is_ascii_alphanumeric()));
    assert_eq!(key["createdDate"], key["lastUpdatedDate"]);
    server.stop();
}

#[test]
fn every_property_given_is_answered() {
    let server = start();
    let value = server.value();
    let answer = server.create(&json!({
        "name": "n", "description": "d", "customerId": "c", "enabled": true, "value": value,
        "generateDistinctId": true, "tags": {"team": "a b", "env": ""},
        "stageKeys": [{"restApiId": "r1", "stageName": "s1"}, {"restApiId": "r0", "stageName": "s0"},
                      {"restApiId": "r1", "stageName": "s1"}],
    }));
    insta::assert_snapshot!(masked(&answer), @r#"
    201
    {
      "createdDate": "[epoch]",
      "customerId": "c",
      "description": "d",
      "enabled": true,
      "id": "[id]",
      "lastUpdatedDate": "[epoch]",
      "name": "n",
      "stageKeys": [
        "r1/s1",
        "r0/s0"
      ],
      "tags": {
        "env": "",
        "team": "a b"
      },
      "value": "[value]"
    }
    "#);
    assert_eq!(answer.json()["value"], value);
}

#[test]
fn empty_texts_count_as_not_given() {
    let server = start();
    let key = server.create(&json!({"name": "", "value": ""})).expect(201);
    assert_eq!(key.get("name"), None);
    assert_eq!(key["value"].as_str().map(str::len), Some(40));
}

#[test]
fn enabled_may_be_sent_as_text() {
    let server = start();
    for (sent, kept) in [("true", true), ("false", false)] {
        assert_eq!(server.create(&json!({"enabled": sent})).expect(201)["enabled"], kept);
    }
}

#[test]
fn each_rule_has_its_text() {
    let server = start();
    let long = |length| "x".repeat(length);
    for (body, message) in [
        (json!({"name": long(1025)}), "Invalid API Key name, can be at most 1024 characters."),
        (json!({"value": long(29)}), "API Key value should be at least 30 characters"),
        (json!({"value": long(129)}), "API Key value exceeds maximum size of 128 characters"),
        (json!({"description": long(125_001)}), "Invalid API Key description specified."),
    ] {
        server.create(&body).expect_error(400, "BadRequestException", message);
    }
    assert_eq!(server.all_keys(), Vec::<Value>::new(), "a refused key is not kept");
}

#[test]
fn the_longest_texts_that_are_allowed_are_kept_whole() {
    let server = start();
    // Characters, not bytes.
    let (name, description) = ("é".repeat(1024), "ü".repeat(125_000));
    let value = server.value().repeat(4)[..128].to_owned();
    let key = server.create(&json!({"name": name, "description": description, "value": value})).expect(201);
    assert_eq!((&key["name"], &key["description"]), (&json!(name), &json!(description)));
    let shortest = &server.value()[..30];
    server.create(&json!({ "value": shortest })).expect(201);
}

#[test]
fn the_shortest_value_is_a_setting() {
    let server = start_with(&["--key-min-length=20"]);
    let value = server.value();
    server.create(&json!({"value": &value[..19]})).expect_error(
        400,
        "BadRequestException",
        "API Key value should be at least 20 characters",
    );
    server.create(&json!({"value": &value[..20]})).expect(201);
}

#[test]
fn a_value_is_printable_ascii_without_comma_or_blank() {
    let server = start();
    let value = server.value();
    for odd in [",", " ", "\t", "é", "\u{7f}"] {
        let refused = server.create(&json!({"value": format!("{value}{odd}")}));
        refused.expect_error_like(400, "BadRequestException", |message| !message.contains(&value));
    }
    server.create(&json!({"value": format!("{value}~!/+=\"\\")})).expect(201);
}

#[test]
fn a_value_that_is_taken_is_a_conflict_and_a_name_is_not() {
    let server = start();
    let body = json!({"name": "same", "value": server.value()});
    server.create(&body).expect(201);
    server.create(&body).expect_error(409, "ConflictException", "API Key already exists");
    server.create(&json!({"name": "same"})).expect(201);
    assert_eq!(server.all_keys().len(), 2);
}

#[test]
fn generate_distinct_id_false_makes_the_id_the_value() {
    let server = start();
    // Not noted: this id is the value by the caller's own wish, and an id is not hidden.
    let value = integration_tests::secrets::fresh_value();
    let asked = json!({"value": value, "generateDistinctId": false}).to_string();
    let answer = server.connect().send(&Request::new("POST", "/apikeys").plain().body(asked)).unwrap();
    let key = answer.expect(201);
    assert_eq!((&key["id"], &key["value"]), (&json!(value), &json!(value)));
    assert_eq!(server.get(&format!("/apikeys/{value}")).expect(200)["id"], json!(value));

    let unfit = server.create(&json!({"value": format!("{}/", server.value()), "generateDistinctId": false}));
    unfit.expect_error_like(400, "BadRequestException", |_| true);
}

#[test]
fn a_stage_that_is_no_stage_is_refused() {
    let server = start();
    for stage in [json!({"restApiId": "a", "stageName": ""}), json!({"restApiId": "a/b", "stageName": "c d"})]
    {
        server.create(&json!({"stageKeys": [stage]})).expect_error(
            400,
            "BadRequestException",
            "Invalid stage identifier specified",
        );
    }
}

#[test]
fn tags_follow_the_rules_for_tags() {
    let server = start();
    let (key, value) = ("k".repeat(129), "v".repeat(257));
    let many: serde_json::Map<String, Value> = (0..51).map(|n| (format!("t{n}"), json!("v"))).collect();
    for tags in
        [json!({"aws:mine": "v"}), json!({ key: "v" }), json!({ "k": value }), json!({"": "v"}), many.into()]
    {
        server.create(&json!({ "tags": tags })).expect_error_like(400, "BadRequestException", |_| true);
    }
    let allowed: serde_json::Map<String, Value> =
        (0..50).map(|n| (format!("a:{n} +-=._/@"), json!("v".repeat(256)))).collect();
    let kept = server.create(&json!({ "tags": allowed })).expect(201);
    assert_eq!(kept["tags"].as_object(), Some(&allowed));
}

#[tokio::test]
async fn the_sdk_creates_a_key_and_understands_a_refusal() {
    let server = start_signed(&[]);
    let client = sdk::client(&server);
    let value = server.value();
    let create = || {
        client.create_api_key().name("from the sdk").enabled(true).value(&value).tags("team", "a").stage_keys(
            aws_sdk_apigateway::types::StageKey::builder().rest_api_id("r").stage_name("s").build(),
        )
    };
    let key = create().send().await.unwrap();
    assert_eq!(key.value(), Some(value.as_str()));
    assert_eq!(
        (key.name(), key.enabled(), key.stage_keys()),
        (Some("from the sdk"), true, &["r/s".to_owned()][..])
    );
    assert_eq!(key.created_date(), key.last_updated_date());
    assert_eq!(key.tags().and_then(|tags| tags.get("team")).map(String::as_str), Some("a"));
    let refused = sdk::refusal(create().send().await);
    assert_eq!(refused, (409, "ConflictException".into(), "API Key already exists".into()));
}
