//! `DELETE /usageplans/{id}/keys/{keyId}`

use integration_tests::sdk;
use serde_json::json;

use super::{NO_SUCH_KEY, NO_SUCH_PLAN};
use crate::{start, start_signed};

#[test]
fn a_key_that_is_taken_out_is_in_the_plan_no_longer_and_lives_on() {
    let server = start();
    let (plan, key) = (server.plan_with("p", &[]), server.key_named("k"));
    server.attach(&plan, &key).expect(201);
    let path = format!("/usageplans/{plan}/keys/{key}");
    let answer = server.delete(&path);
    assert_eq!((answer.status, answer.body.len(), answer.header("content-type")), (202, 0, None));
    server.get(&path).expect_error(404, "NotFoundException", NO_SUCH_PLAN);
    assert_eq!(server.get(&format!("/usageplans/{plan}/keys")).expect(200), json!({"item": []}));
    assert_eq!(server.get(&format!("/usageplans?keyId={key}")).expect(200), json!({"item": []}));
    server.get(&format!("/apikeys/{key}")).expect(200);
    server.get(&format!("/usageplans/{plan}")).expect(200);
    server.attach(&plan, &key).expect(201);
}

#[test]
fn a_key_that_is_not_in_the_plan_is_not_found() {
    let server = start();
    let (plan, key) = (server.plan_with("p", &[]), server.key_named("k"));
    let delete = |plan: &str, key: &str| server.delete(&format!("/usageplans/{plan}/keys/{key}"));
    for key in [&key, "aaaaaaaaaa", "no%20key"] {
        delete(&plan, key).expect_error(404, "NotFoundException", NO_SUCH_KEY);
    }
    for plan in ["aaaaaa", "no%20plan"] {
        delete(plan, &key).expect_error(404, "NotFoundException", NO_SUCH_PLAN);
    }
}

#[tokio::test]
async fn the_sdk_takes_a_key_out_and_understands_that_it_is_not_there() {
    let server = start_signed(&[]);
    let client = sdk::client(&server);
    let (plan, key) = (server.plan_with("p", &[]), server.key_named("k"));
    server.attach(&plan, &key).expect(201);
    let delete = || client.delete_usage_plan_key().usage_plan_id(&plan).key_id(&key).send();
    delete().await.unwrap();
    assert_eq!(sdk::refusal(delete().await), (404, "NotFoundException".into(), NO_SUCH_KEY.into()));
}
