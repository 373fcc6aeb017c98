//! What is sent: small and whole, or a file piece by piece; and once more when the answer to it was lost.

use super::EndpointError;
use super::connection::Moved;
use crate::commands::input::Input;
use bytes::Bytes;
use gatepost_sigv4::{PayloadHash, PayloadHasher};
use http_body::{Body, Frame, SizeHint};
use serde_json::Value;
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};
use zeroize::Zeroizing;

const CHUNK: usize = 64 * 1024;

/// The content of a request, for as many times as it can be sent.
pub(super) enum Content {
    /// JSON, or nothing.
    Small(Bytes),
    /// A CSV file; none is left where it can be read only once and was.
    File(Option<Input>),
}

impl Content {
    pub(super) fn nothing() -> Self {
        Self::Small(Bytes::new())
    }

    pub(super) fn json(value: &Value) -> Self {
        Self::Small(value.to_string().into())
    }

    /// Whether it can be sent (again).
    pub(super) fn is_left(&self) -> bool {
        !matches!(self, Self::File(None))
    }

    pub(super) fn media_type(&self) -> &'static str {
        match self {
            Self::Small(_) => "application/json",
            Self::File(_) => "text/csv",
        }
    }

    /// A body to send, and where it is to be `signed` its hash, for which a file is read once more.
    pub(super) fn body(&mut self, signed: bool, moved: &Moved) -> Result<(Sent, PayloadHash), EndpointError> {
        match self {
            Self::Small(bytes) => Ok((Sent::Small(bytes.clone()), PayloadHash::of(bytes))),
            Self::File(left) => {
                let mut input = left.take().expect("it is asked first whether there is one");
                let path = input.path().to_owned();
                let failed = |why| EndpointError::File { path: path.clone(), why };
                *left = input.again().map_err(failed)?;
                if left.is_some() {
                    input.rewind().map_err(failed)?;
                }
                let hash = if signed { hash_of(&mut input)? } else { PayloadHash::of(b"") };
                Ok((Sent::File(Box::new(input), moved.clone()), hash))
            }
        }
    }
}

/// The hash of all that is still to be read, which then is to be read again.
fn hash_of(input: &mut Input) -> Result<PayloadHash, EndpointError> {
    if !input.can_rewind() {
        return Err(EndpointError::OnlyOnce(input.path().to_owned()));
    }
    let path = input.path().to_owned();
    let failed = |why| EndpointError::File { path: path.clone(), why };
    let (mut hasher, mut chunk) = (PayloadHasher::default(), Zeroizing::new(vec![0; CHUNK]));
    loop {
        match input.read(&mut chunk).map_err(failed)? {
            0 => break,
            read => hasher.update(&chunk[..read]),
        }
    }
    input.rewind().map_err(failed)?;
    Ok(hasher.finish())
}

/// A request's body.
pub(super) enum Sent {
    Small(Bytes),
    File(Box<Input>, Moved),
}

impl Body for Sent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let next = match self.get_mut() {
            Self::Small(bytes) => Ok(std::mem::take(bytes)),
            Self::File(input, moved) => {
                moved.on();
                let mut chunk = vec![0; CHUNK];
                match input.read(&mut chunk) {
                    Ok(read) => {
                        chunk.truncate(read);
                        Ok(Bytes::from(chunk))
                    }
                    Err(why) => Err(io::Error::new(why.kind(), format!("{}: {why}", input.path().display()))),
                }
            }
        };
        Poll::Ready(match next {
            Ok(bytes) if bytes.is_empty() => None,
            Ok(bytes) => Some(Ok(Frame::data(bytes))),
            Err(error) => Some(Err(error)),
        })
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Small(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Small(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::File(..) => SizeHint::default(),
        }
    }
}
