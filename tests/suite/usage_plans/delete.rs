//! `DELETE /usageplans/{id}`

use integration_tests::sdk;
use serde_json::json;

use super::NO_SUCH_PLAN;
use crate::{start, start_signed};

#[test]
fn a_deleted_plan_is_gone_and_so_are_its_keys() {
    let server = start();
    let (plan, key) = (server.plan_with("n", &[]), server.key_named("k"));
    server.attach(&plan, &key).expect(201);
    let path = format!("/usageplans/{plan}");
    let answer = server.delete(&path);
    assert_eq!((answer.status, answer.body.len(), answer.header("content-type")), (202, 0, None));
    server.get(&path).expect_error(404, "NotFoundException", NO_SUCH_PLAN);
    server.patch_plan(&plan, &json!([])).expect_error(404, "NotFoundException", NO_SUCH_PLAN);
    server.delete(&path).expect_error(404, "NotFoundException", NO_SUCH_PLAN);
    server.attach(&plan, &key).expect_error(404, "NotFoundException", NO_SUCH_PLAN);
    assert_eq!(server.get("/usageplans").expect(200), json!({"item": []}));
    assert_eq!(server.get(&format!("/usageplans?keyId={key}")).expect(200), json!({"item": []}));
    assert_eq!(server.get(&format!("{path}/keys")).expect(200), json!({"item": []}));
    server.get(&format!("/apikeys/{key}")).expect(200);
}

#[test]
fn a_plan_with_stages_is_kept_and_one_of_them_is_named() {
    let server = start();
    let plan = server.plan_with("n", &["a:s", "b:t"]);
    let path = format!("/usageplans/{plan}");
    for stage in ["a:s", "b:t"] {
        let message = format!(
            "Cannot delete Usage Plan {plan} because there are API Stages associated with it, including {stage}"
        );
        server.delete(&path).expect_error(400, "BadRequestException", &message);
        server
            .patch_plan(&plan, &json!([{"op": "remove", "path": "/apiStages", "value": stage}]))
            .expect(200);
    }
    assert_eq!(server.delete(&path).status, 202);
}

#[test]
fn a_plan_that_never_was_is_not_found() {
    let server = start();
    for id in ["aaaaaa", "no%20plan"] {
        server.delete(&format!("/usageplans/{id}")).expect_error(404, "NotFoundException", NO_SUCH_PLAN);
    }
}

#[tokio::test]
async fn the_sdk_deletes_a_plan_and_understands_a_refusal() {
    let server = start_signed(&[]);
    let client = sdk::client(&server);
    let (empty, busy) = (server.plan_with("n", &[]), server.plan_with("n", &["a:s"]));
    client.delete_usage_plan().usage_plan_id(&empty).send().await.unwrap();
    let (status, code, _) = sdk::refusal(client.delete_usage_plan().usage_plan_id(&empty).send().await);
    assert_eq!((status, code.as_str()), (404, "NotFoundException"));
    let (status, code, message) = sdk::refusal(client.delete_usage_plan().usage_plan_id(&busy).send().await);
    assert_eq!((status, code.as_str()), (400, "BadRequestException"));
    assert!(message.ends_with("including a:s"), "{message}");
}
