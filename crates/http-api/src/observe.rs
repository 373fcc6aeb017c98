//! What every request gets, whatever becomes of it: an id, a place among those in flight, one answer even if its
//! handler panics ([`survived`]), one log line, one counter and one duration.

use crate::Operation;
use crate::audit::{AuditLog, AuditSink, Entry};
use crate::error::{ApiError, ErrorCode};
use crate::wire::answer_body::AnswerBody;
use crate::wire::peer::Peer;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::FutureExt;
use gatepost_application::credentials::Signer;
use gatepost_domain::{AccountId, Clock, Ids, Timestamp};
use gatepost_telemetry::metrics::{InFlight, RequestMetrics};
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
    audit: Option<AuditLog>,
}

/// What is known of a request once it is answered.
pub(crate) struct Seen {
    /// Who sent it.
    pub(crate) peer: Peer,
    /// What it asked for.
    pub(crate) operation: Option<Operation>,
    /// Whose request it was.
    pub(crate) account: Option<AccountId>,
    /// What it was signed with, once that is shown.
    pub(crate) signer: Option<Arc<Signer>>,
    /// The access key that it names.
    pub(crate) claimed: Option<Box<str>>,
    /// The path that it asked for, as it was sent.
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
        Self {
            peer,
            operation: None,
            account: None,
            signer: None,
            claimed: None,
            resource: None,
            unread_body: false,
        }
    }
}

/// A request that is under way. Dropped without an answer, because its client has gone, it leaves its lines all the same:
/// what it asked for may have been done.
pub(crate) struct Watched<'o> {
    pub(crate) seen: Seen,
    observer: &'o Observer,
    begun: Timestamp,
    answered: bool,
    _in_flight: InFlight,
}

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
        Self { audit: audit.map(AuditLog::new), ..self }
    }

    /// Whether what a request is about is worth keeping.
    pub(crate) fn is_audited(&self) -> bool {
        self.audit.is_some()
    }

    /// Watches a request from its head on.
    pub(crate) fn watch(&self, seen: Seen) -> Watched<'_> {
        let (begun, in_flight) = (self.clock.now(), self.metrics.started());
        Watched { seen, observer: self, begun, answered: false, _in_flight: in_flight }
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
        let (code, judged, cause, mut answer) = match outcome {
            Ok(answer) => (None, None, None, answer),
            Err(error) => {
                let (code, judged) = (error.code, error.judged());
                (Some(code), Some(judged), error.cause().map(str::to_owned), error.into_answer())
            }
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
        let now = self.clock.now();
        let taken = Duration::from_micros(now.micros().abs_diff(begun.micros()));
        self.metrics.finished(
            seen.operation.map_or(Operation::ALL.len(), |operation| operation as usize),
            answer.status().as_u16(),
            taken,
        );
        if let Some(audit) = &self.audit {
            audit.note(&entry(seen, begun, request_id, answer.status(), judged), now);
        }
        log(seen, answer.status(), taken, request_id, code, cause.as_deref());
        answer
    }
}

impl Watched<'_> {
    /// The answer to the request.
    pub(crate) fn answer(mut self, outcome: Result<Response<AnswerBody>, ApiError>) -> Response<AnswerBody> {
        self.answered = true;
        self.observer.answered(self.begun, &self.seen, outcome)
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        if !self.answered {
            drop(self.observer.answered(self.begun, &self.seen, Err(ApiError::abandoned())));
        }
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
        claimed: seen.claimed.as_deref(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost_domain::api_keys::{ApiKeyId, ApiKeyValue};
    use gatepost_domain::credentials::{AccessKeyId, SecretAccessKey};
    use std::sync::Mutex;

    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(0)
        }
    }

    /// Only requests are named here.
    impl Ids for Still {
        fn api_key_id(&self) -> ApiKeyId {
            unreachable!()
        }

        fn api_key_value(&self) -> ApiKeyValue {
            unreachable!()
        }

        fn usage_plan_id(&self) -> gatepost_domain::usage_plans::UsagePlanId {
            unreachable!("no test here makes a plan")
        }

        fn access_key_id(&self) -> AccessKeyId {
            unreachable!()
        }

        fn secret_access_key(&self) -> SecretAccessKey {
            unreachable!()
        }

        fn request_id(&self) -> [u8; 16] {
            [7; 16]
        }
    }

    #[derive(Default)]
    struct Kept(Mutex<Vec<String>>);

    impl AuditSink for Kept {
        fn write(&self, line: &[u8]) {
            self.0.lock().unwrap().push(String::from_utf8(line.to_vec()).unwrap());
        }
    }

    #[test]
    fn a_request_leaves_one_line_whether_it_is_answered_or_dropped() {
        let kept = Arc::new(Kept::default());
        let observer =
            Observer::new("control", Arc::new(Still), Arc::new(Still)).with_audit(Some(kept.clone()));
        let seen = || Seen { operation: Some(Operation::DeleteApiKey), ..Seen::nothing_of(Peer::Unix) };
        drop(observer.watch(seen()));
        drop(observer.watch(seen()).answer(Err(ApiError::unknown_route())));
        let lines = kept.0.lock().unwrap();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(
            lines[0].contains("DeleteApiKey") && lines[0].contains("RequestTimeoutException"),
            "{lines:?}"
        );
        assert!(lines[1].contains("MissingAuthenticationTokenException"), "{lines:?}");
    }

    #[tokio::test]
    async fn whose_account_is_known_has_a_line_for_each_request() {
        let kept = Arc::new(Kept::default());
        let observer =
            Observer::new("control", Arc::new(Still), Arc::new(Still)).with_audit(Some(kept.clone()));
        let lines_of = |account: Option<AccountId>| {
            for _ in 0..100 {
                let seen = Seen { account, ..Seen::nothing_of(Peer::Unix) };
                drop(observer.watch(seen).answer(Err(ApiError::unknown_route())));
            }
            std::mem::take(&mut *kept.0.lock().unwrap()).len()
        };
        assert_eq!(lines_of(None), 10, "a stranger's are summed up");
        assert_eq!(lines_of(AccountId::from_number(1).ok()), 100);
    }
}
