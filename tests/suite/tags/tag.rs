//! `PUT /tags/{resource_arn}`

use super::{arn, key_tags, nothing, plan_tags, tag, tags};
use crate::usage::plan_with;
use integration_tests::http::Request;
use integration_tests::sdk;
use serde_json::{Map, Value, json};

use crate::{start, start_signed};

#[test]
fn tags_are_added_and_replaced_and_the_answer_is_empty() {
    let server = start();
    let (key, plan) = (server.key_named("n"), plan_with(&server, &Value::Null));
    for target in [key_tags(&key), plan_tags(&plan)] {
        nothing(&tag(&server, &target, &json!({"a": "1", "b": "1"})));
        nothing(&tag(&server, &target, &json!({"b": "2", "c": "ä ß"})));
        nothing(&tag(&server, &target, &json!({})));
        nothing(&server.send(&Request::json("PUT", &target, &json!({"tags": {"C": "3"}})).hal()));
        assert_eq!(tags(&server, &target), json!({"a": "1", "b": "2", "c": "ä ß", "C": "3"}));
    }
}

#[test]
fn a_tagged_key_keeps_its_date_and_all_else() {
    let server = start();
    let key = server.key_named("n");
    let before = server.get(&format!("/apikeys/{key}")).expect(200);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    nothing(&tag(&server, &key_tags(&key), &json!({"a": "1"})));
    let mut expected = before;
    expected["tags"] = json!({"a": "1"});
    assert_eq!(server.get(&format!("/apikeys/{key}")).expect(200), expected);
}

#[test]
fn a_resource_has_at_most_fifty_tags() {
    let server = start();
    let (key, plan) = (server.key_named("n"), plan_with(&server, &Value::Null));
    let numbered = |numbers: std::ops::Range<usize>| {
        Value::Object(numbers.map(|n| (format!("k{n:02}"), json!("v"))).collect::<Map<_, _>>())
    };
    for target in [key_tags(&key), plan_tags(&plan)] {
        let refused = |tags: &Value| {
            tag(&server, &target, tags).expect_error(
                400,
                "BadRequestException",
                "Invalid tags specified: a resource can have at most 50 tags.",
            );
        };
        refused(&numbered(0..51));
        nothing(&tag(&server, &target, &numbered(0..30)));
        refused(&numbered(30..51));
        nothing(&tag(&server, &target, &numbered(20..50)));
        refused(&json!({"one": "more"}));
        nothing(&tag(&server, &target, &json!({"k49": "w"})));
        assert_eq!(tags(&server, &target).as_object().map(Map::len), Some(50));
    }
}

#[test]
fn each_rule_of_tags_has_its_text() {
    let server = start();
    let key = server.key_named("n");
    let target = key_tags(&key);
    let (longest_key, longest_value) = ("k".repeat(128), "ä".repeat(256));
    nothing(&tag(&server, &target, &json!({&longest_key: &longest_value, "ключ/a.b:c+d=e@f_g-h": ""})));
    let before = tags(&server, &target);
    let bad_key = "Invalid tag key specified: 1 to 128 letters, digits, spaces or characters of . : + = @ _ / - are allowed.";
    let bad_value = "Invalid tag value specified: at most 256 letters, digits, spaces or characters of . : + = @ _ / - are allowed.";
    let reserved = "Invalid tag key specified: the prefix aws: is reserved.";
    for (wrong, message) in [
        (json!({"": "v"}), bad_key),
        (json!({"k".repeat(129): "v"}), bad_key),
        (json!({"a,b": "v"}), bad_key),
        (json!({"k": "v".repeat(257)}), bad_value),
        (json!({"k": "a;b"}), bad_value),
        (json!({"aws:cloudformation:stack-name": "s"}), reserved),
        (json!({"AWS:x": "s"}), reserved),
        (json!({"fine": "v", "aws:x": "s"}), reserved),
    ] {
        tag(&server, &target, &wrong).expect_error(400, "BadRequestException", message);
    }
    assert_eq!(tags(&server, &target), before);
}

#[test]
fn the_body_is_tags_and_nothing_else() {
    let server = start();
    let target = key_tags(&server.key_named("n"));
    let map = "Invalid request input: 'tags' must be an object of strings";
    for (body, message) in [
        ("", "Invalid request input: 'tags' is required"),
        ("{}", "Invalid request input: 'tags' is required"),
        (r#"{"tags":null}"#, "Invalid request input: 'tags' is required"),
        (r#"{"tags":["a"]}"#, "Invalid request input: 'tags' must be an object"),
        (r#"{"tags":{"a":1}}"#, map),
        (r#"{"tags":{"a":null}}"#, map),
        (r#"{"tags":{"a":"1","a":"2"}}"#, "Invalid request input: 'tags.a' is given twice"),
        (r#"{"tags":{},"Tags":{}}"#, "Invalid request input: unknown member 'Tags'"),
    ] {
        let answer = server.send(&Request::new("PUT", &target).body(body));
        answer.expect_error(400, "BadRequestException", message);
    }
}

#[test]
fn of_tags_set_at_once_none_is_lost() {
    let server = start();
    let target = key_tags(&server.key_named("n"));
    let (threads, each) = (4, 10);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (server, target) = (&server, &target);
            scope.spawn(move || {
                for n in 0..each {
                    nothing(&tag(server, target, &json!({ format!("k{thread}-{n}"): "v" })));
                }
            });
        }
    });
    assert_eq!(tags(&server, &target).as_object().map(Map::len), Some(threads * each));
}

#[tokio::test]
async fn the_sdk_tags_and_understands_a_refusal() {
    let server = start_signed(&[]);
    let client = sdk::client(&server);
    let key = server.key_named("n");
    let set = |name: &str| {
        client.tag_resource().resource_arn(arn(&format!("/apikeys/{key}"))).tags(name, "v w").send()
    };
    set("team/a").await.unwrap();
    assert_eq!(tags(&server, &key_tags(&key)), json!({"team/a": "v w"}));
    let message = "Invalid tag key specified: the prefix aws: is reserved.";
    assert_eq!(sdk::refusal(set("aws:x").await), (400, "BadRequestException".into(), message.into()));
}
