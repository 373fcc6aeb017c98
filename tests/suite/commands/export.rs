//! `gatepost export`.

use std::fs;

use super::{Place, fill, gatepost};
use crate::start;

#[test]
fn a_sealed_export_and_its_key_are_for_their_owner_only_and_show_no_value() {
    let place = Place::new();
    let server = place.serve();
    fill(&server, 1_200);
    let (key, out) = (place.flag("export-key-file", "export.key"), place.flag("output", "keys.export"));
    // Beside the running server.
    let ended = place.run(&["export", &key, &out]).expect(0);
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.starts_with("exported 1202 keys of account 000000000000 to "), "{}", ended.stderr);
    assert_eq!((place.mode("keys.export"), place.mode("export.key")), (0o600, 0o600));
    assert!(fs::read(place.path("keys.export")).unwrap().starts_with(b"gatepost export\n"));
    assert_eq!(server.leak_within(place.0.path()), None);
    let kept = fs::read(place.path("export.key")).unwrap();
    let to_stdout = place.run(&["export", &key]).expect(0);
    assert!(to_stdout.stdout.starts_with("gatepost export\n") && to_stdout.stderr.contains("to stdout"));
    assert_eq!(fs::read(place.path("export.key")).unwrap(), kept, "a key that is there is used");
    server.stop();
}

#[test]
fn a_csv_export_reveals_values_only_when_told_to() {
    let place = Place::new();
    let server = place.serve();
    fill(&server, 3);
    let values: Vec<String> =
        server.all_keys().iter().map(|key| key["value"].as_str().unwrap().to_owned()).collect();
    let refused = place.run(&["export", "--format=csv"]).expect(2);
    assert!(refused.stderr.contains("--reveal-values") && refused.stdout.is_empty(), "{}", refused.stderr);
    let csv = place.run(&["export", "--format=csv", "--reveal-values"]).expect(0).stdout;
    assert!(csv.starts_with("name,key,description,enabled,usageplanIds\n"), "{csv}");
    assert!(values.iter().all(|value| csv.contains(value.as_str())));
    let full = csv.lines().find(|line| line.starts_with("\"ключ")).unwrap();
    assert!(full.starts_with("\"ключ \"\"full\"\"\","), "{full}");
    let other = ["export", "--format=csv", "--reveal-values", "--account=000000000042"];
    assert_eq!(place.run(&other).expect(0).stdout.lines().count(), 1, "another account has no keys");
    server.stop();
}

#[test]
fn what_cannot_be_exported_says_why_and_leaves_no_file() {
    let place = Place::new();
    let (key, out) = (place.flag("export-key-file", "export.key"), place.flag("output", "keys.export"));
    let refused = place.run(&["export", &key, &out]).expect(1).stderr;
    assert!(refused.contains("there is no database") && refused.contains("gatepost.db"), "{refused}");
    let refused = gatepost(&["export", &key, &out, "--storage=memory:"]).expect(1).stderr;
    assert!(refused.contains("--endpoint") && refused.contains("http://127.0.0.1:8080"), "{refused}");
    let refused = gatepost(&["export", &key, &out, "--endpoint=http://127.0.0.1:1"]).expect(1).stderr;
    assert!(refused.contains("no server answers at 127.0.0.1:1"), "{refused}");
    let refused = gatepost(&["export", &key, &out, "--endpoint=https://127.0.0.1:1"]).expect(2).stderr;
    assert!(refused.contains("https is not spoken yet"), "{refused}");
    place.serve().stop();
    fs::rename(place.path("gatepost.key"), place.path("elsewhere")).unwrap();
    let refused = place.run(&["export", &key, &out]).expect(1).stderr;
    assert!(refused.contains("gatepost.key is missing"), "{refused}");
    assert!(!place.path("gatepost.key").exists() && !place.path("keys.export").exists());
    fs::rename(place.path("elsewhere"), place.path("gatepost.key")).unwrap();
    fs::write(place.path("export.key"), "hunter2\n").unwrap();
    let refused = place.run(&["export", &key, &out]).expect(1).stderr;
    assert!(refused.contains("export.key is no key file") && !refused.contains("hunter2"), "{refused}");
}

#[test]
fn a_server_in_memory_is_exported_through_its_api() {
    let (place, server) = (Place::new(), start());
    fill(&server, 1_200);
    let endpoint = format!("--endpoint=http://{}", server.control());
    let csv = gatepost(&["export", "--format=csv", "--reveal-values", &endpoint]).expect(0);
    assert_eq!(csv.stdout.matches(",true,\n").count() + csv.stdout.matches(",false,\n").count(), 1_202);
    assert!(csv.stderr.starts_with("exported 1202 keys"), "{}", csv.stderr);
    let (key, out) = (place.flag("export-key-file", "export.key"), place.flag("output", "keys.export"));
    gatepost(&["export", &key, &out, &endpoint]).expect(0);
    assert_eq!(server.leak_within(place.0.path()), None);
    server.stop();
}
