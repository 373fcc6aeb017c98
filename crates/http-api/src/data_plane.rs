//! The data listener, which knows no operation yet: everything is an unknown route.

use crate::error::ApiError;
use crate::head;
use crate::observe::{Observer, Seen};
use crate::wire::answer_body::AnswerBody;
use crate::wire::peer::Peer;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;

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

    /// Answers one request of this peer's.
    pub async fn answer<B: Body>(&self, request: &Request<B>, peer: Peer) -> Response<AnswerBody> {
        let watched = self.observer.watch(Seen::of(request, peer));
        watched.answer(Err(head::check(request).err().unwrap_or_else(ApiError::unknown_route)))
    }

    /// Answers what never became a request of this peer's.
    #[must_use]
    pub fn refuse_head(&self, status: StatusCode, peer: Peer) -> Response<Bytes> {
        self.observer.refuse_head(status, peer)
    }
}
