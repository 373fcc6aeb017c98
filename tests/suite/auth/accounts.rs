//! Accounts that share a server see nothing of each other: what one is answered is what it would be answered alone.

use super::Place;
use integration_tests::http::Request;
use integration_tests::server::Credential;
use serde_json::{Value, json};
use std::collections::HashMap;

const ROUNDS: u64 = 8;
const STEPS: usize = 60;

/// SplitMix64: every run does the same.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % most as u64) as usize
    }
}

/// What an account does. Keys are meant by the order in which the account made them.
#[derive(Clone, Debug)]
enum Step {
    /// The same few values and names in both accounts.
    Create {
        value: usize,
        name: usize,
    },
    Import {
        values: Vec<usize>,
    },
    Get {
        key: usize,
        by_other: bool,
    },
    List {
        name: usize,
        limit: usize,
    },
    Next {
        of_other: bool,
    },
    Rename {
        key: usize,
        name: usize,
        by_other: bool,
    },
    Delete {
        key: usize,
        by_other: bool,
    },
}

fn step(random: &mut Random) -> Step {
    match random.below(8) {
        0 | 1 => Step::Create { value: random.below(12), name: random.below(4) },
        2 => Step::Import { values: (0..1 + random.below(4)).map(|_| random.below(12)).collect() },
        3 => Step::Get { key: random.below(8), by_other: random.below(3) == 0 },
        4 => Step::List { name: random.below(5), limit: 1 + random.below(4) },
        5 => Step::Next { of_other: random.below(3) == 0 },
        6 => Step::Rename { key: random.below(8), name: random.below(4), by_other: random.below(3) == 0 },
        _ => Step::Delete { key: random.below(8), by_other: random.below(4) == 0 },
    }
}

fn value(number: usize) -> String {
    format!("{number:02}{}", "v".repeat(38))
}

/// An account's side: its credential, and what it remembers.
struct Side {
    credential: Credential,
    ids: Vec<String>,
    /// What its ids and positions are called in comparisons.
    names: HashMap<String, String>,
    position: Option<String>,
}

impl Side {
    fn new(place: &Place, account: u64) -> Self {
        let credential = place.credential("administrator", &format!("{account:012}"));
        Self { credential, ids: Vec::new(), names: HashMap::new(), position: None }
    }

    fn meets(&mut self, id: &str) {
        if !self.names.contains_key(id) {
            self.names.insert(id.to_owned(), format!("key {}", self.ids.len()));
            self.ids.push(id.to_owned());
        }
    }

    /// Does a step, with `other`'s keys and positions where it says so; what it was answered, in comparable words.
    fn does(&mut self, place: &Place, step: &Step, other: Option<&Side>) -> Value {
        let stranger = || "aaaaaaaaaa".to_owned();
        // Alone, there is no key of another account: an id that nobody has stands for it.
        let id = |key: usize, by_other: bool| {
            let ids = if by_other { other.map(|other| &other.ids) } else { Some(&self.ids) };
            ids.and_then(|ids| ids.get(key % ids.len().max(1)).cloned()).unwrap_or_else(stranger)
        };
        let request = match step {
            Step::Create { value: number, name } => Request::json(
                "POST",
                "/apikeys",
                &json!({"name": format!("n{name}"), "value": value(*number), "tags": {"t": "x"}}),
            ),
            Step::Import { values } => {
                let rows: String =
                    values.iter().map(|number| format!("n{number},{}\n", value(*number))).collect();
                Request::import("&format=csv", format!("name,key\n{rows}"))
            }
            Step::Get { key, by_other } => {
                Request::get(&format!("/apikeys/{}?includeValue=true", id(*key, *by_other)))
            }
            Step::List { name: 4, limit } => {
                Request::get(&format!("/apikeys?includeValues=true&limit={limit}"))
            }
            Step::List { name, limit } => Request::get(&format!("/apikeys?name=n{name}&limit={limit}")),
            Step::Next { of_other } => {
                let position = if *of_other { None } else { self.position.clone() };
                let position = match (of_other, other.and_then(|other| other.position.clone())) {
                    (true, Some(others)) => Some(others),
                    // What is no position of this account's is as good as nonsense.
                    (true, None) => Some("bm9uc2Vuc2U".to_owned()),
                    (false, _) => position,
                };
                let position = position.unwrap_or_default();
                let position =
                    percent_encoding::utf8_percent_encode(&position, percent_encoding::NON_ALPHANUMERIC);
                Request::get(&format!("/apikeys?includeValues=true&position={position}"))
            }
            Step::Rename { key, name, by_other } => Request::json(
                "PATCH",
                &format!("/apikeys/{}", id(*key, *by_other)),
                &json!({"patchOperations": [{"op": "replace", "path": "/name", "value": format!("n{name}")}]}),
            ),
            Step::Delete { key, by_other } => {
                Request::new("DELETE", &format!("/apikeys/{}", id(*key, *by_other))).plain()
            }
        };
        let answer = place.server.send_raw(&request.signed(&self.credential));
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if matches!(step, Step::List { name: 4, .. }) {
            self.position = body["position"].as_str().map(str::to_owned);
        }
        match step {
            Step::Create { .. } => body["id"].as_str().into_iter().for_each(|id| self.meets(id)),
            Step::Import { .. } => {
                for id in body["ids"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                    self.meets(id);
                }
            }
            _ => {}
        }
        json!([answer.status, answer.header("x-amzn-errortype"), self.comparable(body)])
    }

    /// Without what differs between any two runs.
    fn comparable(&self, body: Value) -> Value {
        match body {
            Value::String(text) => json!(self.names.get(&text).cloned().unwrap_or(text)),
            Value::Array(items) => items.into_iter().map(|item| self.comparable(item)).collect(),
            Value::Object(members) => members
                .into_iter()
                .map(|(name, value)| match name.as_str() {
                    "createdDate" | "lastUpdatedDate" => (name, json!("a date")),
                    "position" => (name, json!("a position")),
                    _ => (name, self.comparable(value)),
                })
                .collect(),
            other => other,
        }
    }
}

#[test]
fn two_accounts_are_answered_as_each_would_be_alone() {
    let place = Place::new();
    for number in 0..12 {
        place.server.secrets().note(&value(number));
    }
    let mut refused = 0;
    for round in 0..ROUNDS {
        let mut random = Random(round);
        let steps: Vec<(usize, Step)> = (0..STEPS).map(|_| (random.below(2), step(&mut random))).collect();
        let mut pair = [Side::new(&place, round * 10 + 1), Side::new(&place, round * 10 + 2)];
        let mut together = [Vec::new(), Vec::new()];
        for (who, step) in &steps {
            let [first, second] = &mut pair;
            let (side, other) = if *who == 0 { (first, &*second) } else { (second, &*first) };
            together[*who].push((step.clone(), side.does(&place, step, Some(other))));
        }
        for (who, answers) in together.iter().enumerate() {
            let mut lone = Side::new(&place, round * 10 + 3 + who as u64);
            let mine = steps.iter().filter(|(whose, _)| *whose == who);
            for ((_, step), (_, answered)) in mine.zip(answers) {
                let alone = lone.does(&place, step, None);
                assert_eq!(&alone, answered, "round {round}, account {who}, {step:?}");
                refused += usize::from(alone[0] != 200 && alone[0] != 201);
            }
        }
    }
    assert!(refused > 20, "strangers' keys were asked for: {refused}");
}

#[test]
fn plans_of_another_account_are_as_if_they_were_not_there() {
    let place = Place::new();
    let (plan, key) = (place.server.plan_with("mine", &["a:s"]), place.server.key_named("mine"));
    place.server.attach(&plan, &key).expect(201);
    let other = place.credential("administrator", "000000000042");
    let ask = |method: &str, target: &str, body: Value| {
        place.server.send_as(&other, &Request::json(method, target, &body))
    };
    let (one, keys) = (format!("/usageplans/{plan}"), format!("/usageplans/{plan}/keys"));
    let attach = |key: &str| json!({ "keyId": key, "keyType": "API_KEY" });
    let no_plan = "Invalid Usage Plan ID specified";
    for (method, target, body) in [
        ("GET", one.clone(), json!({})),
        ("PATCH", one.clone(), json!({"patchOperations": [{"op": "remove", "path": "/throttle"}]})),
        ("DELETE", one.clone(), json!({})),
        ("POST", keys.clone(), attach(&key)),
        ("DELETE", format!("{keys}/{key}"), json!({})),
    ] {
        ask(method, &target, body).expect_error(404, "NotFoundException", no_plan);
    }
    let no_key = "Invalid API Key identifier specified";
    ask("GET", &format!("{keys}/{key}"), json!({})).expect_error(404, "NotFoundException", no_key);
    for list in ["/usageplans".to_owned(), format!("/usageplans?keyId={key}"), keys.clone()] {
        let answer = place.server.send_as(&other, &Request::get(&list)).expect(200);
        assert_eq!(answer, json!({"item": []}), "{list}");
    }
    let theirs = ask("POST", "/usageplans", json!({"name": "theirs"})).expect(201);
    let theirs = format!("/usageplans/{}/keys", theirs["id"].as_str().unwrap());
    ask("POST", &theirs, attach(&key)).expect_error(404, "NotFoundException", no_key);
    let mine = place.server.get(&keys).expect(200);
    assert_eq!(mine["item"].as_array().map(Vec::len), Some(1));
}
