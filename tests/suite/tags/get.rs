//! `GET /tags/{resource_arn}`, and what holds for every method on it.

use super::{all, arn, key_tags, plan_tags, tag, tags, tags_of};
use crate::usage::plan_with;
use integration_tests::http::Request;
use integration_tests::sdk;
use integration_tests::server::{Credential, id_of};
use serde_json::{Value, json};
use std::path::Path;

use crate::{start, start_signed};

const NO_KEY: &str = "Invalid API Key identifier specified";
const NO_PLAN: &str = "Invalid Usage Plan ID specified";

#[test]
fn it_shows_the_tags_and_an_empty_object_without_any() {
    let server = start();
    let (key, plan) = (server.key_named("n"), plan_with(&server, &Value::Null));
    for target in [key_tags(&key), plan_tags(&plan)] {
        assert_eq!(server.get(&target).text(), r#"{"tags":{}}"#);
        tag(&server, &target, &json!({"b": "2", "a": ""}));
        assert_eq!(server.get(&target).text(), r#"{"tags":{"a":"","b":"2"}}"#);
        assert_eq!(tags(&server, &format!("{target}?limit=1&position=x")), json!({"a": "", "b": "2"}));
    }
}

#[test]
fn tags_given_at_creation_are_the_same_tags() {
    let server = start();
    let key = id_of(&server.create(&json!({"tags": {"a": "1"}})).expect(201));
    assert_eq!(tags(&server, &key_tags(&key)), json!({"a": "1"}));
    tag(&server, &key_tags(&key), &json!({"b": "2"}));
    assert_eq!(server.get(&format!("/apikeys/{key}")).expect(200)["tags"], json!({"a": "1", "b": "2"}));
}

#[test]
fn in_hal_there_are_links_to_change_them() {
    let server = start();
    let key = server.key_named("n");
    let target = key_tags(&key);
    let hal = || server.send(&Request::new("GET", &target)).expect(200);
    let curie = "https://docs.aws.amazon.com/apigateway/latest/developerguide/restapi-tags-{rel}.html";
    let encoded = format!("/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapikeys%2F{key}");
    let links = json!({
        "curies": {"href": curie, "name": "tags", "templated": true},
        "tags:tag": {"href": encoded},
        "tags:untag": {"href": format!("{encoded}{{?tagKeys}}"), "templated": true},
    });
    assert_eq!(hal(), json!({ "_links": links }), "an empty map is left out");
    tag(&server, &target, &json!({"a": "1"}));
    assert_eq!(hal(), json!({ "_links": links, "tags": {"a": "1"} }), "a map of one is still a map");
}

#[test]
fn an_arn_may_name_any_region_and_be_encoded_in_any_way() {
    let server = start();
    let key = server.key_named("n");
    tag(&server, &key_tags(&key), &json!({"a": "1"}));
    for target in [
        format!("/tags/arn:aws:apigateway:us-east-1::%2Fapikeys%2F{key}"),
        format!("/tags/arn%3aaws%3aapigateway%3aus-east-1%3a%3a%2fapikeys%2f{key}"),
        format!("/tags/%61rn%3Aaws-cn%3Aapigateway%3Acn-north-1%3A%3A%2Fapikeys%2F{key}"),
        tags_of(&format!("arn:aws:apigateway:::/apikeys/{key}")),
    ] {
        assert_eq!(tags(&server, &target), json!({"a": "1"}), "{target}");
    }
}

#[test]
fn an_arn_is_signed_as_it_is_sent() {
    let server = start_signed(&[]);
    let target = key_tags(&server.key_named("n"));
    let signed = Request::json("PUT", &target, &json!({"tags": {"a": "1"}})).signed(&Credential::root());
    let signed = String::from_utf8(signed.bytes()).unwrap();
    let status = |bytes: &str| {
        let mut connection = server.connect();
        connection.write(bytes.as_bytes()).unwrap();
        connection.answer().unwrap().status
    };
    for (from, to) in [("%2F", "%2f"), ("us-east-1", "us-east-2"), ("%3A", ":")] {
        let changed = signed.replacen(from, to, 1);
        assert_ne!(changed, signed);
        assert_eq!(status(&changed), 403, "{from} became {to}");
    }
    assert_eq!(tags(&server, &target), json!({}));
    assert_eq!(status(&signed), 204);
    assert_eq!(tags(&server, &target), json!({"a": "1"}));
}

#[test]
fn what_is_no_arn_of_a_key_or_plan_is_refused() {
    let server = start();
    let key = server.key_named("n");
    for wrong in [
        key.clone(),
        "arn".to_owned(),
        format!("/apikeys/{key}"),
        arn(&format!("/restapis/{key}")),
        arn(&format!("/apikeys/{key}/")),
        arn(&format!("/usageplans/p/keys/{key}")),
        arn("/apikeys/"),
        arn("/apikeys/no key"),
        format!("arn:aws:apigateway:us-east-1:000000000000:/apikeys/{key}"),
        format!("arn:aws:lambda:us-east-1::/apikeys/{key}"),
        // Encoded twice.
        utf8(&arn(&format!("/apikeys/{key}"))),
    ] {
        for request in all(&tags_of(&wrong)) {
            let answer = server.send(&request);
            answer.expect_error(400, "BadRequestException", "Invalid ARN specified in the request");
        }
    }
    // Slashes as they are part segments.
    for request in all(&format!("/tags/{}", arn(&format!("/apikeys/{key}")))) {
        let answer = server.send(&request);
        answer.expect_error(403, "MissingAuthenticationTokenException", "Missing Authentication Token");
    }
    assert_eq!(tags(&server, &key_tags(&key)), json!({}));
}

fn utf8(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, super::SEGMENT).to_string()
}

#[test]
fn what_is_not_there_is_told_in_the_resources_own_words() {
    let server = start();
    let (key, plan) = (server.key_named("n"), plan_with(&server, &Value::Null));
    for gone in [format!("/apikeys/{key}"), format!("/usageplans/{plan}")] {
        assert_eq!(server.delete(&gone).status, 202);
    }
    for (target, message) in [
        (key_tags(&key), NO_KEY),
        (key_tags("unknown"), NO_KEY),
        (plan_tags(&plan), NO_PLAN),
        (plan_tags("unknown"), NO_PLAN),
    ] {
        for request in all(&target) {
            server.send(&request).expect_error(404, "NotFoundException", message);
        }
    }
}

#[test]
fn of_another_account_nothing_is_there() {
    let place = crate::auth::Place::new();
    let (key, plan) = (place.server.key_named("n"), plan_with(&place.server, &Value::Null));
    let stranger = place.credential("administrator", "000000000002");
    for (target, message) in [(key_tags(&key), NO_KEY), (plan_tags(&plan), NO_PLAN)] {
        for request in all(&target) {
            let answer = place.server.send_as(&stranger, &request);
            answer.expect_error(404, "NotFoundException", message);
        }
        assert_eq!(tags(&place.server, &target), json!({}));
    }
}

#[test]
fn a_policy_allows_tags_by_the_path_of_the_request() {
    let place = crate::auth::Place::new();
    let (key, other) = (place.server.key_named("n"), place.server.key_named("n"));
    // As AWS has it: the ARN of the resource within that of its tags, with its colons encoded.
    let tagger = format!(
        r#"{{"Statement": {{"Effect": "Allow", "Action": ["apigateway:GET", "apigateway:PUT", "apigateway:DELETE"],
            "Resource": "arn:aws:apigateway:us-east-1::/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A/apikeys/{key}"}}}}"#
    );
    let tagger = place.credential(&tagger, "000000000000");
    for request in all(&key_tags(&key)) {
        let status = place.server.send_as(&tagger, &request).status;
        assert!((200..300).contains(&status), "{status}");
    }
    for (request, verb) in all(&key_tags(&other)).iter().zip(["GET", "PUT", "DELETE"]) {
        let denied = format!(
            "apigateway:{verb} on resource: arn:aws:apigateway:us-east-1::/tags/\
             arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A/apikeys/{other} because no identity-based policy allows"
        );
        let answer = place.server.send_as(&tagger, request);
        answer.expect_error_like(401, "UnauthorizedException", |message| message.contains(&denied));
    }
}

#[test]
fn who_is_denied_a_key_or_plan_is_denied_its_tags_however_its_arn_is_written() {
    let place = crate::auth::Place::new();
    let (key, plan) = (place.server.key_named("n"), plan_with(&place.server, &Value::Null));
    let deny = |actions: &str| {
        format!(
            r#"{{"Statement": [
                {{"Effect": "Allow", "Action": "*", "Resource": "*"}},
                {{"Effect": "Deny", "Action": {actions}, "Resource": [
                    "arn:aws:apigateway:*::/apikeys/{key}", "arn:aws:apigateway:*::/usageplans/{plan}"]}}
            ]}}"#
        )
    };
    let nothing = place.credential(&deny(r#""*""#), "000000000000");
    let no_change = place.credential(&deny(r#"["apigateway:PATCH"]"#), "000000000000");
    for path in [format!("/apikeys/{key}"), format!("/usageplans/{plan}")] {
        for start in ["arn:aws:apigateway:us-east-1::", "arn:aws-cn:apigateway:anywhere::"] {
            let requests = all(&tags_of(&format!("{start}{path}")));
            for (request, verb) in requests.iter().zip(["GET", "PATCH", "PATCH"]) {
                let denied = format!(
                    "apigateway:{verb} on resource: arn:aws:apigateway:us-east-1::{path} with an explicit deny in an \
                     identity-based policy"
                );
                let answer = place.server.send_as(&nothing, request);
                answer.expect_error_like(401, "UnauthorizedException", |message| message.ends_with(&denied));
                let answer = place.server.send_as(&no_change, request);
                assert_eq!(answer.status, if verb == "GET" { 200 } else { 401 }, "{}", answer.text());
            }
        }
    }
    assert_eq!(tags(&place.server, &key_tags(&key)), json!({}));
}

#[test]
fn the_audit_log_tells_whose_tags_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("audit.jsonl");
    let server = crate::start_with(&[&format!("--audit-log={}", log.display())]);
    let key = server.key_named("n");
    tag(&server, &key_tags(&key), &json!({"a": "1"}));
    let line = |path: &Path| -> Value {
        let text = std::fs::read_to_string(path).unwrap();
        serde_json::from_str(text.lines().last().unwrap()).unwrap()
    };
    let line = line(&log);
    let expected = (json!("TagResource"), json!(format!("/tags/apikeys/{key}")));
    assert_eq!((line["operation"].clone(), line["resource"].clone()), expected);
}

#[tokio::test]
async fn the_sdk_gets_tags_and_understands_a_refusal() {
    let server = start_signed(&[]);
    let client = sdk::client(&server);
    let plan = plan_with(&server, &Value::Null);
    tag(&server, &plan_tags(&plan), &json!({"team": "gate"}));
    let get = |arn: String| client.get_tags().resource_arn(arn).send();
    let shown = get(arn(&format!("/usageplans/{plan}"))).await.unwrap();
    assert_eq!(shown.tags().unwrap()["team"], "gate");
    let refused = sdk::refusal(get(arn("/apikeys/unknown")).await);
    assert_eq!(refused, (404, "NotFoundException".into(), NO_KEY.into()));
    let refused = sdk::refusal(get("arn:aws:s3:::bucket".to_owned()).await);
    assert_eq!(refused, (400, "BadRequestException".into(), "Invalid ARN specified in the request".into()));
}
