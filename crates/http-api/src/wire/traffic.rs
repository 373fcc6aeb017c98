//! What moves on an HTTP/2 connection, and when nothing does any more.
//!
//! A connection is kept while a request on it is being answered, or its client takes something of an answer. That the
//! answer's body is with hyper says nothing of this: it may wait there for as long as the client gives it no room. Only
//! the bytes themselves know when they leave, so each [`Piece`] of an answer tells it.
//!
//! What moves counts for the whole connection: it is one client's, or that of a proxy, whose other clients must not pay
//! for one that has stopped reading.
//!
//! HTTP/1 needs none of this: hyper waits for the next request only once the last answer has left, and until then
//! [`super::socket::Socket`] sees whether the client takes it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use tokio::time::sleep;

use super::answer_body::AnswerBody;

/// What moves on one connection.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    /// Requests that are being answered.
    running: AtomicU64,
    /// Answers that are being sent.
    sending: AtomicU64,
    /// Grows whenever a request begins or ends, or something of an answer leaves.
    moved: AtomicU64,
}

/// A request that is being answered, and then its answer.
#[derive(Debug)]
pub(super) struct Running {
    traffic: Arc<Traffic>,
    is_answered: bool,
}

/// The body of an answer that is on its way. Without a [`Running`] nobody is told.
pub(super) struct Sending {
    body: AnswerBody,
    running: Option<Arc<Running>>,
}

/// Bytes of an answer, until they have left.
pub(super) struct Piece {
    bytes: Bytes,
    running: Option<Arc<Running>>,
}

impl Traffic {
    /// Waits until nothing has moved for as long as `stalled` while an answer was being sent, or as `idle` while none
    /// was, and at most for twice as long. A request that is being answered is not the client's fault.
    pub(super) async fn ended(&self, idle: Duration, stalled: Duration) {
        let (mut moved, mut still) = (None, Duration::ZERO);
        loop {
            let now = Some(self.moved.load(Relaxed));
            let patience = if self.is_sending() { stalled } else { idle };
            if moved != now || self.running.load(Relaxed) > 0 {
                (moved, still) = (now, Duration::ZERO);
            } else if still >= patience {
                return;
            }
            let next = idle.min(stalled).min(patience.saturating_sub(still));
            sleep(next).await;
            still += next;
        }
    }

    /// Whether something of an answer has not left yet.
    pub(super) fn is_sending(&self) -> bool {
        self.sending.load(Relaxed) > 0
    }
}

impl Running {
    pub(super) fn of(traffic: &Arc<Traffic>) -> Self {
        traffic.running.fetch_add(1, Relaxed);
        traffic.moved.fetch_add(1, Relaxed);
        Self { traffic: Arc::clone(traffic), is_answered: false }
    }

    fn answered(mut self) -> Self {
        self.traffic.sending.fetch_add(1, Relaxed);
        self.traffic.running.fetch_sub(1, Relaxed);
        self.is_answered = true;
        self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Self { traffic, is_answered } = self;
        let ended = if *is_answered { &traffic.sending } else { &traffic.running };
        ended.fetch_sub(1, Relaxed);
        traffic.moved.fetch_add(1, Relaxed);
    }
}

impl Sending {
    pub(super) fn new(body: AnswerBody, running: Option<Running>) -> Self {
        Self { body, running: running.map(|running| Arc::new(running.answered())) }
    }
}

impl Body for Sending {
    type Data = Piece;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, io::Error>>> {
        let Self { body, running } = self.get_mut();
        let piece = |bytes| Piece { bytes, running: running.clone() };
        Pin::new(body).poll_frame(cx).map_ok(|frame| frame.map_data(piece))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        if let Some(running) = &self.running {
            running.traffic.moved.fetch_add(1, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
