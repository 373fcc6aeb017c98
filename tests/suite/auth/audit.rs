//! The audit log: a line for every request, whatever became of it.

use super::Place;
use integration_tests::http::Request;
use integration_tests::server::{Credential, Server, ServerOptions};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::BINARY;

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_request_leaves_a_line_that_says_who_did_what_and_no_value() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("audit.jsonl");
    let flag = format!("--audit-log={}", log.display());
    let place = Place::with(&[&flag]);
    let reader = place.credential("read-only", "000000000000");
    let value = place.server.value();
    let made = place.server.create(&json!({"name": "audited", "value": value})).expect(201);
    let id = made["id"].as_str().unwrap();
    let answers = [
        place.server.send_as(&reader, &Request::new("DELETE", &format!("/apikeys/{id}")).plain()),
        place.server.send_raw(&Request::get(&format!("/apikeys/{value}"))),
        place.server.get(&format!("/apikeys/{value}")),
        place.server.get("/nowhere"),
    ];
    let lines = lines(&log);
    assert_eq!(lines.len(), 5, "{lines:?}");
    let root = Credential::root().access_key_id;
    let expected = [
        json!(["CreateApiKey", "allowed", 201, root, format!("/apikeys/{id}"), null]),
        json!([
            "DeleteApiKey",
            "denied",
            401,
            reader.access_key_id,
            format!("/apikeys/{id}"),
            "UnauthorizedException"
        ]),
        json!([
            "GetApiKey",
            "unauthenticated",
            403,
            null,
            "/apikeys/***",
            "MissingAuthenticationTokenException"
        ]),
        json!(["GetApiKey", "refused", 404, root, "/apikeys/***", "NotFoundException"]),
        json!(["Unknown", "unauthenticated", 403, null, null, "MissingAuthenticationTokenException"]),
    ];
    for (line, expected) in lines.iter().zip(expected) {
        let names = ["operation", "outcome", "status", "access_key", "resource", "error"];
        let seen: Vec<Value> = names.iter().map(|name| line.get(name).cloned().unwrap_or_default()).collect();
        assert_eq!(json!(seen), expected);
        assert_eq!(line["peer"], "127.0.0.1");
    }
    for (line, answer) in lines[1..].iter().zip(&answers) {
        assert_eq!(line["request_id"], answer.request_id());
    }
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(!text.contains(&value) && !text.contains(&Credential::root().secret));
}

/// Lines of strangers that are written, and what the sums in place of others come to.
fn of_strangers(lines: &[Value]) -> (usize, u64) {
    let written = lines.iter().filter(|line| line["outcome"] == "unauthenticated").count();
    let sums = lines.iter().filter(|line| line["outcome"] == "summed");
    (written, sums.map(|line| line["requests"].as_u64().unwrap()).sum())
}

#[test]
fn a_flood_of_strangers_is_summed_up_and_hides_nobody_else() {
    const FLOOD: u64 = 300;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("audit.jsonl");
    let place = Place::with(&[&format!("--audit-log={}", log.display())]);
    let reader = place.credential("read-only", "000000000000");
    let began = Instant::now();
    let (mut strangers, mut known) = (place.server.connect(), 0);
    for asked in 0..FLOOD {
        // Those who fail too often are told less; the log knows it better.
        assert!([403, 429].contains(&strangers.send(&Request::get("/apikeys")).unwrap().status));
        if asked.is_multiple_of(10) {
            let denied = Request::new("DELETE", "/apikeys/none").plain();
            assert_eq!(place.server.send_as(&reader, &denied).status, 401);
            place.server.get("/apikeys").expect(200);
            known += 1;
        }
    }
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap() + 1;
    // What is not summed up yet is told at the end.
    place.server.stop();
    let lines = lines(&log);
    let (written, summed) = of_strangers(&lines);
    assert!((10..=10 * (seconds + 1)).contains(&written), "{written} lines in {seconds} s");
    assert_eq!(u64::try_from(written).unwrap() + summed, FLOOD);
    for outcome in ["allowed", "denied"] {
        assert_eq!(lines.iter().filter(|line| line["outcome"] == outcome).count(), known, "{outcome}");
    }
    let sum = lines.iter().find(|line| line["outcome"] == "summed").unwrap();
    assert_eq!(sum["peer"], "127.0.0.1");
    assert!(sum["since"].as_str() <= sum["at"].as_str(), "{sum}");
}

#[test]
fn a_plan_and_a_key_in_it_are_named_when_they_are_made() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("audit.jsonl");
    let place = Place::with(&[&format!("--audit-log={}", log.display())]);
    let (plan, key) = (place.server.plan_with("p", &[]), place.server.key_named("k"));
    place.server.attach(&plan, &key).expect(201);
    place.server.get(&format!("/usageplans/{plan}/keys")).expect(200);
    let seen: Vec<_> =
        lines(&log).iter().map(|line| (line["operation"].clone(), line["resource"].clone())).collect();
    let expected = [
        ("CreateUsagePlan", format!("/usageplans/{plan}")),
        ("CreateApiKey", format!("/apikeys/{key}")),
        ("CreateUsagePlanKey", format!("/usageplans/{plan}/keys/{key}")),
        ("GetUsagePlanKeys", format!("/usageplans/{plan}/keys")),
    ];
    assert_eq!(seen, expected.map(|(operation, resource)| (json!(operation), json!(resource))));
}

/// A body that never comes.
struct Unsent;

impl hyper::body::Body for Unsent {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<bytes::Bytes>, Self::Error>>> {
        std::task::Poll::Pending
    }
}

/// A client that leaves does not keep what it did from being noted.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_client_goes_away_leaves_a_line_too() {
    use hyper_util::rt::{TokioExecutor, TokioIo};
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("audit.jsonl");
    let server =
        Server::start(&ServerOptions::new(BINARY).args(&[&format!("--audit-log={}", log.display())]));
    let stream = tokio::net::TcpStream::connect(server.control()).await.unwrap();
    let shaken = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::post(format!("http://{}/apikeys", server.control())).body(Unsent).unwrap();
    let answer = tokio::spawn(sender.send_request(request));
    tokio::time::sleep(Duration::from_millis(200)).await;
    // The stream is reset in the middle of its body.
    answer.abort();
    let began = Instant::now();
    while lines(&log).is_empty() {
        assert!(began.elapsed() < Duration::from_secs(10), "no line comes");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let lines = lines(&log);
    assert_eq!((&lines[0]["operation"], lines.len()), (&json!("CreateApiKey"), 1), "{lines:?}");
    server.stop();
}

#[test]
fn a_hang_up_opens_a_file_anew_that_was_moved_away() {
    let folder = tempfile::tempdir().unwrap();
    let (log, moved) = (folder.path().join("audit.jsonl"), folder.path().join("audit.jsonl.1"));
    let flag = format!("--audit-log={}", log.display());
    let server = Server::start(&ServerOptions::new(BINARY).args(&[&flag]));
    server.get("/apikeys").expect(200);
    std::fs::rename(&log, &moved).unwrap();
    let hung_up = Command::new("kill").args(["-HUP", &server.pid().to_string()]).status().unwrap();
    assert!(hung_up.success());
    let began = Instant::now();
    while !log.exists() {
        assert!(began.elapsed() < Duration::from_secs(10), "no new file comes");
        std::thread::sleep(Duration::from_millis(5));
    }
    server.get("/apikeys").expect(200);
    assert_eq!((lines(&moved).len(), lines(&log).len()), (1, 1));
    server.stop();
}
