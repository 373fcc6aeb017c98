//! A running server, moved into and out of through its API. Plain HTTP, one request at a time, signed with the credential
//! of `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` where those are set. `export` and `import` say what the API cannot
//! carry.
//!
//! # When there is no answer
//! A connection has 5 s to come about, and a request is given up when nothing of it or of its answer has moved for 30 s.
//! Only an import may take longer: the server is silent while it stores the rows, so it is asked something small on a
//! connection of its own instead, and as long as it answers that, the import is waited for.
//!
//! A request without an answer is sent again, over a new connection, a few times with growing pauses. Nobody knows
//! whether the first one was done, so every write carries one `amz-sdk-invocation-id` however often it is sent: the
//! server recognises it for five minutes and gives the first answer. What can be read only once is sent only once.

mod body;
mod connection;
mod export;
mod import;
#[cfg(test)]
mod tests;

use crate::compose::whole;
use crate::sources::{SystemClock, SystemRandom};
use body::{Content, Sent};
use connection::{Connection, Failure, Moved, Patience};
use gatepost_config::{Endpoint, RootCredential, Settings};
use gatepost_domain::{Clock, Ids};
use gatepost_sigv4::{self as sigv4, PayloadHash, SigV4Error, Signer};
use http::header::{ACCEPT, CONTENT_TYPE, HOST, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;
use zeroize::Zeroizing;

const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(5),
    silence: Duration::from_secs(30),
    pause: Duration::from_secs(1),
};
/// How often a request is sent that a busy server turns away.
const TURNED_AWAY: u32 = 10;
/// How often in a row a request is sent that gets no answer. With the pauses, a restart of 15 s is sat out.
const LOST: u32 = 5;
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Of the signature's scope; Gatepost has no regions.
const REGION: &str = "us-east-1";

/// Why a server could not be moved into or out of.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EndpointError {
    #[error("no server answers at {at}: {why}; --endpoint is the control listener of a running one")]
    Connect { at: String, why: Failure },
    #[error("the server at {at} gives no answer (attempts: {attempts}): {why}; {}", work.advice())]
    Lost { at: String, attempts: u32, why: Failure, work: Work },
    #[error("the server at {at} answered {status}: {message}{}", hint(*status))]
    Refused { at: String, status: StatusCode, message: String },
    #[error("a signed import needs a file that can be read twice, which {} is not: write it to a disk first", .0.display())]
    OnlyOnce(PathBuf),
    #[error("AWS_ACCESS_KEY_ID: {0}")]
    Credential(SigV4Error),
    #[error("{}: {why}", path.display())]
    File { path: PathBuf, why: io::Error },
    /// A file that was being sent.
    #[error("{}", whole(.0))]
    Unreadable(hyper::Error),
    #[error("what answers at {at} is not a gatepost server that this release understands")]
    NotUnderstood { at: String },
}

/// What a request is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// The listing of every plan and key.
    Export,
    /// The making of one plan and one key after another.
    Restore,
    /// A CSV file in one request.
    ImportCsv,
}

impl Work {
    /// What to do when the server is gone.
    fn advice(self) -> &'static str {
        match self {
            Self::Export => {
                "the export is not complete: when the server is back, give the same command again"
            }
            Self::Restore => "when the server is back, give the same command again: it goes on from there",
            Self::ImportCsv => {
                "the file may have been imported all the same: when the server is back, give the same command again, \
                 rows that are there are only written once more"
            }
        }
    }

    /// Whether an answer says that it may go better later.
    fn is_turned_away(self, response: &Response<()>) -> bool {
        match response.status() {
            // Without a time it is the account's number of keys, which waiting does not change.
            StatusCode::TOO_MANY_REQUESTS => response.headers().contains_key(RETRY_AFTER),
            // Also from a proxy in front that lost its server.
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => true,
            // Another import of the account, perhaps this very one, whose answer was lost.
            StatusCode::CONFLICT => self == Self::ImportCsv,
            _ => false,
        }
    }
}

/// A request, the same however often it is sent.
struct Call {
    work: Work,
    method: Method,
    target: String,
    /// Under which the server recognises it; none for what only reads.
    invocation_id: Option<String>,
}

impl Call {
    fn read(work: Work, target: String) -> Self {
        Self { work, method: Method::GET, target, invocation_id: None }
    }

    fn write(work: Work, method: Method, target: String) -> Self {
        let id = u128::from_be_bytes(SystemRandom.request_id());
        Self { work, method, target, invocation_id: Some(format!("{id:032x}")) }
    }
}

/// A server that is spoken to.
pub(crate) struct Remote {
    host: String,
    port: u16,
    /// Both, as messages and the `Host` header have them.
    at: String,
    credential: Option<RootCredential>,
    patience: Patience,
    /// None when the last one failed.
    connection: Option<Connection>,
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

impl Remote {
    pub(crate) async fn connect(settings: &Settings, endpoint: &Endpoint) -> Result<Self, EndpointError> {
        let mut remote = Self {
            host: endpoint.host().to_owned(),
            port: endpoint.port(),
            at: endpoint.to_string(),
            credential: settings.client.clone(),
            patience: PATIENCE,
            connection: None,
        };
        // Once: an address that nobody listens at is most likely a wrong one.
        let opened =
            remote.open().await.map_err(|why| EndpointError::Connect { at: remote.at.clone(), why })?;
        remote.connection = Some(opened);
        Ok(remote)
    }

    /// The items of one page of a listing, and whether another page follows: at the position that is then noted.
    async fn page(
        &mut self,
        work: Work,
        target: &str,
        position: &mut Option<String>,
    ) -> Result<(Vec<Value>, bool), EndpointError> {
        let and = if target.contains('?') { '&' } else { '?' };
        let mut target = format!("{target}{and}limit=500");
        if let Some(position) = position {
            target = format!("{target}&position={}", utf8_percent_encode(position, NON_ALPHANUMERIC));
        }
        let mut page = self.answer(&Call::read(work, target), Content::nothing()).await?;
        *position = page["position"].as_str().map(str::to_owned);
        let Value::Array(items) = page["item"].take() else { return Err(self.not_understood()) };
        Ok((items, position.is_some()))
    }

    /// Sends a request until the server takes it up and its answer arrives.
    async fn answer(&mut self, call: &Call, mut content: Content) -> Result<Value, EndpointError> {
        let (mut turned_away, mut lost) = (0, 0);
        loop {
            let moved = Moved::default();
            let request = self.request(call, &mut content, &moved)?;
            let pause = match self.send(call, request, &moved).await {
                Ok((response, answer)) => {
                    (turned_away, lost) = (turned_away + 1, 0);
                    let is_last = turned_away == TURNED_AWAY || !content.is_left();
                    if is_last || !call.work.is_turned_away(&response) {
                        return self.understood(&response, &answer);
                    }
                    asked_pause(&response).unwrap_or_else(|| self.pause(turned_away))
                }
                Err(Failure::Broken(why)) if why.is_user() => return Err(EndpointError::Unreadable(why)),
                Err(why) => {
                    lost += 1;
                    if lost == LOST || !content.is_left() {
                        let (at, attempts) = (self.at.clone(), turned_away + lost);
                        return Err(EndpointError::Lost { at, attempts, why, work: call.work });
                    }
                    self.pause(lost)
                }
            };
            tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
        }
    }

    fn request(
        &self,
        call: &Call,
        content: &mut Content,
        moved: &Moved,
    ) -> Result<Request<Sent>, EndpointError> {
        let media_type = content.media_type();
        let (body, hash) = content.body(self.credential.is_some(), moved)?;
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(&call.target)
            .header(HOST, &self.at)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, media_type);
        if let Some(id) = &call.invocation_id {
            request = request.header("amz-sdk-invocation-id", id);
        }
        let request = request.body(body).expect("the parts are ours or were parsed");
        self.signed(request, &hash)
    }

    fn signed(&self, request: Request<Sent>, hash: &PayloadHash) -> Result<Request<Sent>, EndpointError> {
        let Some(credential) = &self.credential else { return Ok(request) };
        let (mut head, body) = request.into_parts();
        let signer = Signer {
            access_key_id: &credential.access_key_id,
            secret: credential.secret_access_key.expose(),
            region: REGION,
            service: "apigateway",
        };
        let now = sigv4::Timestamp::from_seconds(SystemClock.now().seconds());
        signer.sign(&mut head, hash, now).map_err(EndpointError::Credential)?;
        Ok(Request::from_parts(head, body))
    }

    /// Sends a request once, over the connection there is or a new one.
    async fn send(
        &mut self,
        call: &Call,
        request: Request<Sent>,
        moved: &Moved,
    ) -> Result<(Response<()>, Zeroizing<Vec<u8>>), Failure> {
        let mut connection = match self.connection.take().filter(Connection::is_open) {
            Some(connection) => connection,
            None => self.open().await?,
        };
        let answer = {
            let mut asked = pin!(connection.ask(request, moved));
            loop {
                tokio::select! {
                    answer = &mut asked => break answer?,
                    () = moved.stands_still(self.patience.silence) => {
                        if call.work != Work::ImportCsv || !self.is_alive().await {
                            return Err(Failure::Silent(self.patience.silence));
                        }
                    }
                }
            }
        };
        self.connection = Some(connection);
        Ok(answer)
    }

    /// After so many attempts in a row.
    fn pause(&self, attempts: u32) -> Duration {
        self.patience.pause * 2_u32.pow(attempts - 1)
    }

    async fn open(&self) -> Result<Connection, Failure> {
        Connection::open((&self.host, self.port), self.patience).await
    }

    /// Whether the server answers anything at all to somebody else.
    async fn is_alive(&self) -> bool {
        let (call, moved) = (Call::read(Work::Export, "/apikeys?limit=1".to_owned()), Moved::default());
        let Ok(request) = self.request(&call, &mut Content::nothing(), &moved) else {
            return false;
        };
        let Ok(mut connection) = self.open().await else { return false };
        tokio::time::timeout(self.patience.silence, connection.ask(request, &moved))
            .await
            .is_ok_and(|answer| answer.is_ok())
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

/// How long the server asks to be left alone, if it says so.
fn asked_pause(response: &Response<()>) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}
