//! A network that fails when it is told to, between any client and any server that speak TCP.
//!
//! The client is given [`Proxy::address`] (or the URL of [`Proxy::in_front_of`]) instead of the server's; a test then cuts, refuses or
//! stalls. Bytes pass unchanged and in order, or do not pass. A cut is a reset in both directions, as when a router
//! forgets a connection: neither end is told in good order.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::database::free_port;

const POLL: Duration = Duration::from_millis(1);

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server: requests.
    ToServer,
    /// From the server to the client: answers.
    ToClient,
}

/// A proxy that listens until it is dropped.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    runtime: Option<Runtime>,
}

struct State {
    server: SocketAddr,
    refusing: watch::Sender<bool>,
    listening: watch::Sender<bool>,
    stalled: watch::Sender<bool>,
    /// Counts the cuts; a connection ends when it changes.
    cuts: watch::Sender<usize>,
    open: AtomicUsize,
    /// The bytes that may still pass before everything is cut.
    allowance: Mutex<Option<(Direction, u64)>>,
}

impl Proxy {
    /// A proxy in front of `server`, on a port of its own.
    pub fn start(server: SocketAddr) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let state = Arc::new(State {
            server,
            refusing: watch::Sender::new(false),
            listening: watch::Sender::new(false),
            stalled: watch::Sender::new(false),
            cuts: watch::Sender::new(0),
            open: AtomicUsize::new(0),
            allowance: Mutex::new(None),
        });
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime for the proxy");
        runtime.spawn(listen(address, Arc::clone(&state)));
        let proxy = Self { address, state, runtime: Some(runtime) };
        proxy.wait_until_listening(true);
        proxy
    }

    /// A proxy in front of the server that a URL names by address and port, and the URL that goes through it.
    ///
    /// # Panics
    /// When the URL has no address and port.
    pub fn in_front_of(url: &str) -> (Self, String) {
        let (start, place) = authority(url);
        let proxy = Self::start(place.parse().expect("an address and a port in the URL"));
        let through = format!("{}{}{}", &url[..start], proxy.address, &url[start + place.len()..]);
        (proxy, through)
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Resets every connection there is. New ones are accepted.
    pub fn cut(&self) {
        self.state.cut();
    }

    /// From now on refuses new connections, as a machine does where nobody listens; those there are go on.
    pub fn refuse(&self) {
        self.state.refusing.send_replace(true);
        self.wait_until_listening(false);
    }

    /// Accepts connections again.
    pub fn accept(&self) {
        self.state.refusing.send_replace(false);
        self.wait_until_listening(true);
    }

    /// From now on forwards nothing, in neither direction; connections stay open and new ones are accepted.
    pub fn stall(&self) {
        self.state.stalled.send_replace(true);
    }

    /// Forwards again, first what was held back.
    pub fn flow(&self) {
        self.state.stalled.send_replace(false);
    }

    /// Lets this many more bytes pass in one direction, over all connections together, then resets every connection,
    /// once: the one that carried the last byte exactly there, the others as soon as they are told. With 0 bytes `ToClient`, the server has done what it was asked, and nobody hears of it.
    pub fn cut_after(&self, bytes: u64, direction: Direction) {
        *self.state.allowance() = Some((direction, bytes));
    }

    /// How often everything was cut, by [`cut`](Self::cut) or [`cut_after`](Self::cut_after).
    pub fn cuts(&self) -> usize {
        *self.state.cuts.borrow()
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.state.open.load(Ordering::SeqCst)
    }

    fn wait_until_listening(&self, wanted: bool) {
        while *self.state.listening.borrow() != wanted {
            sleep(POLL);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl State {
    fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    fn allowance(&self) -> std::sync::MutexGuard<'_, Option<(Direction, u64)>> {
        self.allowance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many of `bytes` may pass, and whether the cut comes after them. Whoever is told of the cut makes it.
    fn take(&self, direction: Direction, bytes: usize) -> (usize, bool) {
        let mut allowance = self.allowance();
        match *allowance {
            Some((limited, left)) if limited == direction => {
                let last = left <= bytes as u64;
                *allowance = if last { None } else { Some((limited, left - bytes as u64)) };
                (if last { left as usize } else { bytes }, last)
            }
            _ => (bytes, false),
        }
    }

    async fn wait_for_flow(&self) {
        let mut stalled = self.stalled.subscribe();
        stalled.wait_for(|stalled| !stalled).await.expect("the state is held by whoever waits");
    }
}

async fn listen(address: SocketAddr, state: Arc<State>) {
    let mut refusing = state.refusing.subscribe();
    loop {
        refusing.wait_for(|refusing| !refusing).await.expect("the state is held here");
        // The port is ours even while nobody listens; another process that took it would be a failure to see.
        let listener = TcpListener::bind(address).await.expect("the proxy's port is free");
        state.listening.send_replace(true);
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let (client, _) = accepted.expect("a listener accepts");
                    tokio::spawn(connection(client, state.cuts.subscribe(), Arc::clone(&state)));
                }
                _ = refusing.wait_for(|refusing| *refusing) => break,
            }
        }
        drop(listener);
        state.listening.send_replace(false);
    }
}

async fn connection(client: TcpStream, mut cuts: watch::Receiver<usize>, state: Arc<State>) {
    state.open.fetch_add(1, Ordering::SeqCst);
    // Without a server, the client sees what it would see without a proxy: a reset.
    match TcpStream::connect(state.server).await {
        Ok(server) => between(client, server, &mut cuts, &state).await,
        Err(_) => drop(client.set_zero_linger()),
    }
    state.open.fetch_sub(1, Ordering::SeqCst);
}

async fn between(
    mut client: TcpStream,
    mut server: TcpStream,
    cuts: &mut watch::Receiver<usize>,
    state: &State,
) {
    // A proxy that gathers small packets would slow down what is measured through it.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let carried = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        tokio::select! {
            carried = async { tokio::try_join!(
                carry(from_client, to_server, Direction::ToServer, state),
                carry(from_server, to_client, Direction::ToClient, state),
            ) } => carried.map(|_| ()),
            _ = cuts.changed() => Err(io::ErrorKind::ConnectionReset.into()),
        }
    };
    if carried.is_err() {
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}

async fn carry(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    direction: Direction,
    state: &State,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        state.wait_for_flow().await;
        if read == 0 {
            return to.shutdown().await;
        }
        let (passed, last) = state.take(direction, read);
        to.write_all(&buffer[..passed]).await?;
        if last {
            state.cut();
            return Err(io::ErrorKind::ConnectionReset.into());
        }
    }
}

/// The part of a URL between `//` (or the `@` after it) and the path, and where it begins.
fn authority(url: &str) -> (usize, &str) {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find(['/', '?']).map_or(url.len(), |at| start + at);
    let start = url[start..end].rfind('@').map_or(start, |at| start + at + 1);
    (start, &url[start..end])
}
