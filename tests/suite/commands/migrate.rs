//! `gatepost migrate`.

use super::{Place, gatepost};

#[test]
fn migrate_makes_a_database_for_its_owner_only_and_says_from_and_to_which_version() {
    let place = Place::new();
    let first = place.run(&["migrate"]).expect(0).stdout;
    assert!(first.starts_with("migrated the schema from version 0 to version "), "{first}");
    assert_eq!(place.mode("gatepost.db"), 0o600);
    assert!(!place.path("gatepost.key").exists(), "it seals nothing");
    let to = first.trim_end().rsplit(' ').next().unwrap().to_owned();
    let second = place.run(&["migrate"]).expect(0).stdout;
    assert_eq!(second, format!("the schema is at version {to} already\n"));
}

#[test]
fn a_server_that_may_not_migrate_waits_for_the_command_that_does() {
    let place = Place::new();
    let refusal = place.refused(&["--no-migrate"]);
    assert!(refusal.contains("gatepost migrate") && refusal.contains("gatepost.db"), "{refusal}");
    place.run(&["migrate"]).expect(0);
    let server = place.serve_with(&["--no-migrate"]);
    server.key_named("n");
    server.stop();
}

#[test]
fn memory_has_nothing_to_migrate() {
    let ended = gatepost(&["migrate", "--storage=memory:"]).expect(1);
    assert_eq!(ended.stderr, "gatepost: memory: has nothing to migrate: name a database with --storage\n");
}
