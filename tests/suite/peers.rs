//! Who a request is from: the connection's peer, and what trusted proxies say of it.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use integration_tests::http::{Answer, Connection, Request};
use integration_tests::server::Server;

use crate::{start, start_with};

/// The peer that the log tells of the request that was answered so.
#[track_caller]
fn logged_peer(server: &Server, answer: &Answer) -> String {
    let line = server.log_of(answer);
    let peer = line.get("peer").or_else(|| line["fields"].get("peer"));
    peer.and_then(|peer| peer.as_str()).unwrap_or_else(|| panic!("no peer in {line}")).to_owned()
}

fn forwarded_for(clients: &str) -> Request {
    Request::get("/apikeys").header("X-Forwarded-For", clients)
}

const VERSION_1: &[u8] = b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 80\r\n";

/// Version 2 from 192.0.2.9.
const VERSION_2: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x09\x7f\x00\x00\x01\x12\x67\x00\x50";

#[test]
fn nobody_is_believed_who_is_not_trusted() {
    for server in [start(), start_with(&["--trusted-proxies=10.0.0.0/8,192.0.2.0/24,::1"])] {
        for request in [Request::get("/apikeys"), forwarded_for("192.0.2.7"), forwarded_for("10.0.0.1")] {
            assert_eq!(logged_peer(&server, &server.send(&request)), "127.0.0.1");
        }
        for header in [VERSION_1, VERSION_2] {
            let mut connection = server.connect();
            connection.write(&[header, &Request::get("/apikeys").bytes()].concat()).unwrap();
            let refused = connection.answer().unwrap();
            refused.expect_error(400, "BadRequestException", "The request is not valid HTTP.");
            assert_eq!(logged_peer(&server, &refused), "127.0.0.1");
            assert!(connection.is_closed());
        }
    }
}

#[test]
fn a_trusted_proxy_tells_the_client_of_each_request() {
    let server = start_with(&["--trusted-proxies=127.0.0.1,10.0.0.0/8"]);
    let mut connection = server.connect();
    for (clients, peer) in [
        (None, "127.0.0.1"),
        (Some("192.0.2.7"), "192.0.2.7"),
        (Some("192.0.2.1, 192.0.2.7, 10.1.1.1"), "192.0.2.7"),
        (Some("10.2.2.2, 10.1.1.1"), "10.2.2.2"),
        (Some("2001:db8::7"), "2001:db8::7"),
        (Some("192.0.2.7, nonsense"), "127.0.0.1"),
        (None, "127.0.0.1"),
    ] {
        let request = clients.map_or(Request::get("/apikeys"), forwarded_for);
        let answer = connection.send(&request).unwrap();
        assert_eq!((answer.status, logged_peer(&server, &answer).as_str()), (200, peer), "{clients:?}");
    }
    let mut data = Connection::open(server.data()).unwrap();
    let answer = data.send(&forwarded_for("192.0.2.7")).unwrap();
    assert_eq!(logged_peer(&server, &answer), "192.0.2.7");
}

#[test]
fn a_proxy_header_of_a_trusted_peer_is_for_the_whole_connection() {
    let server = start_with(&["--trusted-proxies=127.0.0.1"]);
    for (header, peer) in
        [(VERSION_1, "192.0.2.7"), (VERSION_2, "192.0.2.9"), (b"PROXY UNKNOWN\r\n", "127.0.0.1")]
    {
        let mut connection = server.connect();
        connection.write(header).unwrap();
        for _ in 0..2 {
            let answer = connection.send(&Request::get("/apikeys")).unwrap();
            assert_eq!(logged_peer(&server, &answer), peer);
        }
        let refused = connection.send(&Request::new("GET", "/a b")).unwrap();
        assert_eq!((refused.status, logged_peer(&server, &refused).as_str()), (400, peer));
    }
    let mut named = server.connect();
    named.write(VERSION_1).unwrap();
    let answer = named.send(&forwarded_for("198.51.100.1")).unwrap();
    assert_eq!(logged_peer(&server, &answer), "192.0.2.7", "the client it names is not trusted itself");
    let mut unnamed = server.connect();
    unnamed.write(b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0").unwrap();
    let answer = unnamed.send(&forwarded_for("198.51.100.1")).unwrap();
    assert_eq!(logged_peer(&server, &answer), "198.51.100.1", "it speaks for itself, and is trusted");
    for header in [&b"PROXY UNKNOWN\r\n"[..], b"\r\n\r\n\0\r\nQUIT\n\x21\0\0\0"] {
        let mut unknown = server.connect();
        unknown.write(header).unwrap();
        let answer = unknown.send(&forwarded_for("198.51.100.1")).unwrap();
        assert_eq!(logged_peer(&server, &answer), "127.0.0.1", "nobody knows who says so");
    }
}

#[test]
fn a_malformed_proxy_header_ends_its_connection_and_is_counted() {
    let server = start_with(&["--trusted-proxies=127.0.0.1", "--header-timeout=1s"]);
    for header in [&b"PROXY TCP4 nowhere\r\n"[..], b"\r\n\r\n\0\r\nQUIT\n\x51\0\0\0", b"PROXY TCP"] {
        let mut connection = server.connect();
        connection.write(header).unwrap();
        assert!(connection.is_closed(), "{}", header.escape_ascii());
    }
    let counted = r#"gatepost_connections_failed_total{listener="control",step="proxy"} 3"#;
    let is_counted = || server.ask_admin("/metrics").text().lines().any(|line| line == counted);
    let began = std::time::Instant::now();
    // The client may see the end of its connection before it is counted.
    while !is_counted() {
        assert!(began.elapsed().as_secs() < 5, "{}", server.ask_admin("/metrics").text());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    server.get("/apikeys").expect(200);
}

#[test]
fn a_client_on_a_unix_socket_has_no_address_and_no_word_about_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.sock");
    let server =
        start_with(&[&format!("--data-listen=unix:{}", path.display()), "--trusted-proxies=0.0.0.0/0,::/0"]);
    let mut stream = UnixStream::connect(path).unwrap();
    stream.write_all(&forwarded_for("192.0.2.7").header("Connection", "close").bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let id = answer.lines().find_map(|line| line.strip_prefix("x-amzn-requestid: ")).unwrap();
    let logged =
        || server.stderr().lines().any(|line| line.contains(id) && line.contains("\"peer\":\"unix\""));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while !logged() {
        assert!(std::time::Instant::now() < deadline, "{}", server.stderr());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[tokio::test]
async fn a_trusted_proxy_is_believed_over_http_2() {
    let server = start_with(&["--trusted-proxies=127.0.0.0/8"]);
    let mut stream = tokio::net::TcpStream::connect(server.control()).await.unwrap();
    // It speaks for itself, and names its clients in each request.
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0").await.unwrap();
    let (mut client, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request =
        http::Request::get("http://localhost/apikeys").header("x-forwarded-for", "192.0.2.7, 127.0.0.9");
    let answer = client.send_request(request.body(Full::<Bytes>::default()).unwrap()).await.unwrap();
    let id = answer.headers()["x-amzn-requestid"].to_str().unwrap().to_owned();
    answer.into_body().collect().await.unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while !server.stderr().lines().any(|line| line.contains(&id) && line.contains("\"peer\":\"192.0.2.7\"")) {
        assert!(std::time::Instant::now() < deadline, "{}", server.stderr());
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
