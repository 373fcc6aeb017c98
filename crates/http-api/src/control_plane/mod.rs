//! The AWS-compatible API: from a request to its answer. The phases are told in the crate's first page.

mod account;
mod api_keys;
mod body;
mod pages;
mod patch;
mod tags;
mod unverified;
mod usage;
mod usage_plan_keys;
mod usage_plans;

pub(crate) use unverified::NoRoom;
pub use unverified::UnverifiedBodies;

use crate::auth::permission::Permissions;
use crate::auth::{Authentication, Identity};
use crate::error::{ApiError, ErrorCode};
use crate::head;
use crate::input::path::decode_path;
use crate::input::query::Query;
use crate::observe::{Observer, Seen, survived};
use crate::operation::Operation;
use crate::rate::RateGuard;
use crate::representation::{Document, Form};
use crate::routing::{Route, Routes};
use crate::wire::answer_body::AnswerBody;
use crate::wire::peer::Peer;
use body::{BodyToCome, RequestBody};
use bytes::Bytes;
use gatepost_application::{AppError, Application, Caller};
use gatepost_custody::TokenKey;
use gatepost_policy::Action;
use gatepost_sigv4::SignedPath;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body as _;
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
    /// Who may come in.
    pub authentication: Authentication,
    /// What keeps accounts within their rate.
    pub rate_guard: Option<RateGuard>,
    /// Bounds of bodies.
    pub body_limits: BodyLimits,
    /// What bodies hold together until they are verified.
    pub unverified: UnverifiedBodies,
    /// Where operations are found.
    pub routes: Routes,
}

/// A request that a handler reads.
struct Asked<'r> {
    caller: Caller,
    permissions: Permissions,
    route: Route<'r>,
    /// The path, decoded.
    resource: &'r str,
    query: Query<'r>,
    headers: &'r HeaderMap,
    body: RequestBody<'r>,
}

impl ControlPlane {
    /// Answers one request of this peer's.
    pub async fn answer(&self, request: Request<Incoming>, peer: Peer) -> Response<AnswerBody> {
        let mut watched = self.observer.watch(Seen::of(&request, peer));
        let outcome = survived(pin!(self.outcome(request, &mut watched.seen))).await;
        watched.answer(outcome)
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
        let (parts, incoming) = request.into_parts();
        let path = SignedPath::of(parts.uri.path());
        // A path that is signed as another one than it is sent as is none of ours.
        let is_itself = path.as_str() == parts.uri.path();
        let route = self.routes.find(&parts.method, path.as_str()).filter(|_| is_itself);
        let mut route = route.ok_or_else(ApiError::unknown_route)?;
        seen.operation = Some(route.operation);
        seen.resource = self.observer.is_audited().then(|| path.as_str().to_owned());
        let has_body = !incoming.is_end_stream();
        let identity = self.authentication.identify(&parts, path.clone(), has_body, seen).await?;
        let Identity { caller, permissions, proof } = identity;
        let query = Query::parse(parts.uri.query().unwrap_or_default())?;
        route.operation = chosen_by_mode(route.operation, &query)?;
        let operation = route.operation;
        seen.operation = Some(operation);
        let resource = decode_path(path.as_str())?;
        let body = BodyToCome {
            incoming,
            headers: &parts.headers,
            limits: self.body_limits,
            unverified: &self.unverified,
            seen: &mut *seen,
            proof,
        };
        let body = self.admit(operation, caller, &permissions, &resource, body).await?;
        let headers = &parts.headers;
        let asked = Asked { caller, permissions, route, resource: &resource, query, headers, body };
        let document = self.handle(operation, asked).await?;
        if let Some(made) = document.id()
            && operation.success() == StatusCode::CREATED
            && self.observer.is_audited()
        {
            seen.resource = Some(format!("{resource}/{made}"));
        }
        Ok(answer(operation.success(), document, &parts))
    }

    /// Lets an operation begin: its caller is who it says, within its rate, and may do it.
    async fn admit<'r>(
        &self,
        operation: Operation,
        caller: Caller,
        permissions: &Permissions,
        resource: &str,
        body: BodyToCome<'r>,
    ) -> Result<RequestBody<'r>, ApiError> {
        if operation == Operation::ImportApiKeys {
            // Before a large body is read; its signature, and then the rate, are looked at when it is here.
            for action in [operation.action(), Action::ImportKeys] {
                permissions.demand(action, resource).map_err(|denied| body.proof.unproven(denied))?;
            }
            return Ok(RequestBody::ToCome(body));
        }
        let body = if body.proof.is_owed() {
            RequestBody::Here(Box::pin(body.bytes()).await?)
        } else {
            RequestBody::ToCome(body)
        };
        self.check_rate(caller)?;
        permissions.demand(operation.action(), resource)?;
        Ok(body)
    }

    fn check_rate(&self, caller: Caller) -> Result<(), ApiError> {
        self.rate_guard.as_ref().map_or(Ok(()), |guard| guard.check(caller.account))
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
            Operation::CreateUsagePlan => Box::pin(usage_plans::create::handle(self, asked)).await,
            Operation::GetUsagePlans => Box::pin(usage_plans::list::handle(self, asked)).await,
            Operation::GetUsagePlan => Box::pin(usage_plans::get::handle(self, asked)).await,
            Operation::UpdateUsagePlan => Box::pin(usage_plans::update::handle(self, asked)).await,
            Operation::DeleteUsagePlan => Box::pin(usage_plans::delete::handle(self, asked)).await,
            Operation::CreateUsagePlanKey => Box::pin(usage_plan_keys::create::handle(self, asked)).await,
            Operation::GetUsagePlanKeys => Box::pin(usage_plan_keys::list::handle(self, asked)).await,
            Operation::GetUsagePlanKey => Box::pin(usage_plan_keys::get::handle(self, asked)).await,
            Operation::DeleteUsagePlanKey => Box::pin(usage_plan_keys::delete::handle(self, asked)).await,
            Operation::GetUsage => Box::pin(usage::get::handle(self, asked)).await,
            Operation::UpdateUsage => Box::pin(usage::update::handle(self, asked)).await,
            Operation::TagResource => Box::pin(tags::tag::handle(self, asked)).await,
            Operation::UntagResource => Box::pin(tags::untag::handle(self, asked)).await,
            Operation::GetTags => Box::pin(tags::get::handle(self, asked)).await,
            Operation::GetAccount => Ok(account::handle(self, &asked)),
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

impl Asked<'_> {
    /// The name under which an SDK sends a request and its retries, and what it signs them with; anything that is no name
    /// is nobody's.
    fn invocation(&self) -> Option<Box<[u8]>> {
        let id = self.headers.get("amz-sdk-invocation-id")?.as_bytes();
        if !(1..=MOST_INVOCATION_ID).contains(&id.len()) {
            return None;
        }
        let access_key = self.permissions.signer().map_or("", |signer| signer.id.as_str());
        Some([access_key.as_bytes(), b" ", id].concat().into())
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
        | Operation::DeleteApiKey
        | Operation::CreateUsagePlan
        | Operation::GetUsagePlans
        | Operation::GetUsagePlan
        | Operation::UpdateUsagePlan
        | Operation::DeleteUsagePlan
        | Operation::CreateUsagePlanKey
        | Operation::GetUsagePlanKeys
        | Operation::GetUsagePlanKey
        | Operation::DeleteUsagePlanKey
        | Operation::GetUsage
        | Operation::UpdateUsage
        | Operation::TagResource
        | Operation::UntagResource
        | Operation::GetTags
        | Operation::GetAccount => Ok(operation),
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
