//! One connection to a server, and how long it is waited for.

use super::body::Sent;
use crate::compose::whole;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use zeroize::Zeroizing;

/// A silence is looked for so often before it counts as one.
const LOOKS: u32 = 10;
/// After so long without a packet the kernel asks whether the other machine still knows of the connection.
const KEPT_ALIVE: Duration = Duration::from_secs(30);
const KEPT_ALIVE_EVERY: Duration = Duration::from_secs(10);
const KEPT_ALIVE_TIMES: u32 = 3;

/// How long a server is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For a connection.
    pub(super) connect: Duration,
    /// While nothing of a request or its answer moves.
    pub(super) silence: Duration,
    /// Before a lost request is sent a second time; each further time twice as long.
    pub(super) pause: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Connect(io::Error),
    #[error("the connection broke: {}", whole(.0))]
    Broken(hyper::Error),
    #[error("nothing came for {} s", .0.as_secs_f32())]
    Silent(Duration),
}

/// Counts the parts of a request and of its answer that have passed.
#[derive(Clone, Default)]
pub(super) struct Moved(Arc<AtomicU64>);

impl Moved {
    pub(super) fn on(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits until nothing has moved for so long.
    pub(super) async fn stands_still(&self, silence: Duration) {
        let moved = || self.0.load(Ordering::Relaxed);
        let (mut seen, mut looks) = (moved(), 0);
        while looks < LOOKS {
            tokio::time::sleep(silence / LOOKS).await;
            looks = if moved() == seen { looks + 1 } else { 0 };
            seen = moved();
        }
    }
}

/// An open connection. One that has failed is not used again.
pub(super) struct Connection {
    sender: SendRequest<Sent>,
}

impl Connection {
    pub(super) async fn open((host, port): (&str, u16), patience: Patience) -> Result<Self, Failure> {
        let connected = tokio::time::timeout(patience.connect, TcpStream::connect((host, port)));
        let stream =
            connected.await.map_err(|late| Failure::Connect(late.into()))?.map_err(Failure::Connect)?;
        stream.set_nodelay(true).map_err(Failure::Connect)?;
        let kept_alive = TcpKeepalive::new()
            .with_time(KEPT_ALIVE)
            .with_interval(KEPT_ALIVE_EVERY)
            .with_retries(KEPT_ALIVE_TIMES);
        SockRef::from(&stream).set_tcp_keepalive(&kept_alive).map_err(Failure::Connect)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(Failure::Broken)?;
        // Its failure is the failure of the request that is under way.
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    pub(super) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends a request and takes its answer, however long that takes: `moved` says whether it still goes on.
    pub(super) async fn ask(
        &mut self,
        request: Request<Sent>,
        moved: &Moved,
    ) -> Result<(Response<()>, Zeroizing<Vec<u8>>), Failure> {
        self.sender.ready().await.map_err(Failure::Broken)?;
        let answer = self.sender.send_request(request).await.map_err(Failure::Broken)?;
        moved.on();
        let (head, mut body) = answer.into_parts();
        let mut bytes = Zeroizing::new(Vec::new());
        while let Some(frame) = body.frame().await {
            moved.on();
            if let Ok(data) = frame.map_err(Failure::Broken)?.into_data() {
                bytes.extend_from_slice(&data);
            }
        }
        Ok((Response::from_parts(head, ()), bytes))
    }
}
