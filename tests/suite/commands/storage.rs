//! `gatepost serve` on SQLite: what is kept, for whom, and what is refused.

use std::fs;

use integration_tests::http::Request;

use super::{Place, fill, gatepost};

const OTHER_KEY: &str = "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";

#[test]
fn keys_are_kept_over_a_restart_and_over_a_kill() {
    let place = Place::new();
    let server = place.serve();
    fill(&server, 50);
    let keys = server.all_keys();
    assert_eq!(keys.len(), 52);
    server.stop();

    let mut server = place.serve();
    assert_eq!(server.all_keys(), keys);
    let late = server.key_named("written just before the end");
    server.signal("KILL");
    server.wait();

    let server = place.serve();
    assert_eq!(server.get(&format!("/apikeys/{late}")).expect(200)["name"], "written just before the end");
    assert_eq!(server.all_keys().len(), 53);
    server.stop();
}

#[test]
fn the_database_and_its_key_are_for_their_owner_only_and_hold_no_value() {
    let place = Place::new();
    let server = place.serve();
    fill(&server, 100);
    let mut seen = 0;
    for entry in fs::read_dir(place.0.path()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert_eq!(place.mode(&name), 0o600, "{name}");
        seen += usize::from(["gatepost.db", "gatepost.key"].contains(&name.as_str()));
    }
    assert_eq!(seen, 2);
    assert_eq!(server.leak_within(place.0.path()), None);
    server.stop();
    let text = fs::read_to_string(place.path("gatepost.key")).unwrap();
    assert!(text.starts_with("1:") && text.lines().count() == 1, "a line of a key file");
}

#[test]
fn a_second_server_on_one_file_is_refused_and_the_first_serves_on() {
    let place = Place::new();
    let server = place.serve();
    let refusal = place.refused(&[]);
    assert!(refusal.contains("another server") && refusal.contains("gatepost.db"), "{refusal}");
    server.key_named("n");
    server.stop();
    place.serve().stop();
}

#[test]
fn without_its_key_file_a_database_is_refused_and_no_new_key_is_made() {
    let place = Place::new();
    let server = place.serve();
    let id = server.key_named("n");
    server.stop();
    fs::rename(place.path("gatepost.key"), place.path("elsewhere")).unwrap();
    for _ in 0..2 {
        let refusal = place.refused(&[]);
        assert!(refusal.contains("gatepost.key is missing"), "{refusal}");
        assert!(refusal.contains("gatepost.db") && refusal.contains("--master-key-file"), "{refusal}");
        assert!(!place.path("gatepost.key").exists());
    }
    let server = place.serve_with(&[&place.flag("master-key-file", "elsewhere")]);
    server.get(&format!("/apikeys/{id}?includeValue=true")).expect(200);
    server.stop();
}

#[test]
fn a_wrong_key_and_a_database_of_another_installation_are_refused_by_name() {
    let (place, other) = (Place::new(), Place::new());
    place.serve().stop();
    other.serve().stop();
    fs::write(place.path("wrong"), OTHER_KEY).unwrap();
    let refusal = place.refused(&[&place.flag("master-key-file", "wrong")]);
    assert!(refusal.contains("/wrong does not open") && refusal.contains("gatepost.db"), "{refusal}");
    fs::write(place.path("broken"), "1:short\n").unwrap();
    let refusal = place.refused(&[&place.flag("master-key-file", "broken")]);
    assert!(refusal.contains("/broken: line 1"), "{refusal}");

    fs::copy(other.path("gatepost.db"), place.path("gatepost.db")).unwrap();
    for left in ["gatepost.db-wal", "gatepost.db-shm"] {
        let _ = fs::remove_file(place.path(left));
    }
    let refusal = place.refused(&[]);
    assert!(refusal.contains("/gatepost.key does not open"), "{refusal}");
    assert!(refusal.contains("another installation"), "{refusal}");
}

#[test]
fn what_is_no_database_is_left_alone() {
    let place = Place::new();
    fs::write(place.path("gatepost.db"), "a letter to somebody, rather longer than a header is\n".repeat(40))
        .unwrap();
    let before = fs::read(place.path("gatepost.db")).unwrap();
    let refusal = place.refused(&[]);
    assert!(refusal.contains("is not a gatepost database"), "{refusal}");
    assert_eq!(fs::read(place.path("gatepost.db")).unwrap(), before);
    let nowhere = place.path("no/such/folder/gatepost.db");
    let ended = gatepost(&["serve", &format!("--storage=sqlite:{}", nowhere.display())]).expect(1);
    assert!(ended.stderr.contains("no/such/folder"), "{}", ended.stderr);
}

#[test]
fn readiness_is_that_storage_takes_a_write() {
    let place = Place::new();
    let server = place.serve();
    assert_eq!(server.ask_admin("/readyz/control").status, 200);
    assert_eq!(server.send(&Request::get("/apikeys")).status, 200);
    server.stop();
}
