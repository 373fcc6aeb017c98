//! The admin listener: is it alive, is it ready, what does it count.

use crate::wire::answer_body::AnswerBody;
use gatepost_application::Application;
use gatepost_telemetry::metrics::Metrics;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::timeout;

/// How long a readiness probe waits for storage.
const PROBE: Duration = Duration::from_secs(2);

/// Whether this process wants requests. It begins ready, and once it drains stays so.
#[derive(Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// From now on it wants none.
    pub fn drain(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_draining(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Answers the admin listener.
pub struct Admin {
    application: Arc<Application>,
    metrics: Metrics,
    readiness: Readiness,
}

impl Admin {
    /// The admin listener of a process.
    #[must_use]
    pub fn new(application: Arc<Application>, metrics: Metrics, readiness: Readiness) -> Self {
        Self { application, metrics, readiness }
    }

    /// Answers one request.
    pub async fn answer<B>(&self, request: &Request<B>) -> Response<AnswerBody> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return text(StatusCode::METHOD_NOT_ALLOWED, "only GET");
        }
        match request.uri().path() {
            "/livez" => text(StatusCode::OK, "ok"),
            "/readyz" | "/readyz/control" => self.ready(true).await,
            "/readyz/data" => self.ready(false).await,
            "/metrics" => {
                let mut answer = text(StatusCode::OK, self.metrics.render());
                let kind = HeaderValue::from_static("text/plain; version=0.0.4");
                answer.headers_mut().insert(CONTENT_TYPE, kind);
                answer
            }
            _ => {
                text(StatusCode::NOT_FOUND, "try /livez, /readyz, /readyz/control, /readyz/data or /metrics")
            }
        }
    }

    async fn ready(&self, needs_storage: bool) -> Response<AnswerBody> {
        if self.readiness.is_draining() {
            return text(StatusCode::SERVICE_UNAVAILABLE, "draining");
        }
        if needs_storage {
            match timeout(PROBE, self.application.storage.probe()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => {
                    return text(StatusCode::SERVICE_UNAVAILABLE, "storage cannot be written");
                }
            }
        }
        text(StatusCode::OK, "ready")
    }
}

fn text(status: StatusCode, text: impl Into<String>) -> Response<AnswerBody> {
    let mut body: String = text.into();
    if !body.ends_with('\n') {
        body.push('\n');
    }
    let mut answer = Response::new(AnswerBody::from(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}
