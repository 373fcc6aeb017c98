//! TLS on the control and data listeners, with certificates that `tests/certificates/make.sh` made.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use integration_tests::http::{Connection, Request};
use integration_tests::server::{Server, ServerOptions, run};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

use crate::{BINARY, start_with};

const CERTIFICATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/certificates");
const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
const EACH: [&[&SupportedProtocolVersion]; 2] = [&[&TLS13], &[&TLS12]];

fn kept(name: &str) -> String {
    format!("{CERTIFICATES}/{name}")
}

/// The files of a server, which a test may replace.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.put("server");
        files
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// Puts certificate and key of this name in place.
    fn put(&self, name: &str) {
        fs::copy(kept(&format!("{name}.crt")), self.path("tls.crt")).unwrap();
        fs::copy(kept(&format!("{name}.key")), self.path("tls.key")).unwrap();
        self.protect(0o600);
    }

    fn protect(&self, mode: u32) {
        fs::set_permissions(Path::new(&self.path("tls.key")), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn start(&self, more: &[&str]) -> Server {
        let own =
            [format!("--tls-cert={}", self.path("tls.crt")), format!("--tls-key={}", self.path("tls.key"))];
        let args: Vec<&str> = own.iter().map(String::as_str).chain(more.iter().copied()).collect();
        start_with(&args)
    }
}

/// A client as it would be in the field.
struct Client {
    versions: &'static [&'static SupportedProtocolVersion],
    protocols: &'static [&'static [u8]],
    certificate: Option<&'static str>,
}

const CLIENT: Client = Client { versions: BOTH, protocols: &[], certificate: None };

impl Client {
    async fn connect(&self, server: &Server) -> io::Result<TlsStream<TcpStream>> {
        self.handshake(TcpStream::connect(server.control()).await?).await
    }

    async fn handshake(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(certificate("authority")).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(self.versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match self.certificate {
            Some(name) => {
                let key = PrivateKeyDer::from_pem_file(kept(&format!("{name}.key"))).unwrap();
                config.with_client_auth_cert(vec![certificate(name)], key).unwrap()
            }
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = self.protocols.iter().map(|protocol| protocol.to_vec()).collect();
        TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await
    }

    /// The whole answer to one request.
    async fn ask(&self, server: &Server, request: &Request) -> io::Result<String> {
        ask(&mut self.connect(server).await?, request.clone().header("Connection", "close")).await
    }
}

async fn ask(stream: &mut TlsStream<TcpStream>, request: Request) -> io::Result<String> {
    stream.write_all(&request.bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8(answer).unwrap())
}

fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(kept(&format!("{name}.crt"))).unwrap()
}

fn shows(stream: &TlsStream<TcpStream>, name: &str) -> bool {
    stream.get_ref().1.peer_certificates().unwrap() == [certificate(name)]
}

/// Waits until the log has a line with all of these texts.
#[track_caller]
fn wait_for_log(server: &Server, texts: &[&str]) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !server.stderr().lines().any(|line| texts.iter().all(|text| line.contains(text))) {
        assert!(Instant::now() < deadline, "no line with {texts:?} in\n{}", server.stderr());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn failed_handshakes(server: &Server) -> u64 {
    let metrics = server.ask_admin("/metrics").text();
    let counter = r#"gatepost_connections_failed_total{listener="control",step="tls"} "#;
    metrics.lines().find_map(|line| line.strip_prefix(counter)?.parse().ok()).expect("it is counted")
}

#[tokio::test]
async fn both_planes_speak_tls_and_the_ready_line_says_so() {
    let files = Files::new();
    let server = files.start(&[]);
    let (control, data, admin) = (server.control(), server.data(), server.admin());
    let expected =
        format!("gatepost ready control=https://{control} data=https://{data} admin=http://{admin}");
    assert_eq!(server.ready_line(), expected);
    for versions in EACH {
        let client = Client { versions, ..CLIENT };
        let made =
            client.ask(&server, &Request::json("POST", "/apikeys", &json!({"name": "n"}))).await.unwrap();
        assert!(made.starts_with("HTTP/1.1 201 Created\r\n"), "{made}");
        let key = serde_json::from_str(made.split_once("\r\n\r\n").unwrap().1).unwrap();
        server.secrets().note_in(&key);
        let stream = TcpStream::connect(data).await.unwrap();
        let request = Request::get("/authorize/api/stage").header("Connection", "close");
        let refused = ask(&mut client.handshake(stream).await.unwrap(), request).await.unwrap();
        assert!(refused.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{refused}");
    }
    assert_eq!(failed_handshakes(&server), 0);
    server.stop();
}

#[tokio::test]
async fn the_client_chooses_http_2_or_http_1_by_alpn() {
    let files = Files::new();
    let server = files.start(&[]);
    let spoken = async |protocols| {
        let stream = Client { protocols, ..CLIENT }.connect(&server).await?;
        let protocol = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        io::Result::Ok((stream, protocol))
    };
    let (stream, protocol) = spoken(&[b"http/1.1", b"h2"]).await.unwrap();
    assert_eq!(protocol.as_deref(), Some(&b"h2"[..]), "the better one of both");
    let (mut client, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get("https://localhost/apikeys").header("accept", "application/json");
    let answer = client.send_request(request.body(Full::<Bytes>::default()).unwrap()).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_2));
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), r#"{"item":[]}"#);

    let (mut stream, protocol) = spoken(&[b"http/1.1"]).await.unwrap();
    assert_eq!(protocol.as_deref(), Some(&b"http/1.1"[..]));
    let answer = ask(&mut stream, Request::get("/apikeys").header("Connection", "close")).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(spoken(&[b"smtp"]).await.is_err(), "none that both speak");
}

#[tokio::test]
async fn with_a_client_ca_only_its_clients_come_in() {
    let files = Files::new();
    let server = files.start(&[&format!("--tls-client-ca={}", kept("authority.crt"))]);
    let request = Request::get("/apikeys");
    for versions in EACH {
        for certificate in [None, Some("intruder"), Some("renewed")] {
            let refused = Client { versions, certificate, ..CLIENT }.ask(&server, &request).await;
            assert!(refused.is_err(), "{certificate:?}: {refused:?}");
        }
        let client = Client { versions, certificate: Some("client"), ..CLIENT };
        assert!(client.ask(&server, &request).await.unwrap().starts_with("HTTP/1.1 200 OK\r\n"));
    }
    assert_eq!(failed_handshakes(&server), 6);
    assert!(
        !server.stderr().contains("gatepost::request\",\"fields\":{\"operation\":\"Unknown"),
        "{}",
        server.stderr()
    );
}

#[tokio::test]
async fn a_hang_up_makes_new_connections_use_the_new_files() {
    let files = Files::new();
    let server = files.start(&[]);
    let mut early = CLIENT.connect(&server).await.unwrap();
    assert!(shows(&early, "server"));
    files.put("renewed");
    assert!(shows(&CLIENT.connect(&server).await.unwrap(), "server"), "nobody has asked yet");
    server.signal("HUP");
    wait_for_log(&server, &["certificates are read again"]);
    assert!(shows(&CLIENT.connect(&server).await.unwrap(), "renewed"));
    let answer = ask(&mut early, Request::get("/apikeys").header("Connection", "close")).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[tokio::test]
async fn a_broken_file_keeps_the_old_certificate_and_is_named() {
    let files = Files::new();
    let server = files.start(&[]);
    let (cert, key) = (files.path("tls.crt"), files.path("tls.key"));
    for (why, spoil) in [
        (&[&key[..], "cannot be used together"][..], &|| {
            fs::copy(kept("renewed.crt"), &cert).unwrap();
        }),
        (&["tls-cert: ", &cert, "holds no certificate"], &|| fs::write(&cert, "nothing").unwrap()),
        (&["tls-cert: ", &cert, "is not PEM"], &|| {
            fs::write(&cert, "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n").unwrap();
        }),
        (&["tls-key: ", &key, "cannot be read"], &|| {
            files.put("renewed");
            fs::remove_file(&key).unwrap();
        }),
        (&["tls-key: ", &key, "holds no private key"], &|| fs::write(&key, "").unwrap()),
    ] as [(&[&str], &dyn Fn()); 5]
    {
        spoil();
        server.signal("HUP");
        wait_for_log(&server, &[&["certificates stay as they were", "\"ERROR\""], why].concat());
        assert!(shows(&CLIENT.connect(&server).await.unwrap(), "server"));
    }
    files.put("renewed");
    server.signal("HUP");
    wait_for_log(&server, &["certificates are read again"]);
    assert!(shows(&CLIENT.connect(&server).await.unwrap(), "renewed"));
}

#[test]
fn a_start_with_files_that_cannot_be_used_says_which_and_why() {
    let files = Files::new();
    let (cert, key) = (files.path("tls.crt"), files.path("tls.key"));
    let none = files.path("none");
    let refused = |args: &[&str]| {
        let args: Vec<&str> =
            ["serve", "--storage=memory:", "--control-listen=127.0.0.1:0", "--data-listen=127.0.0.1:0"]
                .into_iter()
                .chain(args.iter().copied())
                .collect();
        let (code, out, err) = run(BINARY, &args, &[]);
        assert_eq!((out.as_str(), err.lines().count()), ("", 1), "{err}");
        (code, err)
    };
    for (args, expected) in [
        (
            vec![format!("--tls-cert={none}"), format!("--tls-key={key}")],
            format!("tls-cert: {none} cannot be read: "),
        ),
        (
            vec![format!("--tls-cert={key}"), format!("--tls-key={key}")],
            format!("tls-cert: {key} holds no certificate"),
        ),
        (
            vec![format!("--tls-cert={cert}"), format!("--tls-key={cert}")],
            format!("tls-key: {cert} holds no private key"),
        ),
        (
            vec![format!("--tls-cert={cert}"), format!("--tls-key={}", kept("client.key"))],
            format!("tls-cert, tls-key: {cert} and "),
        ),
        (
            vec![format!("--tls-cert={cert}"), format!("--tls-key={key}"), format!("--tls-client-ca={key}")],
            format!("tls-client-ca: {key} holds no certificate"),
        ),
    ] {
        let (code, line) = refused(&args.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(code == Some(1) && line.starts_with(&format!("gatepost: {expected}")), "{line}");
    }
    let (code, line) = refused(&[&format!("--tls-cert={cert}")]);
    assert_eq!(code, Some(2));
    assert!(line.contains("tls-cert: ") && line.contains("set tls-key too"), "{line}");
}

#[test]
fn a_key_that_everybody_can_read_is_warned_of() {
    let files = Files::new();
    let warning = "can be read by every user";
    assert!(!files.start(&[]).stderr().contains(warning));
    files.protect(0o644);
    wait_for_log(&files.start(&[]), &[warning, "\"WARN\"", &files.path("tls.key")]);
}

#[tokio::test]
async fn what_is_not_tls_ends_its_own_connection_only() {
    let files = Files::new();
    let server = files.start(&[]);
    for bytes in [&Request::get("/apikeys").bytes()[..], b"\x16\x03\x01\xff\xff", &[0; 2000]] {
        let mut stream = TcpStream::connect(server.control()).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut rest = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
        read.expect("the connection ends").expect("in order");
        assert!(!rest.starts_with(b"HTTP/"), "{}", rest.escape_ascii());
        assert!(rest.is_empty() || rest[0] == 21, "an alert or nothing: {}", rest.escape_ascii());
    }
    assert_eq!(failed_handshakes(&server), 3);
    // What a balancer's probe does is no failure.
    drop(TcpStream::connect(server.control()).await.unwrap());
    assert!(CLIENT.ask(&server, &Request::get("/apikeys")).await.unwrap().starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(failed_handshakes(&server), 3);
}

#[tokio::test]
async fn a_slow_handshake_holds_up_nobody_and_does_not_last() {
    let files = Files::new();
    let server = files.start(&["--header-timeout=2s"]);
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(server.control()).await.unwrap();
        stream.write_all(b"\x16\x03\x01").await.unwrap();
        slow.push(stream);
    }
    let begun = Instant::now();
    for _ in 0..10 {
        assert!(
            CLIENT.ask(&server, &Request::get("/apikeys")).await.unwrap().starts_with("HTTP/1.1 200 OK\r\n")
        );
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "they waited: {:?}", begun.elapsed());
    for mut stream in slow {
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut Vec::new())).await;
        read.expect("it is not waited for").unwrap();
    }
    assert_eq!(failed_handshakes(&server), 50);
}

#[tokio::test]
async fn a_client_that_reads_nothing_of_its_answer_is_let_go_over_tls_too() {
    let files = Files::new();
    let server = files.start(&["--body-timeout=1s"]);
    let text = "d".repeat(120_000);
    let rows: String = (0..100).map(|_| format!("n,{},{text}\n", server.value())).collect();
    let import = Request::import("", format!("name,key,description\n{rows}"));
    assert!(CLIENT.ask(&server, &import).await.unwrap().starts_with("HTTP/1.1 201 "));
    let mut stream = CLIENT.connect(&server).await.unwrap();
    stream
        .write_all(&Request::get("/apikeys?limit=500").header("Connection", "close").bytes())
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer).await;
    assert!(
        read.is_err() && answer.len() < 12_000_000,
        "{} bytes waited for a client that read none",
        answer.len()
    );
    assert!(CLIENT.ask(&server, &Request::get("/apikeys?limit=1")).await.is_ok());
}

#[test]
fn a_unix_socket_stays_without_tls() {
    let files = Files::new();
    let path = files.path("data.sock");
    let server = files.start(&[&format!("--data-listen=unix:{path}")]);
    assert!(server.ready_line().contains(&format!("data=unix:{path} admin=http://")));
    let mut stream = std::os::unix::net::UnixStream::connect(path).unwrap();
    io::Write::write_all(&mut stream, &Request::get("/").header("Connection", "close").bytes()).unwrap();
    let mut answer = String::new();
    io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
}

#[tokio::test]
async fn a_proxy_header_comes_before_tls() {
    let files = Files::new();
    let server = Server::start(&ServerOptions::new(BINARY).args(&[
        &format!("--tls-cert={}", files.path("tls.crt")),
        &format!("--tls-key={}", files.path("tls.key")),
        "--trusted-proxies=127.0.0.1",
    ]));
    let mut stream = TcpStream::connect(server.control()).await.unwrap();
    stream.write_all(b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 443\r\n").await.unwrap();
    let mut stream = CLIENT.handshake(stream).await.unwrap();
    let answer = ask(&mut stream, Request::get("/apikeys").header("Connection", "close")).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    wait_for_log(&server, &["gatepost::request", "\"peer\":\"192.0.2.7\""]);
    assert!(CLIENT.ask(&server, &Request::get("/apikeys")).await.is_ok(), "it may be left out");
    assert!(Connection::open(server.admin()).unwrap().send(&Request::new("GET", "/livez")).is_ok());
}
