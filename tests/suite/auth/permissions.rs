//! What credentials may do: every operation asks, and a denial changes nothing.

use super::Place;
use integration_tests::http::{Answer, Request};
use integration_tests::server::{Credential, id_of};
use serde_json::{Value, json};

const ACCOUNT: &str = "000000000000";

/// A key in a plan, with a quota so that its usage can be set.
struct Kept {
    key: String,
    plan: String,
}

impl Kept {
    fn at(place: &Place) -> Self {
        let quota = json!({"limit": 5, "period": "DAY"});
        let plan = place.server.create_plan(&json!({"name": "kept", "quota": quota})).expect(201);
        let kept = Self { key: place.server.key_named("kept"), plan: id_of(&plan) };
        place.server.attach(&kept.plan, &kept.key).expect(201);
        kept
    }
}

/// Every operation of the API, with its action and the path of its resource, in an order in which all succeed.
fn operations(Kept { key: id, plan }: &Kept) -> Vec<(Request, &'static str, String)> {
    let mut all = operations_on_plans(id, plan);
    all.extend(operations_on_keys(id));
    all
}

fn operations_on_plans(key: &str, plan: &str) -> Vec<(Request, &'static str, String)> {
    let (all, one) = ("/usageplans".to_owned(), format!("/usageplans/{plan}"));
    let (keys, of_key) = (format!("{one}/keys"), format!("{one}/keys/{key}"));
    let (usage, usage_of_key) = (format!("{one}/usage"), format!("{of_key}/usage"));
    let rename = json!({"patchOperations": [{"op": "replace", "path": "/name", "value": "changed"}]});
    let remaining = json!({"patchOperations": [{"op": "replace", "path": "/remaining", "value": "3"}]});
    let attach = json!({"keyId": key, "keyType": "API_KEY"});
    let days = "startDate=2026-01-01&endDate=2026-01-02";
    let arn = format!("arn:aws:apigateway:us-east-1::{one}");
    let encoded: String =
        percent_encoding::utf8_percent_encode(&arn, percent_encoding::NON_ALPHANUMERIC).collect();
    let (tags, resource) = (format!("/tags/{encoded}"), format!("/tags/{}", arn.replace(':', "%3A")));
    vec![
        (Request::json("POST", &all, &json!({"name": "new"})), "apigateway:POST", all.clone()),
        (Request::get(&all), "apigateway:GET", all),
        (Request::get(&one), "apigateway:GET", one.clone()),
        (Request::json("PATCH", &one, &rename), "apigateway:PATCH", one.clone()),
        (Request::get(&keys), "apigateway:GET", keys.clone()),
        (Request::get(&of_key), "apigateway:GET", of_key.clone()),
        (Request::get(&format!("{usage}?{days}")), "apigateway:GET", usage),
        (Request::json("PATCH", &usage_of_key, &remaining), "apigateway:PATCH", usage_of_key),
        (Request::json("PUT", &tags, &json!({"tags": {"a": "b"}})), "apigateway:PUT", resource.clone()),
        (Request::get(&tags), "apigateway:GET", resource.clone()),
        (Request::new("DELETE", &format!("{tags}?tagKeys=a")).plain(), "apigateway:DELETE", resource),
        (Request::get("/account"), "apigateway:GET", "/account".to_owned()),
        (Request::new("DELETE", &of_key).plain(), "apigateway:DELETE", of_key),
        (Request::json("POST", &keys, &attach), "apigateway:POST", keys),
        (Request::new("DELETE", &one).plain(), "apigateway:DELETE", one),
    ]
}

fn operations_on_keys(id: &str) -> Vec<(Request, &'static str, String)> {
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

/// All keys, plans and keys of the plan.
fn everything(place: &Place, kept: &Kept) -> Vec<Value> {
    let mut all = place.server.all_keys();
    for target in ["/usageplans".to_owned(), format!("/usageplans/{}/keys", kept.plan)] {
        all.push(place.server.get(&target).expect(200));
    }
    all
}

#[test]
fn no_operation_is_reached_without_a_verdict() {
    let place = Place::new();
    let kept = Kept::at(&place);
    let before = everything(&place, &kept);
    let nothing = r#"{"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}"#;
    let elsewhere = r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:apigateway:*::/restapis/*"}}"#;
    for (policy, why) in [
        (nothing, "with an explicit deny in an identity-based policy"),
        (elsewhere, "because no identity-based policy allows the "),
    ] {
        let credential = place.credential(policy, ACCOUNT);
        let all = operations(&kept);
        assert_eq!(all.len(), gatepost_http_api::Operation::ALL.len(), "every operation is tried");
        for (request, action, path) in all {
            let answer = place.server.send_as(&credential, &request);
            denied(&answer, &credential, action, &path);
            assert!(answer.text().contains(why), "{}", answer.text());
        }
    }
    assert_eq!(everything(&place, &kept), before, "nothing was changed");
}

#[test]
fn an_administrator_may_do_everything_and_a_reader_only_read() {
    let place = Place::new();
    let kept = Kept::at(&place);
    let reader = place.credential("read-only", ACCOUNT);
    for (request, action, path) in operations(&kept) {
        let answer = place.server.send_as(&reader, &request);
        match action {
            "apigateway:GET" => assert_eq!(answer.status, 200),
            _ => denied(&answer, &reader, action, &path),
        }
    }
    let administrator = place.credential("administrator", ACCOUNT);
    for (request, ..) in operations(&kept) {
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
    for (request, action, path) in operations_on_keys(made["id"].as_str().unwrap()) {
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
fn an_issuer_puts_keys_into_plans_and_is_told_no_value() {
    let place = Place::new();
    let kept = Kept::at(&place);
    let issuer = place.credential("key-issuer", ACCOUNT);
    let other = place.server.key_named("other");
    for (request, action, path) in operations_on_plans(&other, &kept.plan) {
        let answer = place.server.send_as(&issuer, &request);
        let is_allowed = match action {
            "apigateway:GET" => !path.starts_with("/tags") && path != "/account",
            "apigateway:POST" => path.ends_with("/keys"),
            _ => false,
        };
        if is_allowed {
            assert_ne!(answer.status, 401, "{path}: {}", answer.text());
            assert!(!answer.text().contains("\"value\""), "{path}: {}", answer.text());
        } else {
            denied(&answer, &issuer, action, &path);
        }
    }
    let keys = place.server.get(&format!("/usageplans/{}/keys", kept.plan)).expect(200);
    assert_eq!(keys["item"].as_array().map(Vec::len), Some(2), "the key is in the plan");
}

#[test]
fn values_of_a_plans_keys_are_left_out_for_those_who_may_not_be_told_them() {
    let place = Place::new();
    let kept = Kept::at(&place);
    let keys = format!("/usageplans/{}/keys", kept.plan);
    let one = format!("{keys}/{}", kept.key);
    let has_value = |credential: &Credential, target: &str| {
        let answer = place.server.send_as(credential, &Request::get(target)).expect(200);
        let key = answer.get("item").map_or(&answer, |items| &items[0]);
        assert_eq!((&key["id"], &key["name"]), (&json!(kept.key), &json!("kept")));
        key.get("value").is_some()
    };
    let allowing = |resources: &str| {
        format!(
            r#"{{"Statement": [{{"Effect": "Allow", "Action": ["apigateway:*"], "Resource": "*"}},
                {{"Effect": "Allow", "Action": "gatepost:RevealValue", "Resource": [{resources}]}}]}}"#
        )
    };
    let reader = place.credential("read-only", ACCOUNT);
    let of_keys = place.credential(&allowing(r#""arn:aws:apigateway:*::/apikeys*""#), ACCOUNT);
    let of_one = place.credential(&allowing(&format!(r#""arn:aws:apigateway:*::{one}""#)), ACCOUNT);
    let of_all = place.credential(&allowing(&format!(r#""arn:aws:apigateway:*::{keys}*""#)), ACCOUNT);
    for (credential, of_list, of_one) in
        [(&reader, false, false), (&of_keys, false, false), (&of_one, false, true), (&of_all, true, true)]
    {
        assert_eq!((has_value(credential, &keys), has_value(credential, &one)), (of_list, of_one));
        // In HAL too.
        let hal = place.server.send_as(credential, &Request::new("GET", &one)).expect(200);
        assert_eq!(hal.get("value").is_some(), of_one);
    }
    let attach = json!({"keyId": kept.key, "keyType": "API_KEY"});
    for (credential, is_told) in [(&of_keys, false), (&of_one, false), (&of_all, true)] {
        assert_eq!(place.server.delete(&one).status, 202);
        let made = place.server.send_as(credential, &Request::json("POST", &keys, &attach)).expect(201);
        assert_eq!(made.get("value").is_some(), is_told);
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
