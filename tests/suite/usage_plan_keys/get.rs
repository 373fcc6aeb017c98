//! `GET /usageplans/{id}/keys/{keyId}`

use integration_tests::sdk;
use serde_json::json;

use super::{NO_SUCH_KEY, NO_SUCH_PLAN};
use crate::{start, start_signed};

#[test]
fn it_shows_what_the_creation_answered() {
    let server = start();
    let (plan, key) = (server.plan_with("p", &[]), server.key_named("k"));
    let attached = server.attach(&plan, &key).expect(201);
    assert!(attached["value"].is_string());
    assert_eq!(server.get(&format!("/usageplans/{plan}/keys/{key}")).expect(200), attached);
}

#[test]
fn a_key_that_is_not_in_the_plan_is_told_from_one_that_is_nowhere() {
    let server = start();
    let (plan, key) = (server.plan_with("p", &[]), server.key_named("k"));
    let get = |plan: &str, key: &str| server.get(&format!("/usageplans/{plan}/keys/{key}"));
    get(&plan, &key).expect_error(404, "NotFoundException", NO_SUCH_PLAN);
    get("aaaaaa", &key).expect_error(404, "NotFoundException", NO_SUCH_PLAN);
    get("no%20plan", &key).expect_error(404, "NotFoundException", NO_SUCH_PLAN);
    get(&plan, "aaaaaaaaaa").expect_error(404, "NotFoundException", NO_SUCH_KEY);
    get(&plan, "no%20key").expect_error(404, "NotFoundException", NO_SUCH_KEY);
}

#[test]
fn a_renamed_key_is_shown_by_its_new_name() {
    let server = start();
    let (plan, key) = (server.plan_with("p", &[]), server.key_named("old"));
    server.attach(&plan, &key).expect(201);
    server.patch(&key, &json!([{"op": "replace", "path": "/name", "value": "new"}])).expect(200);
    assert_eq!(server.get(&format!("/usageplans/{plan}/keys/{key}")).expect(200)["name"], "new");
}

#[tokio::test]
async fn the_sdk_gets_a_key_of_a_plan_and_understands_that_there_is_none() {
    let server = start_signed(&[]);
    let client = sdk::client(&server);
    let (plan, key) = (server.plan_with("p", &[]), server.key_named("k"));
    let get = || client.get_usage_plan_key().usage_plan_id(&plan).key_id(&key).send();
    let refused = sdk::refusal(get().await);
    assert_eq!(refused, (404, "NotFoundException".into(), NO_SUCH_PLAN.into()));
    let attached = server.attach(&plan, &key).expect(201);
    let read = get().await.unwrap();
    assert_eq!((read.id(), read.value()), (Some(key.as_str()), attached["value"].as_str()));
}
