//! The data listener, which knows no operation yet: everything is an unknown route.

use crate::error::ApiError;
use crate::head;
use crate::observe::{Observer, Seen};
use crate::wire::answer_body::AnswerBody;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use std::pin::pin;

/// Answers the data listener.
pub struct DataPlane {
    observer: Observer,
}

impl DataPlane {
    /// A data plane watched by `observer`.
    #[must_use]
    pub fn new(observer: Observer) -> Self {
        Self { observer }
    }

    /// Answers one request.
    pub async fn answer<B: Body>(&self, request: &Request<B>) -> Response<AnswerBody> {
        let work = pin!(async {
            let refused = head::check(request).err().unwrap_or_else(ApiError::unknown_route);
            (Seen::of(request), Err(refused))
        });
        self.observer.watch(work).await
    }

    /// Answers what never became a request.
    #[must_use]
    pub fn refuse_head(&self, status: StatusCode) -> Response<Bytes> {
        self.observer.refuse_head(status)
    }
}
