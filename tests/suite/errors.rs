//! Whatever arrives: one JSON error with a code and a request id, one log line with that id, a server that serves on,
//! and nothing half applied.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use integration_tests::http::{Answer, Connection, Request};
use integration_tests::server::Server;
use serde_json::json;

use crate::{start, start_with};

/// Sends bytes as they are; the answer must be this error, and must have been logged under its id.
#[track_caller]
fn refused(server: &Server, bytes: &[u8], status: u16, code: &str) -> Answer {
    let mut connection = server.connect();
    // The server may refuse before it has read everything.
    let _ = connection.write(bytes);
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(120)]).into_owned();
    let answer = connection.answer().unwrap_or_else(|why| panic!("{why} for {shown}"));
    assert_eq!(
        (answer.status, answer.header("x-amzn-errortype")),
        (status, Some(code)),
        "{shown}: {}",
        answer.text()
    );
    answer.expect_error_like(status, code, |message| !message.is_empty());
    assert_eq!(logged(&server.log_of(&answer), "status"), json!(status), "{shown}");
    answer
}

/// A field of a log line.
fn logged(line: &serde_json::Value, field: &str) -> serde_json::Value {
    line.get(field).or_else(|| line["fields"].get(field)).cloned().unwrap_or_default()
}

#[track_caller]
fn untouched(server: &Server, keys: usize) {
    assert_eq!(server.all_keys().len(), keys, "nothing is half applied");
}

fn post(body: &str) -> Vec<u8> {
    Request::new("POST", "/apikeys").plain().body(body).bytes()
}

#[test]
fn broken_json_is_bad_input_whatever_is_broken() {
    let server = start();
    let id = server.key_named("n");
    let deep = "[".repeat(10_000);
    let deep_object = r#"{"name":"#.repeat(10_000);
    for body in [
        "{",
        "}",
        "null",
        "[]",
        "\"name\"",
        "{\"name\"}",
        "{\"name\":\"a\",}",
        "{} {}",
        "nul",
        "{'name':'a'}",
        "{\"name\":\"a\u{1}\"}",
        r#"{"name":"\ud800"}"#,
        r#"{"name":"a\u0000b"}"#,
        "\u{feff}{",
        &deep,
        &deep_object,
    ] {
        for bytes in [post(body), Request::new("PATCH", &format!("/apikeys/{id}")).plain().body(body).bytes()]
        {
            refused(&server, &bytes, 400, "BadRequestException");
        }
    }
    untouched(&server, 1);
}

#[test]
fn wrong_types_and_huge_numbers_are_bad_input() {
    let server = start();
    let id = server.key_named("n");
    let huge = format!("{{\"name\":{}}}", "9".repeat(5_000));
    for body in [
        r#"{"name":1}"#,
        r#"{"name":["a"]}"#,
        r#"{"name":{"a":"b"}}"#,
        r#"{"enabled":1}"#,
        r#"{"enabled":"maybe"}"#,
        r#"{"enabled":1e999999}"#,
        r#"{"value":123456789012345678901234567890}"#,
        r#"{"tags":["a"]}"#,
        r#"{"tags":{"a":1}}"#,
        r#"{"stageKeys":"a/b"}"#,
        r#"{"stageKeys":["a/b"]}"#,
        r#"{"stageKeys":[{"restApiId":"a"}]}"#,
        r#"{"generateDistinctId":"perhaps"}"#,
        &huge,
    ] {
        let message = refused(&server, &post(body), 400, "BadRequestException").json();
        assert!(message["message"].as_str().unwrap().starts_with("Invalid"), "{message}");
    }
    for body in [
        r#"{"patchOperations":{}}"#,
        r#"{"patchOperations":"replace"}"#,
        r#"{"patchOperations":["replace"]}"#,
        r#"{"patchOperations":[{"op":1,"path":"/name","value":"v"}]}"#,
        r#"{"patchOperations":[{"op":"replace","path":"/enabled","value":true}]}"#,
        r#"{"patchOperations":[{"op":"replace","value":"v"}]}"#,
        r#"{"patchOperations":[{"path":"/name","value":"v"}]}"#,
    ] {
        let bytes = Request::new("PATCH", &format!("/apikeys/{id}")).plain().body(body).bytes();
        refused(&server, &bytes, 400, "BadRequestException");
    }
    untouched(&server, 1);
}

#[test]
fn duplicate_and_unknown_members_are_bad_input_and_are_not_echoed_when_long() {
    let server = start();
    let secret = server.value();
    for body in [
        r#"{"name":"a","name":"b"}"#.to_owned(),
        r#"{"tags":{"a":"b","a":"c"}}"#.to_owned(),
        r#"{"nmae":"a"}"#.to_owned(),
        r#"{"stageKeys":[{"restApiId":"a","stageName":"b","x":"y"}]}"#.to_owned(),
        format!("{{\"{secret}\":\"a\"}}"),
    ] {
        let answer = refused(&server, &post(&body), 400, "BadRequestException");
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with("Invalid request input: "), "{message}");
        assert!(!message.contains(&secret[..20]), "contents are not echoed: {message}");
    }
    let named = refused(&server, &post(r#"{"nmae":"a"}"#), 400, "BadRequestException").text();
    assert!(named.contains("nmae"), "a short name helps: {named}");
    untouched(&server, 0);
}

#[test]
fn bodies_of_plans_are_read_as_strictly_at_every_level() {
    let server = start();
    let plan = server.plan_with("p", &["a:s"]);
    let rest = |body: &str| format!(r#"{{"name":"n",{body}}}"#);
    for (body, message) in [
        (r#"{"name":1}"#.to_owned(), "'name' must be a string"),
        (rest(r#""throttle":[]"#), "'throttle' must be an object"),
        (rest(r#""throttle":{"rateLimit":"5"}"#), "'throttle.rateLimit' must be a number"),
        (rest(r#""throttle":{"rateLimit":true}"#), "'throttle.rateLimit' must be a number"),
        (rest(r#""throttle":{"burstLimit":5.5}"#), "'throttle.burstLimit' must be an integer"),
        (rest(r#""throttle":{"burstLimit":"5"}"#), "'throttle.burstLimit' must be an integer"),
        (rest(r#""throttle":{"burst":5}"#), "unknown member 'throttle.burst'"),
        (rest(r#""throttle":{"rateLimit":1,"rateLimit":2}"#), "'throttle.rateLimit' is given twice"),
        (rest(r#""quota":{"limit":1e3,"period":"DAY"}"#), "'quota.limit' must be an integer"),
        (rest(r#""quota":{"offset":[],"period":"DAY"}"#), "'quota.offset' must be an integer"),
        (rest(r#""quota":{"period":1}"#), "'quota.period' must be a string"),
        (rest(r#""quota":{"per":1}"#), "unknown member 'quota.per'"),
        (rest(r#""apiStages":{}"#), "'apiStages' must be a list"),
        (rest(r#""apiStages":["a:s"]"#), "'apiStages[0]' must be an object"),
        (rest(r#""apiStages":[{"stageName":"s"}]"#), "unknown member 'apiStages[0].stageName'"),
        (
            rest(r#""apiStages":[{"throttle":{"/a/GET":1}}]"#),
            "'apiStages[0].throttle' must be an object of objects",
        ),
        (
            rest(r#""apiStages":[{"throttle":{"/a/GET":{"rateLimit":""}}}]"#),
            "'apiStages[0].throttle.rateLimit' must be a number",
        ),
        (
            rest(r#""apiStages":[{"throttle":{"/a/GET":{"x":1}}}]"#),
            "unknown member 'apiStages[0].throttle.x'",
        ),
        (rest(r#""productCode":"c""#), "unknown member 'productCode'"),
        (rest(r#""tags":{"a":1}"#), "'tags' must be an object of strings"),
    ] {
        let bytes = Request::new("POST", "/usageplans").plain().body(body.clone()).bytes();
        let answer = refused(&server, &bytes, 400, "BadRequestException");
        assert_eq!(answer.json()["message"], format!("Invalid request input: {message}"), "{body}");
    }
    let huge = rest(&format!(r#""quota":{{"limit":{},"period":"DAY"}}"#, "9".repeat(5_000)));
    for body in [huge.as_str(), "{", "[]"] {
        let bytes = Request::new("POST", "/usageplans").plain().body(body).bytes();
        refused(&server, &bytes, 400, "BadRequestException");
    }
    for (method, target) in [("PATCH", "/usageplans/ID"), ("POST", "/usageplans/ID/keys")] {
        for body in ["{", "[]", r#"{"nmae":1}"#, r#"{"keyId":1}"#, r#"{"patchOperations":{}}"#] {
            let target = target.replace("ID", &plan);
            let bytes = Request::new(method, &target).plain().body(body).bytes();
            refused(&server, &bytes, 400, "BadRequestException");
        }
    }
    let plans = server.get("/usageplans").expect(200);
    assert_eq!(plans["item"].as_array().map(Vec::len), Some(1), "nothing is half applied");
}

#[test]
fn text_that_is_not_utf_8_is_bad_input() {
    let server = start();
    for body in
        [&b"{\"name\":\"\xff\"}"[..], b"\xff\xfe{", b"{\"name\":\"\xc0\x80\"}", b"{\"na\xe9me\":\"a\"}"]
    {
        refused(
            &server,
            &Request::new("POST", "/apikeys").plain().body(body).bytes(),
            400,
            "BadRequestException",
        );
    }
    untouched(&server, 0);
}

#[test]
fn what_cannot_be_decoded_in_a_target_is_bad_input() {
    let server = start();
    for target in [
        "/apikeys/%zz",
        "/apikeys/%",
        "/apikeys/a%2",
        "/apikeys/%ff",
        "/apikeys/%00",
        "/apikeys?name=%zz",
        "/apikeys?name=%ff%fe",
        "/apikeys?name=%00",
        "/apikeys?%ff=a",
        "/apikeys?limit=abc",
        "/apikeys?limit=1e3",
        "/apikeys?limit=",
        "/apikeys?position=%",
        "/apikeys?position=nonsense",
    ] {
        refused(&server, &Request::get(target).bytes(), 400, "BadRequestException");
    }
}

#[test]
fn a_body_that_is_too_large_is_refused_whether_announced_or_not() {
    let server = start();
    let large = format!("{{\"description\":\"{}\"}}", "x".repeat(1024 * 1024));
    refused(&server, &post(&large), 413, "RequestEntityTooLargeException");
    let announced = Request::new("POST", "/apikeys").plain().header("Expect", "100-continue");
    refused(&server, &announced.head(Some(usize::MAX / 2)), 413, "RequestEntityTooLargeException");
    let mut chunked =
        Request::new("POST", "/apikeys").plain().header("Transfer-Encoding", "chunked").head(None);
    chunked.extend_from_slice(format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len()).as_bytes());
    refused(&server, &chunked, 413, "RequestEntityTooLargeException");
    untouched(&server, 0);
}

#[test]
fn an_import_may_be_larger_but_not_without_bound() {
    let server = start_with(&["--max-import-bytes=2097152"]);
    let row = |server: &Server| format!("{},n,{}\n", server.value(), "d".repeat(100_000));
    let csv = |rows| format!("key,name,description\n{}", (0..rows).map(|_| row(&server)).collect::<String>());
    server.import("", &csv(15)).expect(201);
    refused(&server, &Request::import("", csv(25)).bytes(), 413, "RequestEntityTooLargeException");
    untouched(&server, 15);
}

#[test]
fn a_body_that_is_too_slow_is_refused_and_a_steady_one_is_not() {
    let server = start_with(&["--body-timeout=500ms"]);
    for request in [Request::new("POST", "/apikeys").plain(), Request::import("", "")] {
        let mut half = request.head(Some(100));
        half.extend_from_slice(b"key,name\n");
        refused(&server, &half, 408, "RequestTimeoutException");
    }
    let mut steady = server.connect();
    steady.write(&Request::new("POST", "/apikeys").plain().head(Some(12))).unwrap();
    for part in br#"{"name":"n"}"#.chunks(3) {
        steady.write(part).unwrap();
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(steady.answer().unwrap().status, 201);
    untouched(&server, 1);
}

#[test]
fn headers_that_are_too_large_or_too_many_are_refused() {
    let server = start();
    let many = (0..150).fold(Request::get("/apikeys"), |request, n| request.header(&format!("x-{n}"), "v"));
    let one_large = Request::get("/apikeys").header("x-large", &"v".repeat(1024 * 1024));
    let long_target = Request::get(&format!("/apikeys?name={}", "n".repeat(1024 * 1024)));
    for request in [many, one_large, long_target] {
        refused(&server, &request.bytes(), 431, "RequestHeaderFieldsTooLargeException");
    }
}

#[test]
fn what_is_not_http_is_refused() {
    let server = start();
    for bytes in [
        &b"GARBAGE\r\n\r\n"[..],
        b"GET /apikeys HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n",
        b"POST /apikeys HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /apikeys HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /apikeys HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"GET /apikeys HTTP/1.1\r\nHost: local\0host\r\n\r\n",
    ] {
        refused(&server, bytes, 400, "BadRequestException");
    }
}

#[test]
fn a_request_that_never_arrives_whole_changes_nothing() {
    let server = start_with(&["--header-timeout=1s", "--body-timeout=1s"]);
    let whole = post(r#"{"name":"never"}"#);
    let import = Request::import("", format!("key,name\n{},n\n", server.value())).bytes();
    for cut in [10, whole.len() - 20, whole.len() - 1] {
        drop(cut_off(&server, &whole[..cut]));
    }
    drop(cut_off(&server, &import[..import.len() - 1]));
    let mut silent = cut_off(&server, b"GET /apikeys HTT");
    let head_late = silent.answer();
    assert!(
        head_late.is_ok_and(|answer| answer.status == 408) || silent.is_closed(),
        "a late head is not waited for"
    );
    untouched(&server, 0);
}

fn cut_off(server: &Server, bytes: &[u8]) -> Connection {
    let mut connection = server.connect();
    connection.write(bytes).unwrap();
    connection
}

#[test]
fn a_chunked_body_that_is_broken_is_refused() {
    let server = start();
    for rest in ["zz\r\n", "5\r\n{\"namexx", "ffffffffffffffffff\r\n"] {
        let mut bytes =
            Request::new("POST", "/apikeys").plain().header("Transfer-Encoding", "chunked").head(None);
        bytes.extend_from_slice(rest.as_bytes());
        refused(&server, &bytes, 400, "BadRequestException");
    }
    untouched(&server, 0);
}

#[test]
fn a_body_that_ends_early_is_refused() {
    let server = start();
    for request in [Request::new("POST", "/apikeys").plain(), Request::import("", "")] {
        let mut connection = server.connect();
        connection.write(&request.head(Some(100))).unwrap();
        connection.write(b"key,name\n").unwrap();
        connection.finish().unwrap();
        let answer = connection.answer().expect("an answer before the connection ends");
        answer.expect_error_like(400, "BadRequestException", |_| true);
    }
    untouched(&server, 0);
}

#[test]
fn a_client_that_says_it_has_sent_everything_is_still_answered() {
    let server = start();
    for _ in 0..50 {
        let mut connection = server.connect();
        connection.write(&post(r#"{"name":"n"}"#)).unwrap();
        connection.finish().unwrap();
        assert_eq!(connection.answer().expect("an answer").status, 201);
    }
    untouched(&server, 50);
}

#[test]
fn after_a_refusal_the_connection_serves_on_or_says_that_it_closes() {
    let server = start();
    let large = "x".repeat(1024 * 1024 + 1);
    for (nth, refused) in [
        Request::get("/nope"),
        Request::get("/apikeys/%zz"),
        Request::new("POST", "/apikeys").body("{"),
        Request::new("POST", "/nope").body("some body"),
        Request::new("POST", "/nope").body(large.clone()),
        Request::new("POST", "/apikeys").body(large),
    ]
    .into_iter()
    .enumerate()
    {
        let mut connection = server.connect();
        let answer = connection.send(&refused).expect("an answer");
        assert!(answer.status >= 400);
        if answer.header("connection") == Some("close") {
            assert!(connection.is_closed());
        } else {
            let next = connection.send(&Request::get("/apikeys"));
            assert_eq!(next.ok().map(|answer| answer.status), Some(200), "after refusal {nth}");
        }
    }
}

#[test]
fn an_unknown_route_or_method_is_a_missing_token() {
    let server = start();
    for (method, target) in [
        ("GET", "/"),
        ("GET", "/nope"),
        ("GET", "/apikeys/"),
        ("GET", "/apikeys/a/b"),
        ("PUT", "/apikeys"),
        ("DELETE", "/apikeys"),
        ("PATCH", "/apikeys"),
        ("POST", "/apikeys/abc"),
        ("OPTIONS", "/apikeys"),
        ("BREW", "/apikeys"),
        ("GET", "//apikeys"),
        ("GET", "/APIKEYS"),
        ("GET", "/restapis"),
        ("PUT", "/usageplans"),
        ("POST", "/usageplans/a"),
        ("GET", "/usageplans/a/keys/"),
        ("PATCH", "/usageplans/a/keys/b"),
        ("GET", "/usageplans/a/keys/b/c"),
    ] {
        let answer = refused(
            &server,
            &Request::new(method, target).bytes(),
            403,
            "MissingAuthenticationTokenException",
        );
        answer.expect_error(403, "MissingAuthenticationTokenException", "Missing Authentication Token");
        assert_eq!(answer.body, br#"{"message":"Missing Authentication Token"}"#, "{method} {target}");
    }
}

#[test]
fn without_authentication_a_browser_and_a_foreign_host_are_refused() {
    let server = start();
    let with = |name: &str, value: &str| Request::get("/apikeys").header(name, value);
    for request in [
        with("Origin", "http://localhost"),
        with("Origin", "null"),
        with("Host", "evil.example"),
        with("Host", "evil.example:8080"),
        with("Host", "127.0.0.1.evil.example"),
        with("Host", "10.0.0.1"),
        with("Host", ""),
    ] {
        refused(&server, &request.bytes(), 403, "AccessDeniedException");
    }
    let write = Request::json("POST", "/apikeys", &json!({})).header("Origin", "http://evil.example");
    refused(&server, &write.bytes(), 403, "AccessDeniedException");
    for host in ["localhost", "localhost:8080", "127.0.0.1:1", "127.9.9.9", "[::1]:8080", "LOCALHOST"] {
        assert_eq!(server.send(&with("Host", host)).status, 200, "{host}");
    }
    untouched(&server, 0);

    let anywhere = start_with(&["--auth-off-anywhere"]);
    assert_eq!(anywhere.send(&with("Host", "keys.example")).status, 200);
    assert_eq!(anywhere.send(&with("Origin", "http://localhost")).status, 403);
}

#[test]
fn a_refusal_is_logged_with_what_was_asked_and_by_whom() {
    let server = start();
    let answer = server.get("/apikeys/nokeyhere1");
    let line = server.log_of(&answer);
    assert_eq!(line["target"], "gatepost::request");
    assert_eq!(logged(&line, "operation"), "GetApiKey");
    assert_eq!(logged(&line, "status"), 404);
    assert_eq!(logged(&line, "account"), "000000000000");
    assert!(logged(&line, "duration_us").is_u64(), "{line}");
    assert_eq!(logged(&line, "error"), "NotFoundException");
}

#[test]
fn a_client_that_reads_nothing_of_its_answer_is_let_go() {
    let server = start_with(&["--body-timeout=1s"]);
    let text = "d".repeat(120_000);
    let rows: String = (0..100).map(|_| format!("n,{},{text}\n", server.value())).collect();
    server.import("", &format!("name,key,description\n{rows}")).expect(201);
    let mut connection = server.connect();
    connection.write(&Request::get("/apikeys?limit=500").plain().bytes()).unwrap();
    std::thread::sleep(Duration::from_secs(4));
    assert!(connection.answer().is_err(), "twelve megabytes waited four seconds for a client that read none");
    server.get("/apikeys?limit=1").expect(200);
}

#[test]
fn an_http2_connection_without_requests_ends() {
    let server = start_with(&["--header-timeout=500ms"]);
    let mut stream = std::net::TcpStream::connect(server.control()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(8))).unwrap();
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    stream.write_all(&[&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &settings].concat()).unwrap();
    let mut frames = Vec::new();
    stream.read_to_end(&mut frames).expect("the server closes the connection");
    assert!(!frames.is_empty(), "it said hello first");
}
