//! The body of an answer.
//!
//! Nearly every answer is one buffer, so that is a variant and not a boxed trait object; its exact size makes
//! hyper send `content-length`. Only what is too long to hold (the ids of an import) is a [`AnswerBody::Stream`].

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use http_body::{Body, Frame, SizeHint};

/// The pieces of a streamed answer; an error ends the connection, since the status has gone out already.
pub type AnswerStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// The body of an answer.
#[derive(Default)]
pub enum AnswerBody {
    /// No body.
    #[default]
    Empty,
    /// A body that is at hand as a whole.
    Full(Bytes),
    /// A body that is made while it is sent; its length is not known.
    Stream(AnswerStream),
}

impl AnswerBody {
    /// A body that is made while it is sent.
    pub fn stream(pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        Self::Stream(Box::pin(pieces))
    }
}

impl From<Bytes> for AnswerBody {
    fn from(bytes: Bytes) -> Self {
        Self::Full(bytes)
    }
}

impl From<Vec<u8>> for AnswerBody {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Full(bytes.into())
    }
}

impl From<String> for AnswerBody {
    fn from(text: String) -> Self {
        Self::Full(text.into())
    }
}

impl fmt::Debug for AnswerBody {
    /// Tells the kind and size only: an answer may hold a key's value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Full(bytes) => write!(f, "Full({} bytes)", bytes.len()),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        match this {
            Self::Empty => Poll::Ready(None),
            Self::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                *this = Self::Empty;
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Self::Stream(pieces) => {
                pieces.as_mut().poll_next(cx).map(|piece| piece.map(|piece| piece.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Full(bytes) => bytes.is_empty(),
            Self::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[tokio::test]
    async fn a_whole_body_tells_its_size_and_comes_once() {
        let mut body = AnswerBody::from(b"abc".to_vec());
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(3), false));
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "abc");
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(0), true));
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn an_empty_body_is_at_its_end_from_the_start() {
        for body in [AnswerBody::Empty, AnswerBody::from(Vec::new())] {
            assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(0), true));
            assert!(body.collect().await.unwrap().to_bytes().is_empty());
        }
    }

    #[tokio::test]
    async fn a_stream_has_no_size_and_yields_its_pieces_in_order() {
        let pieces = ["a", "b", "c"].map(|piece| Ok(Bytes::from(piece)));
        let body = AnswerBody::stream(futures_util::stream::iter(pieces));
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (None, false));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "abc");
    }

    #[test]
    fn its_debug_output_does_not_show_the_body() {
        assert_eq!(format!("{:?}", AnswerBody::from(b"secret".to_vec())), "Full(6 bytes)");
    }
}
