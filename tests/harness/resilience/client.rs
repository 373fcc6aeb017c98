//! A client that does random things to keys of its own, and notices when the answer is not what it must be.

use std::net::SocketAddr;
use std::thread::sleep;
use std::time::Duration;

use serde_json::json;

use super::caller::{Caller, Heard, Kept, text};
use super::ledger::{Ledger, Row};
use super::random::Random;
use crate::http::{Answer, Request};

/// How long a client waits that nobody listens to, or that was told to come again.
const PAUSE: Duration = Duration::from_millis(10);

/// What a client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// Creates, reads, changes and deletes keys one by one.
    Singly,
    /// Imports files, of so many rows at most.
    ByFile(usize),
}

pub(super) struct Client {
    pub(super) caller: Caller,
    pub(super) work: Work,
    pub(super) ledger: Ledger,
    random: Random,
    /// The keys whose content is known for certain.
    live: Vec<Live>,
    /// How many contents were given.
    contents: u32,
    /// How many writes were acknowledged.
    writes: usize,
}

struct Live {
    value: String,
    kept: Kept,
}

impl Client {
    pub(super) fn new(work: Work, random: Random, to: SocketAddr, patience: Duration) -> Self {
        let caller = Caller::new(to, patience);
        Self { caller, work, ledger: Ledger::default(), random, live: Vec::new(), contents: 0, writes: 0 }
    }

    /// One call; answers whether it was a write that was acknowledged.
    pub(super) fn step(&mut self) -> bool {
        let before = self.writes;
        match self.work {
            Work::ByFile(most) => self.import(most),
            Work::Singly => match (self.random.below(8), self.live.len()) {
                (_, 0) | (0..3, _) => self.create(),
                (3..5, live) => {
                    let place = self.random.below(live);
                    self.update(place);
                }
                (5, live) => {
                    let place = self.random.below(live);
                    self.delete(place);
                }
                (_, live) => {
                    let place = self.random.below(live);
                    self.get(place);
                }
            },
        }
        self.writes > before
    }

    fn next_content(&mut self) -> u32 {
        self.contents += 1;
        self.contents
    }

    fn create(&mut self) {
        let (value, content) = (self.random.value(), self.next_content());
        let distinct = self.random.once_in(2);
        let body = json!({
            "value": value, "description": content.to_string(), "enabled": true, "generateDistinctId": distinct,
        });
        let heard = self.caller.call(&Request::json("POST", "/apikeys", &body));
        let row = Row { value: value.clone(), before: None, after: Some(content) };
        if let Some(answer) = self.answered(heard, vec![row], false, 201) {
            let id = text(&answer.json(), "id");
            self.live.push(Live { value, kept: Kept { id, content } });
        }
    }

    fn update(&mut self, place: usize) {
        let mut key = self.live.swap_remove(place);
        let content = self.next_content();
        let body = json!({
            "patchOperations": [{ "op": "replace", "path": "/description", "value": content.to_string() }],
        });
        let heard = self.caller.call(&Request::json("PATCH", &key.target(), &body));
        let row = Row { value: key.value.clone(), before: Some(key.kept.content), after: Some(content) };
        let refused = matches!(heard, Heard::Refused);
        if let Some(answer) = self.answered(heard, vec![row], false, 200) {
            key.kept.content = content;
            assert_eq!(Kept::of(&answer.json()), key.kept, "what an update answers");
            self.live.push(key);
        } else if refused {
            self.live.push(key);
        }
    }

    fn delete(&mut self, place: usize) {
        let key = self.live.swap_remove(place);
        let heard = self.caller.call(&Request::new("DELETE", &key.target()).plain());
        let row = Row { value: key.value.clone(), before: Some(key.kept.content), after: None };
        if matches!(heard, Heard::Refused) {
            self.live.push(key);
        }
        self.answered(heard, vec![row], false, 202);
    }

    fn get(&mut self, place: usize) {
        let request = Request::get(&format!("{}?includeValue=true", self.live[place].target()));
        let heard = self.caller.call(&request);
        if let Some(answer) = self.answered(heard, Vec::new(), false, 200) {
            let (key, shown) = (&self.live[place], answer.json());
            assert_eq!(
                (&text(&shown, "value"), &Kept::of(&shown)),
                (&key.value, &key.kept),
                "what a read answers"
            );
        }
    }

    /// New keys, and some that are known; with failonwarnings half of the time, and then all or none.
    fn import(&mut self, most: usize) {
        let (content, whole) = (self.next_content(), self.random.once_in(2));
        let mut keys: Vec<Live> = (0..self.live.len().min(20))
            .map(|_| {
                let place = self.random.below(self.live.len());
                self.live.swap_remove(place)
            })
            .collect();
        let known = keys.len();
        for _ in 0..1 + self.random.below(most) {
            keys.push(Live { value: self.random.value(), kept: Kept { id: String::new(), content: 0 } });
        }
        let line = |key: &Live| format!("{},some,{content},true\n", key.value);
        let file: String = keys.iter().map(line).collect();
        let query = if whole { "&failonwarnings=true" } else { "" };
        let heard = self
            .caller
            .call_patiently(&Request::import(query, format!("key,name,description,enabled\n{file}")));
        let before = |place: usize, key: &Live| (place < known).then_some(key.kept.content);
        let rows = keys.iter().enumerate().map(|(place, key)| Row {
            value: key.value.clone(),
            before: before(place, key),
            after: Some(content),
        });
        let rows: Vec<Row> = rows.collect();
        // Another import took so long that this one was not begun.
        let undone =
            matches!(heard, Heard::Refused) || matches!(&heard, Heard::Answer(one) if one.status == 409);
        if undone {
            keys.truncate(known);
            self.live.append(&mut keys);
            sleep(PAUSE);
            return;
        }
        if let Some(answer) = self.answered(heard, rows, whole, 201) {
            let answer = answer.json();
            let ids = answer["ids"].as_array().expect("the ids of an import");
            assert_eq!(ids.len(), keys.len(), "an id for each row");
            for (key, id) in keys.iter_mut().zip(ids) {
                key.kept = Kept { id: id.as_str().expect("an id").to_owned(), content };
            }
            self.live.append(&mut keys);
            self.caller.counts.imports += 1;
        }
    }

    /// Notes in the ledger what came of a call that was to be answered with `status`.
    fn answered(&mut self, heard: Heard, rows: Vec<Row>, whole: bool, status: u16) -> Option<Answer> {
        match heard {
            Heard::Answer(answer) => {
                assert_eq!(answer.status, status, "{}", answer.text());
                self.writes += usize::from(!rows.is_empty());
                self.ledger.acknowledged(rows);
                self.caller.counts.acknowledged += 1;
                return Some(answer);
            }
            Heard::Unavailable | Heard::Cut => self.ledger.unanswered(rows, whole),
            Heard::Refused => {}
        }
        sleep(PAUSE);
        None
    }
}

impl Live {
    fn target(&self) -> String {
        format!("/apikeys/{}", self.kept.id)
    }
}
