//! Clients that share keys, and note what they see: each key's history must be that of a single register.
//!
//! An id equals its value here, so that a key that is made anew is the same key. Contents are never used twice.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use serde_json::json;

use super::caller::{Caller, Heard, Kept};
use super::place::{Kind, Place, kill9};
use super::random::Random;
use super::{Counts, Run};
use crate::database::free_port;
use crate::http::{Answer, Request};
use crate::linearizable::{Call, Event, History, Outcome};
use crate::proxy::{Direction, Proxy};
use crate::server::Server;

const CLIENTS: usize = 6;
const KEYS: usize = 3;
const PAUSE: Duration = Duration::from_millis(3);

/// Servers that come back under their own addresses.
struct World<'r> {
    run: &'r Run,
    place: Place,
    ports: Vec<u16>,
    servers: Mutex<Vec<Option<Server>>>,
    /// Between them and PostgreSQL.
    proxy: Option<Proxy>,
    _database: Option<Place>,
}

impl<'r> World<'r> {
    fn start(run: &'r Run, kind: Kind) -> Self {
        let (place, proxy, database, replicas) = match kind {
            Kind::Sqlite => (Place::new(kind), None, None, 1),
            Kind::Postgres => {
                let database = Place::new(kind);
                let (proxy, through) = Proxy::in_front_of(database.url());
                (Place::at(&through), Some(proxy), Some(database), 2)
            }
        };
        let ports: Vec<u16> = (0..replicas).map(|_| free_port()).collect();
        let world = Self { run, place, ports, servers: Mutex::default(), proxy, _database: database };
        let servers = world.ports.iter().map(|port| Some(world.serve(*port))).collect();
        *world.servers.lock().expect("nobody panicked") = servers;
        world
    }

    fn serve(&self, port: u16) -> Server {
        self.place.start_with(self.run, &[&format!("--control-listen=127.0.0.1:{port}")])
    }

    fn disturb(&self, random: &mut Random) {
        match (&self.proxy, random.below(8)) {
            (Some(proxy), 0..2) => proxy.cut(),
            (Some(proxy), 2..6) => {
                let direction = if random.once_in(2) { Direction::ToServer } else { Direction::ToClient };
                proxy.cut_after(random.below(3_000) as u64, direction);
            }
            (Some(_) | None, _) => self.kill_one(random),
        }
    }

    fn kill_one(&self, random: &mut Random) {
        let mut servers = self.servers.lock().expect("nobody panicked");
        let place = random.below(servers.len());
        kill9(servers[place].take().expect("servers come back"));
        if let Some(proxy) = &self.proxy {
            // A cut that is still to come would hinder the start.
            proxy.cut_after(u64::MAX, Direction::ToClient);
        }
        servers[place] = Some(self.serve(self.ports[place]));
    }

    fn end(self) {
        self.servers.into_inner().expect("nobody panicked").into_iter().flatten().for_each(kill9);
    }
}

/// A key that all clients share.
struct Shared {
    value: String,
    /// How many calls it may still have.
    left: AtomicUsize,
    contents: AtomicU32,
    history: Mutex<History>,
}

impl Shared {
    fn new(random: &mut Random) -> Self {
        Self {
            value: random.value(),
            left: AtomicUsize::new(History::MOST),
            contents: AtomicU32::new(0),
            history: Mutex::default(),
        }
    }

    fn call(&self, random: &mut Random) -> Call {
        let content = || self.contents.fetch_add(1, Ordering::SeqCst);
        match random.below(10) {
            0..2 => Call::Create(content()),
            2..5 => Call::Update(content()),
            5 => Call::Delete,
            _ => Call::Get,
        }
    }

    fn request(&self, call: Call) -> Request {
        let target = format!("/apikeys/{}", self.value);
        match call {
            Call::Create(content) => {
                let body = json!({
                    "value": self.value, "generateDistinctId": false, "description": content.to_string(),
                });
                Request::json("POST", "/apikeys", &body)
            }
            Call::Update(content) => {
                let change = json!({ "op": "replace", "path": "/description", "value": content.to_string() });
                Request::json("PATCH", &target, &json!({ "patchOperations": [change] }))
            }
            Call::Delete => Request::new("DELETE", &target).plain(),
            Call::Get => Request::get(&target),
        }
    }
}

/// What an answer says of a key.
fn outcome(call: Call, answer: &Answer) -> Outcome {
    let shown = || Kept::of(&answer.json()).content;
    match (call, answer.status) {
        (Call::Create(content), 201) | (Call::Update(content), 200) => {
            assert_eq!(shown(), content, "a write answers what it wrote");
            Outcome::Done(None)
        }
        (Call::Delete, 202) => Outcome::Done(None),
        (Call::Get, 200) => Outcome::Done(Some(shown())),
        (Call::Update(_) | Call::Delete | Call::Get, 404) => Outcome::Missing,
        (Call::Create(_), 409) if answer.text().contains("API Key already exists") => Outcome::Exists,
        (Call::Update(_), 409) if answer.text().contains("concurrent modification") => Outcome::Overtaken,
        (_, status) => panic!("{call:?} is answered {status} {}", answer.text()),
    }
}

/// Calls from all clients to a few keys until their histories are full.
fn record(world: &World<'_>, random: &mut Random, counts: &mut Counts) -> Vec<History> {
    let keys: Vec<Shared> = (0..KEYS).map(|_| Shared::new(random)).collect();
    let start = Instant::now();
    let now = || u64::try_from(start.elapsed().as_nanos()).expect("some seconds");
    let client = |nth: usize, mut random: Random| {
        let port = world.ports[nth % world.ports.len()];
        let mut caller = Caller::new(([127, 0, 0, 1], port).into(), world.run.patience);
        let mut first = random.below(KEYS);
        while let Some(key) = (0..KEYS).map(|nth| &keys[(first + nth) % KEYS]).find(|key| taken(&key.left)) {
            let call = key.call(&mut random);
            let request = key.request(call);
            let sent = now();
            let outcome = match caller.call(&request) {
                Heard::Answer(answer) => outcome(call, &answer),
                Heard::Unavailable | Heard::Cut => Outcome::Unknown,
                Heard::Refused => {
                    key.left.fetch_add(1, Ordering::SeqCst);
                    sleep(PAUSE);
                    continue;
                }
            };
            let event = Event { call, outcome, sent, answered: now() };
            key.history.lock().expect("nobody panicked").note(event);
            caller.counts.acknowledged += usize::from(outcome != Outcome::Unknown);
            first = random.below(KEYS);
        }
        caller.counts
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|nth| {
                let random = random.branch();
                scope.spawn(move || client(nth, random))
            })
            .collect();
        for client in clients {
            *counts += client.join().expect("what clients see is what may be");
        }
    });
    counts.rounds += 1;
    counts.keys += KEYS;
    keys.into_iter().map(|key| key.history.into_inner().expect("nobody panicked")).collect()
}

/// Takes one of what is left, if anything is.
fn taken(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

/// Records histories while connections are cut and servers killed, and looks for an order that explains each.
///
/// # Panics
/// When there is none; the message is the history.
pub fn linearizable(run: &Run, kind: Kind) -> Counts {
    let mut random = Random::new(run.seed);
    let world = World::start(run, kind);
    let (over, mut counts) = (AtomicBool::new(false), Counts::default());
    let mut chance = random.branch();
    thread::scope(|scope| {
        let disturbing = scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                sleep(Duration::from_millis(20 + chance.below(150) as u64));
                world.disturb(&mut chance);
            }
        });
        let ends = EndsWith(&over);
        for _ in 0..run.rounds {
            for history in record(&world, &mut random, &mut counts) {
                history.check().unwrap_or_else(|violation| panic!("{violation}"));
            }
        }
        drop(ends);
        disturbing.join().expect("servers start again");
    });
    world.end();
    counts
}

/// Ends the disturbances, whether the rounds came to their end or to a panic.
struct EndsWith<'a>(&'a AtomicBool);

impl Drop for EndsWith<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Histories of calls that nothing disturbed.
///
/// # Panics
/// When a call fails.
pub fn undisturbed(run: &Run, kind: Kind) -> Vec<History> {
    let mut random = Random::new(run.seed);
    let world = World::start(run, kind);
    let mut counts = Counts::default();
    let histories = (0..run.rounds).flat_map(|_| record(&world, &mut random, &mut counts)).collect();
    world.end();
    histories
}

/// A history in which one read shows what a later write had already replaced.
pub fn with_stale_read(history: &History) -> Option<History> {
    altered(history, |events| {
        events.iter().enumerate().find_map(|(place, get)| {
            let Outcome::Done(Some(seen)) = get.outcome else { return None };
            let newer =
                events.iter().find(|event| written(event) == Some(seen) && event.answered < get.sent)?;
            let older =
                events.iter().find(|event| written(event).is_some() && event.answered < newer.sent)?;
            Some((vec![place], written(older)?))
        })
    })
}

/// A history in which an update was answered with success, and all reads show what was there before it.
pub fn with_lost_update(history: &History) -> Option<History> {
    altered(history, |events| {
        events.iter().filter(|event| matches!(event.call, Call::Update(_))).find_map(|update| {
            let lost = Outcome::Done(Some(written(update)?));
            let before =
                events.iter().filter(|event| written(event).is_some() && event.answered < update.sent);
            let before = before.max_by_key(|event| event.answered)?;
            let reads: Vec<usize> =
                (0..events.len()).filter(|place| events[*place].outcome == lost).collect();
            let late = reads.iter().any(|place| events[*place].sent > update.answered);
            late.then_some((reads, written(before)?))
        })
    })
}

/// A history in which a read shows what a deletion had taken away.
pub fn with_resurrected_key(history: &History) -> Option<History> {
    altered(history, |events| {
        let missed = |event: &Event| event.call == Call::Get && event.outcome == Outcome::Missing;
        let deleted = |event: &&Event| event.call == Call::Delete && event.outcome == Outcome::Done(None);
        events.iter().enumerate().filter(|(_, event)| missed(event)).find_map(|(place, get)| {
            let gone = events.iter().filter(deleted).filter(|event| event.answered < get.sent);
            let dead =
                |gone: &Event| events.iter().filter(|event| event.answered < gone.sent).find_map(written);
            Some((vec![place], gone.map(dead).find(Option::is_some)??))
        })
    })
}

/// The content that a call is known to have written.
fn written(event: &Event) -> Option<u32> {
    match (event.call, event.outcome) {
        (Call::Create(content) | Call::Update(content), Outcome::Done(_)) => Some(content),
        (Call::Create(_) | Call::Update(_) | Call::Delete | Call::Get, _) => None,
    }
}

/// The history with another answer to some of its reads.
fn altered(history: &History, choose: impl Fn(&[Event]) -> Option<(Vec<usize>, u32)>) -> Option<History> {
    let (reads, content) = choose(history.events())?;
    let mut altered = History::default();
    for (place, event) in history.events().iter().enumerate() {
        let outcome = if reads.contains(&place) { Outcome::Done(Some(content)) } else { event.outcome };
        altered.note(Event { outcome, ..*event });
    }
    Some(altered)
}
