use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use futures_util::stream;
use http_body::Frame;
use http_body_util::{Empty, Full, StreamBody};
use tokio::time::sleep;

use super::*;

const SILENCE: Duration = Duration::from_secs(10);

fn up_to(limit: u64) -> BodyReading {
    BodyReading::new(limit, SILENCE, &HeaderMap::new())
}

/// A body of `pieces`, each after a while; `sent` counts the bytes that were asked for.
fn slow(
    pieces: impl IntoIterator<Item = (Duration, Vec<u8>), IntoIter: Send>,
    sent: &Arc<AtomicU64>,
) -> impl Body<Data = Bytes, Error = io::Error> + Send + Unpin {
    let pieces = pieces.into_iter();
    let sent = Arc::clone(sent);
    StreamBody::new(Box::pin(stream::unfold(pieces, move |mut pieces| {
        let sent = Arc::clone(&sent);
        async move {
            let (wait, piece) = pieces.next()?;
            sleep(wait).await;
            sent.fetch_add(piece.len() as u64, Relaxed);
            Some((Ok(Frame::data(Bytes::from(piece))), pieces))
        }
    })))
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[derive(Default)]
struct Pieces {
    taken: Vec<Bytes>,
    refuse_after: Option<usize>,
    takes: Duration,
}

impl BodySink for Pieces {
    type Error = &'static str;

    async fn take(&mut self, piece: Bytes) -> Result<(), &'static str> {
        sleep(self.takes).await;
        if self.refuse_after == Some(self.taken.len()) {
            return Err("full");
        }
        self.taken.push(piece);
        Ok(())
    }
}

#[tokio::test]
async fn an_empty_body_is_read_as_nothing() {
    let body = Empty::<Bytes>::new();
    assert!(read_small(body, up_to(0)).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_body_in_one_piece_is_not_copied() {
    let bytes = Bytes::from(vec![7; 100]);
    let read = read_small(Full::new(bytes.clone()), up_to(100)).await.unwrap();
    assert_eq!(read.as_ptr(), bytes.as_ptr());
}

#[tokio::test(start_paused = true)]
async fn pieces_are_joined_in_order() {
    let sent = Arc::default();
    let pieces = ["", "a", "bc", "", "def"].map(|piece| (seconds(1), piece.into()));
    assert_eq!(read_small(slow(pieces, &sent), up_to(6)).await.unwrap(), "abcdef");
}

#[tokio::test]
async fn trailers_are_ignored() {
    let frames = [Frame::data(Bytes::from("a")), Frame::trailers(HeaderMap::new())];
    let body = StreamBody::new(stream::iter(frames.map(Ok::<_, io::Error>)));
    assert_eq!(read_small(body, up_to(6)).await.unwrap(), "a");
}

#[tokio::test]
async fn an_announced_length_above_the_limit_is_refused() {
    let error = read_small(Full::new(Bytes::from("abc")), up_to(2)).await.unwrap_err();
    assert!(matches!(error, BodyError::TooLarge { limit: 2 }));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_grows_too_long_is_refused_once_its_client_was_heard_out() {
    let sent = Arc::default();
    let pieces = (0..100).map(|_| (Duration::from_millis(1), vec![0; 1000]));
    let error = read_small(slow(pieces, &sent), up_to(2_500)).await.unwrap_err();
    assert!(matches!(error, BodyError::TooLarge { limit: 2_500 }));
    assert_eq!(sent.load(Relaxed), 100_000);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_ends_is_heard_out_within_bounds() {
    let sent = Arc::default();
    let fast = (0..).map(|_| (Duration::ZERO, vec![0; 1024 * 1024]));
    assert!(read_small(slow(fast, &sent), up_to(10)).await.is_err());
    assert_eq!(sent.load(Relaxed), DISCARD_BYTES + 1024 * 1024);

    let (sent, started) = (Arc::default(), now());
    let dripping = (0..).map(|_| (seconds(1), vec![0; 11]));
    assert!(read_small(slow(dripping, &sent), up_to(10)).await.is_err());
    assert!((seconds(5)..seconds(8)).contains(&(now() - started)));
}

struct Announced(u64);

impl Body for Announced {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        panic!("read although it waits for 100 Continue");
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.0)
    }
}

#[tokio::test]
async fn a_client_that_waits_for_continue_is_refused_unread() {
    let headers = HeaderMap::from_iter([(header::EXPECT, "100-Continue".parse().unwrap())]);
    let error = read_small(Announced(11), BodyReading::new(10, SILENCE, &headers)).await.unwrap_err();
    assert!(matches!(error, BodyError::TooLarge { limit: 10 }));
}

#[tokio::test(start_paused = true)]
async fn silence_is_too_slow() {
    let (sent, started) = (Arc::default(), now());
    let pieces = [(seconds(9), vec![0; 10]), (seconds(11), vec![0; 10])];
    assert!(matches!(read_small(slow(pieces, &sent), up_to(100)).await, Err(BodyError::TooSlow)));
    assert_eq!((now() - started).as_secs(), 19);
}

#[tokio::test(start_paused = true)]
async fn a_drip_is_too_slow_after_half_a_minute() {
    let (sent, started) = (Arc::default(), now());
    let pieces = (0..).map(|_| (seconds(1), vec![0; 1000]));
    assert!(matches!(read_small(slow(pieces, &sent), up_to(1 << 20)).await, Err(BodyError::TooSlow)));
    assert!((30..33).contains(&(now() - started).as_secs()));

    let (sent, started) = (Arc::default(), now());
    let pieces = (0..100).map(|_| (seconds(1), vec![0; 1100]));
    assert_eq!(read_small(slow(pieces, &sent), up_to(1 << 20)).await.unwrap().len(), 110_000);
    assert!((now() - started).as_secs() >= 100);
}

#[tokio::test(start_paused = true)]
async fn a_slow_sink_is_not_the_clients_fault() {
    let sent = Arc::default();
    let pieces = (0..20).map(|_| (Duration::from_millis(10), vec![0; 10]));
    let mut sink = Pieces { takes: seconds(20), ..Pieces::default() };
    assert_eq!(read_into(slow(pieces, &sent), up_to(200), &mut sink).await.unwrap(), 200);
    assert_eq!(sink.taken.len(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_sinks_refusal_is_the_outcome_once_the_client_has_been_heard_out() {
    let sent = Arc::default();
    let pieces = (0..20).map(|_| (Duration::ZERO, vec![0; 10]));
    let mut sink = Pieces { refuse_after: Some(2), ..Pieces::default() };
    let error = read_into(slow(pieces, &sent), up_to(200), &mut sink).await.unwrap_err();
    assert!(matches!(error, BodyError::Sink("full")));
    assert_eq!(sent.load(Relaxed), 200);
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_a_broken_body() {
    let frames = [Ok(Frame::data(Bytes::from("a"))), Err(io::Error::from(io::ErrorKind::UnexpectedEof))];
    let error = read_small(StreamBody::new(stream::iter(frames)), up_to(6)).await.unwrap_err();
    assert!(matches!(error, BodyError::Broken(_)));
}
