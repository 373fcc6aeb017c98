//! `gatepost import --from-aws`, with files as version 1 and version 2 of the AWS CLI print them.

use std::fs;

use integration_tests::resilience::place::{Kind, Place as Storage};
use integration_tests::server::Server;
use serde_json::{Value, json};

use super::{Ended, Place, gatepost};

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../crates/application/src/transfer/aws/samples/",
            $name
        ))
    };
}

const KEYS_V1: &str = sample!("api-keys-v1.json");
const KEYS_V2: &str = sample!("api-keys-v2.json");
const PLANS: &str = sample!("usage-plans.json");
const PLAN_KEYS: &str = sample!("usage-plan-keys.json");

/// A folder with what AWS printed, and a migrated storage.
struct Migration {
    files: Place,
    storage: [String; 2],
    _kept: Storage,
}

impl Migration {
    fn new(kind: Kind) -> Self {
        let kept = Storage::new(kind);
        let storage = kept.arguments();
        let files = Place::new();
        for (name, text) in
            [("keys-v1", KEYS_V1), ("keys-v2", KEYS_V2), ("plans", PLANS), ("plan-keys", PLAN_KEYS)]
        {
            fs::write(files.path(name), text).unwrap();
        }
        let migration = Self { files, storage, _kept: kept };
        gatepost(&["migrate", &migration.storage[0], &migration.storage[1]]).expect(0);
        migration
    }

    /// Files of the folder by their names, with a plan before the name where there is one.
    fn import(&self, words: &[&str]) -> Ended {
        let word = |word: &&str| match word.split_once('=') {
            _ if word.starts_with("--") => (*word).to_owned(),
            Some((plan, name)) => format!("{plan}={}", self.files.path(name).display()),
            None => self.files.path(word).display().to_string(),
        };
        let words: Vec<String> = words.iter().map(word).collect();
        let mut args = vec!["import", "--from-aws", self.storage[0].as_str(), self.storage[1].as_str()];
        args.extend(words.iter().map(String::as_str));
        gatepost(&args)
    }

    fn serve(&self) -> Server {
        let options = integration_tests::server::ServerOptions::new(crate::BINARY);
        Server::start(&options.args(&[&self.storage[0], &self.storage[1]]))
    }

    /// All keys, all plans, and the ids of the keys of each plan.
    fn kept(&self) -> (Vec<Value>, Vec<Value>, Vec<Vec<Value>>) {
        let server = self.serve();
        let plans = server.get("/usageplans").expect(200)["item"].as_array().unwrap().clone();
        let keys_of = |plan: &Value| -> Vec<Value> {
            let keys = server.get(&format!("/usageplans/{}/keys", plan["id"].as_str().unwrap())).expect(200);
            keys["item"].as_array().unwrap().iter().map(|key| key["id"].clone()).collect()
        };
        let links = plans.iter().map(keys_of).collect();
        let keys = server.all_keys();
        server.stop();
        (keys, plans, links)
    }
}

fn everything_arrives(kind: Kind) {
    let migration = Migration::new(kind);
    let words = ["cqdia0=plan-keys", "keys-v2", "plans"];
    let dry = migration.import(&[&words[..], &["--dry-run"]].concat()).expect(0);
    assert!(
        dry.stdout
            .starts_with("3 keys for account 000000000000: 3 would be imported, 0 there already, 0 refused"),
        "{}",
        dry.stdout
    );
    assert!(
        dry.stdout.contains("\n2 usage plans: 2 would be imported, 0 there already, 0 refused\n"),
        "{}",
        dry.stdout
    );
    assert!(dry.stdout.contains("\n2 times a key in a usage plan: 2 would be imported"), "{}", dry.stdout);
    assert_eq!(dry.stderr, "usage plan cqdia0: would be imported\nusage plan n371pt: would be imported\n");
    assert_eq!(migration.kept(), (vec![], vec![], vec![]), "a dry run does nothing");

    let done = migration.import(&words).expect(0);
    assert!(
        done.stdout.contains(": 3 imported, 0 there already, 0 refused") && done.stderr.is_empty(),
        "{}",
        done.stderr
    );
    let (keys, plans, links) = migration.kept();
    // What AWS listed, in its order; the server answers the dates of version 1.
    let printed: Vec<Value> = serde_json::Deserializer::from_str(KEYS_V1)
        .into_iter::<Value>()
        .flat_map(|page| page.unwrap()["items"].as_array().unwrap().clone())
        .collect();
    assert_eq!(keys, printed);
    let mut printed: Value = serde_json::from_str(PLANS).unwrap();
    assert_eq!(Value::Array(plans), printed["items"].take());
    assert_eq!(links, [vec![json!("gt748qoyk2"), json!("58v93i1885")], vec![]]);

    for words in [&words[..], &["keys-v1", "plans", "cqdia0=plan-keys"]] {
        for dry in [&["--dry-run"][..], &[]] {
            let again = migration.import(&[words, dry].concat()).expect(0).stdout;
            assert!(
                again.contains(" 3 there already, 0 refused") && again.ends_with("\nnothing to do\n"),
                "{again}"
            );
        }
    }
    let (keys_again, _, links_again) = migration.kept();
    assert_eq!((keys_again, links_again), (keys, links));
}

#[test]
fn keys_plans_and_links_arrive_on_sqlite_as_they_were_and_a_second_time_changes_nothing() {
    everything_arrives(Kind::Sqlite);
}

#[test]
fn keys_plans_and_links_arrive_on_postgres_as_they_were_and_a_second_time_changes_nothing() {
    everything_arrives(Kind::Postgres);
}

#[test]
fn conflicts_are_named_the_rest_goes_on_and_the_exit_code_tells() {
    let migration = Migration::new(Kind::Sqlite);
    let server = migration.serve();
    let taken = json!({"value": "Xc5VbN2mQw8ErT1yUi4oPaS7dFg0HjK3lZx6CvBn"});
    let owner = server.create(&taken).expect(201)["id"].as_str().unwrap()[..4].to_owned();
    // Beside a running server.
    let no_value = KEYS_V2.replace("\"value\": \"twenty-characters-00\",", "");
    fs::write(migration.files.path("no-value"), no_value).unwrap();
    for (dry, would) in [(&["--dry-run"][..], "would be "), (&[], "")] {
        let ended = migration
            .import(&[&["no-value", "plans", "cqdia0=plan-keys", "zzzzzz=plan-keys"], dry].concat())
            .expect(1);
        for told in [
            &format!("key 2: its value already belongs to the key {owner}...\n"),
            "key 3: it has no value: print the keys again with `aws apigateway get-api-keys --include-values`\n",
            "key 58v9... is not in usage plan cqdia0: the plan or the key was refused\n",
            "key gt74... is not in usage plan zzzzzz: there is no such usage plan\n",
        ] {
            assert!(ended.stderr.contains(told), "{}", ended.stderr);
        }
        let counted =
            format!("3 keys for account 000000000000: 1 {would}imported, 0 there already, 2 refused");
        assert!(ended.stdout.starts_with(&counted), "{}", ended.stdout);
    }
    assert_eq!(server.all_keys().len(), 2);
    server.stop();
}

#[test]
fn files_of_another_kind_change_nothing_and_say_what_is_needed() {
    let migration = Migration::new(Kind::Sqlite);
    fs::write(migration.files.path("cut"), &KEYS_V2[..KEYS_V2.len() / 2]).unwrap();
    fs::write(migration.files.path("csv"), "Name,Key\n").unwrap();
    for (words, told) in [
        (
            &["keys-v2", "plan-keys"][..],
            "plan-keys: it lists the keys of a usage plan (get-usage-plan-keys), which does not say",
        ),
        (
            &["keys-v2", "u1=plans"],
            "plans: it was given as the keys of the usage plan u1, but is no output of",
        ),
        (&["keys-v2", "cut"], "cut: it ends within a document"),
        (&["csv"], "csv: line 1, column 1: not the JSON that the AWS CLI prints"),
        (&["keys-v2", "nowhere"], "nowhere: No such file"),
        (&["."], ". is read twice, which only a file can be"),
    ] {
        let refused = migration.import(words).expect(1);
        assert!(refused.stderr.contains(told), "{}", refused.stderr);
        assert_eq!((refused.stderr.lines().count(), refused.stdout.as_str()), (1, ""), "{}", refused.stderr);
    }
    let (keys, plans, _) = migration.kept();
    assert!(keys.is_empty() && plans.is_empty());
    let refused = migration.import(&["keys-v2", "--endpoint=http://127.0.0.1:1"]).expect(2).stderr;
    assert!(refused.contains("--endpoint: the API cannot be told the ids"), "{refused}");
}
