//! Connections: accepted, capped, served and drained.
//!
//! [`Acceptor::run`] takes connections from one listener until it is told to stop; each is opened ([`super::opening`]) and
//! served in a task of its own. [`serve_connection`] speaks HTTP/1.1 or, when the client begins with its preface, HTTP/2.
//! What is promised:
//! - never more than `max_connections` at once: the place is taken before the connection is accepted;
//! - a connection ends when nothing comes for `header_timeout`, kept-alive ones included, and with a 408 when
//!   a head that has begun is not complete within it;
//! - an HTTP/2 connection on which no request has run, and no answer been sent, for `header_timeout` ends within twice
//!   that time;
//! - a client that takes nothing of its answer for `write_timeout` loses its connection: over HTTP/2 within twice that
//!   time, when it takes nothing of any of its answers. One that takes something now and then gets all of it;
//! - a head of more than [`MAX_HEAD_BYTES`] gets a 431;
//! - a refused client can read why: its connection is closed for writing first and read for a moment longer,
//!   because closing a socket with unread input resets it, and a reset destroys the answer on its way;
//! - [`ShutdownPhase::Draining`]: all is served, and HTTP/1 answers say `Connection: close`;
//! - [`ShutdownPhase::Stopped`]: the listener and idle connections close, running requests, and answers that are still
//!   being sent, have `drain_timeout` to finish, and [`Drained`] tells what became of them.
//!
//! Why not hyper-util's automatic builder: it waits without any limit for the bytes that tell the protocol,
//! and does not give the stream back that a late refusal is written to.

use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::Either;
use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};

use super::answer_body::AnswerBody;
use super::framing::Framing;
use super::opening::{Failure, Opened, Opening};
use super::peer::{Peer, TrustedProxies};
use super::refusal::{RefusalIo, Refuse};
use super::socket::Socket;
use super::traffic::{Running, Sending, Traffic};

/// The largest request head: request line and headers of HTTP/1, or the header list of HTTP/2.
pub const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Requests that one HTTP/2 connection may have running.
const MAX_STREAMS: u32 = 200;
/// How often a silent HTTP/2 connection is asked whether it lives, and how long it has to answer.
const PING: Duration = Duration::from_secs(20);
/// How long a connection on which nothing has come yet is kept once the listener has stopped.
const FIRST_REQUEST: Duration = Duration::from_millis(500);
/// Connections that are taken from the kernel's queue when the listener stops; longer ones are not made.
const MOST_QUEUED: usize = 4_096;
const HTTP2_PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How long, and how much, a connection that is done for is read so that its client sees the last answer.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 64 * 1024 * 1024;

/// Where connections come from.
#[derive(Debug)]
pub enum Listener {
    /// A TCP port.
    Tcp(TcpListener),
    /// A Unix domain socket; its file is removed by whoever made it.
    Unix(UnixListener),
}

/// How far the end has come. It only moves forward; a sender that is gone counts as [`Self::Stopped`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ShutdownPhase {
    /// Business as usual.
    Serving,
    /// Still serving, while balancers notice; HTTP/1 answers close their connection.
    Draining,
    /// No more connections and no more requests on those there are.
    Stopped,
}

/// Bounds of one listener.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionSettings {
    /// Connections open at once; further ones wait in the kernel's queue.
    pub max_connections: usize,
    /// How long a request head may take to arrive, and so what comes before the first: a PROXY header, a handshake.
    pub header_timeout: Duration,
    /// How long a client may take nothing of an answer that is being sent.
    pub write_timeout: Duration,
    /// How long running requests have once the listener has stopped.
    pub drain_timeout: Duration,
}

/// What happened to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionEvent {
    /// There is one more.
    Opened,
    /// There is one less.
    Closed,
    /// It never came to HTTP.
    Failed(Failure),
}

/// Told of each connection, for a gauge and a counter.
pub type Observe = Arc<dyn Fn(ConnectionEvent) + Send + Sync>;

/// What became of the connections that were open when the listener stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Those that ended in time.
    pub finished: usize,
    /// Those that were cut off.
    pub cut: usize,
}

/// The accept loop of one listener.
pub struct Acceptor<F> {
    /// Where connections come from.
    pub listener: Listener,
    /// What comes before HTTP on a TCP connection.
    pub opening: Opening,
    /// Whose word about their clients is believed, and so who a request's peer is.
    pub trusted: Arc<TrustedProxies>,
    /// Answers requests; it does not fail, whatever goes wrong is an answer.
    pub service: F,
    /// Its bounds.
    pub settings: ConnectionSettings,
    /// Answers what never becomes a request.
    pub refuse: Refuse,
    /// Told of each connection.
    pub observe: Observe,
    /// When to end.
    pub phase: watch::Receiver<ShutdownPhase>,
}

impl<F, Fut> Acceptor<F>
where
    F: Fn(Request<Incoming>, Peer) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response<AnswerBody>> + Send + 'static,
{
    /// Serves until the phase is [`ShutdownPhase::Stopped`] and the last connection has ended or its time is up.
    pub async fn run(self) -> Drained {
        let Self { listener, opening, trusted, service, settings, refuse, observe, mut phase } = self;
        let places = Arc::new(Semaphore::new(settings.max_connections.min(Semaphore::MAX_PERMITS)));
        let mut connections = JoinSet::new();
        let mut pause = Duration::ZERO;
        let observed = phase.clone();
        let serve = move |connections: &mut JoinSet<()>, place, stream, peer| {
            let open = Open::new(place, Arc::clone(&observe));
            let (opening, refuse, mut phase) = (opening.clone(), Arc::clone(&refuse), observed.clone());
            let (service, trusted) = (service.clone(), Arc::clone(&trusted));
            let service = move |request: Request<Incoming>, peer| {
                let client = trusted.client(peer, request.headers());
                service(request, client)
            };
            connections.spawn(async move {
                match stream {
                    Stream::Unix(io) => {
                        let io = Socket::new(io, settings.write_timeout);
                        serve_connection(io, peer, service, settings, refuse, phase).await;
                    }
                    Stream::Tcp(io) => {
                        let io = Socket::new(io, settings.write_timeout);
                        let opened = tokio::select! {
                            biased;
                            () = hung_up(&mut phase) => return,
                            opened = opening.open(io, peer, settings.header_timeout) => opened,
                        };
                        match opened {
                            Ok(Opened::Plain(io, peer)) => {
                                serve_connection(io, peer, service, settings, refuse, phase).await;
                            }
                            Ok(Opened::Tls(io, peer)) => {
                                serve_connection(io, peer, service, settings, refuse, phase).await;
                            }
                            Err(Some(failure)) => open.failed(failure),
                            Err(None) => {}
                        }
                    }
                }
                drop(open);
            });
        };
        loop {
            while let Some(ended) = connections.try_join_next() {
                report_panic(&ended);
            }
            let next = async {
                let place = Arc::clone(&places).acquire_owned().await.expect("never closed");
                // Even the shortest sleep takes a millisecond.
                if !pause.is_zero() {
                    sleep(pause).await;
                }
                (place, listener.accept().await)
            };
            let (place, accepted) = tokio::select! {
                biased;
                () = stopped(&mut phase) => break,
                next = next => next,
            };
            match accepted {
                Ok((stream, peer)) => {
                    pause = Duration::ZERO;
                    serve(&mut connections, place, stream, peer);
                }
                Err(error) => {
                    pause = pause_after(&error, pause);
                    if !pause.is_zero() {
                        tracing::warn!(%error, "cannot accept connections at the moment");
                    }
                }
            }
        }
        for (stream, peer) in listener.close() {
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else { break };
            serve(&mut connections, place, stream, peer);
        }
        drain(connections, settings.drain_timeout).await
    }
}

async fn drain(mut connections: JoinSet<()>, limit: Duration) -> Drained {
    let mut drained = Drained { finished: 0, cut: 0 };
    let mut late = pin!(sleep(limit));
    loop {
        tokio::select! {
            biased;
            ended = connections.join_next() => match ended {
                Some(ended) => {
                    report_panic(&ended);
                    drained.finished += 1;
                }
                None => return drained,
            },
            () = &mut late => {
                drained.cut = connections.len();
                return drained;
            }
        }
    }
}

/// Serves one connection until it ends. That its client takes what is written is for `io` to see to ([`Socket`]).
pub async fn serve_connection<T, F, Fut>(
    mut io: T,
    peer: Peer,
    service: F,
    settings: ConnectionSettings,
    refuse: Refuse,
    mut phase: watch::Receiver<ShutdownPhase>,
) where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Fn(Request<Incoming>, Peer) -> Fut + Send + 'static,
    Fut: Future<Output = Response<AnswerBody>> + Send + 'static,
{
    let mut start = Start { bytes: [0; 24], len: 0 };
    let in_time = tokio::select! {
        biased;
        () = hung_up(&mut phase) => return,
        read = timeout(settings.header_timeout, start.read(&mut io)) => match read {
            Ok(Ok(())) => true,
            Ok(Err(_)) => return,
            Err(_) => false,
        },
    };
    if start.len == 0 {
        return;
    }
    let prefix = Bytes::copy_from_slice(start.read_so_far());
    let is_http2 = start.read_so_far() == HTTP2_PREFACE;
    let framing = (!is_http2).then(Framing::default);
    let mut io = RefusalIo::new(io, prefix, peer, Arc::clone(&refuse), framing);
    if !in_time {
        refuse_late(&mut io, StatusCode::REQUEST_TIMEOUT).await;
        return;
    }

    // Looking at the version of the channel's value takes no lock, as reading the value would.
    let mut seen = phase.clone();
    let draining = *seen.borrow_and_update() > ShutdownPhase::Serving;
    // What HTTP/2 is asked at its end, and what HTTP/1 is.
    let (traffic, left_unread) = (Arc::new(Traffic::default()), Arc::new(AtomicBool::new(false)));
    let (seen_traffic, seen_unread) = (Arc::clone(&traffic), Arc::clone(&left_unread));
    let service = service_fn(move |request: Request<Incoming>| {
        let running = is_http2.then(|| Running::of(&seen_traffic));
        let has_body = !is_http2 && !request.body().is_end_stream();
        let unread = has_body.then(|| Arc::clone(&seen_unread));
        let closes = !is_http2 && (draining || !matches!(seen.has_changed(), Ok(false)));
        let answer = if is_http2 && head_bytes(&request) > MAX_HEAD_BYTES {
            let refusal = refuse(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, peer).map(AnswerBody::Full);
            Either::Left(std::future::ready(refusal))
        } else {
            Either::Right(service(request, peer))
        };
        async move {
            let mut answer = answer.await;
            if closes {
                answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            if let Some(unread) = unread
                && answer.headers().contains_key(header::CONNECTION)
            {
                // The answer may go out, with the word that the connection closes, while its request still arrives.
                unread.store(true, Ordering::Relaxed);
            }
            Ok::<_, Infallible>(answer.map(|body| Sending::new(body, running)))
        }
    });

    if is_http2 {
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            // h2 answers what is above its own limit with a bare 431; between ours and that one we answer.
            .max_header_list_size(2 * MAX_HEAD_BYTES as u32)
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING)
            .serve_connection(TokioIo::new(io), service);
        let mut connection = pin!(connection);
        let ended = || traffic.ended(settings.header_timeout, settings.write_timeout);
        tokio::select! {
            biased;
            _ = &mut connection => return,
            () = stopped(&mut phase) => {}
            () = ended() => {
                if traffic.is_sending() {
                    return;
                }
            }
        }
        connection.as_mut().graceful_shutdown();
        // A client that does not answer the farewell, or takes nothing of what it is still sent, is not waited for; one
        // whose connection broke has nothing left to be told.
        tokio::select! {
            biased;
            _ = connection => {}
            () = ended() => {}
        }
        return;
    }

    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_timeout)
        .max_buf_size(MAX_HEAD_BYTES)
        // A client may say that it has sent everything and still wait for its answer.
        .half_close(true)
        .serve_connection(TokioIo::new(io), service);
    let ended = tokio::select! {
        biased;
        ended = &mut connection => Some(ended),
        () = stopped(&mut phase) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };
    let parts = connection.into_parts();
    io = parts.io.into_inner();
    match ended {
        // Half a head has come; hyper ends such a connection without a word.
        Err(error) if error.is_timeout() && !parts.read_buf.is_empty() => {
            refuse_late(&mut io, StatusCode::REQUEST_TIMEOUT).await;
        }
        Err(error) if error.is_incomplete_message() && !parts.read_buf.is_empty() => {
            refuse_late(&mut io, StatusCode::BAD_REQUEST).await;
        }
        Ok(()) | Err(_) => {
            let has_unread_input =
                !parts.read_buf.is_empty() || matches!(io.read(&mut [0]).now_or_never(), Some(Ok(1)));
            if io.is_refused() || has_unread_input || left_unread.load(Ordering::Relaxed) {
                linger(&mut io).await;
            }
        }
    }
}

async fn refuse_late<T: AsyncRead + AsyncWrite + Unpin>(io: &mut RefusalIo<T>, status: StatusCode) {
    if let Ok(Ok(())) = timeout(LINGER, io.refuse(status)).await {
        linger(io).await;
    }
}

/// Tells the client that no more will come, and lets it finish what it is sending.
pub(super) async fn linger(io: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let read_away = async {
        io.shutdown().await?;
        let (mut away, mut total) = (vec![0; 16 * 1024], 0);
        while total < LINGER_BYTES {
            match io.read(&mut away).await? {
                0 => break,
                read => total += read,
            }
        }
        io::Result::Ok(())
    };
    // However it goes, the connection is closed next.
    let _ = timeout(LINGER, read_away).await;
}

/// The first bytes of a connection, as many as it takes to tell HTTP/2 from HTTP/1.
struct Start {
    bytes: [u8; HTTP2_PREFACE.len()],
    len: usize,
}

impl Start {
    async fn read(&mut self, io: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
        while self.len < self.bytes.len() && HTTP2_PREFACE.starts_with(self.read_so_far()) {
            match io.read(&mut self.bytes[self.len..]).await? {
                0 => break,
                read => self.len += read,
            }
        }
        Ok(())
    }

    fn read_so_far(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Size of a header list as HTTP/2 counts it.
fn head_bytes<B>(request: &Request<B>) -> usize {
    let path = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    let fields = request.headers().iter();
    path + fields.map(|(name, value)| name.as_str().len() + value.len() + 32).sum::<usize>()
}

/// Waits until whoever has not asked anything yet must go: who has only just connected is about to, and cannot know that
/// this was the last moment.
async fn hung_up(phase: &mut watch::Receiver<ShutdownPhase>) {
    stopped(phase).await;
    sleep(FIRST_REQUEST).await;
}

async fn stopped(phase: &mut watch::Receiver<ShutdownPhase>) {
    let _ = phase.wait_for(|phase| *phase == ShutdownPhase::Stopped).await;
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Listener {
    async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // An answer is one write; waiting for more to send along would only delay it.
                stream.set_nodelay(true)?;
                Ok((Stream::Tcp(stream), peer.ip().into()))
            }
            Self::Unix(listener) => Ok((Stream::Unix(listener.accept().await?.0), Peer::Unix)),
        }
    }

    /// Stops listening, and gives the connections that the kernel had taken already: their clients may have sent a
    /// request, and closing the listener would reset them. Not through tokio, whose word that there are none is a
    /// moment old.
    fn close(self) -> Vec<(Stream, Peer)> {
        let of_tcp = |(stream, peer): (std::net::TcpStream, std::net::SocketAddr)| {
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            Ok((Stream::Tcp(TcpStream::from_std(stream)?), peer.ip().into()))
        };
        let of_unix = |(stream, _): (std::os::unix::net::UnixStream, _)| {
            stream.set_nonblocking(true)?;
            Ok((Stream::Unix(UnixStream::from_std(stream)?), Peer::Unix))
        };
        match self {
            Self::Tcp(listener) => match listener.into_std() {
                Ok(listener) => queued(|| listener.accept().and_then(of_tcp)),
                Err(_) => Vec::new(),
            },
            Self::Unix(listener) => match listener.into_std() {
                Ok(listener) => queued(|| listener.accept().and_then(of_unix)),
                Err(_) => Vec::new(),
            },
        }
    }
}

/// Everything that waits in a queue now, as far as it is not endless.
fn queued<S>(mut accept: impl FnMut() -> io::Result<S>) -> Vec<S> {
    let mut waiting = Vec::new();
    for _ in 0..MOST_QUEUED {
        match accept() {
            Ok(stream) => waiting.push(stream),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if pause_after(&error, Duration::ZERO).is_zero() => {}
            Err(_) => break,
        }
    }
    waiting
}

/// How long to wait before the next connection: not at all when only the last one was at fault; growing when
/// the process or the machine has run out of something, which trying again at once would not bring back.
fn pause_after(error: &io::Error, last: Duration) -> Duration {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput, NotConnected};
    let concerns_one = [ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput, NotConnected]
        .contains(&error.kind());
    if concerns_one {
        return Duration::ZERO;
    }
    (last * 2).clamp(Duration::from_millis(50), Duration::from_secs(1))
}

fn report_panic(ended: &Result<(), JoinError>) {
    if ended.as_ref().is_err_and(JoinError::is_panic) {
        tracing::error!("a connection ended in a panic");
    }
}

/// A place among the connections, given back when dropped.
struct Open {
    observe: Observe,
    _place: OwnedSemaphorePermit,
}

impl Open {
    fn new(place: OwnedSemaphorePermit, observe: Observe) -> Self {
        observe(ConnectionEvent::Opened);
        Self { observe, _place: place }
    }

    fn failed(&self, failure: Failure) {
        (self.observe)(ConnectionEvent::Failed(failure));
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        (self.observe)(ConnectionEvent::Closed);
    }
}

#[cfg(test)]
mod tests;
