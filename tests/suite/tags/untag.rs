//! `DELETE /tags/{resource_arn}?tagKeys=…`

use super::{arn, key_tags, nothing, plan_tags, tag, tags, untag};
use crate::usage::plan_with;
use integration_tests::http::Request;
use integration_tests::sdk;
use serde_json::{Value, json};

use crate::{start, start_signed};

#[test]
fn keys_come_one_by_one_or_separated_by_commas() {
    let server = start();
    let (key, plan) = (server.key_named("n"), plan_with(&server, &Value::Null));
    for target in [key_tags(&key), plan_tags(&plan)] {
        let numbered: Vec<_> = (0..9).map(|n| (format!("k{n}"), json!("v"))).collect();
        nothing(&tag(&server, &target, &Value::Object(numbered.into_iter().collect())));
        nothing(&untag(&server, &target, "tagKeys=k0"));
        nothing(&untag(&server, &target, "tagKeys=k1&tagKeys=k2"));
        nothing(&untag(&server, &target, "tagKeys=k3,k4"));
        nothing(&untag(&server, &target, "tagKeys=k5%2Ck6&tagKeys=k7"));
        assert_eq!(tags(&server, &target), json!({"k8": "v"}));
    }
}

#[test]
fn a_key_is_decoded_and_its_case_counts() {
    let server = start();
    let target = key_tags(&server.key_named("n"));
    nothing(&tag(&server, &target, &json!({"a b": "1", "ä/+=": "2", "Team": "3"})));
    nothing(&untag(&server, &target, "tagKeys=a%20b&tagKeys=%C3%A4%2F%2B%3D&tagKeys=team"));
    assert_eq!(tags(&server, &target), json!({"Team": "3"}));
}

#[test]
fn keys_that_are_not_there_are_no_failure() {
    let server = start();
    let target = key_tags(&server.key_named("n"));
    nothing(&tag(&server, &target, &json!({"a": "1"})));
    for query in
        ["tagKeys=unknown", "tagKeys=", "tagKeys=,", "tagKeys=aws:x", "tagKeys=%3B", "tagKeys=b&tagKeys=b"]
    {
        nothing(&untag(&server, &target, query));
    }
    nothing(&server.send(&Request::new("DELETE", &format!("{target}?tagKeys=c"))));
    assert_eq!(tags(&server, &target), json!({"a": "1"}));
}

#[test]
fn keys_must_be_given() {
    let server = start();
    let target = key_tags(&server.key_named("n"));
    for query in ["", "tagkeys=a", "tags=a"] {
        untag(&server, &target, query).expect_error(
            400,
            "BadRequestException",
            "Invalid request input: 'tagKeys' is required",
        );
    }
}

#[tokio::test]
async fn the_sdk_untags_and_understands_a_refusal() {
    let server = start_signed(&[]);
    let client = sdk::client(&server);
    let plan = plan_with(&server, &Value::Null);
    nothing(&tag(&server, &plan_tags(&plan), &json!({"a b": "1", "c": "2", "d": "3"})));
    let untag = |id: &str| {
        let request = client.untag_resource().resource_arn(arn(&format!("/usageplans/{id}")));
        request.tag_keys("a b").tag_keys("d").send()
    };
    untag(&plan).await.unwrap();
    assert_eq!(tags(&server, &plan_tags(&plan)), json!({"c": "2"}));
    let refused = sdk::refusal(untag("unknown").await);
    assert_eq!(refused, (404, "NotFoundException".into(), "Invalid Usage Plan ID specified".into()));
}
