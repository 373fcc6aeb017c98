use std::net::IpAddr;

use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::*;

const LIMIT: Duration = Duration::from_secs(5);

/// Has no certificate for anybody: every handshake that comes so far fails.
#[derive(Debug)]
struct NoCertificate;

impl ResolvesServerCert for NoCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        None
    }
}

fn tls() -> Tls {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    watch::channel(Arc::new(config.with_cert_resolver(Arc::new(NoCertificate)))).1
}

fn peer(text: &str) -> Peer {
    text.parse::<IpAddr>().unwrap().into()
}

fn opening(tls: Option<Tls>) -> Opening {
    Opening { trusted: Arc::new(TrustedProxies::new([("10.0.0.0".parse().unwrap(), 8)])), tls }
}

/// A client that sends these bytes, piece by piece, and then nothing more.
fn client(pieces: &[&[u8]]) -> (DuplexStream, Socket<DuplexStream>) {
    let (mut client, server) = duplex(8);
    let pieces: Vec<Vec<u8>> = pieces.iter().map(|piece| piece.to_vec()).collect();
    let (handed, mut kept) = duplex(1024);
    tokio::spawn(async move {
        for piece in pieces {
            client.write_all(&piece).await.unwrap();
        }
        // Ends when the test drops its half.
        let _ = tokio::io::copy(&mut kept, &mut client).await;
    });
    (handed, Socket::new(server, LIMIT))
}

/// Who a plain connection is from, and what is left of its bytes.
async fn opened(from: &str, pieces: &[&[u8]]) -> Result<(Peer, String), Option<Failure>> {
    let (end, io) = client(pieces);
    drop(end);
    match opening(None).open(io, peer(from), LIMIT).await? {
        Opened::Plain(mut io, client) => {
            let mut rest = String::new();
            io.read_to_string(&mut rest).await.unwrap();
            Ok((client, rest))
        }
        Opened::Tls(..) => panic!("there is no TLS"),
    }
}

#[tokio::test]
async fn a_trusted_peer_tells_whose_connection_it_is_and_nobody_else_does() {
    let header = b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 80\r\n";
    for pieces in [&[&header[..], b"GET /"][..], &[b"P", b"ROX", &header[4..], b"GET /"]] {
        assert_eq!(opened("10.9.9.9", pieces).await, Ok((peer("192.0.2.7"), "GET /".to_owned())));
        let all = format!("{}GET /", str::from_utf8(header).unwrap());
        assert_eq!(
            opened("192.0.2.1", pieces).await,
            Ok((peer("192.0.2.1"), all)),
            "it is no header of theirs"
        );
    }
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0GET /";
    assert_eq!(opened("10.9.9.9", &[local]).await, Ok((peer("10.9.9.9"), "GET /".to_owned())));
}

/// What such a client writes into `X-Forwarded-For` is nobody's word.
#[tokio::test]
async fn whom_a_trusted_peer_does_not_know_is_not_trusted_in_its_place() {
    let unspecified = b"\r\n\r\n\0\r\nQUIT\n\x21\0\0\0";
    let unix = [&b"\r\n\r\n\0\r\nQUIT\n\x21\x31\0\xd8"[..], &[0; 216]].concat();
    let trusted = opening(None).trusted;
    for header in [&b"PROXY UNKNOWN\r\n"[..], b"PROXY UNKNOWN 192.0.2.7 \r\n", unspecified, &unix] {
        let (unknown, rest) = opened("10.9.9.9", &[header, b"GET /"]).await.unwrap();
        assert_eq!((unknown, rest.as_str()), (Peer::OnBehalf("10.9.9.9".parse().unwrap()), "GET /"));
        assert!(!trusted.trusts(unknown), "{}", header.escape_ascii());
    }
}

#[tokio::test]
async fn a_trusted_peer_may_leave_the_header_out() {
    for text in ["GET / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n", "PUT", "PRO", "\r\n\r", ""] {
        assert_eq!(
            opened("10.9.9.9", &[text.as_bytes()]).await,
            Ok((peer("10.9.9.9"), text.to_owned())),
            "{text}"
        );
    }
    let long = "x".repeat(10_000);
    assert_eq!(opened("10.9.9.9", &[long.as_bytes()]).await, Ok((peer("10.9.9.9"), long)));
}

#[tokio::test]
async fn a_malformed_header_of_a_trusted_peer_ends_its_connection() {
    for bytes in [&b"PROXY TCP4 192.0.2.7\r\n"[..], b"\r\n\r\n\0\r\nQUIT\n\x30\0\0\0"] {
        assert_eq!(opened("10.9.9.9", &[bytes]).await.err(), Some(Some(Failure::Proxy)));
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_begun_must_end_in_time_and_silence_is_no_failure() {
    let hello = &b"\x16\x03\x01\x01\x00"[..];
    for (bytes, failure) in [
        (&b""[..], None),
        (b"PROXY TCP4", Some(Failure::Proxy)),
        (b"PROXY UNKNOWN\r\n", None),
        (hello, Some(Failure::Tls)),
    ] {
        let (_end, io) = client(&[bytes]);
        let opened = opening(Some(tls())).open(io, peer("10.9.9.9"), LIMIT).await;
        assert_eq!(opened.err(), Some(failure), "{}", bytes.escape_ascii());
    }
    let (end, io) = client(&[]);
    drop(end);
    assert_eq!(opening(Some(tls())).open(io, peer("192.0.2.1"), LIMIT).await.err(), Some(None));
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_fails_is_told_the_client_by_an_alert() {
    let (mut end, server) = duplex(1024);
    let opening = opening(Some(tls()));
    let opening = tokio::spawn(async move {
        opening.open(Socket::new(server, LIMIT), peer("192.0.2.1"), LIMIT).await.err()
    });
    end.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut alert = Vec::new();
    end.read_to_end(&mut alert).await.unwrap();
    assert_eq!(alert.first(), Some(&21), "an alert's record type: {}", alert.escape_ascii());
    drop(end);
    assert_eq!(opening.await.unwrap(), Some(Some(Failure::Tls)));
}
