//! `GET /account`

use integration_tests::http::Request;
use integration_tests::sdk;
use serde_json::json;

use crate::{start, start_signed};

#[test]
fn it_shows_what_every_account_has() {
    let answer = start().get("/account");
    assert_eq!(
        answer.text(),
        r#"{"apiKeyVersion":"4","features":["UsagePlans"],"throttleSettings":{"burstLimit":5000,"rateLimit":10000.0}}"#
    );
    assert_eq!(answer.status, 200);
}

#[test]
fn in_hal_it_has_its_links_and_one_feature_is_no_list() {
    let answer = start().send(&Request::new("GET", "/account")).expect(200);
    let curie = "https://docs.aws.amazon.com/apigateway/latest/developerguide/account-apigateway-{rel}.html";
    let expected = json!({
        "_links": {
            "curies": {"href": curie, "name": "account", "templated": true},
            "self": {"href": "/account"},
            "account:update": {"href": "/account"},
        },
        "apiKeyVersion": "4",
        "features": "UsagePlans",
        "throttleSettings": {"burstLimit": 5_000, "rateLimit": 10_000},
    });
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn the_sdk_reads_it_and_understands_that_it_may_not() {
    let place = crate::auth::Place::new();
    let account = sdk::client(&place.server).get_account().send().await.unwrap();
    let throttle = account.throttle_settings().unwrap();
    assert_eq!((throttle.burst_limit(), throttle.rate_limit()), (5_000, 10_000.0));
    assert_eq!((account.features(), account.api_key_version()), (&["UsagePlans".to_owned()][..], Some("4")));
    assert_eq!(account.cloudwatch_role_arn(), None);
    let none =
        r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:apigateway:*::/apikeys*"}}"#;
    let client = sdk::client_with(&place.server, &place.credential(none, "000000000000"));
    let (status, code, message) = sdk::refusal(client.get_account().send().await);
    assert_eq!((status, code.as_str()), (401, "UnauthorizedException"));
    assert!(
        message.contains("apigateway:GET on resource: arn:aws:apigateway:us-east-1::/account "),
        "{message}"
    );
}

#[test]
fn it_cannot_be_changed() {
    let server = start_signed(&[]);
    for method in ["PATCH", "PUT", "DELETE"] {
        server.send(&Request::new(method, "/account")).expect_error(
            403,
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        );
    }
}
