//! What is let in, what is refused, and in which words.

use integration_tests::http::{Connection, Request};
use integration_tests::server::{Credential, Server};
use serde_json::json;
use std::time::{Duration, SystemTime};

use super::Place;
use crate::start_signed;

const WRONG: &str = "The request signature we calculated does not match the signature you provided. Check your AWS \
                     Secret Access Key and signing method. Consult the service documentation for details.";

fn create() -> Request {
    Request::json("POST", "/apikeys", &json!({"name": "signed"}))
}

fn nothing_was_made(server: &Server) {
    assert_eq!(server.get("/apikeys").expect(200)["item"], json!([]));
}

#[test]
fn a_request_that_nobody_signed_is_refused_as_an_unknown_route_is() {
    let server = start_signed(&[]);
    for request in
        [Request::get("/apikeys"), create(), Request::get("/nowhere"), Request::new("PUT", "/apikeys")]
    {
        server.send_raw(&request).expect_error(
            403,
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        );
    }
    server.send(&Request::get("/nowhere")).expect_error(
        403,
        "MissingAuthenticationTokenException",
        "Missing Authentication Token",
    );
    nothing_was_made(&server);
}

#[test]
fn an_unknown_credential_and_a_wrong_secret_are_told_apart_as_aws_does() {
    let server = start_signed(&[]);
    let root = Credential::root();
    let unknown = Credential { access_key_id: "AKIDNOBODY".to_owned(), ..root.clone() };
    let invalid = "The security token included in the request is invalid.";
    server.send_as(&unknown, &create()).expect_error(403, "UnrecognizedClientException", invalid);
    let wrong = Credential { secret: "wrong".to_owned(), ..root.clone() };
    server.send_as(&wrong, &create()).expect_error(403, "InvalidSignatureException", WRONG);
    let token = create().header("x-amz-security-token", "a session's");
    server.send_as(&root, &token).expect_error(403, "UnrecognizedClientException", invalid);
    let basic = create().header("authorization", "Basic dXNlcjpwYXNz");
    server.send_raw(&basic).expect_error_like(403, "IncompleteSignatureException", |_| true);
    nothing_was_made(&server);
}

#[test]
fn a_clock_may_be_wrong_by_five_minutes() {
    let server = start_signed(&[]);
    let at = |seconds: i64| {
        let now = SystemTime::now();
        let by = Duration::from_secs(seconds.unsigned_abs());
        let then = if seconds < 0 { now - by } else { now + by };
        server.send_raw(&Request::get("/apikeys").signed_at(&Credential::root(), then))
    };
    for seconds in [-290, 0, 290] {
        assert_eq!(at(seconds).status, 200, "{seconds}");
    }
    at(-310).expect_error_like(403, "InvalidSignatureException", |message| {
        message.starts_with("Signature expired: ") && message.ends_with(" - 5 min.)")
    });
    at(310).expect_error_like(403, "InvalidSignatureException", |message| {
        message.starts_with("Signature not yet current: ") && message.ends_with(" + 5 min.)")
    });
}

#[test]
fn whatever_is_changed_after_the_signing_is_refused_and_changes_nothing() {
    let server = start_signed(&[]);
    let root = Credential::root();
    let id = server.key_named("kept");
    let signed = |request: Request| String::from_utf8(request.signed(&root).bytes()).unwrap();
    let patch = json!({"patchOperations": [{"op": "replace", "path": "/enabled", "value": "true"}]});
    let patch = signed(Request::json("PATCH", &format!("/apikeys/{id}"), &patch));
    let list = signed(Request::get("/apikeys?limit=1&name=a"));
    for (whole, from, to) in [
        (&patch, "\"true\"", "\"TRUE\""),
        (&patch, "PATCH ", "DELETE "),
        (&list, "limit=1", "limit=2"),
        (&list, "GET /apikeys?", "GET /apikeys/x?"),
        (&list, "Host: localhost", "Host: localhost:80"),
        (&list, "x-amz-date: 20", "x-amz-date: 19"),
    ] {
        assert!(whole.contains(from), "{from}");
        let mut connection = server.connect();
        connection.write(whole.replacen(from, to, 1).as_bytes()).unwrap();
        assert_eq!(connection.answer().unwrap().status, 403, "{from} became {to}");
    }
    let mut connection = server.connect();
    connection.write(list.as_bytes()).unwrap();
    assert_eq!(connection.answer().unwrap().status, 200, "as it was signed it passes");
    let key = server.get(&format!("/apikeys/{id}")).expect(200);
    assert_eq!((&key["name"], &key["enabled"]), (&json!("kept"), &json!(false)));
}

#[test]
fn a_large_body_of_a_stranger_is_not_waited_for() {
    let server = start_signed(&[]);
    let import = Request::import("&format=csv", "never sent");
    let wrong = Credential { secret: "wrong".to_owned(), ..Credential::root() };
    for (request, code) in [
        (import.clone(), "MissingAuthenticationTokenException"),
        // The hash of the body is signed: the signature is wrong whatever comes.
        (import.signed(&wrong), "InvalidSignatureException"),
    ] {
        let mut connection = server.connect();
        connection.write(&request.head(Some(200 << 20))).unwrap();
        connection.answer().unwrap().expect_error_like(403, code, |_| true);
    }
}

#[test]
fn a_body_that_is_not_the_signed_one_is_never_imported() {
    let server = start_signed(&[]);
    let file = |name: &str| format!("name,key\n{name},{}\n", server.value());
    let signed = Request::import("&format=csv", file("signed")).signed(&Credential::root());
    server.send_raw(&signed.clone().body(file("forged"))).expect_error_like(
        403,
        "InvalidSignatureException",
        |_| true,
    );
    nothing_was_made(&server);
    assert_eq!(server.send_raw(&signed).status, 201);
}

#[test]
fn failures_cost_a_peer_its_budget_and_the_rightly_signed_nothing() {
    let server = start_signed(&[]);
    let wrong = Credential { secret: "wrong".to_owned(), ..Credential::root() };
    let mut connection = server.connect();
    let fail =
        |connection: &mut Connection| connection.send(&Request::get("/apikeys").signed(&wrong)).unwrap();
    let refused = (0..1_000).map(|_| fail(&mut connection)).find(|answer| answer.status == 429);
    let refused = refused.expect("a peer that fails too often is told so");
    refused.expect_error(429, "TooManyRequestsException", "Too Many Requests");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(server.get("/apikeys").status, 200, "who signs rightly comes in");
}

#[tokio::test]
async fn a_request_over_http_2_is_signed_for_its_authority() {
    use http_body_util::{BodyExt, Empty};
    use hyper_util::rt::{TokioExecutor, TokioIo};
    let server = start_signed(&[]);
    let stream = tokio::net::TcpStream::connect(server.control()).await.unwrap();
    let shaken = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.unwrap();
    tokio::spawn(connection);
    let signer = gatepost_sigv4::Signer {
        access_key_id: &Credential::root().access_key_id,
        secret: &Credential::root().secret,
        region: "us-east-1",
        service: "apigateway",
    };
    for (signed_for, status) in [(server.control().to_string(), 200), ("elsewhere:80".to_owned(), 403)] {
        let request = hyper::Request::get(format!("http://{}/apikeys", server.control()));
        let request = request.header("host", signed_for).body(Empty::<bytes::Bytes>::new()).unwrap();
        let (mut parts, body) = request.into_parts();
        let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let now = gatepost_sigv4::Timestamp::from_seconds(i64::try_from(seconds).unwrap());
        signer.sign(&mut parts, &gatepost_sigv4::PayloadHash::of(b""), now).unwrap();
        parts.headers.remove("host");
        let answer = sender.send_request(hyper::Request::from_parts(parts, body)).await.unwrap();
        assert_eq!(answer.status(), status);
        answer.into_body().collect().await.unwrap();
    }
}

#[test]
fn a_credential_that_is_disabled_while_a_body_comes_makes_nothing() {
    let place = Place::new();
    let credential = place.credential("administrator", "000000000009");
    let request = create().signed(&credential);
    let mut connection = place.server.connect();
    let (first, rest) = request.body_bytes().split_at(1);
    connection.write(&[&request.head(Some(request.body_bytes().len())), first].concat()).unwrap();
    let (code, _, stderr) = place.credentials(&["disable", &credential.access_key_id]);
    assert_eq!(code, Some(0), "{stderr}");
    std::thread::sleep(Duration::from_secs(1));
    connection.write(rest).unwrap();
    connection.answer().unwrap().expect_error_like(403, "UnrecognizedClientException", |_| true);
}

#[test]
fn who_has_shown_nothing_is_not_told_what_a_policy_says() {
    let place = Place::new();
    let issuer = place.credential("key-issuer", "000000000009");
    let wrong = Credential { secret: "wrong".to_owned(), ..issuer };
    let signed = Request::import("&format=csv", "name,key\n").signed(&wrong).bytes();
    let undeclared = String::from_utf8(signed).unwrap();
    let declared = undeclared.lines().find(|line| line.starts_with("x-amz-content-sha256")).unwrap();
    let undeclared = undeclared.replace(&format!("{declared}\r\n"), "").replace(";x-amz-content-sha256", "");
    let mut connection = place.server.connect();
    connection.write(undeclared.as_bytes()).unwrap();
    connection.answer().unwrap().expect_error(
        401,
        "UnauthorizedException",
        "The caller is not authorized to import. Sign x-amz-content-sha256 to be told why.",
    );
}
