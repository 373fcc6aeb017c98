//! Servers that do not answer, in every way there is. What a real one does with a repeated request is told in the suite.

use super::*;
use crate::commands::command::CommandError;
use crate::commands::input::Input;
use crate::commands::progress::Progress;
use gatepost_application::transfer::{AccountSink, Fate, Linked, TransferredKey, WholeSeconds};
use gatepost_domain::usage_plans::UsagePlan;
use gatepost_storage::KeptUsage;
use serde_json::json;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SHORT: Patience = Patience {
    connect: Duration::from_secs(5),
    silence: Duration::from_millis(500),
    pause: Duration::from_millis(1),
};

/// What a server does with a request.
enum Act {
    /// Answers it: status, more headers, body.
    Answer(&'static str, &'static str, String),
    /// The same, but goes away in the middle.
    Half(String),
    GoAway,
    Nothing,
}

/// A server that does as it is told, with what it was asked so far.
struct Fake {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

impl Fake {
    /// `act` is told how many requests there were before, and this one.
    async fn start(act: impl Fn(usize, &str) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let fake = Self {
            port: listener.local_addr().unwrap().port(),
            asked: Arc::default(),
            connections: Arc::default(),
        };
        let (act, asked, connections) =
            (Arc::new(act), Arc::clone(&fake.asked), Arc::clone(&fake.connections));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(stream, Arc::clone(&act), Arc::clone(&asked)));
            }
        });
        fake
    }

    fn remote(&self) -> Remote {
        Remote {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            at: format!("127.0.0.1:{}", self.port),
            credential: None,
            patience: SHORT,
            connection: None,
        }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// Under what each request asked to be recognised.
    fn invocations(&self) -> Vec<String> {
        let of = |request: &String| {
            let line = request.lines().find_map(|line| line.strip_prefix("amz-sdk-invocation-id: "));
            line.unwrap_or("none").to_owned()
        };
        self.asked().iter().map(of).collect()
    }
}

/// Of usage plans there are none, which is not worth noting.
async fn serve(mut stream: TcpStream, act: Arc<impl Fn(usize, &str) -> Act>, asked: Arc<Mutex<Vec<String>>>) {
    while let Some(request) = read_request(&mut stream).await {
        let answer = |status, headers, body: &str| {
            format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
        };
        if request.starts_with("GET /usageplans?") {
            stream.write_all(answer("200 OK", "", &page(&[], None)).as_bytes()).await.unwrap();
            continue;
        }
        let before = {
            let mut asked = asked.lock().unwrap();
            asked.push(request.clone());
            asked.len() - 1
        };
        match act(before, &request) {
            Act::Answer(status, headers, body) => {
                stream.write_all(answer(status, headers, &body).as_bytes()).await.unwrap();
            }
            Act::Half(body) => {
                let whole = answer("200 OK", "", &body);
                stream.write_all(&whole.as_bytes()[..whole.len() - body.len() / 2]).await.unwrap();
                return;
            }
            Act::GoAway => return,
            Act::Nothing => {}
        }
    }
}

/// A request to its end; none where the client has gone.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let (mut request, mut buffer) = (String::new(), [0; 65_536]);
    loop {
        match stream.read(&mut buffer).await {
            Ok(read) if read > 0 => request.push_str(str::from_utf8(&buffer[..read]).unwrap()),
            _ => return None,
        }
        let Some((head, body)) = request.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let whole = match length {
            Some(length) => body.len() == length.parse::<usize>().unwrap(),
            None => !head.contains("transfer-encoding: chunked") || body.ends_with("0\r\n\r\n"),
        };
        if whole {
            return Some(request);
        }
    }
}

fn page(names: &[&str], position: Option<&str>) -> String {
    let item = |id: &&str| json!({"id": id, "value": "v".repeat(40), "enabled": true, "createdDate": 7, "lastUpdatedDate": 7});
    let items: Vec<Value> = names.iter().map(item).collect();
    let mut page = json!({ "item": items });
    if let Some(position) = position {
        page["position"] = position.into();
    }
    page.to_string()
}

fn ok(body: String) -> Act {
    Act::Answer("200 OK", "", body)
}

#[derive(Default)]
struct Ids(Vec<String>);

impl AccountSink for Ids {
    fn plan(&mut self, _: &UsagePlan) -> io::Result<()> {
        unreachable!("the servers have none")
    }

    fn key(&mut self, key: &TransferredKey) -> io::Result<()> {
        self.0.push(key.key.id.as_str().to_owned());
        Ok(())
    }

    fn usage(&mut self, _: &[KeptUsage]) -> io::Result<()> {
        unreachable!("the API does not show it")
    }
}

async fn export(fake: &Fake) -> Result<Vec<String>, CommandError> {
    let mut ids = Ids::default();
    fake.remote().export(&mut ids, &Progress::new(), Path::new("stdout")).await?;
    Ok(ids.0)
}

fn key() -> TransferredKey {
    let page: Value = serde_json::from_str(&page(&["a"], None)).unwrap();
    export::read_key(&page["item"][0], &mut WholeSeconds::default()).unwrap()
}

async fn import(fake: &Fake) -> Result<(u64, Vec<String>), CommandError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.csv");
    std::fs::write(&path, format!("name,key\na,{}\n", "v".repeat(40))).unwrap();
    let input = Input::open(&path, &Progress::new()).unwrap();
    fake.remote().import_csv(input, false).await
}

fn imported() -> Act {
    Act::Answer("201 Created", "", r#"{"ids":["a"],"warnings":[]}"#.to_owned())
}

#[tokio::test]
async fn a_server_that_accepts_and_never_answers_is_given_up() {
    let fake = Fake::start(|_, _| Act::Nothing).await;
    let error = export(&fake).await.unwrap_err().to_string();
    assert!(error.contains("gives no answer (attempts: 5): nothing came for 0.5 s"), "{error}");
    assert!(error.contains("give the same command again"), "{error}");
    assert_eq!(fake.connections.load(Ordering::Relaxed), 5, "each time over a new one");
}

#[tokio::test]
async fn a_server_that_is_gone_is_given_up() {
    let fake = Fake::start(|_, _| Act::GoAway).await;
    let error = export(&fake).await.unwrap_err().to_string();
    assert!(error.contains("gives no answer (attempts: 5): the connection broke: "), "{error}");
    let nowhere = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let fake = Fake { port: nowhere, ..fake };
    let error = export(&fake).await.unwrap_err().to_string();
    assert!(error.contains("(attempts: 5): Connection refused"), "{error}");
}

#[tokio::test]
async fn a_page_that_was_cut_off_or_did_not_come_is_asked_for_again() {
    let fake = Fake::start(|nth, _| match nth {
        0 => ok(page(&["c", "b"], Some("next"))),
        1 => Act::Half(page(&["a"], None)),
        2 => Act::Nothing,
        _ => ok(page(&["a"], None)),
    })
    .await;
    assert_eq!(export(&fake).await.unwrap(), ["c", "b", "a"]);
    let asked = fake.asked();
    assert_eq!(asked.len(), 4);
    assert!(asked[1..].iter().all(|request| *request == asked[1] && request.contains("position=next")));
    assert_eq!(fake.connections.load(Ordering::Relaxed), 3, "a good one is kept");
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_is_sent_again_under_the_same_name() {
    let fake = Fake::start(|nth, _| match nth {
        0 => Act::GoAway,
        1 => Act::Answer("503 Service Unavailable", "retry-after: 0\r\n", "{}".to_owned()),
        _ => Act::Answer("201 Created", "", r#"{"id":"a"}"#.to_owned()),
    })
    .await;
    let mut remote = fake.remote();
    for _ in 0..2 {
        assert!(matches!(remote.key(&key()).await.unwrap(), (Fate::Restored, Some(id)) if id == "a"));
    }
    let (asked, names) = (fake.asked(), fake.invocations());
    assert!(asked[0] == asked[1] && asked[1] == asked[2] && names[0].len() == 32, "{asked:?}");
    assert_ne!(names[3], names[0], "another create is another call");
    assert_eq!(names.len(), 4);
}

#[tokio::test]
async fn a_link_whose_answer_is_lost_is_found_to_be_there() {
    let conflict = || Act::Answer("409 Conflict", "", r#"{"message":"it is in another"}"#.to_owned());
    let fake = Fake::start(move |nth, _| match nth {
        0 => Act::GoAway,
        1 | 3 => conflict(),
        2 => ok(r#"{"id":"k"}"#.to_owned()),
        _ => Act::Answer("404 Not Found", "", r#"{"message":"none"}"#.to_owned()),
    })
    .await;
    let mut remote = fake.remote();
    assert!(matches!(remote.link("u", "k").await.unwrap(), Linked::Now));
    let Linked::Elsewhere(why) = remote.link("u", "k").await.unwrap() else { panic!("it is not there") };
    assert_eq!(why, "it is in another");
    let asked: Vec<_> = fake.asked().iter().map(|one| one.lines().next().unwrap().to_owned()).collect();
    let (post, get) = ("POST /usageplans/u/keys HTTP/1.1", "GET /usageplans/u/keys/k HTTP/1.1");
    assert_eq!(asked, [post, post, get, post, get]);
}

#[tokio::test]
async fn an_account_that_is_full_is_not_asked_again() {
    let full = || Act::Answer("429 Too Many Requests", "", r#"{"message":"full"}"#.to_owned());
    let fake = Fake::start(move |_, _| full()).await;
    let Err(error) = fake.remote().key(&key()).await else { panic!("it is full") };
    assert!(error.to_string().ends_with("429 Too Many Requests: full"), "{error}");
    assert_eq!(fake.asked().len(), 1);
}

#[tokio::test]
async fn an_import_whose_answer_is_lost_is_sent_again_until_the_first_one_has_ended() {
    let fake = Fake::start(|nth, _| match nth {
        0 => Act::GoAway,
        1 => Act::Answer("409 Conflict", "", r#"{"message":"try later"}"#.to_owned()),
        _ => imported(),
    })
    .await;
    assert_eq!(import(&fake).await.unwrap().0, 1);
    let asked = fake.asked();
    assert!(asked.len() == 3 && asked.iter().all(|request| *request == asked[0]), "{asked:?}");
    assert!(asked[0].contains(&"v".repeat(40)), "the file was sent");
}

#[tokio::test]
async fn a_silent_import_is_waited_for_as_long_as_the_server_answers_others() {
    let answers = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&answers);
    let fake = Fake::start(move |_, request| {
        let answers = request.starts_with("GET ") && counted.fetch_add(1, Ordering::Relaxed) < 2;
        if answers { ok(page(&[], None)) } else { Act::Nothing }
    })
    .await;
    let error = import(&fake).await.unwrap_err().to_string();
    assert!(
        error.contains("nothing came for 0.5 s; the file may have been imported all the same"),
        "{error}"
    );
    let imports = fake.asked().iter().filter(|request| request.starts_with("POST ")).count();
    assert_eq!((imports, answers.load(Ordering::Relaxed)), (5, 7), "two silences were borne");
}

#[tokio::test]
async fn an_import_that_takes_long_is_answered_in_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let fake = Fake {
        port: listener.local_addr().unwrap().port(),
        asked: Arc::default(),
        connections: Arc::default(),
    };
    let asked = Arc::clone(&fake.asked);
    tokio::spawn(async move {
        let (mut importing, _) = listener.accept().await.unwrap();
        read_request(&mut importing).await.unwrap();
        for _ in 0..3 {
            let (stream, _) = listener.accept().await.unwrap();
            let act = Arc::new(|_: usize, _: &str| ok(page(&[], None)));
            tokio::spawn(serve(stream, act, Arc::clone(&asked)));
        }
        let body = r#"{"ids":["a","b"],"warnings":["one"]}"#;
        let answer = format!("HTTP/1.1 201 Created\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        importing.write_all(answer.as_bytes()).await.unwrap();
    });
    assert_eq!(import(&fake).await.unwrap(), (2, vec!["one".to_owned()]));
    let asked = fake.asked();
    assert!(asked.iter().all(|request| request.starts_with("GET /apikeys?limit=1 ")), "{asked:?}");
}

#[tokio::test]
async fn what_can_be_read_only_once_is_sent_once() {
    let fake = Fake::start(|_, _| Act::GoAway).await;
    let (reader, mut writer) = io::pipe().unwrap();
    writer.write_all(b"name,key\n").unwrap();
    drop(writer);
    let path = format!("/dev/fd/{}", reader.as_raw_fd());
    let input = Input::open(Path::new(&path), &Progress::new()).unwrap();
    let error = fake.remote().import_csv(input, false).await.unwrap_err().to_string();
    assert!(error.contains("gives no answer (attempts: 1): "), "{error}");
    assert_eq!(fake.asked().len(), 1);
}
