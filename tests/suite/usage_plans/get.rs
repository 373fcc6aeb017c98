//! `GET /usageplans/{id}`

use integration_tests::sdk;
use integration_tests::server::id_of;
use integration_tests::snapshot::masked;
use serde_json::json;

use super::NO_SUCH_PLAN;
use crate::{start, start_signed};

#[test]
fn it_shows_a_plan_with_its_tags_even_when_there_are_none() {
    let server = start();
    let made = server.create_plan(&json!({"name": "n", "description": "d"})).expect(201);
    insta::assert_snapshot!(masked(&server.get(&format!("/usageplans/{}", id_of(&made)))), @r#"
    200
    {
      "apiStages": [],
      "description": "d",
      "id": "[id]",
      "name": "n",
      "tags": {}
    }
    "#);
    let tagged = server.create_plan(&json!({"name": "n", "tags": {"k": "v"}})).expect(201);
    assert_eq!(server.get(&format!("/usageplans/{}", id_of(&tagged))).expect(200), tagged);
}

#[test]
fn a_plan_that_is_not_there_is_not_found() {
    let server = start();
    for id in ["aaaaaa", "no%20such%20plan", "a%2Fb", "%C3%A9", "%2e"] {
        server.get(&format!("/usageplans/{id}")).expect_error(404, "NotFoundException", NO_SUCH_PLAN);
    }
}

#[test]
fn an_id_is_percent_decoded_once() {
    let server = start();
    let id = server.plan_with("n", &[]);
    let encoded: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
    server.get(&format!("/usageplans/{encoded}")).expect(200);
    let twice = encoded.replace('%', "%25");
    server.get(&format!("/usageplans/{twice}")).expect_error(404, "NotFoundException", NO_SUCH_PLAN);
}

#[tokio::test]
async fn the_sdk_gets_a_plan_and_understands_that_there_is_none() {
    let server = start_signed(&[]);
    let client = sdk::client(&server);
    let id = server.plan_with("n", &["a:s"]);
    let plan = client.get_usage_plan().usage_plan_id(&id).send().await.unwrap();
    assert_eq!((plan.id(), plan.name(), plan.api_stages().len()), (Some(id.as_str()), Some("n"), 1));
    let refused = sdk::refusal(client.get_usage_plan().usage_plan_id("no/such plan").send().await);
    assert_eq!(refused, (404, "NotFoundException".into(), NO_SUCH_PLAN.into()));
}
