//! A running server, moved into and out of through its API. Plain HTTP, one request at a time on one connection, signed
//! with the credential of `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` where those are set.
//!
//! The API shows everything of a key, dates in whole seconds; it cannot be told an id, a date or a label.

use super::command::CommandError;
use super::import::Input;
use super::progress::Progress;
use crate::sources::SystemClock;
use bytes::Bytes;
use gatepost_application::transfer::{AccountReader, Fate, InvalidKey, KeySink, Refusal, TransferredKey};
use gatepost_config::{Endpoint, RootCredential, Settings};
use gatepost_domain::api_keys::{
    ApiKey, ApiKeyId, ApiKeyName, ApiKeyValue, CustomerId, Description, Label, MinValueLength, StageKey,
};
use gatepost_domain::{Clock, Tags, Timestamp, Version};
use gatepost_sigv4::{self as sigv4, PayloadHash, PayloadHasher, SigV4Error, Signer};
use http::header::{ACCEPT, CONTENT_TYPE, HOST, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
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

    /// Hands every key to `sink`, newest first, each page as it is when it is asked for.
    pub(super) async fn export(
        &mut self,
        sink: &mut dyn KeySink,
        progress: &Arc<Progress>,
        named: &Path,
    ) -> Result<u64, CommandError> {
        let (mut count, mut position, mut dates) = (0, None::<String>, Dates::default());
        loop {
            let mut target = "/apikeys?includeValues=true&limit=500".to_owned();
            if let Some(position) = &position {
                target = format!("{target}&position={}", utf8_percent_encode(position, NON_ALPHANUMERIC));
            }
            let page = self.ask(Method::GET, &target, &Value::Null).await?;
            let items = page["item"].as_array().ok_or_else(|| self.not_understood())?;
            for item in items {
                let key = dates.key(item).ok_or_else(|| self.not_understood())?;
                sink.take(&key).map_err(|why| CommandError::File { path: named.to_owned(), why })?;
                count += 1;
            }
            progress.set_rows(count);
            position = page["position"].as_str().map(str::to_owned);
            if position.is_none() {
                return Ok(count);
            }
        }
    }

    /// Makes every key of a file that the server has no value of.
    pub(super) async fn import(
        &mut self,
        file: &mut AccountReader<Input>,
        path: &Path,
        tell: &mut (dyn FnMut(u64, Fate) + Send),
    ) -> Result<(), CommandError> {
        let unreadable = |why| CommandError::Account { path: path.to_owned(), why };
        while let Some((number, key)) = file.next_key().map_err(unreadable)? {
            let fate = match key {
                Ok(key) => self.create(&key).await?,
                Err(invalid) => Fate::Refused(Refusal::Invalid(invalid)),
            };
            tell(number, fate);
        }
        Ok(())
    }

    async fn create(
        &mut self,
        TransferredKey { key, value }: &TransferredKey,
    ) -> Result<Fate, EndpointError> {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let stage_keys: Vec<Value> = key
            .stage_keys
            .iter()
            .filter_map(|one| one.as_str().split_once('/'))
            .map(|(api, stage)| json!({ "restApiId": api, "stageName": stage }))
            .collect();
        let tags: serde_json::Map<String, Value> =
            key.tags.iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
        let body = json!({
            "name": text(key.name.as_ref().map(ApiKeyName::as_str)),
            "description": text(key.description.as_ref().map(Description::as_str)),
            "customerId": text(key.customer_id.as_ref().map(CustomerId::as_str)),
            "enabled": key.enabled,
            "value": value.reveal(),
            "stageKeys": stage_keys,
            "tags": tags,
        });
        match self.ask(Method::POST, "/apikeys", &body).await {
            Ok(_) => Ok(Fate::Restored),
            Err(EndpointError::Refused { status: StatusCode::CONFLICT, .. }) => Ok(Fate::Present),
            Err(EndpointError::Refused { status: StatusCode::BAD_REQUEST, message, .. }) => {
                Ok(Fate::Refused(Refusal::Elsewhere(message)))
            }
            Err(error) => Err(error),
        }
    }

    /// Hands a CSV file to the import of the API: how many keys it stored, and its warnings.
    pub(super) async fn import_csv(
        &mut self,
        mut input: Input,
        fail_on_warnings: bool,
    ) -> Result<(u64, Vec<String>), CommandError> {
        let hash = if self.credential.is_some() { hash_of(&mut input)? } else { PayloadHash::of(b"") };
        let target = format!("/apikeys?mode=import&format=csv&failonwarnings={fail_on_warnings}");
        let (response, answer) =
            self.send(Method::POST, &target, "text/csv", Sent::Input(Box::new(input)), hash).await?;
        let answer = self.understood(&response, &answer)?;
        let ids = answer["ids"].as_array().ok_or_else(|| self.not_understood())?;
        let warnings = answer["warnings"].as_array().into_iter().flatten();
        let warnings = warnings.filter_map(|warning| warning.as_str().map(str::to_owned));
        Ok((ids.len() as u64, warnings.collect()))
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

/// Gives the keys of a listing, newest first, dates whose microseconds keep its order.
#[derive(Default)]
struct Dates {
    last: Option<i64>,
}

impl Dates {
    fn key(&mut self, item: &Value) -> Option<TransferredKey> {
        let second = |name: &str| item[name].as_i64()?.checked_mul(1_000_000);
        let created = second("createdDate")?;
        let latest = created.checked_add(999_999)?;
        let at = self.last.map_or(latest, |last| latest.min(last.saturating_sub(1))).max(created);
        self.last = Some(at);
        // A key that was not changed since keeps one date for both.
        let updated = second("lastUpdatedDate")?;
        let updated = if updated == created { at } else { updated };
        read_key(item, Timestamp::from_micros(at), Timestamp::from_micros(updated)).ok()
    }
}

fn read_key(item: &Value, created: Timestamp, updated: Timestamp) -> Result<TransferredKey, InvalidKey> {
    let text = |name: &str| item[name].as_str().unwrap_or_default();
    let texts = |name: &str| item[name].as_array().into_iter().flatten().filter_map(Value::as_str);
    let tags = item["tags"].as_object().into_iter().flatten();
    let shortest = MinValueLength::new(20).expect("20 is allowed");
    Ok(TransferredKey {
        value: ApiKeyValue::parse(text("value"), shortest)?,
        key: ApiKey {
            id: ApiKeyId::parse(text("id")).ok_or(InvalidKey::Id)?,
            name: ApiKeyName::parse(text("name"))?,
            description: Description::parse(text("description"))?,
            enabled: item["enabled"].as_bool().unwrap_or_default(),
            customer_id: CustomerId::parse(text("customerId"))?,
            stage_keys: texts("stageKeys").map(StageKey::parse).collect::<Result<_, _>>()?,
            labels: texts("labels").map(Label::parse).collect::<Result<_, _>>()?,
            tags: Tags::parse(tags.map(|(key, value)| (key, value.as_str().unwrap_or_default())))?,
            created,
            updated,
            version: Version::FIRST,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_one_second_keep_the_order_of_the_listing() {
        let mut dates = Dates::default();
        let mut created = |second: i64, updated: i64| {
            let item = json!({
                "id": "a", "value": "v".repeat(40), "enabled": true, "createdDate": second, "lastUpdatedDate": updated,
            });
            let key = dates.key(&item).expect("a whole key").key;
            (key.created.micros(), key.updated.micros())
        };
        assert_eq!(created(7, 7), (7_999_999, 7_999_999));
        assert_eq!(created(7, 9), (7_999_998, 9_000_000));
        assert_eq!(created(3, 3), (3_999_999, 3_999_999));
        assert!(dates.key(&json!({"id": "a", "value": "v".repeat(40), "createdDate": "x"})).is_none());
    }
}
