//! An SDK that lost an answer sends the request again under the same `amz-sdk-invocation-id`.

use integration_tests::http::Request;
use integration_tests::server::Server;
use serde_json::{Value, json};

use crate::start;

fn create(invocation: &str, body: &Value) -> Request {
    Request::json("POST", "/apikeys", body).header("amz-sdk-invocation-id", invocation)
}

fn import(invocation: &str, query: &str, csv: &str) -> Request {
    Request::import(query, csv).header("amz-sdk-invocation-id", invocation)
}

fn delete(server: &Server, id: &Value) {
    let answer = server.send(&Request::new("DELETE", &format!("/apikeys/{}", id.as_str().unwrap())));
    assert_eq!(answer.status, 202);
}

#[test]
fn a_retried_create_gets_the_first_key_and_its_value() {
    let server = start();
    let first = server.send(&create("i-1", &json!({ "name": "a" }))).expect(201);
    for _ in 0..2 {
        let again = server.send(&create("i-1", &json!({ "name": "a" }))).expect(201);
        assert_eq!(again, first);
    }
    assert_eq!(server.all_keys().len(), 1);
    server.stop();
}

#[test]
fn a_retried_create_with_a_value_of_its_own_is_no_conflict() {
    let server = start();
    let body = json!({ "value": server.value() });
    let first = server.send(&create("i-1", &body)).expect(201);
    assert_eq!(server.send(&create("i-1", &body)).expect(201), first);
    server.send(&create("i-2", &body)).expect(409);
}

#[test]
fn another_invocation_or_another_body_makes_another_key() {
    let server = start();
    let mut ids = vec![
        server.send(&create("i-1", &json!({ "name": "a" }))).expect(201)["id"].clone(),
        server.send(&create("i-2", &json!({ "name": "a" }))).expect(201)["id"].clone(),
        server.send(&create("i-1", &json!({ "name": "b" }))).expect(201)["id"].clone(),
        server.create(&json!({ "name": "a" })).expect(201)["id"].clone(),
        server.create(&json!({ "name": "a" })).expect(201)["id"].clone(),
    ];
    ids.sort_by_key(ToString::to_string);
    ids.dedup();
    assert_eq!(ids.len(), 5);
}

#[test]
fn a_retried_plan_is_made_once_and_shown_as_it_is_now() {
    let server = start();
    let create = |invocation: &str, body: &Value| {
        let request = Request::json("POST", "/usageplans", body).header("amz-sdk-invocation-id", invocation);
        server.send(&request)
    };
    let body = json!({ "name": "a" });
    let first = create("i-1", &body).expect(201);
    assert_eq!(create("i-1", &body).expect(201), first);
    let id = first["id"].as_str().unwrap();
    server.patch_plan(id, &json!([{"op": "replace", "path": "/name", "value": "b"}])).expect(200);
    assert_eq!(create("i-1", &body).expect(201)["name"], "b");
    for (invocation, body) in [("i-2", &body), ("i-1", &json!({ "name": "c" }))] {
        assert_ne!(create(invocation, body).expect(201)["id"], first["id"]);
    }
    assert_eq!(server.get("/usageplans").expect(200)["item"].as_array().map(Vec::len), Some(3));
    assert_eq!(server.delete(&format!("/usageplans/{id}")).status, 202);
    create("i-1", &body).expect(409);
}

#[test]
fn an_invocation_id_that_is_none_is_ignored() {
    let server = start();
    for invocation in ["", &"x".repeat(129)] {
        for _ in 0..2 {
            server.send(&create(invocation, &json!({ "name": "a" }))).expect(201);
        }
    }
    assert_eq!(server.all_keys().len(), 4);
}

#[test]
fn a_refused_create_is_not_remembered() {
    let server = start();
    let value = server.value();
    let id = server.create(&json!({ "value": value })).expect(201)["id"].clone();
    server.send(&create("i-1", &json!({ "value": value }))).expect(409);
    delete(&server, &id);
    server.send(&create("i-1", &json!({ "value": value }))).expect(201);
}

#[test]
fn a_late_retry_does_not_bring_a_deleted_key_back() {
    let server = start();
    let body = json!({ "value": server.value() });
    let id = server.send(&create("i-1", &body)).expect(201)["id"].clone();
    delete(&server, &id);
    server.send(&create("i-1", &body)).expect(409);
    assert_eq!(server.all_keys().len(), 0);
}

#[test]
fn a_retried_import_answers_the_same_and_undoes_nothing() {
    for query in ["", "&failonwarnings=true"] {
        let server = start();
        let (a, b) = (server.value(), server.value());
        let warned = if query.is_empty() { "short,\n" } else { "" };
        let csv = format!("Key,Name,Enabled\n{a},one,true\n{warned}{b},two,true\n");
        let first = server.send(&import("i-1", query, &csv)).expect(201);
        let id = first["ids"][0].as_str().unwrap().to_owned();
        server.patch(&id, &json!([{ "op": "replace", "path": "/enabled", "value": "false" }])).expect(200);
        assert_eq!(server.send(&import("i-1", query, &csv)).expect(201), first);
        assert_eq!(server.get(&format!("/apikeys/{id}")).expect(200)["enabled"], false);
        server.send(&import("i-2", query, &csv)).expect(201);
        assert_eq!(server.get(&format!("/apikeys/{id}")).expect(200)["enabled"], true);
    }
}
