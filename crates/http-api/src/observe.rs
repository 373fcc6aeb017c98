//! What every request gets, whatever becomes of it: an id, a place among those in flight, one answer even if its
//! handler panics ([`survived`]), one log line, one counter and one duration.

use crate::Operation;
use crate::audit::{AuditSink, Entry};
use crate::error::{ApiError, ErrorCode};
use crate::wire::answer_body::AnswerBody;
use crate::wire::peer::Peer;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::FutureExt;
use gatepost_application::credentials::Signer;
use gatepost_domain::{AccountId, Clock, Ids, Timestamp};
use gatepost_telemetry::metrics::RequestMetrics;
use gatepost_telemetry::names;
use http::header::{CONNECTION, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode, Version};
use http_body::Body;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use uuid::Builder;
use uuid::fmt::Hyphenated;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const APIGW_ID: HeaderName = HeaderName::from_static("x-amz-apigw-id");

const APIGW_ID_LENGTH: usize = 16;

/// What the log and the metrics call a request that named no operation.
const UNKNOWN: &str = "Unknown";

/// Watches the requests of one plane.
pub struct Observer {
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    metrics: RequestMetrics,
    audit: Option<Arc<dyn AuditSink>>,
}

/// What is known of a request once it is answered.
pub(crate) struct Seen {
    /// Who sent it.
    pub(crate) peer: Peer,
    /// What it asked for.
    pub(crate) operation: Option<Operation>,
    /// Whose request it was.
    pub(crate) account: Option<AccountId>,
    /// What it was signed with, if anything, and rightly or not.
    pub(crate) signer: Option<Arc<Signer>>,
    /// The path that it asked for, decoded.
    pub(crate) resource: Option<String>,
    /// Whether it came with a body, over HTTP/1, that was not read to its end: then the connection cannot go on, and
    /// the answer says so.
    pub(crate) unread_body: bool,
}

impl Seen {
    /// What is known from the start.
    pub(crate) fn of<B: Body>(request: &Request<B>, peer: Peer) -> Self {
        let unread_body = request.version() < Version::HTTP_2 && !request.body().is_end_stream();
        Self { unread_body, ..Self::nothing_of(peer) }
    }

    /// Something came from this peer, and that is all.
    fn nothing_of(peer: Peer) -> Self {
        Self { peer, operation: None, account: None, signer: None, resource: None, unread_body: false }
    }
}

/// The outcome of a request, and what is known of it.
pub(crate) type Outcome = (Seen, Result<Response<AnswerBody>, ApiError>);

/// The outcome of work that may panic.
pub(crate) async fn survived<R>(
    work: Pin<&mut impl Future<Output = Result<R, ApiError>>>,
) -> Result<R, ApiError> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| Err(ApiError::panicked()))
}

impl Observer {
    /// An observer of the plane with this name.
    #[must_use]
    pub fn new(plane: &'static str, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        let mut operations: Vec<_> = Operation::ALL.into_iter().map(Operation::name).collect();
        operations.push(UNKNOWN);
        Self { clock, ids, metrics: RequestMetrics::new(plane, &operations), audit: None }
    }

    /// The same, with an audit log of its requests.
    #[must_use]
    pub fn with_audit(self, audit: Option<Arc<dyn AuditSink>>) -> Self {
        Self { audit, ..self }
    }

    /// Waits for a request's outcome and makes it the request's answer.
    pub(crate) async fn watch(&self, work: Pin<&mut impl Future<Output = Outcome>>) -> Response<AnswerBody> {
        let begun = self.clock.now();
        let _in_flight = self.metrics.started();
        let (seen, outcome) = work.await;
        self.answered(begun, &seen, outcome)
    }

    /// Answers what never became a request of this peer's.
    pub fn refuse_head(&self, status: StatusCode, peer: Peer) -> Response<Bytes> {
        let error = ApiError::refused_head(status);
        let (parts, body) = self.answered(self.clock.now(), &Seen::nothing_of(peer), Err(error)).into_parts();
        let body = match body {
            AnswerBody::Full(bytes) => bytes,
            AnswerBody::Empty | AnswerBody::Stream(_) => Bytes::new(),
        };
        Response::from_parts(parts, body)
    }

    fn answered(
        &self,
        begun: Timestamp,
        seen: &Seen,
        outcome: Result<Response<AnswerBody>, ApiError>,
    ) -> Response<AnswerBody> {
        let (code, cause, mut answer) = match outcome {
            Ok(answer) => (None, None, answer),
            Err(error) => (Some(error.code), error.cause().map(str::to_owned), error.into_answer()),
        };
        let id = self.ids.request_id();
        let mut text = [0; Hyphenated::LENGTH];
        let request_id: &str =
            Builder::from_random_bytes(id).into_uuid().hyphenated().encode_lower(&mut text);
        let headers = answer.headers_mut();
        headers.insert(REQUEST_ID, header(request_id));
        headers.insert(APIGW_ID, header(apigw_id(&id, &mut [0; APIGW_ID_LENGTH])));
        if seen.unread_body {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let taken = Duration::from_micros(self.clock.now().micros().abs_diff(begun.micros()));
        self.metrics.finished(
            seen.operation.map_or(Operation::ALL.len(), |operation| operation as usize),
            answer.status().as_u16(),
            taken,
        );
        if let Some(audit) = &self.audit {
            audit.write(&entry(seen, begun, request_id, answer.status(), code).line());
        }
        log(seen, answer.status(), taken, request_id, code, cause.as_deref());
        answer
    }
}

fn entry<'e>(
    seen: &'e Seen,
    at: Timestamp,
    request_id: &'e str,
    status: StatusCode,
    error: Option<ErrorCode>,
) -> Entry<'e> {
    Entry {
        at,
        request_id,
        operation: seen.operation,
        account: seen.account,
        access_key: seen.signer.as_ref().map(|signer| &signer.id),
        peer: seen.peer,
        resource: seen.resource.as_deref(),
        status,
        error,
    }
}

/// A second id in the form that AWS's gateways give theirs, of the same random bytes.
fn apigw_id<'t>(id: &[u8; 16], text: &'t mut [u8; APIGW_ID_LENGTH]) -> &'t str {
    STANDARD.encode_slice(&id[..11], text).expect("eleven bytes are sixteen characters of base64");
    str::from_utf8(text).expect("base64 is ASCII")
}

fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("ids are visible ASCII")
}

fn log(
    seen: &Seen,
    status: StatusCode,
    taken: Duration,
    request_id: &str,
    code: Option<ErrorCode>,
    cause: Option<&str>,
) {
    let operation = seen.operation.map_or(UNKNOWN, Operation::name);
    let duration_us = u64::try_from(taken.as_micros()).unwrap_or(u64::MAX);
    let account = seen.account.map(tracing::field::display);
    let peer = tracing::field::display(seen.peer);
    macro_rules! event {
        ($level:ident) => {
            tracing::$level!(
                target: names::REQUEST_TARGET,
                {
                    { names::OPERATION } = operation,
                    { names::STATUS } = status.as_u16(),
                    { names::DURATION_US } = duration_us,
                    { names::ACCOUNT } = account,
                    { names::PEER } = peer,
                    { names::REQUEST_ID } = request_id,
                    { names::ERROR } = code.map(ErrorCode::name),
                    { names::CAUSE } = cause
                },
                "request"
            )
        };
    }
    if status.is_server_error() {
        event!(error);
    } else {
        event!(info);
    }
}
