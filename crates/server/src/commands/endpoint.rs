//! A running server, moved into and out of through its API. Plain HTTP, one request at a time on one connection, signed
//! with the credential of `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` where those are set. `export` and `import` say
//! what the API cannot carry.

mod export;
mod import;

use super::input::Input;
use crate::sources::SystemClock;
use bytes::Bytes;
use gatepost_config::{Endpoint, RootCredential, Settings};
use gatepost_domain::Clock;
use gatepost_sigv4::{self as sigv4, PayloadHash, PayloadHasher, SigV4Error, Signer};
use http::header::{ACCEPT, CONTENT_TYPE, HOST, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::io::{self, Read};
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use zeroize::Zeroizing;

const CONNECT: Duration = Duration::from_secs(10);
/// How often a request is sent that a busy server turns away.
const ATTEMPTS: usize = 10;
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Of the signature's scope; Gatepost has no regions.
const REGION: &str = "us-east-1";
const CHUNK: usize = 64 * 1024;

/// Why a server could not be moved into or out of.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EndpointError {
    #[error("no server answers at {at}: {why}; --endpoint is the control listener of a running one")]
    Connect { at: String, why: io::Error },
    #[error("the connection to the server at {at} broke: {why}")]
    Broken { at: String, why: hyper::Error },
    #[error("the server at {at} answered {status}: {message}{}", hint(*status))]
    Refused { at: String, status: StatusCode, message: String },
    #[error("a signed import needs a file that can be read twice, which {} is not: write it to a disk first", .0.display())]
    OnlyOnce(PathBuf),
    #[error("AWS_ACCESS_KEY_ID: {0}")]
    Credential(SigV4Error),
    #[error("{}: {why}", path.display())]
    File { path: PathBuf, why: io::Error },
    #[error("what answers at {at} is not a gatepost server that this release understands")]
    NotUnderstood { at: String },
}

/// A connection to a server.
pub(crate) struct Remote {
    at: String,
    sender: SendRequest<Sent>,
    credential: Option<RootCredential>,
}

/// What helps against a refusal.
fn hint(status: StatusCode) -> &'static str {
    match status {
        StatusCode::FORBIDDEN => {
            "; requests are signed with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of the environment: see `gatepost \
             credentials create`"
        }
        _ => "",
    }
}

/// A request's body.
enum Sent {
    Bytes(Bytes),
    Input(Box<Input>),
}

impl Body for Sent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let next = match self.get_mut() {
            Self::Bytes(bytes) => Ok(std::mem::take(bytes)),
            Self::Input(input) => {
                let mut chunk = vec![0; CHUNK];
                input.read(&mut chunk).map(|read| {
                    chunk.truncate(read);
                    Bytes::from(chunk)
                })
            }
        };
        Poll::Ready(match next {
            Ok(bytes) if bytes.is_empty() => None,
            Ok(bytes) => Some(Ok(Frame::data(bytes))),
            Err(error) => Some(Err(error)),
        })
    }
}

impl Remote {
    pub(crate) async fn connect(settings: &Settings, endpoint: &Endpoint) -> Result<Self, EndpointError> {
        let at = endpoint.to_string();
        let failed = |why| EndpointError::Connect { at: at.clone(), why };
        let connected = tokio::time::timeout(CONNECT, TcpStream::connect((endpoint.host(), endpoint.port())));
        let stream = connected.await.map_err(|late| failed(late.into()))?.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let shaken = handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shaken.map_err(|why| EndpointError::Broken { at: at.clone(), why })?;
        // Its failure is the failure of the request that is under way.
        tokio::spawn(connection);
        Ok(Self { at, sender, credential: settings.client.clone() })
    }

    /// The items of one page of a listing, and whether another page follows: at the position that is then noted.
    async fn page(
        &mut self,
        target: &str,
        position: &mut Option<String>,
    ) -> Result<(Vec<Value>, bool), EndpointError> {
        let and = if target.contains('?') { '&' } else { '?' };
        let mut target = format!("{target}{and}limit=500");
        if let Some(position) = position {
            target = format!("{target}&position={}", utf8_percent_encode(position, NON_ALPHANUMERIC));
        }
        let mut page = self.ask(Method::GET, &target, &Value::Null).await?;
        *position = page["position"].as_str().map(str::to_owned);
        let Value::Array(items) = page["item"].take() else { return Err(self.not_understood()) };
        Ok((items, position.is_some()))
    }

    /// Sends a JSON request until the server takes it up.
    async fn ask(&mut self, method: Method, target: &str, body: &Value) -> Result<Value, EndpointError> {
        let body = match body {
            Value::Null => Bytes::new(),
            body => Bytes::from(body.to_string()),
        };
        let mut attempts = ATTEMPTS;
        loop {
            attempts -= 1;
            let (sent, hash) = (Sent::Bytes(body.clone()), PayloadHash::of(&body));
            let (response, answer) =
                self.send(method.clone(), target, "application/json", sent, hash).await?;
            let busy = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
            if attempts == 0 || !busy.contains(&response.status()) {
                return self.understood(&response, &answer);
            }
            let pause =
                response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            tokio::time::sleep(Duration::from_secs(pause.unwrap_or(1)).min(LONGEST_PAUSE)).await;
        }
    }

    async fn send(
        &mut self,
        method: Method,
        target: &str,
        content_type: &str,
        body: Sent,
        hash: PayloadHash,
    ) -> Result<(Response<()>, Zeroizing<Vec<u8>>), EndpointError> {
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header(HOST, &self.at)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, content_type)
            .body(body)
            .expect("the parts are ours or were parsed");
        let (mut head, body) = request.into_parts();
        if let Some(credential) = &self.credential {
            let signer = Signer {
                access_key_id: &credential.access_key_id,
                secret: credential.secret_access_key.expose(),
                region: REGION,
                service: "apigateway",
            };
            let now = sigv4::Timestamp::from_seconds(SystemClock.now().seconds());
            signer.sign(&mut head, &hash, now).map_err(EndpointError::Credential)?;
        }
        let request = Request::from_parts(head, body);
        let broken = |why| EndpointError::Broken { at: self.at.clone(), why };
        self.sender.ready().await.map_err(broken)?;
        let (head, body) = self.sender.send_request(request).await.map_err(broken)?.into_parts();
        let answer = body.collect().await.map_err(broken)?.to_bytes();
        Ok((Response::from_parts(head, ()), Zeroizing::new(answer.to_vec())))
    }

    fn understood(&self, response: &Response<()>, answer: &[u8]) -> Result<Value, EndpointError> {
        let answer = serde_json::from_slice::<Value>(answer).map_err(|_| self.not_understood());
        if response.status().is_success() {
            return answer;
        }
        let message = answer?["message"].as_str().unwrap_or_default().to_owned();
        Err(EndpointError::Refused { at: self.at.clone(), status: response.status(), message })
    }

    fn not_understood(&self) -> EndpointError {
        EndpointError::NotUnderstood { at: self.at.clone() }
    }
}

/// The hash of all that is still to be read, which then is to be read again.
fn hash_of(input: &mut Input) -> Result<PayloadHash, EndpointError> {
    if !input.can_rewind() {
        return Err(EndpointError::OnlyOnce(input.path().to_owned()));
    }
    let path = input.path().to_owned();
    let failed = |why| EndpointError::File { path: path.clone(), why };
    let (mut hasher, mut chunk) = (PayloadHasher::default(), Zeroizing::new(vec![0; CHUNK]));
    loop {
        match input.read(&mut chunk).map_err(failed)? {
            0 => break,
            read => hasher.update(&chunk[..read]),
        }
    }
    input.rewind().map_err(failed)?;
    Ok(hasher.finish())
}
