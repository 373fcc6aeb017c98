//! Requests at the same moment, through two replicas of one installation.

use std::sync::Barrier;
use std::thread;

use serde_json::json;

use super::place::{Kind, Place, kill9};
use super::random::Random;
use super::{Counts, Run};
use crate::http::{Answer, Request};
use crate::server::{Server, id_of};

const OVERTAKEN: &str =
    "Unable to complete operation due to concurrent modification. Please try again later.";

/// Two servers on one database.
struct Pair {
    servers: [Server; 2],
    random: Random,
    counts: Counts,
    _place: Place,
}

impl Pair {
    fn start(run: &Run) -> Self {
        let place = Place::new(Kind::Postgres);
        let servers = [place.start(run), place.start(run)];
        Self { servers, random: Random::new(run.seed), counts: Counts::default(), _place: place }
    }

    /// Sends requests as nearly at once as can be, by turns to the one and the other.
    fn at_once<const N: usize>(&mut self, requests: &[Request; N]) -> [Answer; N] {
        let together = Barrier::new(N);
        let servers = self.servers.iter().cycle();
        let answers = thread::scope(|scope| {
            let sent: Vec<_> = requests
                .iter()
                .zip(servers)
                .map(|(request, server)| {
                    let together = &together;
                    let mut connection = server.connect();
                    scope.spawn(move || {
                        together.wait();
                        connection.send(request).expect("an answer")
                    })
                })
                .collect();
            sent.into_iter().map(|thread| thread.join().expect("a client does not panic")).collect::<Vec<_>>()
        });
        self.counts.rounds += 1;
        self.counts.acknowledged += answers.iter().filter(|answer| answer.status < 300).count();
        answers.try_into().expect("an answer to each request")
    }

    /// A new key, and the target of requests for it.
    fn key(&mut self) -> String {
        let made = self.servers[0].create(&json!({ "name": "before", "description": "before" })).expect(201);
        format!("/apikeys/{}", id_of(&made))
    }

    fn end(self) -> Counts {
        self.servers.into_iter().for_each(kill9);
        self.counts
    }
}

/// Of creates with one value, one succeeds.
///
/// # Panics
/// When a promise is broken.
pub fn creates_of_one_value(run: &Run) -> Counts {
    let mut pair = Pair::start(run);
    for _ in 0..run.rounds {
        let create = Request::json("POST", "/apikeys", &json!({ "value": pair.random.value() }));
        let answers = pair.at_once(&[(); 4].map(|()| create.clone()));
        let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 201).collect();
        assert_eq!(refused.len(), 3, "{:?}", answers.each_ref().map(|answer| answer.status));
        for answer in refused {
            answer.expect_error(409, "ConflictException", "API Key already exists");
        }
    }
    pair.end()
}

/// Both imports of one file succeed, whatever the order of its rows, and name the same keys.
///
/// # Panics
/// When a promise is broken.
pub fn imports_of_one_file(run: &Run) -> Counts {
    let mut pair = Pair::start(run);
    for round in 0..run.rounds {
        let rows: Vec<String> = (0..300).map(|_| format!("{},{round}\n", pair.random.value())).collect();
        let backwards: Vec<String> = rows.iter().rev().cloned().collect();
        let query = if round % 2 == 0 { "" } else { "&failonwarnings=true" };
        let import = |rows: &[String]| Request::import(query, format!("key,name\n{}", rows.concat()));
        // The second time, every key is known.
        for _ in 0..2 {
            let answers = pair.at_once(&[import(&rows), import(&backwards)]);
            let [ids, mut reversed] = answers.map(|answer| {
                let answer = answer.expect(201);
                answer["ids"].as_array().expect("the ids of an import").clone()
            });
            reversed.reverse();
            assert_eq!(ids.len(), rows.len());
            assert_eq!(ids, reversed, "the same keys");
            pair.counts.imports += 2;
        }
    }
    pair.end()
}

/// Two changes of one key both apply; of many, those that were answered with success.
///
/// # Panics
/// When a promise is broken.
pub fn patches_of_one_key(run: &Run) -> Counts {
    let mut pair = Pair::start(run);
    for _ in 0..run.rounds {
        let target = pair.key();
        let patch = |path: &str| {
            let body = json!({ "patchOperations": [{ "op": "replace", "path": path, "value": "after" }] });
            Request::json("PATCH", &target, &body)
        };
        for answer in pair.at_once(&[patch("/name"), patch("/description")]) {
            answer.expect(200);
        }
        for server in &pair.servers {
            let key = server.get(&target).expect(200);
            assert_eq!((&key["name"], &key["description"]), (&json!("after"), &json!("after")));
        }
        many_patches(&mut pair, &target);
    }
    pair.end()
}

fn many_patches(pair: &mut Pair, target: &str) {
    let stages = [1, 2, 3, 4, 5, 6, 7, 8].map(|nth| format!("api/stage{nth}"));
    let answers = pair.at_once(&stages.each_ref().map(|stage| {
        let change = json!({ "op": "add", "path": "/stages", "value": stage });
        Request::json("PATCH", target, &json!({ "patchOperations": [change] }))
    }));
    let key = pair.servers[0].get(target).expect(200);
    let kept =
        |stage: &str| key["stageKeys"].as_array().is_some_and(|kept| kept.iter().any(|one| one == stage));
    for (stage, answer) in stages.iter().zip(&answers) {
        assert_eq!(kept(stage), answer.status == 200, "{stage} is answered {} and {key}", answer.status);
        if answer.status != 200 {
            answer.expect_error(409, "ConflictException", OVERTAKEN);
        }
    }
}

/// A change against a deletion: it comes before, or finds nothing.
///
/// # Panics
/// When a promise is broken.
pub fn delete_against_patch(run: &Run) -> Counts {
    let mut pair = Pair::start(run);
    for round in 0..run.rounds {
        let target = pair.key();
        let body = json!({ "patchOperations": [{ "op": "replace", "path": "/name", "value": "after" }] });
        let (delete, patch) =
            (Request::new("DELETE", &target).plain(), Request::json("PATCH", &target, &body));
        let statuses = if round % 2 == 0 {
            pair.at_once(&[delete, patch]).map(|answer| answer.status)
        } else {
            let [patched, deleted] = pair.at_once(&[patch, delete]).map(|answer| answer.status);
            [deleted, patched]
        };
        assert!(matches!(statuses, [202, 200 | 404]), "delete and patch: {statuses:?}");
        pair.servers.iter().for_each(|server| drop(server.get(&target).expect(404)));
    }
    pair.end()
}
