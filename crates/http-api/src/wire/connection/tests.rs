use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};

use futures_util::future::join_all;
use hyper::client::conn;
use tokio::io::duplex;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use super::*;

/// A listener of the kind given, whose service answers `/` at once and `/wait` when told to.
struct Server {
    address: String,
    phase: watch::Sender<ShutdownPhase>,
    go_on: Arc<Notify>,
    arrived: mpsc::UnboundedReceiver<String>,
    open: Arc<AtomicIsize>,
    running: JoinHandle<Drained>,
    _folder: Option<tempfile::TempDir>,
}

enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Server {
    async fn start(is_unix: bool, settings: ConnectionSettings) -> Self {
        let (listener, address, folder) = if is_unix {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("socket");
            (Listener::Unix(UnixListener::bind(&path).unwrap()), path.display().to_string(), Some(folder))
        } else {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap().to_string();
            (Listener::Tcp(listener), address, None)
        };
        let (phase, receiver) = watch::channel(ShutdownPhase::Serving);
        let (arrivals, arrived) = mpsc::unbounded_channel();
        let (go_on, open) = (Arc::new(Notify::new()), Arc::new(AtomicIsize::new(0)));
        let (gauge, signal) = (Arc::clone(&open), Arc::clone(&go_on));
        let acceptor = Acceptor {
            listener,
            opening: Opening::default(),
            trusted: Arc::default(),
            service: move |request: Request<Incoming>, peer| {
                assert_eq!(matches!(peer, Peer::Unix), is_unix);
                let (signal, arrivals) = (Arc::clone(&signal), arrivals.clone());
                async move {
                    let path = request.uri().path().to_owned();
                    arrivals.send(path.clone()).unwrap();
                    if path == "/wait" {
                        signal.notified().await;
                    }
                    assert_ne!(path, "/panic");
                    Response::new(AnswerBody::from(path))
                }
            },
            settings,
            refuse: Arc::new(|status, _| {
                Response::builder().status(status).body(Bytes::from("refused")).unwrap()
            }),
            observe: Arc::new(move |event| {
                let change = match event {
                    ConnectionEvent::Opened => 1,
                    ConnectionEvent::Closed => -1,
                    ConnectionEvent::Failed(_) => 0,
                };
                gauge.fetch_add(change, Relaxed);
            }),
            phase: receiver,
        };
        let running = tokio::spawn(acceptor.run());
        Self { address, phase, go_on, arrived, open, running, _folder: folder }
    }

    async fn connect(&self) -> io::Result<Socket> {
        if self.address.starts_with('/') {
            UnixStream::connect(&self.address).await.map(Socket::Unix)
        } else {
            TcpStream::connect(&self.address).await.map(Socket::Tcp)
        }
    }

    async fn arrival(&mut self, path: &str) {
        assert_eq!(self.arrived.recv().await.unwrap(), path);
    }

    /// Waits until so many connections are open; before, the kernel alone knows of them.
    async fn open(&self, count: isize) {
        while self.open.load(Relaxed) != count {
            tokio::task::yield_now().await;
        }
    }

    async fn drained(self) -> Drained {
        let drained = timeout(Duration::from_secs(10), self.running).await.expect("ends").unwrap();
        if drained.cut == 0 {
            assert_eq!(self.open.load(Relaxed), 0);
        }
        drained
    }
}

impl Socket {
    async fn send(&mut self, text: &str) {
        match self {
            Self::Tcp(stream) => stream.write_all(text.as_bytes()).await.unwrap(),
            Self::Unix(stream) => stream.write_all(text.as_bytes()).await.unwrap(),
        }
    }

    async fn get(&mut self, path: &str) {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
    }

    async fn read(&mut self) -> String {
        let mut bytes = vec![0; 4096];
        let read = match self {
            Self::Tcp(stream) => timeout(Duration::from_secs(10), stream.read(&mut bytes)).await,
            Self::Unix(stream) => timeout(Duration::from_secs(10), stream.read(&mut bytes)).await,
        };
        bytes.truncate(read.expect("in time").unwrap());
        String::from_utf8(bytes).unwrap()
    }
}

fn settings() -> ConnectionSettings {
    ConnectionSettings {
        max_connections: 100,
        header_timeout: Duration::from_secs(5),
        write_timeout: Duration::from_secs(5),
        drain_timeout: Duration::from_secs(5),
    }
}

#[tokio::test]
async fn requests_are_answered_on_kept_connections_over_tcp_and_unix_sockets() {
    for is_unix in [false, true] {
        let server = Server::start(is_unix, settings()).await;
        let mut client = server.connect().await.unwrap();
        for path in ["/a", "/b"] {
            client.get(path).await;
            let answer = client.read().await;
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n"), "{answer}");
            assert!(!answer.contains("connection:"), "{answer}");
        }
        assert_eq!(server.open.load(Relaxed), 1);
        server.phase.send_replace(ShutdownPhase::Stopped);
        assert_eq!(client.read().await, "");
        assert_eq!(server.drained().await, Drained { finished: 1, cut: 0 });
    }
}

#[tokio::test]
async fn draining_serves_on_but_closes_each_connection_after_its_answer() {
    let mut server = Server::start(false, settings()).await;
    let mut idle = server.connect().await.unwrap();
    idle.get("/a").await;
    idle.read().await;
    server.phase.send_replace(ShutdownPhase::Draining);
    for mut client in [idle, server.connect().await.unwrap()] {
        client.get("/b").await;
        let answer = client.read().await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\nconnection: close\r\n"), "{answer}");
        assert_eq!(client.read().await, "");
    }
    server.arrival("/a").await;
    server.phase.send_replace(ShutdownPhase::Stopped);
    assert_eq!(server.drained().await.cut, 0);
}

#[tokio::test]
async fn running_requests_finish_after_the_listener_has_closed() {
    let mut server = Server::start(false, settings()).await;
    let mut busy = server.connect().await.unwrap();
    busy.get("/wait").await;
    server.arrival("/wait").await;
    let mut unused = server.connect().await.unwrap();
    server.open(2).await;
    server.phase.send_replace(ShutdownPhase::Stopped);
    assert_eq!(unused.read().await, "");
    while server.connect().await.is_ok() {
        tokio::task::yield_now().await;
    }
    server.go_on.notify_one();
    let answer = busy.read().await;
    assert!(answer.contains("connection: close\r\n") && answer.ends_with("/wait"), "{answer}");
    assert_eq!(server.drained().await.cut, 0);
}

#[tokio::test]
async fn a_request_that_runs_past_the_deadline_is_cut() {
    let short = ConnectionSettings { drain_timeout: Duration::from_millis(50), ..settings() };
    let mut server = Server::start(false, short).await;
    let mut busy = server.connect().await.unwrap();
    busy.get("/wait").await;
    server.arrival("/wait").await;
    server.phase.send_replace(ShutdownPhase::Stopped);
    assert_eq!(server.drained().await, Drained { finished: 0, cut: 1 });
    assert_eq!(busy.read().await, "");
}

#[tokio::test]
async fn connections_beyond_the_cap_wait_their_turn() {
    let mut server = Server::start(false, ConnectionSettings { max_connections: 2, ..settings() }).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = server.connect().await.unwrap();
        client.get("/wait").await;
        clients.push(client);
    }
    server.arrival("/wait").await;
    server.arrival("/wait").await;
    assert!(timeout(Duration::from_millis(100), server.arrived.recv()).await.is_err());
    assert_eq!(server.open.load(Relaxed), 2);
    server.go_on.notify_one();
    assert!(clients[0].read().await.ends_with("/wait"));
    clients.remove(0);
    server.arrival("/wait").await;
    server.phase.send_replace(ShutdownPhase::Stopped);
    server.go_on.notify_waiters();
    assert_eq!(server.drained().await.cut, 0);
}

#[tokio::test]
async fn a_panic_ends_its_own_connection_only() {
    let server = Server::start(false, settings()).await;
    let mut client = server.connect().await.unwrap();
    client.get("/panic").await;
    assert_eq!(client.read().await, "");
    let mut client = server.connect().await.unwrap();
    client.get("/a").await;
    assert!(client.read().await.ends_with("/a"));
    server.phase.send_replace(ShutdownPhase::Stopped);
    server.drained().await;
}

#[tokio::test]
async fn a_phase_that_nobody_can_change_any_more_counts_as_stopped() {
    let server = Server::start(false, settings()).await;
    drop(server.phase);
    timeout(Duration::from_secs(10), server.running).await.expect("ends").unwrap();
}

/// What a large upload meets in real kernels: a socket closed with unread input is reset, and the answer lost.
#[tokio::test]
async fn a_client_that_is_still_sending_reads_its_refusal() {
    let server = Server::start(false, settings()).await;
    for _ in 0..20 {
        let mut client = server.connect().await.unwrap();
        client.send("GET / HTTP/1.1\r\na: ").await;
        client.send(&"x".repeat(2_000_000)).await;
        let answer = client.read().await;
        assert!(answer.starts_with("HTTP/1.1 431 ") && answer.ends_with("refused"), "{answer}");
        assert_eq!(client.read().await, "");
    }
    for _ in 0..20 {
        let mut client = server.connect().await.unwrap();
        client.send("POST /unread HTTP/1.1\r\ncontent-length: 2000000\r\n\r\n").await;
        client.send(&"x".repeat(2_000_000)).await;
        let answer = client.read().await;
        assert!(answer.ends_with("/unread"), "{answer}");
    }
    server.phase.send_replace(ShutdownPhase::Stopped);
    server.drained().await;
}

async fn http2(server: &Server) -> (conn::http2::SendRequest<AnswerBody>, JoinHandle<hyper::Result<()>>) {
    let Socket::Tcp(io) = server.connect().await.unwrap() else { panic!("not TCP") };
    let (sender, connection) = conn::http2::Builder::new(TokioExecutor::new())
        .max_header_list_size(1 << 20)
        .handshake(TokioIo::new(io))
        .await
        .unwrap();
    (sender, tokio::spawn(connection))
}

fn get(path: &str, header: usize) -> Request<AnswerBody> {
    let request = Request::get(format!("http://localhost{path}"));
    request.header("x", "y".repeat(header)).body(AnswerBody::Empty).unwrap()
}

#[tokio::test]
async fn http2_is_spoken_to_who_begins_with_it() {
    let mut server = Server::start(false, settings()).await;
    let (mut sender, connection) = http2(&server).await;
    let answers = join_all((0..100).map(|_| sender.send_request(get("/a", 1)))).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap().status() == 200));
    let answer = sender.send_request(get("/a", 70_000)).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["content-length"].as_bytes()), (431, &b"7"[..]));

    while server.arrived.try_recv().is_ok() {}
    let waiting = tokio::spawn(sender.send_request(get("/wait", 1)));
    server.arrival("/wait").await;
    server.phase.send_replace(ShutdownPhase::Stopped);
    server.go_on.notify_one();
    assert_eq!(waiting.await.unwrap().unwrap().status(), 200);
    assert_eq!(server.drained().await, Drained { finished: 1, cut: 0 });
    connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_idle_http2_connection_closes_when_stopped() {
    let server = Server::start(false, settings()).await;
    let (_sender, connection) = http2(&server).await;
    server.open(1).await;
    server.phase.send_replace(ShutdownPhase::Stopped);
    assert_eq!(server.drained().await, Drained { finished: 1, cut: 0 });
    connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_start_that_resembles_http2_is_still_http1() {
    for (start, is_http1) in [("P", true), ("PRI * HTTP/1.1\r\n", true), ("POST", true), ("G", true)] {
        let (mut client, mut server) = duplex(64);
        client.write_all(start.as_bytes()).await.unwrap();
        client.shutdown().await.unwrap();
        let mut read = Start { bytes: [0; 24], len: 0 };
        read.read(&mut server).await.unwrap();
        assert_eq!(read.read_so_far() != HTTP2_PREFACE, is_http1);
        assert!(start.as_bytes().starts_with(read.read_so_far()));
    }
}

#[test]
fn only_a_lack_of_resources_pauses_the_accepting() {
    let of = |kind: io::ErrorKind, last| pause_after(&kind.into(), Duration::from_millis(last)).as_millis();
    assert_eq!(of(io::ErrorKind::ConnectionAborted, 400), 0);
    assert_eq!(pause_after(&io::Error::from_raw_os_error(24), Duration::ZERO).as_millis(), 50);
    assert_eq!(of(io::ErrorKind::OutOfMemory, 50), 100);
    assert_eq!(of(io::ErrorKind::Other, 800), 1000);
}
