//! `POST /usageplans/{id}/keys`

use integration_tests::http::{Answer, Request};
use integration_tests::sdk;
use integration_tests::server::{Server, id_of};
use integration_tests::snapshot::masked;
use serde_json::{Value, json};

use super::{NO_SUCH_KEY, NO_SUCH_PLAN};
use crate::{start, start_signed, start_with};

fn post(server: &Server, plan: &str, body: &Value) -> Answer {
    server.send(&Request::json("POST", &format!("/usageplans/{plan}/keys"), body))
}

fn shared(plan: &str, key: &str, stage: &str) -> String {
    format!(
        "Usage Plan {plan} cannot be added because API Key {key} cannot reference multiple Usage Plans with the same \
         API stage: {stage}"
    )
}

#[test]
fn it_answers_the_key_with_its_value() {
    let server = start();
    let made = server.create(&json!({"name": "n", "value": server.value()})).expect(201);
    let answer = server.attach(&server.plan_with("p", &[]), &id_of(&made));
    insta::assert_snapshot!(masked(&answer), @r#"
    201
    {
      "id": "[id]",
      "name": "n",
      "type": "API_KEY",
      "value": "[value]"
    }
    "#);
    let attached = answer.json();
    assert_eq!((&attached["id"], &attached["value"]), (&made["id"], &made["value"]));
    server.stop();
}

#[test]
fn a_key_without_a_name_shows_none() {
    let server = start();
    let key = id_of(&server.create(&json!({})).expect(201));
    let attached = server.attach(&server.plan_with("p", &[]), &key).expect(201);
    assert_eq!(attached.get("name"), None);
}

#[test]
fn a_key_type_is_api_key_and_nothing_else() {
    let server = start();
    let (plan, key) = (server.plan_with("p", &[]), server.key_named("k"));
    for (body, told) in [
        (
            json!({"keyId": key}),
            "Value null at 'keyType' failed to satisfy constraint: Member must not be null",
        ),
        (
            json!({"keyId": key, "keyType": "api_key"}),
            "Value 'api_key' at 'keyType' failed to satisfy constraint: Member must satisfy enum value set: [API_KEY]",
        ),
        (
            json!({"keyId": key, "keyType": "ABCDEFGHIJKLMNOP"}),
            "Value 'ABCDEFGHIJKL' at 'keyType' failed to satisfy constraint: Member must satisfy enum value set: \
             [API_KEY]",
        ),
    ] {
        let message = format!("1 validation error detected: {told}");
        post(&server, &plan, &body).expect_error(400, "ValidationException", &message);
    }
    let unknown = post(&server, &plan, &json!({"keyId": key, "keyType": "API_KEY", "keyName": "x"}));
    unknown.expect_error(400, "BadRequestException", "Invalid request input: unknown member 'keyName'");
    assert_eq!(server.get(&format!("/usageplans/{plan}/keys")).expect(200), json!({"item": []}));
}

#[test]
fn what_is_not_there_is_named_the_plan_before_the_key() {
    let server = start();
    let (plan, key) = (server.plan_with("p", &[]), server.key_named("k"));
    for unknown in ["aaaaaaaaaa", "no key", ""] {
        server.attach(&plan, unknown).expect_error(404, "NotFoundException", NO_SUCH_KEY);
    }
    let without = post(&server, &plan, &json!({"keyType": "API_KEY"}));
    without.expect_error(404, "NotFoundException", NO_SUCH_KEY);
    for key in [&key, "aaaaaaaaaa"] {
        server.attach("aaaaaa", key).expect_error(404, "NotFoundException", NO_SUCH_PLAN);
    }
    server.attach("no%20plan", &key).expect_error(404, "NotFoundException", NO_SUCH_PLAN);
}

#[test]
fn a_key_that_is_in_the_plan_is_a_conflict() {
    let server = start();
    let (plan, key) = (server.plan_with("p", &["a:s"]), server.key_named("k"));
    server.attach(&plan, &key).expect(201);
    let message =
        format!("Usage Plan {plan} cannot be added because API Key {key} is already subscribed to it");
    server.attach(&plan, &key).expect_error(409, "ConflictException", &message);
    let keys = server.get(&format!("/usageplans/{plan}/keys")).expect(200);
    assert_eq!(keys["item"].as_array().map(Vec::len), Some(1));
}

#[test]
fn two_plans_of_a_key_share_no_stage() {
    let server = start();
    let key = server.key_named("k");
    let one = server.plan_with("one", &["a:s", "b:s"]);
    let sharing = server.plan_with("sharing", &["c:s", "b:s"]);
    let apart = server.plan_with("apart", &["a:t", "s:a"]);
    server.attach(&one, &key).expect(201);
    let answer = server.attach(&sharing, &key);
    answer.expect_error(409, "ConflictException", &shared(&sharing, &key, "b:s"));
    server.attach(&apart, &key).expect(201);
    server.attach(&sharing, &server.key_named("another")).expect(201);
    assert_eq!(server.delete(&format!("/usageplans/{one}/keys/{key}")).status, 202);
    server.attach(&sharing, &key).expect(201);
}

#[test]
fn a_key_is_in_ten_plans_unless_set_otherwise() {
    let too_many = "Maximum number of Usage Plans for the API Key has been reached. Please contact your administrator \
                    if you need more for an API Key.";
    for (server, most) in [(start(), 10), (start_with(&["--max-plans-per-key=2"]), 2)] {
        let key = server.key_named("k");
        let plans: Vec<_> = (0..=most).map(|_| server.plan_with("p", &[])).collect();
        for plan in &plans[..most] {
            server.attach(plan, &key).expect(201);
        }
        let refused = server.attach(&plans[most], &key);
        refused.expect_error(429, "LimitExceededException", too_many);
        assert_eq!(refused.header("retry-after"), None);
        assert_eq!(server.delete(&format!("/usageplans/{}", plans[0])).status, 202);
        server.attach(&plans[most], &key).expect(201);
    }
}

#[test]
fn a_deleted_key_leaves_its_plans() {
    let server = start();
    let (plan, key) = (server.plan_with("p", &[]), server.key_named("k"));
    server.attach(&plan, &key).expect(201);
    assert_eq!(server.delete(&format!("/apikeys/{key}")).status, 202);
    assert_eq!(server.get(&format!("/usageplans/{plan}/keys")).expect(200), json!({"item": []}));
}

#[tokio::test]
async fn the_sdk_attaches_a_key_and_understands_a_refusal() {
    let server = start_signed(&[]);
    let client = sdk::client(&server);
    let (plan, key) = (server.plan_with("p", &["a:s"]), server.key_named("k"));
    let attach = |plan: &str| {
        client.create_usage_plan_key().usage_plan_id(plan).key_id(&key).key_type("API_KEY").send()
    };
    let attached = attach(&plan).await.unwrap();
    server.secrets().note(attached.value().unwrap());
    assert_eq!(
        (attached.id(), attached.name(), attached.r#type()),
        (Some(key.as_str()), Some("k"), Some("API_KEY"))
    );
    let other = server.plan_with("q", &["a:s"]);
    let refused = sdk::refusal(attach(&other).await);
    assert_eq!(refused, (409, "ConflictException".into(), shared(&other, &key, "a:s")));
}
