//! Real hyper on both ends of a pipe in memory, in a time of our own.

use std::sync::Mutex;

use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::wire::connection::{ConnectionSettings, ShutdownPhase, serve_connection};
use crate::wire::peer::Peer;
use crate::wire::socket::Socket;

const LONG: usize = 1_000_000;
const IDLE: Duration = Duration::from_secs(2);
const STALLED: Duration = Duration::from_secs(1);
/// So often a slow client takes something: seldom, but often enough.
const SLOWLY: Duration = Duration::from_millis(300);

/// A server whose every answer is long.
struct Server {
    serving: JoinHandle<()>,
    phase: watch::Sender<ShutdownPhase>,
}

impl Server {
    fn start() -> (Self, DuplexStream) {
        // What a socket holds is soon more than the whole answer: a pipe is not so kind.
        let (client, server) = duplex(16 * 1024);
        let (phase, phases) = watch::channel(ShutdownPhase::Serving);
        let settings = ConnectionSettings {
            max_connections: 1,
            header_timeout: IDLE,
            write_timeout: STALLED,
            drain_timeout: Duration::from_secs(1_000),
        };
        let service = |_: Request<Incoming>, _| async { Response::new(AnswerBody::from(vec![7; LONG])) };
        let refuse = Arc::new(|status, _| Response::builder().status(status).body(Bytes::new()).unwrap());
        let io = Socket::new(server, STALLED);
        let serving = tokio::spawn(serve_connection(io, Peer::Unix, service, settings, refuse, phases));
        (Self { serving, phase }, client)
    }

    fn stop(&self) {
        self.phase.send_replace(ShutdownPhase::Stopped);
    }

    async fn ends_within(self, time: Duration) {
        timeout(time, self.serving).await.expect("the connection ends").unwrap();
    }
}

/// Asks over HTTP/2, with windows that hold a small part of the answer.
async fn ask_http2(client: DuplexStream) -> Incoming {
    let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(65_535)
        .initial_connection_window_size(65_535)
        .handshake(TokioIo::new(client))
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = Request::get("http://localhost/").body(AnswerBody::Empty).unwrap();
    sender.send_request(request).await.unwrap().into_body()
}

async fn taken_slowly(body: &mut Incoming, most: usize) -> usize {
    let mut taken = 0;
    while taken < most {
        let Some(frame) = body.frame().await else { break };
        taken += frame.expect("the answer goes on").into_data().unwrap().len();
        sleep(SLOWLY).await;
    }
    taken
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_taken_slowly_is_sent_to_its_end_over_http_2() {
    for is_stopped in [false, true] {
        let (server, client) = Server::start();
        let mut body = ask_http2(client).await;
        let begun = taken_slowly(&mut body, 100_000).await;
        if is_stopped {
            server.stop();
        }
        assert_eq!(begun + taken_slowly(&mut body, LONG).await, LONG);
        server.ends_within(3 * IDLE).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_which_nothing_is_taken_ends_its_connection_over_http_2() {
    for is_stopped in [false, true] {
        let (server, client) = Server::start();
        let mut body = ask_http2(client).await;
        taken_slowly(&mut body, 100_000).await;
        if is_stopped {
            server.stop();
        }
        server.ends_within(2 * STALLED).await;
        assert!(body.collect().await.is_err(), "the rest does not come");
    }
}

#[tokio::test(start_paused = true)]
async fn over_http_1_it_is_the_same() {
    for (is_stopped, stalls) in [(false, false), (true, false), (false, true), (true, true)] {
        let (server, mut client) = Server::start();
        client.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let (mut taken, mut bytes) = (0, vec![0; 10_000]);
        while taken < LONG {
            taken += client.read(&mut bytes).await.unwrap();
            if is_stopped {
                server.stop();
            }
            if stalls {
                server.ends_within(2 * STALLED).await;
                break;
            }
            sleep(SLOWLY).await;
        }
        assert_eq!(taken >= LONG, !stalls);
    }
}

/// Many that stop reading for a while do not end a connection on which others read.
#[tokio::test(start_paused = true)]
async fn while_one_answer_moves_the_others_may_rest() {
    let traffic = Arc::new(Traffic::default());
    let resting = Sending::new(AnswerBody::from("resting".to_owned()), Some(Running::of(&traffic)));
    let mut moving = Sending::new(AnswerBody::from(vec![0; 100]), Some(Running::of(&traffic)));
    let mut piece = moving.frame().await.unwrap().unwrap().into_data().ok().unwrap();
    drop(moving);
    let ended = Arc::new(Mutex::new(false));
    let (watched, told) = (Arc::clone(&traffic), Arc::clone(&ended));
    let waiting = tokio::spawn(async move {
        watched.ended(IDLE, STALLED).await;
        *told.lock().unwrap() = true;
    });
    for _ in 0..10 {
        sleep(STALLED * 9 / 10).await;
        piece.advance(1);
    }
    assert!(!*ended.lock().unwrap());
    // The last that moves is gone, and the other one takes nothing.
    drop(piece);
    sleep(STALLED * 9 / 10).await;
    assert!(!*ended.lock().unwrap());
    timeout(STALLED * 2, waiting).await.unwrap().unwrap();
    assert!(traffic.is_sending());
    drop(resting);
    assert!(!traffic.is_sending());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_being_answered_is_waited_for() {
    let traffic = Arc::new(Traffic::default());
    let running = Running::of(&traffic);
    assert!(timeout(IDLE * 100, traffic.ended(IDLE, STALLED)).await.is_err());
    drop(running);
    timeout(IDLE * 2, traffic.ended(IDLE, STALLED)).await.unwrap();
}
