//! `GET /apikeys`: what is listed. How it is cut into pages is in `pagination`.

use integration_tests::sdk;
use integration_tests::snapshot::masked;
use serde_json::{Value, json};

use crate::{start, start_signed};

fn names(list: &Value) -> Vec<&str> {
    list["item"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap()).collect()
}

#[test]
fn without_keys_it_is_an_empty_list() {
    insta::assert_snapshot!(masked(&start().get("/apikeys")), @r#"
    200
    {
      "item": []
    }
    "#);
}

#[test]
fn keys_come_newest_first_without_values_and_empty_tags() {
    let server = start();
    server.create(&json!({"name": "old", "tags": {"a": "b"}})).expect(201);
    server.key_named("new");
    insta::assert_snapshot!(masked(&server.get("/apikeys")), @r#"
    200
    {
      "item": [
        {
          "createdDate": "[epoch]",
          "enabled": false,
          "id": "[id]",
          "lastUpdatedDate": "[epoch]",
          "name": "new",
          "stageKeys": []
        },
        {
          "createdDate": "[epoch]",
          "enabled": false,
          "id": "[id]",
          "lastUpdatedDate": "[epoch]",
          "name": "old",
          "stageKeys": [],
          "tags": {
            "a": "b"
          }
        }
      ]
    }
    "#);
}

#[test]
fn values_are_shown_when_asked_for_with_include_values() {
    let server = start();
    let value = server.value();
    server.create(&json!({ "value": value })).expect(201);
    for (query, shown) in
        [("?includeValues=true", true), ("?includeValues=false", false), ("?includeValue=true", false)]
    {
        let list = server.get(&format!("/apikeys{query}")).expect(200);
        assert_eq!(list["item"][0].get("value"), shown.then(|| json!(value)).as_ref(), "{query}");
    }
}

#[test]
fn a_name_is_a_prefix_and_its_case_counts() {
    let server = start();
    for name in ["alpha one", "alpha two", "Alpha", "beta alpha", "a+b%c"] {
        server.key_named(name);
    }
    server.create(&json!({})).expect(201);
    for (query, expected) in [
        ("alpha", vec!["alpha two", "alpha one"]),
        ("alpha%20", vec!["alpha two", "alpha one"]),
        ("alpha%20one", vec!["alpha one"]),
        ("Alpha", vec!["Alpha"]),
        ("ALPHA", vec![]),
        ("two", vec![]),
        ("a%2Bb%25", vec!["a+b%c"]),
    ] {
        assert_eq!(names(&server.get(&format!("/apikeys?name={query}")).expect(200)), expected, "{query}");
    }
    let all = server.get("/apikeys?name=").expect(200);
    assert_eq!(all["item"].as_array().map(Vec::len), Some(6), "an empty prefix is the prefix of all");
}

#[test]
fn a_customer_id_is_matched_whole_and_goes_together_with_a_name() {
    let server = start();
    for (name, customer) in [("a1", "acme"), ("a2", "acme-2"), ("b1", "acme")] {
        server.create(&json!({"name": name, "customerId": customer})).expect(201);
    }
    for (query, expected) in [
        ("customerId=acme", vec!["b1", "a1"]),
        ("customerId=acm", vec![]),
        ("customerId=acme&name=a", vec!["a1"]),
        ("customerId=acme-2&name=b", vec![]),
    ] {
        assert_eq!(names(&server.get(&format!("/apikeys?{query}")).expect(200)), expected, "{query}");
    }
}

#[test]
fn a_filter_follows_a_change() {
    let server = start();
    let id = server.key_named("before");
    let change = json!([{"op": "replace", "path": "/name", "value": "after"},
                        {"op": "replace", "path": "/customerId", "value": "c"}]);
    server.patch(&id, &change).expect(200);
    assert!(names(&server.get("/apikeys?name=before").expect(200)).is_empty());
    assert_eq!(names(&server.get("/apikeys?name=after&customerId=c").expect(200)), ["after"]);
}

#[tokio::test]
async fn the_sdk_lists_with_every_filter() {
    let server = start_signed(&[]);
    let client = sdk::client(&server);
    let value = server.value();
    client.create_api_key().name("mine").customer_id("c").value(&value).send().await.unwrap();
    client.create_api_key().name("other").send().await.unwrap();
    let list =
        client.get_api_keys().name_query("mi").customer_id("c").include_values(true).send().await.unwrap();
    let [key] = list.items() else { panic!("one key, not {}", list.items().len()) };
    assert_eq!((key.name(), key.customer_id(), key.value()), (Some("mine"), Some("c"), Some(value.as_str())));
    for item in client.get_api_keys().send().await.unwrap().items() {
        assert_eq!(item.value(), None);
    }
}
