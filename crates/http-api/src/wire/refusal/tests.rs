//! Real hyper, over a pipe in memory: what is shown here is what a client sees.

use std::sync::Mutex;
use std::time::Duration;

use http::{HeaderMap, Request};
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, DuplexStream, duplex};
use tokio::sync::watch;

use super::*;
use crate::wire::answer_body::AnswerBody;
use crate::wire::body::{BodyReading, read_small};
use crate::wire::connection::{ConnectionSettings, ShutdownPhase, serve_connection};

/// Serves one end of a pipe and gives the other, and the statuses of the refusals that were logged.
fn connect(pipe: usize) -> (DuplexStream, Arc<Mutex<Vec<u16>>>) {
    let (client, server) = duplex(pipe);
    let logged = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&logged);
    let refuse: Refuse = Arc::new(move |status, _| {
        log.lock().unwrap().push(status.as_u16());
        let answer = Response::builder().status(status).header("x-amzn-requestid", "id-1");
        answer
            .header("content-type", "application/json")
            .body(Bytes::from(r#"{"message":"refused"}"#))
            .unwrap()
    });
    let settings = ConnectionSettings {
        max_connections: 1,
        header_timeout: Duration::from_secs(10),
        write_timeout: Duration::from_secs(5),
        drain_timeout: Duration::from_secs(1),
    };
    tokio::spawn(async move {
        let (_phase, receiver) = watch::channel(ShutdownPhase::Serving);
        serve_connection(server, Peer::Unix, answer, settings, refuse, receiver).await;
    });
    (client, logged)
}

/// A service of ours: it echoes what it read, and has answers that look much like hyper's own.
async fn answer(request: Request<Incoming>, _: Peer) -> Response<AnswerBody> {
    let path = request.uri().path().to_owned();
    let reading = BodyReading::new(1000, Duration::from_secs(10), &HeaderMap::new());
    let (status, body) = match read_small(request.into_body(), reading).await {
        Ok(_) if path == "/missing" => (404, AnswerBody::from(br#"{"message":"no such thing"}"#.to_vec())),
        Ok(_) if path == "/empty" => (400, AnswerBody::Empty),
        Ok(body) => (200, AnswerBody::from(body)),
        Err(error) => (400, AnswerBody::from(format!(r#"{{"message":"{error}"}}"#))),
    };
    Response::builder().status(status).header("x-amzn-requestid", "id-2").body(body).unwrap()
}

async fn talk_over(pipe: usize, input: &[u8]) -> (String, Vec<u16>) {
    let (client, logged) = connect(pipe);
    let (mut reader, mut writer) = tokio::io::split(client);
    let input = input.to_vec();
    let sent = tokio::spawn(async move { writer.write_all(&input).await });
    let mut output = String::new();
    reader.read_to_string(&mut output).await.unwrap();
    sent.await.unwrap().expect("all that the client sends is taken before its connection closes");
    let logged = logged.lock().unwrap().clone();
    (output, logged)
}

async fn talk(input: impl AsRef<[u8]>) -> (String, Vec<u16>) {
    talk_over(1 << 20, input.as_ref()).await
}

fn is_refusal(output: &str, status: &str) -> bool {
    let (head, body) = output.split_once("\r\n\r\n").expect("a complete head");
    let mut lines = head.lines();
    lines.next() == Some(&format!("HTTP/1.1 {status}"))
        && lines.next() == Some("x-amzn-requestid: id-1")
        && lines.next() == Some("content-type: application/json")
        && lines.next() == Some("connection: close")
        && lines.next() == Some("content-length: 21")
        && lines.next().is_some_and(|line| line.starts_with("date: "))
        && lines.next().is_none()
        && body == r#"{"message":"refused"}"#
}

#[tokio::test]
async fn every_malformed_head_gets_the_json_answer() {
    for (what, head) in [
        ("garbage", "\x16\x03\x01\x02\r\n\r\n"),
        ("no target", "GET\r\n\r\n"),
        ("not HTTP", "GET / FTP/1.1\r\n\r\n"),
        ("a version of the future", "GET / HTTP/3.0\r\n\r\n"),
        ("control character in the target", "GET /\x01 HTTP/1.1\r\n\r\n"),
        ("bad target", "GET http:// HTTP/1.1\r\n\r\n"),
        ("bad method", "G(T / HTTP/1.1\r\n\r\n"),
        ("blank in a header name", "GET / HTTP/1.1\r\na b: c\r\n\r\n"),
        ("no colon", "GET / HTTP/1.1\r\nabc\r\n\r\n"),
        ("control character in a header", "GET / HTTP/1.1\r\na: b\x00c\r\n\r\n"),
        ("folded header", "GET / HTTP/1.1\r\na: b\r\n c\r\n\r\n"),
        ("two lengths", "POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"),
        ("bad length", "POST / HTTP/1.1\r\ncontent-length: +1\r\n\r\na"),
        ("huge length", "POST / HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n\r\na"),
        ("chunked not last", "POST / HTTP/1.1\r\ntransfer-encoding: chunked, gzip\r\n\r\na"),
        ("chunked in HTTP/1.0", "POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
    ] {
        let (output, logged) = talk(head).await;
        assert!(is_refusal(&output, "400 Bad Request"), "{what}: {output}");
        assert_eq!(logged, [400], "{what}");
    }
}

#[tokio::test]
async fn a_head_too_large_gets_the_json_answer() {
    let status = "431 Request Header Fields Too Large";
    for (what, head) in [
        ("one header", format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "x".repeat(70_000))),
        ("many headers", format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(101))),
        ("target", format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(70_000))),
        ("still sending", format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "x".repeat(3_000_000))),
    ] {
        for pipe in [1 << 22, 4096] {
            let (output, logged) = talk_over(pipe, head.as_bytes()).await;
            assert!(is_refusal(&output, status), "{what}: {output}");
            assert_eq!(logged, [431], "{what}");
        }
    }
    let (output, logged) =
        talk(format!("GET / HTTP/1.0\r\na: {}\r\n{}\r\n", "x".repeat(60_000), "a: b\r\n".repeat(99))).await;
    assert!(output.starts_with("HTTP/1.0 200 OK\r\n"), "{output}");
    assert!(logged.is_empty());
}

#[tokio::test(start_paused = true)]
async fn half_a_head_gets_a_408_and_silence_gets_nothing() {
    let (output, logged) = talk("GET / HTTP/1.1\r\na: b").await;
    assert!(output.starts_with("HTTP/1.1 408 Request Timeout\r\nx-amzn-requestid: id-1\r\n"), "{output}");
    assert_eq!(logged, [408]);
    let (output, logged) = talk("PRI * HTTP/2").await;
    assert!(output.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{output}");
    assert_eq!(logged, [408]);
    assert_eq!(talk("").await, (String::new(), vec![]));
    let (output, logged) = talk("GET / HTTP/1.1\r\n\r\n").await;
    assert!(output.starts_with("HTTP/1.1 200 OK\r\n"), "{output}");
    assert!(logged.is_empty());
}

#[tokio::test]
async fn a_client_that_stops_in_the_middle_of_its_head_is_told_so() {
    let (mut client, logged) = connect(1024);
    client.write_all(b"GET / HTTP/1.1\r\na: b").await.unwrap();
    client.shutdown().await.unwrap();
    let mut output = String::new();
    client.read_to_string(&mut output).await.unwrap();
    assert!(output.starts_with("HTTP/1.1 400 Bad Request\r\nx-amzn-requestid: id-1\r\n"), "{output}");
    assert_eq!(*logged.lock().unwrap(), [400]);
}

#[tokio::test]
async fn a_broken_body_is_the_services_to_answer() {
    for body in ["zz\r\nabc", "5\r\nabcdefg\r\n0\r\n\r\n", "ffffffffffffffffff\r\n"] {
        let (output, logged) =
            talk(format!("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n{body}")).await;
        assert!(output.starts_with("HTTP/1.1 400 Bad Request\r\nx-amzn-requestid: id-2\r\n"), "{output}");
        assert!(output.ends_with(r#"{"message":"the request body is broken"}"#), "{output}");
        assert!(logged.is_empty());
    }
}

#[tokio::test]
async fn answers_of_ours_pass_untouched() {
    for (path, status) in [("/missing", "404 Not Found"), ("/empty", "400 Bad Request")] {
        for version in ["1.0", "1.1"] {
            let head = format!("GET {path} HTTP/{version}\r\nconnection: close\r\n\r\n");
            let (output, logged) = talk(head).await;
            let begin = format!("HTTP/{version} {status}\r\nx-amzn-requestid: id-2\r\n");
            assert!(output.starts_with(&begin), "{output}");
            assert!(logged.is_empty());
        }
    }
}

#[tokio::test]
async fn what_follows_good_requests_on_a_connection_is_refused_after_their_answers() {
    for pipe in [1 << 20, 64] {
        let input = "GET /missing HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabcHEAD / HTTP/1.1\r\n\r\n\
                     GARBAGE\r\n\r\n";
        let (output, logged) = talk_over(pipe, input.as_bytes()).await;
        let (answers, refusal) = output.rsplit_once("HTTP/1.1").unwrap();
        assert!(answers.starts_with("HTTP/1.1 404 Not Found\r\nx-amzn-requestid: id-2\r\n"), "{output}");
        assert!(answers.contains("\r\n\r\n{\"message\":\"no such thing\"}HTTP/1.1 200 OK\r\n"), "{output}");
        assert!(answers.contains("\r\n\r\nabcHTTP/1.1 200 OK\r\n"), "{output}");
        assert!(is_refusal(&format!("HTTP/1.1{refusal}"), "400 Bad Request"), "{output}");
        assert_eq!(logged, [400]);
    }
}

#[tokio::test]
async fn a_refusal_on_an_http10_connection_is_recognised_too() {
    let (output, logged) = talk("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\nGARBAGE\r\n\r\n").await;
    let (_, refusal) = output.split_once("HTTP/1.1").expect(&output);
    assert!(is_refusal(&format!("HTTP/1.1{refusal}"), "400 Bad Request"), "{output}");
    assert_eq!(logged, [400]);
}

#[test]
fn only_hypers_own_head_is_taken_for_one() {
    let own = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\ndate: D\r\n\r\n";
    assert_eq!(canned(own.as_bytes()), Some((StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, Some("D"))));
    for other in [
        "",
        "HTTP/1.1 4",
        "HTTP/1.1 400\r\n\r\n",
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\nx: y\r\n\r\n",
        "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ] {
        assert_eq!(canned(other.as_bytes()), None, "{other}");
    }
}
