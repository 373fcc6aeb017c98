//! One connection that outlives its ends, and how long its calls take.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::Counts;
use crate::http::{Answer, Connection, Request};

/// How long an import, or a page of a listing, may take: it is not bound to end within a request's time.
const LONG: Duration = Duration::from_secs(50);

/// What came of a call.
pub(super) enum Heard {
    Answer(Answer),
    /// 503: it may have been done, or may yet be.
    Unavailable,
    /// The connection ended: it may have been done, or may yet be.
    Cut,
    /// There was no connection: it was not done.
    Refused,
}

pub(super) struct Caller {
    to: SocketAddr,
    connection: Option<Connection>,
    patience: Duration,
    pub(super) counts: Counts,
}

impl Caller {
    pub(super) fn new(to: SocketAddr, patience: Duration) -> Self {
        Self { to, connection: None, patience, counts: Counts::default() }
    }

    /// From now on calls another server.
    pub(super) fn aim(&mut self, to: SocketAddr) {
        if self.to != to {
            (self.to, self.connection) = (to, None);
        }
    }

    pub(super) fn call(&mut self, request: &Request) -> Heard {
        let (heard, took) = self.timed(request);
        self.counts.slowest = self.counts.slowest.max(took);
        assert!(took <= self.patience, "a call took {took:?}");
        heard
    }

    pub(super) fn call_patiently(&mut self, request: &Request) -> Heard {
        let (heard, took) = self.timed(request);
        assert!(took <= LONG, "a long call took {took:?}");
        heard
    }

    /// A call that nothing stands in the way of.
    pub(super) fn ask(&mut self, request: &Request) -> Answer {
        match self.call_patiently(request) {
            Heard::Answer(answer) => answer,
            Heard::Unavailable => panic!("503 although nothing is wrong any more"),
            Heard::Cut | Heard::Refused => panic!("no answer although nothing is wrong any more"),
        }
    }

    fn timed(&mut self, request: &Request) -> (Heard, Duration) {
        let begun = Instant::now();
        let heard = self.heard(request);
        (heard, begun.elapsed())
    }

    fn heard(&mut self, request: &Request) -> Heard {
        let connection = self.connection.take().map_or_else(|| Connection::open(self.to), Ok);
        let Ok(mut connection) = connection else { return Heard::Refused };
        let Ok(answer) = connection.send(request) else {
            self.counts.cut += 1;
            return Heard::Cut;
        };
        if answer.header("connection") != Some("close") {
            self.connection = Some(connection);
        }
        if answer.status == 503 {
            assert!(answer.header("retry-after").is_some(), "503 says when to come again");
            self.counts.unavailable += 1;
            return Heard::Unavailable;
        }
        Heard::Answer(answer)
    }

    /// Every key by its value.
    pub(super) fn list(&mut self) -> HashMap<String, Kept> {
        const FIRST: &str = "/apikeys?limit=500&includeValues=true";
        let mut kept = HashMap::new();
        let mut target = FIRST.to_owned();
        loop {
            let page = self.ask(&Request::get(&target)).expect(200);
            for key in page["item"].as_array().expect("a list of keys") {
                let before = kept.insert(text(key, "value"), Kept::of(key));
                assert!(before.is_none(), "two keys with one value");
            }
            let Some(position) = page["position"].as_str() else { return kept };
            target = format!("{FIRST}&position={}", utf8_percent_encode(position, NON_ALPHANUMERIC));
        }
    }
}

/// A key as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) id: String,
    /// Clients number what they write; it is the description.
    pub(super) content: u32,
}

impl Kept {
    pub(super) fn of(key: &Value) -> Self {
        let content = text(key, "description").parse().expect("the description is a number");
        Self { id: text(key, "id"), content }
    }
}

pub(super) fn text(key: &Value, member: &str) -> String {
    key[member].as_str().unwrap_or_else(|| panic!("a key with a {member}")).to_owned()
}
