//! Request bodies, read within bounds of size and time.
//!
//! [`read_small`] gives the whole body as one buffer, for whose bytes [`read_small_within`] asks a [`Room`] first;
//! [`read_into`] hands it on piece by piece. All promise:
//! - a body that says it is too long is refused before any of it is read;
//! - a client that is still sending when its body turns out too long is heard out for a while
//!   ([`DISCARD_BYTES`], [`DISCARD_TIME`]): one that is cut off in the middle of its sending sees a reset
//!   connection instead of the 413. One that waits for `100 Continue` is not: it has not begun;
//! - silence for longer than the body timeout, or less than [`LEAST_RATE`] bytes a second once
//!   [`RATE_AFTER`] has been spent waiting, is [`BodyError::TooSlow`]; only waiting for the client counts, not
//!   the time that the sink takes;
//! - trailers are ignored, and a body that is known to be empty costs nothing.

use std::convert::Infallible;
use std::error::Error;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout};

/// Time spent waiting after which the rate counts.
pub const RATE_AFTER: Duration = Duration::from_secs(30);
/// Bytes per second below which a body is too slow.
pub const LEAST_RATE: u64 = 1024;
/// How much of a body that is too long is read and thrown away.
pub const DISCARD_BYTES: u64 = 64 * 1024 * 1024;
/// For how long a body that is too long is read and thrown away.
pub const DISCARD_TIME: Duration = Duration::from_secs(5);

/// How a body is to be read.
#[derive(Debug, Clone, Copy)]
pub struct BodyReading {
    limit: u64,
    silence: Duration,
    awaits_continue: bool,
}

impl BodyReading {
    /// At most `limit` bytes, with never more than `silence` between two pieces.
    pub fn new(limit: u64, silence: Duration, headers: &HeaderMap) -> Self {
        let expected = headers.get(header::EXPECT);
        let awaits_continue =
            expected.is_some_and(|expected| expected.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        Self { limit, silence, awaits_continue }
    }
}

/// Takes a body piece by piece.
pub trait BodySink {
    /// Why a piece could not be taken.
    type Error;

    /// Takes the next piece; the client is not read further before it is done.
    fn take(&mut self, piece: Bytes) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// Where the bytes of a body have their place in memory.
pub trait Room {
    /// Why there is none.
    type Error;

    /// Takes so many bytes more; the client is not read further before it is done.
    fn take(&mut self, bytes: usize) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// Why a body could not be read. `E` is the error of the sink.
#[derive(Debug, thiserror::Error)]
pub enum BodyError<E = Infallible> {
    /// It is longer than allowed.
    #[error("the request body is longer than {limit} bytes")]
    TooLarge {
        /// What is allowed.
        limit: u64,
    },
    /// It does not arrive, or not fast enough.
    #[error("the request body does not arrive")]
    TooSlow,
    /// The client went away in the middle, or its chunks are malformed.
    #[error("the request body is broken")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
    /// The sink refused a piece.
    #[error("the request body cannot be taken")]
    Sink(E),
}

/// Reads a body into memory.
pub async fn read_small<B>(body: B, reading: BodyReading) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin,
{
    read_small_within(body, reading, &mut Endless).await
}

/// Reads a body into memory, as far as there is room.
pub async fn read_small_within<B, R>(
    body: B,
    reading: BodyReading,
    room: &mut R,
) -> Result<Bytes, BodyError<R::Error>>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin,
    R: Room + Send,
{
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let announced = body.size_hint().exact();
    let mut whole = Whole { room, announced, first: Bytes::new(), joined: BytesMut::new() };
    read_into(body, reading, &mut whole).await?;
    Ok(if whole.joined.is_empty() { whole.first } else { whole.joined.freeze() })
}

/// Hands a body to `sink` piece by piece and tells its length.
pub async fn read_into<B, S>(
    mut body: B,
    reading: BodyReading,
    sink: &mut S,
) -> Result<u64, BodyError<S::Error>>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin,
    S: BodySink,
{
    let BodyReading { limit, silence, awaits_continue } = reading;
    if body.size_hint().lower() > limit {
        if !awaits_continue {
            discard(body).await;
        }
        return Err(BodyError::TooLarge { limit });
    }
    let (mut total, mut waited) = (0, Duration::ZERO);
    while !body.is_end_stream() {
        let asked = now();
        let frame = match timeout(silence, body.frame()).await {
            Err(_) => return Err(BodyError::TooSlow),
            Ok(None) => break,
            Ok(Some(Err(error))) => return Err(BodyError::Broken(error.into())),
            Ok(Some(Ok(frame))) => frame,
        };
        waited += now() - asked;
        let Ok(piece) = frame.into_data() else { continue };
        total += piece.len() as u64;
        if total > limit {
            discard(body).await;
            return Err(BodyError::TooLarge { limit });
        }
        if waited > RATE_AFTER && total < waited.as_secs() * LEAST_RATE {
            return Err(BodyError::TooSlow);
        }
        if let Err(error) = sink.take(piece).await {
            discard(body).await;
            return Err(BodyError::Sink(error));
        }
    }
    Ok(total)
}

async fn discard<B: Body<Data = Bytes> + Unpin>(mut body: B) {
    let read_away = async {
        let mut total = 0;
        while let Some(Ok(frame)) = body.frame().await {
            total += frame.data_ref().map_or(0, |piece| piece.len() as u64);
            if total >= DISCARD_BYTES {
                break;
            }
        }
    };
    // Whatever is left, the connection is closed after the answer.
    let _ = timeout(DISCARD_TIME, read_away).await;
}

#[expect(clippy::disallowed_methods, reason = "the runtime's clock, as of its timeouts; tests hold it still")]
fn now() -> Instant {
    Instant::now()
}

/// A room that is never full.
struct Endless;

impl Room for Endless {
    type Error = Infallible;

    async fn take(&mut self, _: usize) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Keeps a body that comes in one piece as it is, and joins one that comes in several.
struct Whole<'r, R> {
    room: &'r mut R,
    announced: Option<u64>,
    first: Bytes,
    joined: BytesMut,
}

impl<R: Room + Send> BodySink for Whole<'_, R> {
    type Error = R::Error;

    async fn take(&mut self, piece: Bytes) -> Result<(), R::Error> {
        self.room.take(piece.len()).await?;
        if self.first.is_empty() && self.joined.is_empty() {
            self.first = piece;
            return Ok(());
        }
        if self.joined.is_empty() {
            // The announced length is within the limit, or nothing would have been read.
            let announced = self.announced.and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
            self.joined.reserve(announced.max(self.first.len() + piece.len()));
            self.joined.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.joined.extend_from_slice(&piece);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
