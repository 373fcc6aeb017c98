//! What credentials may do: every operation asks, and a denial changes nothing.

use super::Place;
use integration_tests::http::{Answer, Request};
use integration_tests::server::Credential;
use serde_json::{Value, json};

const ACCOUNT: &str = "000000000000";

/// Every operation of the API on this key, with its action and the path of its resource.
fn operations(id: &str) -> Vec<(Request, &'static str, String)> {
    let key = format!("/apikeys/{id}");
    let patch = json!({"patchOperations": [{"op": "replace", "path": "/name", "value": "changed"}]});
    let all = "/apikeys".to_owned();
    vec![
        (Request::json("POST", "/apikeys", &json!({"name": "new"})), "apigateway:POST", all.clone()),
        (
            Request::import("&format=csv", format!("key,name\n{},i\n", "v".repeat(40))),
            "apigateway:POST",
            all.clone(),
        ),
        (Request::get("/apikeys"), "apigateway:GET", all),
        (Request::get(&key), "apigateway:GET", key.clone()),
        (Request::json("PATCH", &key, &patch), "apigateway:PATCH", key.clone()),
        (Request::new("DELETE", &key).plain(), "apigateway:DELETE", key),
    ]
}

fn denied(answer: &Answer, credential: &Credential, action: &str, path: &str) {
    let id = &credential.access_key_id;
    let sentence = format!(
        "User: arn:aws:iam::{ACCOUNT}:access-key/{id} is not authorized to perform: {action} on resource: \
         arn:aws:apigateway:us-east-1::{path} "
    );
    answer.expect_error_like(401, "UnauthorizedException", |message| message.starts_with(&sentence));
}

fn keys(place: &Place) -> Vec<Value> {
    place.server.all_keys()
}

#[test]
fn no_operation_is_reached_without_a_verdict() {
    let place = Place::new();
    let id = place.server.key_named("kept");
    let before = keys(&place);
    let nothing = r#"{"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}"#;
    let elsewhere = r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:apigateway:*::/restapis/*"}}"#;
    for (policy, why) in [
        (nothing, "with an explicit deny in an identity-based policy"),
        (elsewhere, "because no identity-based policy allows the "),
    ] {
        let credential = place.credential(policy, ACCOUNT);
        let all = operations(&id);
        assert_eq!(all.len(), gatepost_http_api::Operation::ALL.len(), "every operation is tried");
        for (request, action, path) in all {
            let answer = place.server.send_as(&credential, &request);
            denied(&answer, &credential, action, &path);
            assert!(answer.text().contains(why), "{}", answer.text());
        }
    }
    assert_eq!(keys(&place), before, "nothing was changed");
}

#[test]
fn an_administrator_may_do_everything_and_a_reader_only_read() {
    let place = Place::new();
    let id = place.server.key_named("kept");
    let reader = place.credential("read-only", ACCOUNT);
    for (request, action, path) in operations(&id) {
        let answer = place.server.send_as(&reader, &request);
        match action {
            "apigateway:GET" => assert_eq!(answer.status, 200),
            _ => denied(&answer, &reader, action, &path),
        }
    }
    let administrator = place.credential("administrator", ACCOUNT);
    for (request, ..) in operations(&id) {
        let answer = place.server.send_as(&administrator, &request);
        assert!((200..300).contains(&answer.status), "{}", answer.text());
    }
}

#[test]
fn values_of_keys_that_exist_are_for_those_who_may_reveal_them() {
    let place = Place::new();
    let id = place.server.key_named("kept");
    let reader = place.credential("read-only", ACCOUNT);
    let ask = |target: &str| place.server.send_as(&reader, &Request::get(target));
    for (target, path) in [
        (format!("/apikeys/{id}?includeValue=true"), format!("/apikeys/{id}")),
        (format!("/apikeys/{id}?include_value=true"), format!("/apikeys/{id}")),
        ("/apikeys?includeValues=true".to_owned(), "/apikeys".to_owned()),
    ] {
        denied(&ask(&target), &reader, "gatepost:RevealValue", &path);
    }
    assert!(ask(&format!("/apikeys/{id}")).expect(200).get("value").is_none());
    let revealing = format!(
        r#"{{"Statement": [
            {{"Effect": "Allow", "Action": "apigateway:GET", "Resource": "*"}},
            {{"Effect": "Allow", "Action": "gatepost:RevealValue", "Resource": "arn:aws:apigateway:*::/apikeys/{id}"}}
        ]}}"#
    );
    let revealing = place.credential(&revealing, ACCOUNT);
    let shown = place.server.send_as(&revealing, &Request::get(&format!("/apikeys/{id}?includeValue=true")));
    assert!(shown.expect(200)["value"].is_string());
    let all = place.server.send_as(&revealing, &Request::get("/apikeys?includeValues=true"));
    denied(&all, &revealing, "gatepost:RevealValue", "/apikeys");
}

#[test]
fn an_issuer_makes_keys_but_imports_changes_and_reveals_none() {
    let place = Place::new();
    let issuer = place.credential("key-issuer", ACCOUNT);
    let made = place.server.send_as(&issuer, &Request::json("POST", "/apikeys", &json!({"name": "issued"})));
    let made = made.expect(201);
    assert!(made["value"].is_string(), "whoever makes a key is told its value");
    let id = made["id"].as_str().unwrap();
    for (request, action, path) in operations(id) {
        let answer = place.server.send_as(&issuer, &request);
        match (action, request.body_bytes().starts_with(b"key,name")) {
            ("apigateway:POST", true) => denied(&answer, &issuer, "gatepost:ImportKeys", "/apikeys"),
            ("apigateway:POST", false) => assert_eq!(answer.status, 201),
            ("apigateway:GET", _) => assert_eq!(answer.status, 200),
            _ => denied(&answer, &issuer, action, &path),
        }
    }
}

#[test]
fn a_policy_may_be_about_one_key_and_what_is_encoded_is_the_same_key() {
    let place = Place::new();
    let (mine, other) = (place.server.key_named("mine"), place.server.key_named("other"));
    let policy = format!(
        r#"{{"Statement": [
            {{"Effect": "Allow", "Action": "apigateway:*", "Resource": "arn:aws:apigateway:us-east-1::/apikeys/*"}},
            {{"Effect": "Deny", "Action": "*", "Resource": "arn:aws:apigateway:*::/apikeys/{other}"}}
        ]}}"#
    );
    let credential = place.credential(&policy, ACCOUNT);
    let ask = |target: &str| place.server.send_as(&credential, &Request::get(target));
    assert_eq!(ask(&format!("/apikeys/{mine}")).status, 200);
    let (first, rest) = other.split_at(1);
    for spelled in [other.clone(), format!("%{:02x}{rest}", first.as_bytes()[0])] {
        denied(
            &ask(&format!("/apikeys/{spelled}")),
            &credential,
            "apigateway:GET",
            &format!("/apikeys/{other}"),
        );
    }
    denied(&ask("/apikeys"), &credential, "apigateway:GET", "/apikeys");
}
