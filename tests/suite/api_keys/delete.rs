//! `DELETE /apikeys/{id}`

use integration_tests::http::Request;
use integration_tests::sdk;
use integration_tests::snapshot::masked;
use serde_json::json;

use crate::{start, start_signed};

#[test]
fn a_deleted_key_is_gone_and_its_value_is_free_again() {
    let server = start();
    let body = json!({"name": "n", "value": server.value()});
    let id = integration_tests::server::id_of(&server.create(&body).expect(201));
    let target = format!("/apikeys/{id}");
    let deleted = server.send(&Request::new("DELETE", &target).plain());
    insta::assert_snapshot!(masked(&deleted), @"202");
    for gone in [
        server.get(&target),
        server.send(&Request::new("DELETE", &target).plain()),
        server.patch(&id, &json!([])),
    ] {
        gone.expect_error(404, "NotFoundException", "Invalid API Key identifier specified");
    }
    assert!(server.all_keys().is_empty());
    server.create(&body).expect(201);
}

#[test]
fn the_connection_lives_on_after_an_empty_answer() {
    let server = start();
    let id = server.key_named("n");
    let mut connection = server.connect();
    let deleted =
        connection.send(&Request::new("DELETE", &format!("/apikeys/{id}")).header("Content-Length", "0"));
    assert_eq!(deleted.unwrap().status, 202);
    assert_eq!(connection.send(&Request::get("/apikeys")).unwrap().status, 200);
}

#[tokio::test]
async fn the_sdk_deletes_a_key_and_understands_that_there_is_none() {
    let server = start_signed(&[]);
    let client = sdk::client(&server);
    let id = server.key_named("n");
    let delete = || client.delete_api_key().api_key(&id).send();
    delete().await.unwrap();
    let refused = sdk::refusal(delete().await);
    assert_eq!(refused, (404, "NotFoundException".into(), "Invalid API Key identifier specified".into()));
}
