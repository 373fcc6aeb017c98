//! What is corrupt or wrong is refused, and the refusal names the cause. Key files of SQLite: `commands/storage`.

use std::fs;

use integration_tests::http::{Answer, Request};
use integration_tests::resilience::place::{Kind, Place, kill9};
use integration_tests::server::{self, Server};
use serde_json::json;

use super::run;
use crate::BINARY;

const OTHER_KEY: &str = "1:HxAeERkSFxQaFRYXGBkaGxwdHh8AAQIDBAUGBwgJCgs=\n";

/// The log line of an answer that has to be 500.
#[track_caller]
fn cause_of(server: &Server, answer: &Answer) -> String {
    answer.expect_error_like(500, "InternalFailure", |_| true);
    server.log_of(answer)["cause"].as_str().unwrap_or_default().to_owned()
}

fn a_corrupt_row_is_named_and_others_are_read(kind: Kind) {
    let place = Place::new(kind);
    let server = place.start(&run(1));
    let [good, bad_name, bad_value] = ["good", "bad name", "bad value"].map(|name| server.key_named(name));
    place.sql(&format!(
        "UPDATE api_key SET name = '{}' WHERE id = '{bad_name}'; UPDATE api_key SET sealed = {} WHERE id = '{bad_value}'",
        "x".repeat(2_000),
        if kind == Kind::Sqlite { "x'00ff'" } else { r"'\x00ff'" },
    ));
    let get = |id: &str| server.send(&Request::get(&format!("/apikeys/{id}?includeValue=true")));
    assert_eq!(get(&good).expect(200)["name"], "good");
    let cause = cause_of(&server, &get(&bad_name));
    for part in ["table api_key", "column name", &format!("id {}...", &bad_name[..4])] {
        assert!(cause.contains(part), "{cause}");
    }
    assert!(!cause.contains(&bad_name), "of an id only the beginning: {cause}");
    let cause = cause_of(&server, &get(&bad_value));
    for part in ["api key", "sealed", &bad_value[..4]] {
        assert!(cause.contains(part), "{cause}");
    }
    server.get(&format!("/apikeys/{bad_value}")).expect(200);
    server.create(&json!({ "name": "another" })).expect(201);
    kill9(server);
}

#[test]
fn a_corrupt_row_in_sqlite_is_named_and_others_are_read() {
    a_corrupt_row_is_named_and_others_are_read(Kind::Sqlite);
}

#[test]
fn a_corrupt_row_in_postgresql_is_named_and_others_are_read() {
    a_corrupt_row_is_named_and_others_are_read(Kind::Postgres);
}

/// The last line of a server that does not come to serve.
#[track_caller]
fn refused(arguments: &[&str]) -> String {
    let listen =
        ["serve", "--control-listen=127.0.0.1:0", "--data-listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"];
    let (code, stdout, stderr) = server::run(BINARY, &[&listen, arguments].concat(), &[]);
    assert!(code.is_some_and(|code| code != 0) && stdout.is_empty(), "{code:?} {stdout} {stderr}");
    stderr.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn a_server_on_postgresql_without_the_right_key_is_refused_by_the_cause() {
    let (place, other) = (Place::new(Kind::Postgres), Place::new(Kind::Postgres));
    let [storage, key] = place.arguments();
    kill9(place.start(&run(1)));

    let none = refused(&[&storage]);
    assert!(none.contains("master key") && none.contains("--master-key-file"), "{none}");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.key");
    let flag = format!("--master-key-file={}", path.display());
    let missing = refused(&[&storage, &flag]);
    assert!(missing.contains("other.key") && missing.contains("No such file"), "{missing}");

    fs::write(&path, OTHER_KEY).unwrap();
    let wrong = refused(&[&storage, &flag]);
    assert!(wrong.contains("other.key does not open the PostgreSQL database"), "{wrong}");
    assert!(wrong.contains("another installation"), "{wrong}");

    // The same the other way round: the key is right, and the database is not the one it was made with.
    let [other_storage, _] = other.arguments();
    kill9(Server::start(&server::ServerOptions::new(BINARY).args(&[&other_storage, &flag])));
    let other_database = refused(&[&other_storage, &key]);
    assert!(other_database.contains("another installation"), "{other_database}");
    let _still_good = place.start(&run(1));
}

#[test]
fn a_postgresql_that_is_not_there_is_named_without_its_password() {
    let place = Place::new(Kind::Sqlite);
    let [_, key] = place.arguments();
    let refusal = refused(&["--storage=postgres://someone:hidden@127.0.0.1:9/gatepost", &key]);
    assert!(refusal.contains("127.0.0.1:9") && !refusal.contains("hidden"), "{refusal}");
}
