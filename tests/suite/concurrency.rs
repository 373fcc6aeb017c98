//! What many callers at once must not break.

use std::thread;

use integration_tests::server::Server;
use serde_json::json;

use crate::start;

/// Runs `call` on several threads at once and gives what each of them got.
fn at_once<T: Send>(threads: usize, server: &Server, call: impl Fn(&Server, usize) -> T + Sync) -> Vec<T> {
    let call = &call;
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|nth| scope.spawn(move || call(server, nth))).collect();
        running.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}

#[test]
fn of_creates_with_one_value_exactly_one_succeeds() {
    let server = start();
    for _ in 0..10 {
        let value = server.value();
        let answers = at_once(4, &server, |server, _| server.create(&json!({ "value": value })));
        let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
        assert_eq!(made.len(), 1);
        refused.iter().for_each(|one| one.expect_error(409, "ConflictException", "API Key already exists"));
    }
    assert_eq!(server.all_keys().len(), 10);
}

#[test]
fn of_patches_at_once_none_that_succeeded_is_lost() {
    let server = start();
    let id = server.key_named("n");
    let added = at_once(8, &server, |server, nth| {
        let stage = format!("api/{nth}");
        let answer = server.patch(&id, &json!([{"op": "add", "path": "/stages", "value": stage}]));
        answer.expect(200);
        stage
    });
    let mut added: Vec<_> = added.into_iter().collect();
    let key = server.get(&format!("/apikeys/{id}")).expect(200);
    let mut kept: Vec<&str> =
        key["stageKeys"].as_array().unwrap().iter().filter_map(|stage| stage.as_str()).collect();
    added.sort();
    kept.sort();
    assert_eq!(kept, added);
}

#[test]
fn of_attaches_to_plans_that_share_a_stage_exactly_one_succeeds() {
    let server = start();
    for _ in 0..10 {
        let key = server.key_named("n");
        let plans: Vec<_> =
            (0..4).map(|nth| server.plan_with("p", &[&format!("own:{nth}"), "a:s"])).collect();
        let answers = at_once(4, &server, |server, nth| server.attach(&plans[nth], &key));
        let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
        assert_eq!(made.len(), 1);
        for one in refused {
            one.expect_error_like(409, "ConflictException", |message| message.ends_with("API stage: a:s"));
        }
        let of_key = server.get(&format!("/usageplans?keyId={key}")).expect(200);
        assert_eq!(of_key["item"].as_array().map(Vec::len), Some(1));
    }
}

#[test]
fn of_an_attach_and_a_stage_that_would_be_shared_exactly_one_succeeds() {
    let server = start();
    for _ in 0..10 {
        let key = server.key_named("n");
        let (one, two) = (server.plan_with("one", &["a:s"]), server.plan_with("two", &[]));
        server.attach(&one, &key).expect(201);
        let add = json!([{"op": "add", "path": "/apiStages", "value": "a:s"}]);
        let answers = at_once(2, &server, |server, nth| match nth {
            0 => server.attach(&two, &key),
            _ => server.patch_plan(&two, &add),
        });
        let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 409).collect();
        assert_eq!(refused.len(), 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
        refused[0].expect_error_like(409, "ConflictException", |message| message.ends_with("API stage: a:s"));
    }
}

#[test]
fn of_changes_of_a_plan_at_once_none_that_succeeded_is_lost() {
    let server = start();
    let plan = server.plan_with("p", &[]);
    let mut added = at_once(8, &server, |server, nth| {
        let stage = format!("api:{nth}");
        let add = json!([{"op": "add", "path": "/apiStages", "value": stage}]);
        server.patch_plan(&plan, &add).expect(200);
        stage
    });
    let kept = server.get(&format!("/usageplans/{plan}")).expect(200);
    let stage = |stage: &serde_json::Value| format!("api:{}", stage["stage"].as_str().unwrap());
    let mut kept: Vec<String> = kept["apiStages"].as_array().unwrap().iter().map(stage).collect();
    added.sort();
    kept.sort();
    assert_eq!(kept, added);
}

#[test]
fn imports_of_the_same_keys_at_once_make_each_key_once() {
    let server = start();
    let values: Vec<String> = (0..500).map(|_| server.value()).collect();
    let answers = at_once(4, &server, |server, nth| {
        let rows: String = values.iter().map(|value| format!("{value},import {nth}\n")).collect();
        server.import("", &format!("key,name\n{rows}"))
    });
    let mut made = 0;
    for answer in &answers {
        if answer.status == 201 {
            made += 1;
            assert_eq!(answer.json()["ids"].as_array().map(Vec::len), Some(500));
        } else {
            answer.expect_error_like(409, "ConflictException", |message| {
                message.contains("concurrent modification")
            });
        }
    }
    assert!(made > 0);
    let keys = server.all_keys();
    assert_eq!(keys.len(), 500);
    let kept: std::collections::BTreeSet<_> = keys.iter().map(|key| key["value"].as_str().unwrap()).collect();
    assert!(values.iter().all(|value| kept.contains(value.as_str())));
}

#[test]
fn keys_created_beside_an_import_are_all_there() {
    let server = start();
    let rows: String =
        (0..5_000).map(|row| format!("{},{row}\n", integration_tests::secrets::fresh_value())).collect();
    let file = format!("key,name\n{rows}");
    let answers = at_once(3, &server, |server, nth| match nth {
        0 => server.import("", &file).expect(201)["ids"].as_array().map_or(0, Vec::len),
        _ => (0..50).filter(|_| server.create(&json!({"name": "beside"})).status == 201).count(),
    });
    assert_eq!(answers, [5_000, 50, 50]);
    assert_eq!(server.all_keys().len(), 5_100);
}

#[test]
fn many_connections_are_served_at_once() {
    let server = start();
    let mut connections: Vec<_> = (0..200).map(|_| server.connect()).collect();
    let request = integration_tests::http::Request::get("/apikeys");
    for connection in &mut connections {
        connection.write(&request.bytes()).unwrap();
    }
    for connection in connections.iter_mut().rev() {
        assert_eq!(connection.answer().unwrap().status, 200);
    }
}

#[test]
fn requests_sent_ahead_on_one_connection_are_answered_in_order() {
    let server = start();
    let mut connection = server.connect();
    let ahead: Vec<u8> = ["/apikeys", "/apikeys/none", "/nope", "/apikeys"]
        .iter()
        .flat_map(|target| integration_tests::http::Request::get(target).bytes())
        .collect();
    connection.write(&ahead).unwrap();
    assert_eq!([0; 4].map(|_| connection.answer().unwrap().status), [200, 404, 403, 200]);
}
