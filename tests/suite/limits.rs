//! Limits that an operator sets: keys per account, requests per second, the shortest value.

use integration_tests::http::Request;
use integration_tests::sdk;
use integration_tests::server::{Credential, Server};
use serde_json::json;

use crate::{start_signed, start_with};

fn rows(server: &Server, count: usize) -> String {
    let rows: String = (0..count).map(|row| format!("{},row {row}\n", server.value())).collect();
    format!("key,name\n{rows}")
}

#[test]
fn an_account_has_no_more_keys_than_its_limit() {
    let server = start_with(&["--max-keys-per-account=2"]);
    let id = server.key_named("a");
    server.key_named("b");
    let refused = server.create(&json!({"name": "c"}));
    refused.expect_error_like(429, "LimitExceededException", |message| {
        message.starts_with("Maximum number of API Keys")
    });
    assert_eq!(refused.header("retry-after"), None);
    assert_eq!(server.send(&Request::new("DELETE", &format!("/apikeys/{id}"))).status, 202);
    server.create(&json!({"name": "c"})).expect(201);
}

#[test]
fn an_import_beyond_the_limit_is_refused_whole_in_both_modes() {
    let server = start_with(&["--max-keys-per-account=5"]);
    let kept = server.create(&json!({"name": "kept", "value": server.value()})).expect(201);
    for query in ["", "&failonwarnings=true"] {
        let overwrites = format!("{},overwritten\n", kept["value"].as_str().unwrap());
        let refused = server.import(query, &(rows(&server, 5) + &overwrites));
        refused.expect_error_like(429, "LimitExceededException", |message| {
            message.starts_with("Maximum number of API Keys")
        });
        assert_eq!(
            server.all_keys(),
            std::slice::from_ref(&kept),
            "nothing is imported, nothing overwritten"
        );
    }
    let overwrites = format!("{},overwritten\n", kept["value"].as_str().unwrap());
    server.import("", &(rows(&server, 4) + &overwrites)).expect(201);
    assert_eq!(server.all_keys().len(), 5, "overwriting a key adds none");
}

#[test]
fn requests_beyond_the_rate_are_told_to_come_back() {
    let server = start_with(&["--control-rate=1", "--control-burst=3"]);
    let answers: Vec<_> = (0..6).map(|_| server.get("/apikeys")).collect();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
    assert!((2..=3).contains(&refused.len()), "a burst of 3 at 1/s: {} refused", refused.len());
    for answer in refused {
        answer.expect_error(429, "TooManyRequestsException", "Too Many Requests");
        let seconds: u32 = answer.header("retry-after").expect("Retry-After").parse().expect("seconds");
        assert!((1..=2).contains(&seconds), "Retry-After: {seconds}");
        server.log_of(answer);
    }
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(server.get("/apikeys").status, 200, "the budget fills again");
}

#[test]
fn health_and_metrics_are_not_counted_against_the_rate() {
    let server = start_with(&["--control-rate=1", "--control-burst=1"]);
    for _ in 0..5 {
        assert_eq!(server.ask_admin("/livez").status, 200);
        assert_eq!(server.ask_admin("/metrics").status, 200);
    }
    assert_eq!(server.get("/apikeys").status, 200);
}

#[test]
fn bodies_that_fill_the_spool_are_told_to_come_back() {
    let server = start_with(&["--max-import-bytes=1048576", "--max-spool-bytes=1048576"]);
    let row = format!("{},n,{}\n", server.value(), "d".repeat(100_000));
    let file = Request::import("", format!("key,name,description\n{}", row.repeat(8)));
    let bytes = file.bytes();
    let mut first = server.connect();
    first.write(&bytes[..bytes.len() - 1]).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    let second = server.send(&file);
    second.expect_error_like(503, "ServiceUnavailableException", |_| true);
    assert!(second.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()));
    server.create(&json!({"name": "small"})).expect(201);
    first.write(&bytes[bytes.len() - 1..]).unwrap();
    assert_eq!(first.answer().unwrap().status, 201);
    server.send(&file).expect(201);
}

/// A creation whose signature does not cover a declared hash of the body, and is wrong for that.
fn undeclared(body: &str) -> String {
    let signed = Request::new("POST", "/apikeys").body(body).signed(&Credential::root());
    let signed = String::from_utf8(signed.bytes()).unwrap();
    let declared = signed.lines().find(|line| line.starts_with("x-amz-content-sha256")).unwrap();
    signed.replace(&format!("{declared}\r\n"), "").replace(";x-amz-content-sha256", "")
}

#[test]
fn bodies_of_whoever_has_shown_nothing_fill_their_room_and_keep_out_nobody_else() {
    let server = start_signed(&["--body-timeout=60s"]);
    let ask = || {
        let mut connection = server.connect();
        connection.write(undeclared("{}").as_bytes()).unwrap();
        connection.answer().unwrap()
    };
    let large = undeclared(&"x".repeat(1 << 20));
    let (most, last) = large.as_bytes().split_at(large.len() - 1);
    let mut filling: Vec<_> = (0..8).map(|_| server.connect()).collect();
    filling.iter_mut().for_each(|one| one.write(most).unwrap());

    // What was sent is on its way into memory.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let refused = loop {
        let answer = ask();
        if answer.status == 503 {
            break answer;
        }
        assert!(std::time::Instant::now() < deadline, "the room does not fill");
        std::thread::sleep(std::time::Duration::from_millis(250));
    };
    refused.expect_error_like(503, "ServiceUnavailableException", |_| true);
    assert_eq!(refused.header("retry-after"), Some("1"));
    server.create(&json!({"name": "declared"})).expect(201);

    for one in &mut filling {
        one.write(last).unwrap();
        one.answer().unwrap().expect_error_like(403, "InvalidSignatureException", |_| true);
    }
    ask().expect_error_like(403, "InvalidSignatureException", |_| true);
}

#[test]
fn the_shortest_value_of_an_import_is_the_setting() {
    let server = start_with(&["--key-min-length=20"]);
    let value = server.value();
    let answer =
        server.import("", &format!("key,name\n{},n\n{},m\n", &value[..20], &value[..19])).expect(201);
    assert_eq!(
        answer["warnings"],
        json!(["Skipped invalid record: 2. API Key value should be at least 20 characters"])
    );
    assert_eq!(server.all_keys().len(), 1);
}

#[tokio::test]
async fn the_sdk_understands_both_limits() {
    let full = start_signed(&["--max-keys-per-account=1"]);
    full.key_named("a");
    let (status, code, _) = sdk::refusal(sdk::client(&full).create_api_key().send().await);
    assert_eq!((status, code.as_str()), (429, "LimitExceededException"));

    let busy = start_signed(&["--control-rate=1", "--control-burst=1"]);
    let client = sdk::client(&busy);
    client.get_api_keys().send().await.unwrap();
    let error = client.get_api_keys().send().await.unwrap_err().into_service_error();
    assert!(error.is_too_many_requests_exception(), "{error}");
}

#[test]
fn an_import_whose_ids_would_not_fit_the_spool_stores_nothing() {
    let server = start_with(&["--max-spool-bytes=1500000"]);
    let stem = &server.value()[..30];
    let rows: String = (0..31_000).map(|row| format!("name,{stem}{row:06}\n")).collect();
    let answer = server.import("", &format!("name,key\n{rows}"));
    answer.expect_error_like(503, "ServiceUnavailableException", |message| !message.is_empty());
    assert_eq!(server.get("/apikeys").expect(200)["item"], json!([]));
    server.import("", &format!("name,key\n{}", &rows[..42_000])).expect(201);
}

/// A file of two mebibytes, and a server whose spools may hold six, of which one credential may have three.
fn beside_an_import_that_is_under_way(start: fn(&[&str]) -> Server) -> u16 {
    let server = start(&["--max-import-bytes=3MiB", "--max-spool-bytes=6MiB"]);
    let rows: String = (0..21).map(|_| format!("n,{},{}\n", server.value(), "d".repeat(100_000))).collect();
    let file = format!("name,key,description\n{rows}");
    let under_way = Request::import("&format=csv", file.clone()).signed(&Credential::root());
    let mut connection = server.connect();
    connection.write(&under_way.head(Some(file.len() + 1))).unwrap();
    connection.write(file.as_bytes()).unwrap();
    // What was sent is on its way into the spool.
    std::thread::sleep(std::time::Duration::from_millis(500));
    server.import("&format=csv", &file).status
}

#[test]
fn one_credential_has_no_more_than_its_share_of_the_spools_and_nobody_has_all_of_them() {
    assert_eq!(beside_an_import_that_is_under_way(start_signed), 503);
    assert_eq!(beside_an_import_that_is_under_way(start_with), 201);
}
