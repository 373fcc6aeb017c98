//! `GET /apikeys/{id}`

use integration_tests::sdk;
use integration_tests::snapshot::masked;
use serde_json::json;

use crate::{start, start_signed};

#[test]
fn it_shows_everything_but_the_value() {
    let server = start();
    let id = server.key_named("n");
    insta::assert_snapshot!(masked(&server.get(&format!("/apikeys/{id}"))), @r#"
    200
    {
      "createdDate": "[epoch]",
      "enabled": false,
      "id": "[id]",
      "lastUpdatedDate": "[epoch]",
      "name": "n",
      "stageKeys": [],
      "tags": {}
    }
    "#);
}

#[test]
fn the_value_is_shown_when_it_is_asked_for_with_true() {
    let server = start();
    let value = server.value();
    let id = integration_tests::server::id_of(&server.create(&json!({ "value": value })).expect(201));
    for (query, shown) in [
        ("?includeValue=true", true),
        ("?include_value=true", true),
        ("?includeValue=false", false),
        ("?includeValue=yes", false),
        ("?includeValue=", false),
        ("?include_value=false", false),
        ("?includeValues=true", false),
        ("", false),
    ] {
        let key = server.get(&format!("/apikeys/{id}{query}")).expect(200);
        assert_eq!(key.get("value"), shown.then(|| json!(value)).as_ref(), "{query}");
    }
}

#[test]
fn an_id_is_percent_decoded_once() {
    let server = start();
    let id = server.key_named("n");
    let encoded: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
    server.get(&format!("/apikeys/{encoded}")).expect(200);
    let twice = encoded.replace('%', "%25");
    server.get(&format!("/apikeys/{twice}")).expect_error(
        404,
        "NotFoundException",
        "Invalid API Key identifier specified",
    );
}

#[tokio::test]
async fn the_sdk_gets_a_key_and_understands_that_there_is_none() {
    let server = start_signed(&[]);
    let client = sdk::client(&server);
    let value = server.value();
    let id = client.create_api_key().value(&value).send().await.unwrap().id().unwrap().to_owned();
    let get = |id: &str| client.get_api_key().api_key(id).include_value(true).send();
    assert_eq!(get(&id).await.unwrap().value(), Some(value.as_str()));
    let refused = sdk::refusal(get("no/such key").await);
    assert_eq!(refused, (404, "NotFoundException".into(), "Invalid API Key identifier specified".into()));
}
