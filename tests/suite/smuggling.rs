//! A request that something in front of the server may read in another way than the server does is refused, and its
//! connection closed; whatever hides behind or within it is never carried out.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use integration_tests::http::Request;
use integration_tests::server::Server;
use serde_json::json;

use crate::start;

/// What must never be carried out.
fn hidden() -> Vec<u8> {
    Request::json("POST", "/apikeys", &json!({"name": "smuggled"})).bytes()
}

/// Everything that comes for these bytes, until the server closes the connection.
fn talk(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.control()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).expect("the server closes the connection");
    answers
}

/// How many answers there are, by their status.
fn statuses(answers: &str) -> Vec<&str> {
    answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect()
}

#[track_caller]
fn refused(server: &Server, what: &str, bytes: &[u8], message: &str) {
    for bytes in [bytes.to_vec(), [bytes, &hidden()].concat()] {
        let answers = talk(server, &bytes);
        assert_eq!(statuses(&answers), ["400"], "{what}: {answers}");
        assert!(answers.contains("connection: close\r\n"), "{what}: {answers}");
        assert!(answers.ends_with(&format!("{{\"message\":\"{message}\"}}")), "{what}: {answers}");
    }
}

#[test]
fn a_head_with_two_readings_is_refused_and_what_follows_is_not_read() {
    let server = start();
    for (what, headers) in [
        ("two lengths", "Content-Length: 0\r\nContent-Length: 44\r\n"),
        ("the same length twice", "Content-Length: 0\r\nContent-Length: 0\r\n"),
        ("a list of lengths", "Content-Length: 0, 0\r\n"),
        ("a length and chunks", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"),
        ("chunks and a length", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"),
        ("chunks and a length of nothing", "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"),
        ("an unknown coding", "Transfer-Encoding: xchunked\r\n"),
        ("another coding", "Transfer-Encoding: gzip\r\n"),
        ("identity", "Transfer-Encoding: identity\r\nContent-Length: 0\r\n"),
        ("a coding before the chunks", "Transfer-Encoding: gzip, chunked\r\n"),
        ("chunked is not the last", "Transfer-Encoding: chunked, identity\r\n"),
        ("chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        ("a second coding that is not chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n"),
        ("a folded coding", "Transfer-Encoding:\r\n chunked\r\n"),
        ("a folded header", "X-A: b\r\n c\r\n"),
        ("a header folded by a tab", "X-A: b\r\n\tContent-Length: 44\r\n"),
        ("a folded first header", " X-A: b\r\n"),
        ("a bare CR in a value", "X-A: b\rContent-Length: 44\r\n"),
        ("a bare CR before the line's end", "X-A: b\r\r\n"),
        ("a bare CR in a name", "X-A\r: b\r\n"),
        ("a bare LF", "X-A: b\nContent-Length: 44\r\n"),
        ("a bare LF at the end", "X-A: b\r\n\n"),
        ("NUL in a value", "X-A: b\0\r\n"),
        ("NUL in a name", "X-\0A: b\r\n"),
        ("a blank before the colon", "Content-Length : 44\r\n"),
        ("a tab before the colon", "Transfer-Encoding\t: chunked\r\n"),
        ("a blank in a name", "X A: b\r\n"),
        ("no name", ": b\r\n"),
        ("no colon", "Content-Length\r\n"),
        ("a signed length", "Content-Length: +44\r\n"),
        ("a negative length", "Content-Length: -1\r\n"),
        ("a length with a blank inside", "Content-Length: 4 4\r\n"),
        ("a hexadecimal length", "Content-Length: 0x2c\r\n"),
        ("a length with a fraction", "Content-Length: 4.0\r\n"),
        ("an empty length", "Content-Length:\r\n"),
        ("a length behind a vertical tab", "Content-Length: \x0b4\r\n"),
        ("a length beyond all bounds", "Content-Length: 18446744073709551616\r\n"),
    ] {
        let head = format!("POST /apikeys HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        refused(&server, what, head.as_bytes(), "The request is not valid HTTP.");
    }
    for (what, head) in [
        ("chunks in HTTP/1.0", "POST /apikeys HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("a bare LF behind the request line", "GET /apikeys HTTP/1.1\nHost: localhost\r\n\r\n"),
        ("a bare CR in the request line", "GET /apikeys\r HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("NUL in the request line", "GET /apikeys\0 HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("two blanks in the request line", "GET  /apikeys HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("a blank in the target", "GET /apikeys HTTP/1.1 HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("another version", "GET /apikeys HTTP/1.2\r\nHost: localhost\r\n\r\n"),
    ] {
        refused(&server, what, head.as_bytes(), "The request is not valid HTTP.");
    }
    assert_eq!(server.all_keys(), [] as [serde_json::Value; 0]);
}

#[test]
fn a_request_that_names_two_hosts_is_refused() {
    let server = start();
    let one = "The request must have exactly one Host header.";
    let same = "The request target and the Host header must name the same host.";
    for (head, message) in [
        ("GET /apikeys HTTP/1.1\r\n", one),
        ("GET /apikeys HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n", one),
        ("GET http://localhost/apikeys HTTP/1.1\r\n", one),
        ("GET http://localhost/apikeys HTTP/1.1\r\nHost: 127.0.0.1\r\n", same),
        ("GET http://evil.example/apikeys HTTP/1.1\r\nHost: localhost\r\n", same),
        ("GET http://evil@localhost/apikeys HTTP/1.1\r\nHost: evil@localhost\r\n", same),
    ] {
        let answers = talk(&server, format!("{head}Connection: close\r\n\r\n").as_bytes());
        assert_eq!(statuses(&answers), ["400"], "{head}: {answers}");
        assert!(answers.ends_with(&format!("{{\"message\":\"{message}\"}}")), "{head}: {answers}");
    }
    let answers = talk(
        &server,
        b"GET http://localhost/apikeys HTTP/1.1\r\nHost: LOCALHOST\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(statuses(&answers), ["200"]);
}

#[test]
fn chunks_with_two_readings_are_refused_and_what_follows_is_not_read() {
    let server = start();
    let long = "x".repeat(20_000);
    for (what, chunks) in [
        ("no length", "\r\n{}\r\n0\r\n\r\n"),
        ("a signed length", "+2\r\n{}\r\n0\r\n\r\n"),
        ("a prefixed length", "0x2\r\n{}\r\n0\r\n\r\n"),
        ("a blank before the length", " 2\r\n{}\r\n0\r\n\r\n"),
        ("a blank behind the length", "2 \r\n{}\r\n0\r\n\r\n"),
        ("two lengths", "2 2\r\n{}\r\n0\r\n\r\n"),
        ("a length that overflows", "10000000000000002\r\n{}\r\n0\r\n\r\n"),
        ("a length that overflows to zero", "ffffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
        ("a bare LF behind the length", "2\n{}\r\n0\r\n\r\n"),
        ("a bare CR behind the length", "2\r{}\r\n0\r\n\r\n"),
        ("a bare LF in an extension", "2;a\n{}\r\n0\r\n\r\n"),
        ("a bare CR in an extension", "2;a\rb\r\n{}\r\n0\r\n\r\n"),
        ("NUL in an extension", "2;a\0\r\n{}\r\n0\r\n\r\n"),
        ("an endless extension", &format!("2;{long}\r\n{{}}\r\n0\r\n\r\n")),
        ("a chunk that is longer", "2\r\n{} \r\n0\r\n\r\n"),
        ("a chunk that is shorter", "3\r\n{}\r\n0\r\n\r\n"),
        ("a bare LF behind a chunk", "2\r\n{}\n0\r\n\r\n"),
        ("a bare LF behind the last chunk", "2\r\n{}\r\n0\n\r\n"),
        ("a bare LF in a trailer", "2\r\n{}\r\n0\r\nX-A: b\n\r\n"),
        ("a bare CR in a trailer", "2\r\n{}\r\n0\r\nX-A: b\rc\r\n\r\n"),
        ("a bare LF at the end", "2\r\n{}\r\n0\r\n\n"),
    ] {
        let head = "POST /apikeys HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
        let message = "The request body is incomplete or malformed.";
        refused(&server, what, format!("{head}{chunks}").as_bytes(), message);
    }
    assert_eq!(server.all_keys(), [] as [serde_json::Value; 0]);
}

#[test]
fn extensions_and_trailers_within_bounds_are_ignored() {
    let server = start();
    let body =
        "2;a=b\r\n{\"\r\n9 ;c=\"d\"\r\nname\":\"n\"\r\n1\r\n}\r\n0;e\r\nContent-Length: 99\r\nX-A: b\r\n\r\n";
    let head = "POST /apikeys HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nTransfer-Encoding: Chunked\r\n";
    let last = "GET /apikeys HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answers = talk(&server, format!("{head}\r\n{body}{last}").as_bytes());
    assert_eq!(statuses(&answers), ["201", "200"], "{answers}");
    let keys = server.all_keys();
    assert_eq!((keys.len(), &keys[0]["name"]), (1, &json!("n")));
}

#[test]
fn a_request_within_a_body_stays_a_body() {
    let server = start();
    let hidden = hidden();
    let last = "GET /apikeys HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let chunked = |start: &str| {
        let head = format!("{start}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", hidden.len());
        [head.as_bytes(), &hidden, b"\r\n0\r\n\r\n"].concat()
    };
    let sized = |start: &str| {
        let head = format!("{start}Content-Length: {}\r\n\r\n", hidden.len());
        [head.as_bytes(), &hidden].concat()
    };
    let import = "POST /apikeys?mode=import HTTP/1.1\r\nHost: localhost\r\n";
    let nowhere = "POST /nowhere HTTP/1.1\r\nHost: localhost\r\n";
    let get = "GET /apikeys HTTP/1.1\r\nHost: localhost\r\n";
    let upgrade = "GET /apikeys HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: h2c\r\n";
    for (start, read) in [(import, Some("400")), (nowhere, None), (get, None), (upgrade, None)] {
        for bytes in [sized(start), chunked(start)] {
            let answers = talk(&server, &[&bytes, last.as_bytes()].concat());
            match read {
                // Read to its end: the next request is answered.
                Some(status) => assert_eq!(statuses(&answers), [status, "200"], "{answers}"),
                // Not read: nothing more is, and the answer says so.
                None => {
                    assert_eq!(statuses(&answers).len(), 1, "{answers}");
                    assert!(answers.contains("connection: close\r\n"), "{answers}");
                }
            }
        }
    }
    assert_eq!(server.all_keys(), [] as [serde_json::Value; 0]);
}

#[test]
fn what_came_before_is_still_answered() {
    let server = start();
    let good = Request::get("/apikeys").bytes();
    let bad = b"POST /apikeys HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answers = talk(&server, &[&good[..], &good, b"\r\n", bad, &hidden()].concat());
    assert_eq!(statuses(&answers), ["200", "200", "400"], "{answers}");
    assert_eq!(server.all_keys(), [] as [serde_json::Value; 0]);
}

#[test]
fn a_head_that_comes_in_pieces_is_judged_the_same() {
    let server = start();
    let bad = b"POST /apikeys HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let mut stream = TcpStream::connect(server.control()).unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in bad.chunks(7) {
        // It may be refused before all of it is sent.
        if stream.write_all(piece).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    assert_eq!(statuses(&answers), ["400"], "{answers}");
}

/// An HTTP/2 connection with one request of these fields; the first thing that is said about it: the beginning of its
/// header block, or the code of the error.
fn http2(server: &Server, fields: &[(&str, &str)]) -> Result<u8, u32> {
    let literal = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let block: Vec<u8> =
        fields.iter().flat_map(|(name, value)| [vec![0], literal(name), literal(value)].concat()).collect();
    let length = u8::try_from(block.len()).unwrap();
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let headers = [&[0, 0, length, 1, 5, 0, 0, 0, 1], &block[..]].concat();
    let mut stream = TcpStream::connect(server.control()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &settings[..], &headers].concat()).unwrap();
    loop {
        let mut frame = [0; 9];
        stream.read_exact(&mut frame).expect("a frame");
        let mut payload = vec![0; usize::from(u16::from_be_bytes([frame[1], frame[2]]))];
        stream.read_exact(&mut payload).expect("its payload");
        let code = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().unwrap());
        match frame[3] {
            1 => return Ok(payload[0]),
            3 => return Err(code(0)),
            7 => return Err(code(4)),
            _ => {}
        }
    }
}

#[test]
fn http_2_requests_with_two_readings_are_refused() {
    let server = start();
    let with = |more: &[(&str, &str)]| {
        let fields =
            [(":method", "GET"), (":scheme", "http"), (":path", "/apikeys"), (":authority", "localhost")];
        http2(&server, &[&fields, more].concat())
    };
    // The whole header field in HPACK's static table: 8 is `:status: 200`, 12 `:status: 400`.
    let (ok, bad_request) = (Ok(0x80 | 8), Ok(0x80 | 12));
    assert_eq!(with(&[]), ok);
    assert_eq!(with(&[("host", "localhost"), ("te", "trailers")]), ok);
    for fields in [
        ("connection", "keep-alive"),
        ("transfer-encoding", "chunked"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        ("content-length", "5"),
        ("X-Upper", "case"),
        ("x-cr", "a\rb"),
        ("x-lf", "a\nb"),
        ("x-nul", "a\0b"),
        ("x blank", "a"),
        (":path", "/nowhere"),
    ] {
        assert!(with(&[fields]).is_err(), "{fields:?}: {:?}", with(&[fields]));
    }
    assert_eq!(with(&[("host", "127.0.0.1")]), bad_request);
    assert_eq!(with(&[("host", "localhost"), ("host", "localhost")]), bad_request);
    let nowhere = [(":method", "GET"), (":scheme", "http"), (":path", "/apikeys")];
    assert_eq!(http2(&server, &nowhere), bad_request);
}
