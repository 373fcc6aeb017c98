use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use integration_tests::database::Database;
use integration_tests::proxy::{Direction, Proxy};
use sqlx::{Connection as _, PgConnection};

/// A server that sends back what it gets, and says how many bytes it got of each connection that ended.
fn echo() -> (SocketAddr, Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, received) = channel();
    thread::spawn(move || {
        for mut connection in listener.incoming().map_while(Result::ok) {
            let sender = sender.clone();
            thread::spawn(move || {
                let (mut buffer, mut total) = ([0; 1024], 0);
                while let Ok(read @ 1..) = connection.read(&mut buffer) {
                    total += read;
                    if connection.write_all(&buffer[..read]).is_err() {
                        break;
                    }
                }
                sender.send(total)
            });
        }
    });
    (address, received)
}

fn connect(proxy: &Proxy) -> TcpStream {
    let connection = TcpStream::connect(proxy.address()).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    connection
}

/// Says `text`, and what comes back of it before the end.
fn say(connection: &mut TcpStream, text: &[u8]) -> (Vec<u8>, Option<ErrorKind>) {
    let mut answer = vec![0; text.len()];
    let mut got = 0;
    if let Err(error) = connection.write_all(text) {
        return (Vec::new(), Some(error.kind()));
    }
    while got < answer.len() {
        match connection.read(&mut answer[got..]) {
            Ok(0) => return (answer[..got].to_vec(), None),
            Ok(read) => got += read,
            Err(error) => return (answer[..got].to_vec(), Some(error.kind())),
        }
    }
    (answer, None)
}

#[test]
fn bytes_pass_unchanged_and_an_end_in_good_order_is_passed_on() {
    let (server, received) = echo();
    let proxy = Proxy::start(server);
    let mut client = connect(&proxy);
    let text: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let mut answer = Vec::new();
    thread::scope(|scope| {
        let mut writer = client.try_clone().unwrap();
        let text = &text;
        scope.spawn(move || {
            writer.write_all(text).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        });
        client.read_to_end(&mut answer).unwrap();
    });
    assert!(answer == text);
    assert_eq!(received.recv_timeout(Duration::from_secs(20)).unwrap(), text.len());
    assert_eq!(proxy.cuts(), 0);
}

#[test]
fn a_cut_resets_every_connection_and_lets_new_ones_through() {
    let (server, received) = echo();
    let proxy = Proxy::start(server);
    let mut clients = [connect(&proxy), connect(&proxy)];
    for client in &mut clients {
        assert_eq!(say(client, b"hello").0, b"hello");
    }
    assert_eq!(proxy.open(), 2);
    proxy.cut();
    for client in &mut clients {
        assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
        received.recv_timeout(Duration::from_secs(20)).unwrap();
    }
    assert_eq!(say(&mut connect(&proxy), b"again").0, b"again");
}

#[test]
fn refusing_concerns_new_connections_only() {
    let proxy = Proxy::start(echo().0);
    let mut before = connect(&proxy);
    assert_eq!(say(&mut before, b"one").0, b"one");
    proxy.refuse();
    assert_eq!(TcpStream::connect(proxy.address()).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert_eq!(say(&mut before, b"two").0, b"two");
    proxy.accept();
    assert_eq!(say(&mut connect(&proxy), b"three").0, b"three");
}

#[test]
fn what_is_stalled_comes_later_and_whole() {
    let proxy = Proxy::start(echo().0);
    let mut client = connect(&proxy);
    assert_eq!(say(&mut client, b"one").0, b"one");
    proxy.stall();
    client.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert_eq!(say(&mut client, b"two"), (Vec::new(), Some(ErrorKind::WouldBlock)));
    proxy.flow();
    let mut late = [0; 3];
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    client.read_exact(&mut late).unwrap();
    assert_eq!(&late, b"two");
}

#[test]
fn a_cut_after_some_bytes_lets_exactly_those_through() {
    for (bytes, direction, heard, answered) in [
        (5, Direction::ToServer, 5, 5),
        (0, Direction::ToServer, 0, 0),
        (0, Direction::ToClient, 8, 0),
        (3, Direction::ToClient, 8, 3),
    ] {
        let (server, received) = echo();
        let proxy = Proxy::start(server);
        proxy.cut_after(bytes, direction);
        let (answer, error) = say(&mut connect(&proxy), b"12345678");
        assert_eq!(error, Some(ErrorKind::ConnectionReset), "{bytes} {direction:?}");
        // What the server sent back after it heard the last byte may be lost on the way.
        assert!(answer.len() <= answered, "{bytes} {direction:?}");
        assert_eq!(received.recv_timeout(Duration::from_secs(20)).unwrap(), heard, "{bytes} {direction:?}");
        assert_eq!(proxy.cuts(), 1);
        assert_eq!(say(&mut connect(&proxy), b"again").0, b"again");
    }
}

#[tokio::test]
async fn a_lost_answer_leaves_a_statement_that_was_done() {
    let database = Database::fresh().await;
    let (proxy, through) = Proxy::in_front_of(database.url());
    let mut direct = PgConnection::connect(database.url()).await.unwrap();
    sqlx::raw_sql("CREATE TABLE note ()").execute(&mut direct).await.unwrap();

    let mut client = PgConnection::connect(&through).await.unwrap();
    proxy.cut_after(0, Direction::ToClient);
    let lost = sqlx::raw_sql("INSERT INTO note DEFAULT VALUES").execute(&mut client).await;
    assert!(matches!(lost, Err(sqlx::Error::Io(_))), "{lost:?}");
    let notes: i64 = sqlx::query_scalar("SELECT count(*) FROM note").fetch_one(&mut direct).await.unwrap();
    assert_eq!(notes, 1);
}
