//! `gatepost import`.

use std::fs;

use integration_tests::http::Request;
use integration_tests::secrets::fresh_value;
use integration_tests::server::Server;
use serde_json::Value;

use super::{Place, fill, gatepost, moved, plan, plans_of};
use crate::start;

/// A folder with a database and an export of it, and the keys that both hold.
fn exported(more: usize) -> (Place, Vec<Value>) {
    let place = Place::new();
    let server = place.serve();
    fill(&server, more);
    let keys = server.all_keys();
    server.stop();
    place.run(&["export", &key(&place), &place.flag("output", "keys.export")]).expect(0);
    (place, keys)
}

fn key(place: &Place) -> String {
    place.flag("export-key-file", "export.key")
}

fn file(place: &Place) -> String {
    place.path("keys.export").display().to_string()
}

/// A folder with an empty database.
fn empty() -> Place {
    let place = Place::new();
    place.run(&["migrate"]).expect(0);
    place
}

fn keys_of(place: &Place) -> Vec<Value> {
    let server = place.serve();
    let keys = server.all_keys();
    server.stop();
    keys
}

#[test]
fn an_account_moves_to_a_database_with_another_master_key_and_a_second_time_changes_nothing() {
    let (from, keys) = exported(1_200);
    let to = empty();
    let dry = to.run(&["import", &file(&from), &key(&from), "--dry-run"]).expect(0).stdout;
    assert!(
        dry.starts_with("1202 keys for account 000000000000: 1202 would be imported, 0 there already"),
        "{dry}"
    );
    let done = to.run(&["import", &file(&from), &key(&from)]).expect(0).stdout;
    assert!(done.starts_with("1202 keys for account 000000000000: 1202 imported, 0 there already"), "{done}");
    assert_ne!(
        fs::read(from.path("gatepost.key")).unwrap(),
        fs::read(to.path("gatepost.key")).unwrap(),
        "each has its own"
    );
    assert_eq!(keys_of(&to), keys, "ids, dates and order included");
    for dry in [&["--dry-run"][..], &[]] {
        let args = ["import", &file(&from), &key(&from)];
        let again = to.run(&[&args[..], dry].concat()).expect(0).stdout;
        assert!(again.contains("1202 there already, 0 refused"), "{again}");
    }
    assert_eq!(keys_of(&to), keys);
}

#[test]
fn plans_and_usage_move_with_their_keys() {
    let from = Place::new();
    let server = from.serve();
    fill(&server, 3);
    let keys: Vec<String> =
        server.all_keys()[..2].iter().map(|key| key["id"].as_str().unwrap().to_owned()).collect();
    let plans = plan(&server, &keys.iter().map(String::as_str).collect::<Vec<_>>());
    let id = plans[0]["id"].as_str().unwrap();
    let remaining =
        serde_json::json!({"patchOperations": [{"op": "replace", "path": "/remaining", "value": "3"}]});
    let target = format!("/usageplans/{id}/keys/{}/usage", keys[0]);
    let usage = server.send(&Request::json("PATCH", &target, &remaining)).expect(200);
    let exported = from.run(&["export", &key(&from), &from.flag("output", "keys.export")]).expect(0).stderr;
    assert!(
        exported.starts_with("exported 5 keys with 2 usage plans and 1 days of usage of account"),
        "{exported}"
    );
    server.stop();

    let to = empty();
    let done = to.run(&["import", &file(&from), &key(&from)]).expect(0).stdout;
    let told = [
        "2 usage plans: 2 imported, 0 there already, 0 refused",
        "2 times a key in a usage plan: 2 imported, 0 there already, 0 refused",
        "1 days of usage imported, but for those of which something is kept here",
    ];
    assert_eq!(done.lines().skip(1).collect::<Vec<_>>(), told);
    let server = to.serve();
    assert_eq!(plans_of(&server), plans, "ids, order and keys included");
    let day = usage["startDate"].as_str().unwrap();
    let arrived = server
        .get(&format!("/usageplans/{id}/usage?startDate={day}&endDate={day}&keyId={}", keys[0]))
        .expect(200);
    assert_eq!(arrived["values"], usage["values"]);
    server.stop();
    let again = to.run(&["import", &file(&from), &key(&from)]).expect(0).stdout;
    assert!(again.contains("2 usage plans: 0 imported, 2 there already, 0 refused"), "{again}");
    assert!(again.contains("2 times a key in a usage plan: 0 imported, 2 there already"), "{again}");
}

#[test]
fn plans_move_out_of_and_into_a_server_in_memory_by_their_names() {
    let (from, to) = (start(), Place::new());
    fill(&from, 0);
    let ids: Vec<String> = from.all_keys().iter().map(|key| key["id"].as_str().unwrap().to_owned()).collect();
    let plans = plan(&from, &ids.iter().map(String::as_str).collect::<Vec<_>>());
    let endpoint = |server: &Server| format!("--endpoint=http://{}", server.control());
    let (key, out) = (key(&to), to.flag("output", "keys.export"));
    let told = gatepost(&["export", &key, &out, &endpoint(&from)]).expect(0).stderr;
    assert!(told.starts_with("exported 2 keys with 2 usage plans and 0 days of usage"), "{told}");
    assert!(told.ends_with("; usage stays behind, the API does not show all of it\n"), "{told}");
    from.stop();
    to.run(&["migrate"]).expect(0);
    to.run(&["import", &file(&to), &key]).expect(0);
    let server = to.serve();
    assert_eq!(plans_of(&server), plans, "ids, order and keys included");
    let usage =
        serde_json::json!({"patchOperations": [{"op": "replace", "path": "/remaining", "value": "3"}]});
    let target = format!("/usageplans/{}/keys/{}/usage", plans[0]["id"].as_str().unwrap(), ids[0]);
    server.send(&Request::json("PATCH", &target, &usage)).expect(200);
    server.stop();
    to.run(&["export", &key, &out]).expect(0);

    let back = start();
    let done = gatepost(&["import", &file(&to), &key, &endpoint(&back)]).expect(0).stdout;
    assert!(done.contains("\n2 usage plans: 2 imported, 0 there already, 0 refused\n"), "{done}");
    assert!(
        done.contains("\n2 times a key in a usage plan: 2 imported, 0 there already, 0 refused\n"),
        "{done}"
    );
    assert!(done.ends_with("\n1 days of usage left out: the API cannot carry them\n"), "{done}");
    let names = |plans: Vec<Value>| -> Vec<Value> {
        let mut plans: Vec<Value> = plans
            .into_iter()
            .map(|mut plan| {
                plan.as_object_mut().unwrap().remove("id");
                plan["keys"].as_array_mut().unwrap().iter_mut().for_each(|key| key["id"] = Value::Null);
                plan["keys"].as_array_mut().unwrap().sort_by_key(|key| key["value"].to_string());
                plan
            })
            .collect();
        plans.sort_by_key(|plan| plan["name"].to_string());
        plans
    };
    assert_eq!(names(plans_of(&back)), names(plans), "under ids of the server's own");
    let again = gatepost(&["import", &file(&to), &key, &endpoint(&back)]).expect(0).stdout;
    assert!(again.contains(": 0 imported, 2 there already, 0 refused"), "{again}");
    assert!(again.contains("\n2 usage plans: 0 imported, 2 there already, 0 refused\n"), "{again}");
    assert_eq!(plans_of(&back).len(), 2);
    back.stop();
}

#[test]
fn a_csv_file_puts_keys_into_plans() {
    let place = Place::new();
    let server = place.serve();
    let plans = plan(&server, &[]);
    let id = plans[0]["id"].as_str().unwrap();
    let csv = format!("Name,Key,UsagePlanIds\none,{},{id}\ntwo,{},zzzzzz\n", fresh_value(), fresh_value());
    fs::write(place.path("keys.csv"), csv).unwrap();
    let path = place.path("keys.csv").display().to_string();
    let dry = place.run(&["import", &path, "--dry-run"]).expect(0).stdout;
    assert!(dry.starts_with("2 keys of "), "which plans there are, only the storage knows: {dry}");
    let done = place.run(&["import", &path]).expect(1);
    assert_eq!(done.stderr, "Skipped invalid record: 2. Invalid Usage Plan ID specified\n");
    assert_eq!(plans_of(&server)[0]["keys"][0]["name"], "one");
    let csv = place.run(&["export", "--format=csv", "--reveal-values"]).expect(0).stdout;
    assert!(csv.lines().nth(1).unwrap().ends_with(&format!(",true,{id}")), "{csv}");
    server.stop();
}

#[test]
fn keys_arrive_beside_a_running_server_and_in_the_account_that_is_named() {
    let (from, keys) = exported(10);
    let to = Place::new();
    let server = to.serve_with(&["--default-account=000000000042"]);
    let done = to.run(&["import", &file(&from), &key(&from), "--account=000000000042"]).expect(0).stdout;
    assert!(done.contains("account 000000000042 (they were of 000000000000): 12 imported"), "{done}");
    assert_eq!(server.all_keys(), keys);
    server.stop();
}

#[test]
fn a_key_whose_value_another_one_has_is_refused_with_its_reason() {
    let (from, keys) = exported(0);
    let to = Place::new();
    let server = to.serve();
    let taken = server.create(&serde_json::json!({"value": keys[0]["value"]})).expect(201);
    let before = server.all_keys();
    let ended = to.run(&["import", &file(&from), &key(&from)]).expect(1);
    // An id may be a value, so it is not printed whole.
    let id = &taken["id"].as_str().unwrap()[..4];
    assert_eq!(ended.stderr, format!("key 1: its value already belongs to the key {id}...\n"));
    assert!(ended.stdout.contains("1 imported, 0 there already, 1 refused"), "{}", ended.stdout);
    assert_eq!(server.all_keys().len(), 2);
    assert!(server.all_keys().contains(&before[0]), "what was there is as it was");
    server.stop();
}

#[test]
fn a_damaged_export_a_wrong_key_and_no_key_are_told_apart_and_change_nothing() {
    let (from, _) = exported(1_200);
    let to = empty();
    let whole = fs::read(from.path("keys.export")).unwrap();
    let attempt = |bytes: &[u8], args: &[&str]| {
        fs::write(from.path("damaged"), bytes).unwrap();
        let damaged = from.path("damaged").display().to_string();
        to.run(&[&["import", &damaged], args].concat()).expect(1).stderr
    };
    let mut altered = whole.clone();
    altered[whole.len() / 2] ^= 1;
    for (bytes, told) in [
        (&whole[..whole.len() - 10], "its end is missing"),
        (&whole[..70_000], "its end is missing"),
        (&altered, "it was altered after it was written"),
        (&[&whole[..], b"x"].concat(), "it was altered after it was written"),
    ] {
        let refused = attempt(bytes, &[&key(&from)]);
        assert!(refused.contains(told) && refused.contains("/damaged"), "{refused}");
        assert_eq!(refused.lines().count(), 1, "{refused}");
    }
    let refused = attempt(&whole, &[]);
    assert!(refused.contains("--export-key-file"), "{refused}");
    let wrong = attempt(&whole, &[&from.flag("export-key-file", "gatepost.key")]);
    assert!(wrong.contains("sealed with another export key"), "{wrong}");
    let missing = attempt(&whole, &[&from.flag("export-key-file", "nowhere")]);
    assert!(missing.contains("/nowhere: No such file"), "{missing}");
    assert_eq!(keys_of(&to), Vec::<Value>::new());
}

#[test]
fn a_csv_file_is_imported_as_the_api_would() {
    let place = empty();
    let (one, other) = (fresh_value(), fresh_value());
    fs::write(
        place.path("keys.csv"),
        format!("Name,Key,Description,Enabled\nbilling,{one},Invoices,true\nshort,tooshort,,\nreports,{other},,false\n"),
    )
    .unwrap();
    let csv = place.path("keys.csv").display().to_string();
    let warning = "Skipped invalid record: 2. API Key value should be at least 30 characters\n";
    let dry = place.run(&["import", &csv, "--dry-run"]).expect(1);
    assert!(dry.stdout.starts_with("2 keys of ") && dry.stdout.contains(" can be imported, 1 rows skipped"));
    assert_eq!(dry.stderr, warning);
    let refused = place.run(&["import", &csv, "--fail-on-warnings"]).expect(1);
    assert_eq!(refused.stderr, format!("gatepost: {warning}"));
    assert_eq!(keys_of(&place), Vec::<Value>::new());
    let done = place.run(&["import", &csv]).expect(1);
    assert!(
        done.stdout.starts_with("2 keys for account 000000000000 imported, 1 rows skipped"),
        "{}",
        done.stdout
    );
    assert_eq!(done.stderr, warning);
    let keys = keys_of(&place);
    let names: Vec<&str> = keys.iter().map(|key| key["name"].as_str().unwrap()).collect();
    assert_eq!((names, keys[0]["value"].as_str()), (vec!["reports", "billing"], Some(other.as_str())));
    let wrong = place.path("gatepost.key").display().to_string();
    let refused = place.run(&["import", &wrong]).expect(1).stderr;
    assert!(refused.contains("Missing required column"), "{refused}");
}

#[test]
fn keys_move_out_of_and_into_a_server_in_memory_through_its_api() {
    let (from, to) = (start(), Place::new());
    fill(&from, 700);
    let keys = from.all_keys();
    let endpoint = |server: &Server| format!("--endpoint=http://{}", server.control());
    let (key, out) = (key(&to), to.flag("output", "keys.export"));
    gatepost(&["export", &key, &out, &endpoint(&from)]).expect(0);
    from.stop();
    to.run(&["migrate"]).expect(0);
    to.run(&["import", &file(&to), &key]).expect(0);
    assert_eq!(keys_of(&to), keys, "ids, dates in seconds and order included");

    let back = start();
    let done = gatepost(&["import", &file(&to), &key, &endpoint(&back)]).expect(0).stdout;
    assert!(done.contains(": 702 imported, 0 there already, 0 refused"), "{done}");
    assert!(done.contains("ids, dates and labels are the server's own"), "{done}");
    assert_eq!(moved(back.all_keys()), moved(keys));
    let again = gatepost(&["import", &file(&to), &key, &endpoint(&back)]).expect(0).stdout;
    assert!(again.contains(": 0 imported, 702 there already, 0 refused"), "{again}");
    let refused = gatepost(&["import", &file(&to), &key, &endpoint(&back), "--dry-run"]).expect(1).stderr;
    assert!(refused.contains("--dry-run: the API cannot tell"), "{refused}");

    let csv = to.path("keys.csv");
    fs::write(&csv, format!("name,key\nfrom a file,{}\nshort,x\n", back.value())).unwrap();
    let csv = csv.display().to_string();
    let refused = gatepost(&["import", &csv, &endpoint(&back), "--fail-on-warnings"]).expect(1).stderr;
    assert!(refused.contains("answered 400") && refused.contains("Skipped invalid record: 2."), "{refused}");
    let done = gatepost(&["import", &csv, &endpoint(&back)]).expect(1);
    assert!(done.stdout.starts_with("1 keys for the server at "), "{}", done.stdout);
    assert!(done.stderr.starts_with("Skipped invalid record: 2."), "{}", done.stderr);
    back.stop();
}
