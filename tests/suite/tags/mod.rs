//! `/tags/{resource_arn}`: tags of keys and plans, whose ARN is one percent-encoded segment.

mod get;
mod tag;
mod untag;

use integration_tests::http::{Answer, Request};
use integration_tests::server::Server;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// What SDKs leave as it is in a segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn arn(path: &str) -> String {
    format!("arn:aws:apigateway:us-east-1::{path}")
}

/// The target of an ARN, as SDKs write it.
fn tags_of(arn: &str) -> String {
    format!("/tags/{}", utf8_percent_encode(arn, SEGMENT))
}

fn key_tags(id: &str) -> String {
    tags_of(&arn(&format!("/apikeys/{id}")))
}

fn plan_tags(id: &str) -> String {
    tags_of(&arn(&format!("/usageplans/{id}")))
}

fn tag(server: &Server, target: &str, tags: &Value) -> Answer {
    server.send(&Request::json("PUT", target, &json!({ "tags": tags })))
}

fn untag(server: &Server, target: &str, query: &str) -> Answer {
    server.send(&Request::new("DELETE", &format!("{target}?{query}")).plain())
}

#[track_caller]
fn nothing(answer: &Answer) {
    assert_eq!((answer.status, answer.body.len()), (204, 0), "{}", answer.text());
    assert_eq!(answer.header("content-type"), None);
    answer.request_id();
}

#[track_caller]
fn tags(server: &Server, target: &str) -> Value {
    server.get(target).expect(200)["tags"].clone()
}

/// Every way to ask for the tags of an ARN.
fn all(target: &str) -> [Request; 3] {
    [
        Request::get(target),
        Request::json("PUT", target, &json!({"tags": {"a": "b"}})),
        Request::new("DELETE", &format!("{target}?tagKeys=a")).plain(),
    ]
}
