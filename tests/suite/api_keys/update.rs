//! `PATCH /apikeys/{id}`

use integration_tests::http::Request;
use integration_tests::sdk;
use integration_tests::snapshot::masked;
use serde_json::{Value, json};

use crate::{start, start_signed};

fn op(op: &str, path: &str, value: &str) -> Value {
    json!({"op": op, "path": path, "value": value})
}

#[test]
fn the_four_replaceable_properties_are_replaced_and_the_value_is_not_shown() {
    let server = start();
    let id = server.key_named("old");
    let answer = server.patch(
        &id,
        &json!([
            op("replace", "/name", "new"),
            op("replace", "/description", "d"),
            op("replace", "/enabled", "true"),
            op("replace", "/customerId", "c")
        ]),
    );
    insta::assert_snapshot!(masked(&answer), @r#"
    200
    {
      "createdDate": "[epoch]",
      "customerId": "c",
      "description": "d",
      "enabled": true,
      "id": "[id]",
      "lastUpdatedDate": "[epoch]",
      "name": "new",
      "stageKeys": [],
      "tags": {}
    }
    "#);
    assert_eq!(
        server.get(&format!("/apikeys/{id}")).expect(200),
        answer.json(),
        "what is answered is what is kept"
    );
}

#[test]
fn last_updated_date_moves_and_created_date_stays() {
    let server = start();
    let id = server.key_named("n");
    let before = server.get(&format!("/apikeys/{id}")).expect(200);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let after = server.patch(&id, &json!([op("replace", "/name", "m")])).expect(200);
    assert_eq!(after["createdDate"], before["createdDate"]);
    assert!(after["lastUpdatedDate"].as_u64() > before["lastUpdatedDate"].as_u64());
}

#[test]
fn an_empty_text_clears_a_property() {
    let server = start();
    let key = server.create(&json!({"name": "n", "description": "d", "customerId": "c"})).expect(201);
    let id = integration_tests::server::id_of(&key);
    let clear = ["/name", "/description", "/customerId"].map(|path| op("replace", path, ""));
    let cleared = server.patch(&id, &json!(clear)).expect(200);
    for member in ["name", "description", "customerId"] {
        assert_eq!(cleared.get(member), None, "{member}");
    }
}

#[test]
fn enabled_is_true_only_for_true_in_any_case() {
    let server = start();
    let id = server.key_named("n");
    for (text, enabled) in
        [("true", true), ("not-a-boolean", false), ("TRUE", true), ("1", false), ("True", true), ("", false)]
    {
        let key = server.patch(&id, &json!([op("replace", "/enabled", text)])).expect(200);
        assert_eq!(key["enabled"], enabled, "{text}");
    }
}

#[test]
fn stages_are_added_once_and_removed() {
    let server = start();
    let id = server.key_named("n");
    let stages = |operations: &[(&str, &str)]| {
        let operations: Vec<_> = operations.iter().map(|(verb, stage)| op(verb, "/stages", stage)).collect();
        server.patch(&id, &json!(operations)).expect(200)["stageKeys"].clone()
    };
    assert_eq!(stages(&[("add", "b/one"), ("add", "a/two"), ("add", "b/one")]), json!(["b/one", "a/two"]));
    assert_eq!(stages(&[("add", "a/two")]), json!(["b/one", "a/two"]));
    assert_eq!(stages(&[("remove", "never/there"), ("remove", "b/one")]), json!(["a/two"]));
    assert_eq!(stages(&[("remove", "a/two")]), json!([]));
}

#[test]
fn labels_are_shown_when_there_are_some() {
    let server = start();
    let id = server.key_named("n");
    let labels = |operations: Value| server.patch(&id, &operations).expect(200).get("labels").cloned();
    assert_eq!(
        labels(json!([op("add", "/labels", "gold"), op("add", "/labels", "beta")])),
        Some(json!(["gold", "beta"]))
    );
    assert_eq!(
        labels(json!([op("add", "/labels", "gold"), op("remove", "/labels", "beta")])),
        Some(json!(["gold"]))
    );
    assert_eq!(labels(json!([op("remove", "/labels", "gold"), op("remove", "/labels", "gold")])), None);
}

#[test]
fn a_wrong_path_is_answered_with_the_paths_that_there_are() {
    let server = start();
    let id = server.key_named("n");
    for (verb, path, paths) in [
        ("replace", "/id", "[/description, /enabled, /name, /customerId]"),
        ("replace", "/stages", "[/description, /enabled, /name, /customerId]"),
        ("replace", "/labels", "[/description, /enabled, /name, /customerId]"),
        ("replace", "/value", "[/description, /enabled, /name, /customerId]"),
        ("replace", "/name/", "[/description, /enabled, /name, /customerId]"),
        ("replace", "name", "[/description, /enabled, /name, /customerId]"),
        ("add", "/name", "[/stages, /labels]"),
        ("add", "/tags", "[/stages, /labels]"),
        ("remove", "/description", "[/stages, /labels]"),
        ("remove", "/enabled", "[/stages, /labels]"),
    ] {
        server.patch(&id, &json!([op(verb, path, "v")])).expect_error(
            400,
            "BadRequestException",
            &format!("Invalid patch path  '{path}' specified for op '{verb}'. Must be one of: {paths}"),
        );
    }
}

#[test]
fn nothing_can_be_copied() {
    let server = start();
    let id = server.key_named("n");
    for path in ["/name", "/description", "/enabled", "/customerId", "/stages", "/labels"] {
        let copy = json!([{"op": "copy", "path": path, "from": "/name"}]);
        server.patch(&id, &copy).expect_error_like(400, "BadRequestException", |message| {
            message.starts_with(&format!("Invalid patch path  '{path}' specified for op 'copy'."))
        });
    }
}

#[test]
fn an_operation_that_there_is_not_is_refused() {
    let server = start();
    let id = server.key_named("n");
    for verb in ["test", "move", "", "REPLACE"] {
        server.patch(&id, &json!([op(verb, "/name", "m")])).expect_error(
            400,
            "BadRequestException",
            "Invalid patch operation specified. Must be 'add'|'remove'|'replace'|'copy'",
        );
    }
}

#[test]
fn rules_of_create_hold_for_replace() {
    let server = start();
    let id = server.key_named("n");
    for (operation, message) in [
        (op("replace", "/name", &"x".repeat(1025)), "Invalid API Key name, can be at most 1024 characters."),
        (op("replace", "/description", &"x".repeat(125_001)), "Invalid API Key description specified."),
        (op("add", "/stages", "no-stage"), "Invalid stage identifier specified"),
    ] {
        server.patch(&id, &json!([operation])).expect_error(400, "BadRequestException", message);
    }
    for label in ["", &"x".repeat(129)] {
        server.patch(&id, &json!([op("add", "/labels", label)])).expect_error_like(
            400,
            "BadRequestException",
            |_| true,
        );
    }
}

#[test]
fn a_value_must_be_given() {
    let server = start();
    let id = server.key_named("n");
    for (verb, path) in
        [("replace", "/name"), ("replace", "/enabled"), ("add", "/stages"), ("remove", "/labels")]
    {
        let without = json!([{"op": verb, "path": path}]);
        server.patch(&id, &without).expect_error_like(400, "BadRequestException", |_| true);
    }
}

#[test]
fn operations_apply_in_order_and_all_or_none() {
    let server = start();
    let id = server.key_named("first");
    let in_order = json!([op("replace", "/name", "a"), op("replace", "/name", "b")]);
    assert_eq!(server.patch(&id, &in_order).expect(200)["name"], "b");
    let before = server.get(&format!("/apikeys/{id}")).expect(200);
    let last_is_wrong =
        json!([op("replace", "/name", "c"), op("add", "/stages", "a/b"), op("replace", "/id", "x")]);
    server.patch(&id, &last_is_wrong).expect_error_like(400, "BadRequestException", |_| true);
    assert_eq!(server.get(&format!("/apikeys/{id}")).expect(200), before);
}

#[test]
fn no_operations_leave_the_key_as_it_is() {
    let server = start();
    let id = server.key_named("n");
    let before = server.get(&format!("/apikeys/{id}")).expect(200);
    for body in [json!({}), json!({"patchOperations": []})] {
        let answer = server.send(&Request::json("PATCH", &format!("/apikeys/{id}"), &body));
        assert_eq!(answer.expect(200), before);
    }
}

#[tokio::test]
async fn the_sdk_changes_a_key_and_understands_a_refusal() {
    use aws_sdk_apigateway::types::{Op, PatchOperation};
    let server = start_signed(&[]);
    let client = sdk::client(&server);
    let id = server.key_named("n");
    let replace = |path: &str| {
        let operation = PatchOperation::builder().op(Op::Replace).path(path).value("true").build();
        client.update_api_key().api_key(&id).patch_operations(operation).send()
    };
    let changed = replace("/enabled").await.unwrap();
    assert_eq!((changed.enabled(), changed.value(), changed.name()), (true, None, Some("n")));
    client.update_api_key().api_key(&id).send().await.unwrap();
    let (status, code, message) = sdk::refusal(replace("/id").await);
    assert_eq!((status, code.as_str()), (400, "BadRequestException"));
    assert!(message.starts_with("Invalid patch path  '/id' specified for op 'replace'."), "{message}");
}
