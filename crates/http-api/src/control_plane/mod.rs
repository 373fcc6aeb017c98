//! The AWS-compatible API: from a request to its answer. The phases are told in the crate's first page.

mod api_keys;

use crate::browser::BrowserGuard;
use crate::error::{ApiError, ErrorCode};
use crate::head;
use crate::input::json::Members;
use crate::input::query::Query;
use crate::observe::{Observer, Seen, survived};
use crate::operation::Operation;
use crate::rate::RateGuard;
use crate::representation::{Document, Form};
use crate::routing::{Route, Routes};
use crate::wire::answer_body::AnswerBody;
use crate::wire::body::{BodyReading, BodySink, read_into, read_small};
use crate::wire::peer::Peer;
use bytes::Bytes;
use gatepost_application::{AppError, Application, Caller, Spool, SpoolError, SpoolWriter, Spools};
use gatepost_custody::TokenKey;
use gatepost_domain::AccountId;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::Incoming;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::time::timeout;

/// How long an operation may take once its input is here, waiting for storage included. Imports are bounded by
/// their progress instead.
const DEADLINE: Duration = Duration::from_millis(4_500);

/// The largest JSON body.
const MOST_JSON: u64 = 1024 * 1024;

/// The longest invocation id; SDKs send a UUID.
const MOST_INVOCATION_ID: usize = 128;

/// Bounds of request bodies.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// The largest import file, in bytes.
    pub most_import: u64,
    /// The longest silence within a body.
    pub silence: Duration,
}

/// The control listener.
pub struct ControlPlane {
    /// What is done.
    pub application: Arc<Application>,
    /// What positions are made with.
    pub tokens: TokenKey,
    /// Log, metrics, request ids.
    pub observer: Observer,
    /// The account that every caller belongs to while authentication is off.
    pub account: AccountId,
    /// What keeps web pages out.
    pub browser_guard: BrowserGuard,
    /// What keeps accounts within their rate.
    pub rate_guard: Option<RateGuard>,
    /// Bounds of bodies.
    pub body_limits: BodyLimits,
    /// Where operations are found.
    pub routes: Routes,
}

/// A request that a handler reads.
struct Asked<'r> {
    caller: Caller,
    route: Route<'r>,
    query: Query<'r>,
    body: RequestBody<'r>,
}

/// A body that may be read once.
struct RequestBody<'r> {
    incoming: Incoming,
    headers: &'r HeaderMap,
    limits: BodyLimits,
    unread: &'r mut bool,
}

impl ControlPlane {
    /// Answers one request of this peer's.
    pub async fn answer(&self, request: Request<Incoming>, peer: Peer) -> Response<AnswerBody> {
        let work = pin!(async {
            let mut seen = Seen::of(&request, peer);
            let outcome = survived(pin!(self.outcome(request, &mut seen))).await;
            (seen, outcome)
        });
        self.observer.watch(work).await
    }

    /// Answers what never became a request of this peer's.
    #[must_use]
    pub fn refuse_head(&self, status: StatusCode, peer: Peer) -> Response<Bytes> {
        self.observer.refuse_head(status, peer)
    }

    async fn outcome(
        &self,
        request: Request<Incoming>,
        seen: &mut Seen,
    ) -> Result<Response<AnswerBody>, ApiError> {
        head::check(&request)?;
        let (parts, body) = request.into_parts();
        let mut route =
            self.routes.find(&parts.method, parts.uri.path()).ok_or_else(ApiError::unknown_route)?;
        seen.operation = Some(route.operation);
        self.browser_guard.check(&parts)?;
        let caller = Caller { account: self.account };
        seen.account = Some(caller.account);
        if let Some(rate_guard) = &self.rate_guard {
            rate_guard.check(caller.account)?;
        }
        let query = Query::parse(parts.uri.query().unwrap_or_default())?;
        let operation = chosen_by_mode(route.operation, &query)?;
        seen.operation = Some(operation);
        route.operation = operation;
        let body = RequestBody {
            incoming: body,
            headers: &parts.headers,
            limits: self.body_limits,
            unread: &mut seen.unread_body,
        };
        let document = self.handle(operation, Asked { caller, route, query, body }).await?;
        Ok(answer(operation.success(), document, &parts))
    }

    async fn handle(&self, operation: Operation, asked: Asked<'_>) -> Result<Document, ApiError> {
        // Only the most frequent one keeps its state within the request's own future; that of the others would be
        // moved along with every request.
        match operation {
            Operation::GetApiKey => api_keys::get::handle(self, asked).await,
            Operation::CreateApiKey => Box::pin(api_keys::create::handle(self, asked)).await,
            Operation::ImportApiKeys => Box::pin(api_keys::import::handle(self, asked)).await,
            Operation::GetApiKeys => Box::pin(api_keys::list::handle(self, asked)).await,
            Operation::UpdateApiKey => Box::pin(api_keys::update::handle(self, asked)).await,
            Operation::DeleteApiKey => Box::pin(api_keys::delete::handle(self, asked)).await,
        }
    }

    /// The outcome of an operation, if it comes in time. What is at hand already needs no timer.
    async fn in_time<T>(&self, operation: impl Future<Output = Result<T, AppError>>) -> Result<T, ApiError> {
        let mut operation = pin!(operation);
        if let Poll::Ready(outcome) = poll_fn(|context| Poll::Ready(operation.as_mut().poll(context))).await {
            return Ok(outcome?);
        }
        match timeout(DEADLINE, operation).await {
            Ok(outcome) => Ok(outcome?),
            Err(late) => Err(AppError::unavailable(late).into()),
        }
    }
}

impl RequestBody<'_> {
    /// The name under which an SDK sends a request and its retries; anything that is none is nobody's.
    fn invocation_id(&self) -> Option<Box<[u8]>> {
        let id = self.headers.get("amz-sdk-invocation-id")?.as_bytes();
        (1..=MOST_INVOCATION_ID).contains(&id.len()).then(|| id.into())
    }

    /// Reads JSON.
    async fn json(self) -> Result<Members, ApiError> {
        Ok(Members::parse(&self.bytes().await?)?)
    }

    /// Reads a small body.
    async fn bytes(self) -> Result<Bytes, ApiError> {
        let reading = BodyReading::new(MOST_JSON, self.limits.silence, self.headers);
        let bytes = read_small(self.incoming, reading).await?;
        *self.unread = false;
        Ok(bytes)
    }

    /// Reads an import file into a spool.
    async fn spooled(self, spools: &Spools) -> Result<Spool, ApiError> {
        let reading = BodyReading::new(self.limits.most_import, self.limits.silence, self.headers);
        let mut spooling = Spooling(spools.open());
        read_into(self.incoming, reading, &mut spooling).await?;
        *self.unread = false;
        Ok(spooling.0.finish().await.map_err(AppError::from)?)
    }
}

struct Spooling(SpoolWriter);

impl BodySink for Spooling {
    type Error = SpoolError;

    async fn take(&mut self, piece: Bytes) -> Result<(), SpoolError> {
        self.0.write(&piece).await
    }
}

/// `POST /apikeys` is an import with `mode=import`, and a creation without `mode`.
fn chosen_by_mode(operation: Operation, query: &Query<'_>) -> Result<Operation, ApiError> {
    match operation {
        Operation::CreateApiKey => match query.one("mode")?.as_deref() {
            None => Ok(Operation::CreateApiKey),
            Some("import") => Ok(Operation::ImportApiKeys),
            Some(_) => {
                Err(ApiError::new(ErrorCode::BadRequestException, "Invalid mode specified. Must be 'import'"))
            }
        },
        Operation::ImportApiKeys
        | Operation::GetApiKeys
        | Operation::GetApiKey
        | Operation::UpdateApiKey
        | Operation::DeleteApiKey => Ok(operation),
    }
}

fn answer(status: StatusCode, document: Document, asked: &Parts) -> Response<AnswerBody> {
    let body = document.render(Form::asked_by(&asked.headers));
    let has_body = !matches!(body, AnswerBody::Empty);
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    if has_body {
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    answer
}
