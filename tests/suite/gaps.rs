//! Single texts and edges that `docs/compatibility.md` promises and no other file of the suite looks at.

use integration_tests::http::Request;
use serde_json::{Value, json};

use crate::{start, start_with};

const TAG_KEY: &str = "Invalid tag key specified: 1 to 128 letters, digits, spaces or characters of . : + = @ _ / - are allowed.";
const TAG_VALUE: &str = "Invalid tag value specified: at most 256 letters, digits, spaces or characters of \
                         . : + = @ _ / - are allowed.";
const VALUE_AS_ID: &str = "Invalid API Key value specified: it can only serve as the identifier with \
                           characters of [A-Za-z0-9_-].";

#[test]
fn every_rule_of_ours_is_told_in_its_own_words() {
    let server = start();
    let value = server.value();
    let many: serde_json::Map<String, Value> = (0..51).map(|n| (format!("t{n}"), json!("v"))).collect();
    for (body, message) in [
        (json!({"customerId": "c".repeat(1025)}), "Invalid API Key customer identifier specified."),
        (json!({"value": format!("{value} ")}), "Invalid API Key value specified."),
        (json!({"value": format!("{value}/"), "generateDistinctId": false}), VALUE_AS_ID),
        (json!({"tags": {"a;b": "v"}}), TAG_KEY),
        (json!({"tags": {"aws:mine": "v"}}), "Invalid tag key specified: the prefix aws: is reserved."),
        (json!({"tags": {"k": "a;b"}}), TAG_VALUE),
        (json!({ "tags": many }), "Invalid tags specified: a resource can have at most 50 tags."),
    ] {
        server.create(&body).expect_error(400, "BadRequestException", message);
    }
    let id = server.key_named("n");
    let long = "x".repeat(1025);
    for (operation, message) in [
        (
            json!({"op": "replace", "path": "/customerId", "value": long}),
            "Invalid API Key customer identifier specified.",
        ),
        (json!({"op": "add", "path": "/labels", "value": ""}), "Invalid API Key label specified."),
        (
            json!({"op": "replace", "path": "/name"}),
            "Invalid patch operation specified. The op 'replace' needs a value",
        ),
        (
            json!({"op": "copy", "path": "/name", "from": "/description"}),
            "Invalid patch path  '/name' specified for op 'copy'. Must be one of: []",
        ),
    ] {
        server.patch(&id, &json!([operation])).expect_error(400, "BadRequestException", message);
    }
    server.get(&format!("/apikeys?customerId={long}")).expect_error(
        400,
        "BadRequestException",
        "Invalid API Key customer identifier specified.",
    );
}

#[test]
fn of_several_wrong_properties_the_first_in_order_is_told() {
    let server = start();
    let mut body = json!({
        "name": "x".repeat(1025), "description": "x".repeat(125_001), "value": "short",
        "customerId": "x".repeat(1025), "stageKeys": [{}], "tags": {"": ""},
    });
    for (property, message) in [
        ("name", "Invalid API Key name, can be at most 1024 characters."),
        ("description", "Invalid API Key description specified."),
        ("value", "API Key value should be at least 30 characters"),
        ("customerId", "Invalid API Key customer identifier specified."),
        ("stageKeys", "Invalid stage identifier specified"),
        ("tags", TAG_KEY),
    ] {
        server.create(&body).expect_error(400, "BadRequestException", message);
        body.as_object_mut().unwrap().remove(property);
    }
    server.create(&body).expect(201);
}

#[test]
fn a_key_has_at_most_a_thousand_stages() {
    let server = start();
    let stages = |count: usize| -> Value {
        (0..count).map(|n| json!({"restApiId": "r", "stageName": format!("s{n}")})).collect()
    };
    server.create(&json!({"stageKeys": stages(1000)})).expect(201);
    server.create(&json!({"stageKeys": stages(1001)})).expect_error(
        400,
        "BadRequestException",
        "Invalid stage identifier specified",
    );
}

#[test]
fn a_generated_value_may_be_the_id_too() {
    let server = start();
    // Not noted: an id is not hidden.
    let create = Request::json("POST", "/apikeys", &json!({"generateDistinctId": false}));
    let key = server.connect().send(&create).unwrap().expect(201);
    assert_eq!((key["id"].as_str().map(str::len), &key["id"]), (Some(40), &key["value"]));
}

#[test]
fn null_counts_as_not_given() {
    let server = start();
    let key = server
        .create(&json!({"name": null, "value": null, "enabled": null, "stageKeys": null, "tags": null}))
        .expect(201);
    assert_eq!((key.get("name"), &key["enabled"], key.get("tags")), (None, &json!(false), None));
    let id = integration_tests::server::id_of(&key);
    server
        .send(&Request::json("PATCH", &format!("/apikeys/{id}"), &json!({"patchOperations": null})))
        .expect(200);
}

#[test]
fn a_json_body_may_have_any_media_type_or_none_and_may_be_absent() {
    let server = start();
    for media_type in [
        None,
        Some("application/x-amz-json-1.1"),
        Some("text/plain"),
        Some("application/json; charset=utf-8"),
    ] {
        let request = Request::new("POST", "/apikeys").plain().body(r#"{"name":"n"}"#);
        let request =
            media_type.into_iter().fold(request, |request, one| request.header("Content-Type", one));
        assert_eq!(server.send(&request).expect(201)["name"], "n", "{media_type:?}");
    }
    server.send(&Request::new("POST", "/apikeys").plain()).expect(201);
}

#[test]
fn every_answer_names_its_request_and_an_empty_one_has_no_media_type() {
    let server = start();
    let id = server.key_named("n");
    let deleted = Request::new("DELETE", &format!("/apikeys/{id}"));
    for request in [Request::get("/apikeys"), deleted, Request::get("/nope")] {
        let answer = server.send(&request);
        answer.request_id();
        assert!(answer.header("x-amz-apigw-id").is_some_and(|id| id.ends_with('=')));
        let media_type = (answer.status != 202).then_some("application/json");
        assert_eq!(answer.header("content-type"), media_type);
        assert_eq!(answer.body.is_empty(), answer.status == 202);
    }
}

#[test]
fn an_authorization_header_is_not_looked_at() {
    let server = start();
    for header in ["", "Bearer x", "AWS4-HMAC-SHA256 Credential=nobody/20170223/us-east-1/s3/aws4_request"] {
        assert_eq!(server.send(&Request::get("/apikeys").header("Authorization", header)).status, 200);
    }
}

#[test]
fn unknown_parameters_are_ignored_and_known_ones_come_once() {
    let server = start();
    server.get("/apikeys?colour=red&colour=blue&nameQuery=x").expect(200);
    for (query, name) in
        [("limit=1&limit=2", "limit"), ("name=a&name=a", "name"), ("position=&position=", "position")]
    {
        server.get(&format!("/apikeys?{query}")).expect_error(
            400,
            "BadRequestException",
            &format!("Invalid request input: '{name}' is given twice"),
        );
    }
}

#[test]
fn a_limit_that_is_no_integer_is_refused_and_an_empty_position_is_the_first_page() {
    let server = start();
    server.key_named("n");
    for limit in ["abc", "1.0", "", "-", "0x10"] {
        server.get(&format!("/apikeys?limit={limit}")).expect_error(
            400,
            "BadRequestException",
            "Invalid request input: 'limit' must be an integer",
        );
    }
    for query in ["position=", "limit=99999999999999999999", "limit=%2B7"] {
        assert_eq!(server.get(&format!("/apikeys?{query}")).expect(200)["item"][0]["name"], "n", "{query}");
    }
}

#[test]
fn a_wrong_operation_is_told_before_a_missing_key_and_a_missing_key_before_too_much() {
    let server = start();
    let wrong = json!([{"op": "replace", "path": "/id", "value": "v"}]);
    server.patch("aaaaaaaaaa", &wrong).expect_error_like(400, "BadRequestException", |message| {
        message.starts_with("Invalid patch path  '/id'")
    });
    // No key can have this id, whatever is to be done with it.
    server.patch("no%20key", &wrong).expect_error(
        404,
        "NotFoundException",
        "Invalid API Key identifier specified",
    );
}

#[test]
fn parameters_of_an_import_are_exact() {
    let server = start();
    let csv = format!("key,name\n{},n\n", server.value());
    for (format, shown) in [("CSV", "CSV"), ("", ""), ("abcdefghijklmnop", "abcdefghijkl")] {
        server.import(&format!("&format={format}"), &csv).expect_error(
            400,
            "ValidationException",
            &format!(
                "1 validation error detected: Value '{shown}' at 'format' failed to satisfy constraint: \
                 Member must satisfy enum value set: [csv]"
            ),
        );
    }
    server.import("&failonwarnings=maybe", &csv).expect_error(
        400,
        "BadRequestException",
        "Invalid request input: 'failonwarnings' must be a boolean",
    );
    for mode in ["export", "IMPORT", ""] {
        server.send(&Request::new("POST", &format!("/apikeys?mode={mode}")).plain().body("{}")).expect_error(
            400,
            "BadRequestException",
            "Invalid mode specified. Must be 'import'",
        );
    }
    assert!(server.all_keys().is_empty());
    server.import("&failonwarnings=TRUE", &csv).expect(201);
}

#[test]
fn rules_of_create_hold_for_rows() {
    let server = start();
    let value = || server.value();
    let row = |key: String, rest: &str| format!("{key},{rest}\n");
    let csv = [
        "Key,Name,Description\n".to_owned(),
        row(value(), &format!("n,{}", "d".repeat(125_001))),
        row(format!("{} x", value()), "n,"),
        row(value(), &format!("n,{}", "x".repeat(640 * 1024))),
        row(value(), "\0,"),
        row(value(), &format!("{},{}", "é".repeat(1024), "ü".repeat(125_000))),
    ]
    .concat();
    let answer = server.import("", &csv).expect(201);
    assert_eq!(
        answer["warnings"],
        json!([
            "Skipped invalid record: 1. Invalid API Key description specified.",
            "Skipped invalid record: 2. Invalid API Key value specified.",
            "Skipped invalid record: 3. The record is too large",
            "Skipped invalid record: 4. The record must not contain NUL",
        ])
    );
    assert_eq!(answer["ids"].as_array().map(Vec::len), Some(1));
    server.import("", "Key,Name,key\n").expect_error(
        400,
        "BadRequestException",
        "Column 'Key' is specified more than once",
    );
}

#[test]
fn what_never_becomes_an_operation_is_told_why() {
    let server = start_with(&["--header-timeout=500ms", "--body-timeout=500ms"]);
    let sent = |bytes: &[u8]| {
        let mut connection = server.connect();
        connection.write(bytes).unwrap();
        connection.answer().unwrap()
    };
    let post = Request::new("POST", "/apikeys");
    sent(b"GARBAGE\r\n\r\n").expect_error(400, "BadRequestException", "The request is not valid HTTP.");
    sent(b"GET /apikeys HTT").expect_error(
        408,
        "RequestTimeoutException",
        "The request did not arrive in time.",
    );
    sent(&post.head(Some(9))).expect_error(
        408,
        "RequestTimeoutException",
        "The request body did not arrive in time.",
    );
    sent(&[post.clone().header("Transfer-Encoding", "chunked").head(None), b"zz\r\n".to_vec()].concat())
        .expect_error(400, "BadRequestException", "The request body is incomplete or malformed.");
    server.send(&post.clone().body("x".repeat(1024 * 1024 + 1))).expect_error(
        413,
        "RequestEntityTooLargeException",
        "The request body is larger than 1048576 bytes.",
    );
    server.send(&Request::get("/apikeys").header("x-large", &"v".repeat(70_000))).expect_error(
        431,
        "RequestHeaderFieldsTooLargeException",
        "The request line and headers are too large: at most 64 KiB and 100 headers are accepted.",
    );
    server.send(&Request::get("/apikeys").header("Origin", "http://localhost")).expect_error(
        403,
        "AccessDeniedException",
        "requests with an Origin header are refused while authentication is off",
    );
    server.send(&Request::get("/apikeys").header("Host", "keys.example")).expect_error(
        403,
        "AccessDeniedException",
        "while authentication is off the Host must be a loopback address; --auth-off-anywhere lifts this",
    );
}

#[test]
fn what_will_pass_is_told_so() {
    let server = start_with(&["--max-keys-per-account=1", "--max-spool-bytes=100", "--max-import-bytes=100"]);
    let full = "Maximum number of API Keys has been reached. Please contact your administrator if you need \
                additional API Keys.";
    server.key_named("n");
    server.create(&json!({})).expect_error(429, "LimitExceededException", full);
    let csv = format!("Key,Name\n{},n\n", server.value());
    let mut first = server.connect();
    let request = Request::import("", csv);
    let bytes = request.bytes();
    first.write(&bytes[..bytes.len() - 1]).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let refused = server.send(&request);
    refused.expect_error(
        503,
        "ServiceUnavailableException",
        "The service is temporarily unavailable. Please try again later.",
    );
    assert_eq!(refused.header("retry-after"), Some("1"));
}

#[test]
fn every_caller_acts_for_the_default_account() {
    let server = start_with(&["--default-account=000000000042"]);
    let answer = server.create(&json!({"name": "n"}));
    let line = server.log_of(&answer);
    assert_eq!(line.get("account").unwrap_or(&line["fields"]["account"]), "000000000042");
}

#[test]
fn a_value_is_asked_for_by_true_in_any_case() {
    let server = start();
    let id = server.key_named("n");
    for text in ["true", "TRUE", "True"] {
        let key = server.get(&format!("/apikeys/{id}?includeValue={text}")).expect(200);
        let list = server.get(&format!("/apikeys?includeValues={text}")).expect(200);
        assert!(key["value"].is_string() && list["item"][0]["value"] == key["value"], "{text}");
    }
    assert_eq!(server.get("/apikeys?includeValues=1").expect(200)["item"][0].get("value"), None);
}

#[test]
fn links_to_other_pages_repeat_what_was_asked() {
    let server = start();
    for name in ["a&b older", "a&b newer", "another"] {
        server.create(&json!({"name": name, "customerId": "c/d"})).expect(201);
    }
    let hal = |target: &str| server.send(&Request::new("GET", target)).expect(200);
    let first = hal("/apikeys?limit=1&name=a%26b&customerId=c%2Fd&includeValues=true");
    let last = hal(first["_links"]["next"]["href"].as_str().unwrap());
    assert_eq!(last["_embedded"]["item"]["name"], "a&b older");
    assert!(last["_embedded"]["item"]["value"].is_string(), "includeValues is repeated");
    assert_eq!((first["_links"].get("first"), last["_links"].get("next")), (None, None));
    let again = hal(last["_links"]["first"]["href"].as_str().unwrap());
    assert_eq!(again["_embedded"], first["_embedded"], "limit and filters are repeated");
}
