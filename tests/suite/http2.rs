//! HTTP/2 without TLS, with prior knowledge, on the control listener.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use integration_tests::server::Server;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::{start, start_with};

type Client = http2::SendRequest<Full<Bytes>>;

async fn connect(server: &Server) -> Client {
    let stream = TcpStream::connect(server.control()).await.unwrap();
    let (client, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn ask(
    client: &mut Client,
    method: Method,
    target: &str,
    body: impl Into<Bytes>,
) -> (StatusCode, http::HeaderMap, Value) {
    let request = Request::builder()
        .method(method)
        .uri(format!("http://localhost{target}"))
        .header("accept", "application/json")
        .body(Full::new(body.into()))
        .unwrap();
    let answer = client.send_request(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, parts.headers, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn every_verb_works_on_one_connection() {
    let server = start();
    let mut client = connect(&server).await;
    let (status, headers, key) = ask(&mut client, Method::POST, "/apikeys", r#"{"name":"n"}"#).await;
    server.secrets().note_in(&key);
    assert_eq!(status, 201);
    assert!(headers.contains_key("x-amzn-requestid"));
    let target = format!("/apikeys/{}", key["id"].as_str().unwrap());
    let (status, _, read) = ask(&mut client, Method::GET, &target, "").await;
    assert_eq!((status.as_u16(), &read["name"]), (200, &Value::from("n")));
    let change = r#"{"patchOperations":[{"op":"replace","path":"/name","value":"m"}]}"#;
    assert_eq!(ask(&mut client, Method::PATCH, &target, change).await.2["name"], "m");
    let csv = format!("key,name\n{},i\n", server.value());
    assert_eq!(ask(&mut client, Method::POST, "/apikeys?mode=import", csv).await.0, 201);
    let (status, _, plan) = ask(&mut client, Method::POST, "/usageplans", r#"{"name":"p"}"#).await;
    assert_eq!(status, 201);
    let keys = format!("/usageplans/{}/keys", plan["id"].as_str().unwrap());
    let attach = format!(r#"{{"keyId":{},"keyType":"API_KEY"}}"#, key["id"]);
    let (status, _, attached) = ask(&mut client, Method::POST, &keys, attach).await;
    assert_eq!((status.as_u16(), &attached["value"]), (201, &key["value"]));
    assert_eq!(ask(&mut client, Method::GET, &keys, "").await.2["item"][0]["id"], key["id"]);
    let tags = format!("/tags/arn%3Aaws%3Aapigateway%3A%3A%3A%2Fapikeys%2F{}", key["id"].as_str().unwrap());
    let (status, headers, nothing) = ask(&mut client, Method::PUT, &tags, r#"{"tags":{"a":"b"}}"#).await;
    assert_eq!((status.as_u16(), headers.get("content-type"), nothing), (204, None, Value::Null));
    assert_eq!(ask(&mut client, Method::GET, &tags, "").await.2["tags"]["a"], "b");
    assert_eq!(ask(&mut client, Method::DELETE, &target, "").await.0, 202);
    let (_, _, list) = ask(&mut client, Method::GET, "/apikeys", "").await;
    assert_eq!(list["item"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn refusals_are_the_same_as_over_http_1() {
    let server = start();
    let mut client = connect(&server).await;
    let large = format!("{{\"description\":\"{}\"}}", "x".repeat(2 * 1024 * 1024));
    for (method, target, body, status, code) in [
        (Method::GET, "/apikeys/none", String::new(), 404, "NotFoundException"),
        (Method::GET, "/usageplans/none", String::new(), 404, "NotFoundException"),
        (Method::POST, "/usageplans/none/keys", String::new(), 400, "ValidationException"),
        (Method::PUT, "/apikeys", String::new(), 403, "MissingAuthenticationTokenException"),
        (Method::POST, "/apikeys", "{".into(), 400, "BadRequestException"),
        (Method::POST, "/apikeys", large, 413, "RequestEntityTooLargeException"),
    ] {
        let (seen, headers, body) = ask(&mut client, method, target, body).await;
        assert_eq!(seen, status, "{target}");
        assert_eq!(headers["x-amzn-errortype"], code);
        assert!(body["message"].is_string() && headers.contains_key("x-amzn-requestid"));
    }
}

#[tokio::test]
async fn streams_of_one_connection_are_served_side_by_side() {
    let server = start();
    let client = connect(&server).await;
    let asked: Vec<_> = (0..100)
        .map(|_| {
            let mut client = client.clone();
            tokio::spawn(async move { ask(&mut client, Method::GET, "/apikeys", "").await.0 })
        })
        .collect();
    for status in asked {
        assert_eq!(status.await.unwrap(), 200);
    }
}

#[tokio::test]
async fn a_foreign_authority_is_refused_without_authentication() {
    let server = start_with(&[]);
    let mut client = connect(&server).await;
    let request = Request::get("http://evil.example/apikeys").body(Full::default()).unwrap();
    let answer = client.send_request(request).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["x-amzn-errortype"]),
        (403, &"AccessDeniedException".parse().unwrap())
    );
}
