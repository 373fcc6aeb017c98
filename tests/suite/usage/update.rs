//! `PATCH /usageplans/{usageplanId}/keys/{keyId}/usage`

use super::{Place, early_enough, key_in, per, plan_with, usage};
use integration_tests::http::{Answer, Request};
use integration_tests::sdk;
use integration_tests::server::Server;
use serde_json::{Value, json};

use crate::{start, start_signed};

fn target(plan: &str, key: &str) -> String {
    format!("/usageplans/{plan}/keys/{key}/usage")
}

fn remaining(value: &str) -> Value {
    json!([{"op": "replace", "path": "/remaining", "value": value}])
}

fn patch(server: &Server, plan: &str, key: &str, operations: &Value) -> Answer {
    let body = json!({ "patchOperations": operations });
    server.send(&Request::json("PATCH", &target(plan, key), &body))
}

#[test]
fn it_answers_todays_pair_of_the_key() {
    early_enough();
    let server = start();
    let plan = plan_with(&server, &per(5_000, "MONTH"));
    let (key, _) = (key_in(&server, &plan), key_in(&server, &plan));
    let answer = patch(&server, &plan, &key, &remaining("10")).expect(200);
    let today = answer["startDate"].as_str().unwrap();
    let expected = json!({
        "usagePlanId": plan, "startDate": today, "endDate": today, "values": {&key: [[0, 10]]},
    });
    assert_eq!(answer, expected);
    assert_eq!(server.get(&usage(&plan, today, today)).expect(200)["values"][&key], json!([[0, 10]]));
    assert!(gatepost_domain::usage::Day::parse(today).is_ok(), "{today}");
}

#[test]
fn in_hal_the_pair_is_alone_and_the_only_link_is_its_own() {
    early_enough();
    let server = start();
    let plan = plan_with(&server, &per(5_000, "MONTH"));
    let key = key_in(&server, &plan);
    // The body of AWS's sample, which misspells its member.
    let body = r#"{"patchOperation":[{"op":"replace","path":"/remaining","value":"10"}]}"#;
    let answer = server.send(&Request::new("PATCH", &target(&plan, &key)).body(body)).expect(200);
    let today = &answer["startDate"];
    let expected = json!({
        "_links": {"self": {"href": target(&plan, &key)}},
        "usagePlanId": plan, "startDate": today, "endDate": today, "values": {&key: [0, 10]},
    });
    assert_eq!(answer, expected);
}

#[test]
fn what_was_used_before_does_not_lessen_what_is_set() {
    early_enough();
    let place = Place::new();
    let plan = plan_with(&place.server, &per(100, "MONTH"));
    let key = key_in(&place.server, &plan);
    let none = patch(&place.server, &plan, &key, &json!([])).expect(200);
    let today = none["startDate"].as_str().unwrap().to_owned();
    place.count(&plan, &key, &[(&today, 40)]);
    let first = patch(&place.server, &plan, &key, &json!([])).expect(200);
    assert_eq!(first["values"][&key], json!([[40, 60]]), "without operations nothing is set");
    let set = patch(&place.server, &plan, &key, &remaining("70")).expect(200);
    assert_eq!(set["values"][&key], json!([[40, 70]]));
    place.count(&plan, &key, &[(&today, 25)]);
    let shown = place.server.get(&usage(&plan, &today, &today)).expect(200);
    assert_eq!(shown["values"][&key], json!([[65, 45]]));
    let nothing = patch(&place.server, &plan, &key, &remaining("0")).expect(200);
    assert_eq!(nothing["values"][&key], json!([[65, 0]]));
}

#[test]
fn another_key_of_the_plan_and_the_next_period_keep_their_quota() {
    early_enough();
    let server = start();
    let plan = plan_with(&server, &per(8, "DAY"));
    let (key, other) = (key_in(&server, &plan), key_in(&server, &plan));
    let answer = patch(&server, &plan, &key, &remaining("2147483647")).expect(200);
    assert_eq!(answer["values"][&key], json!([[0, 2_147_483_647]]));
    let today = gatepost_domain::usage::Day::parse(answer["startDate"].as_str().unwrap()).unwrap();
    let shown = server.get(&usage(&plan, &today.to_string(), &today.plus(1).to_string())).expect(200);
    assert_eq!(shown["values"][&key], json!([[0, 2_147_483_647], [0, 8]]));
    assert_eq!(shown["values"][&other], json!([[0, 8], [0, 8]]));
}

#[test]
fn only_remaining_is_replaced_and_by_an_integer() {
    early_enough();
    let server = start();
    let plan = plan_with(&server, &per(8, "DAY"));
    let key = key_in(&server, &plan);
    let refused = |operation: Value, message: &str| {
        patch(&server, &plan, &key, &json!([operation])).expect_error(400, "BadRequestException", message);
    };
    for value in ["", "-1", "2147483648", "ten", "1.5", " 1", "1e2"] {
        refused(
            json!({"op": "replace", "path": "/remaining", "value": value}),
            "Invalid remaining quota specified: must be an integer from 0 to 2147483647",
        );
    }
    for path in ["/used", "/remaining/", "remaining", "", "/values"] {
        refused(
            json!({"op": "replace", "path": path, "value": "1"}),
            &format!("Invalid patch path  '{path}' specified for op 'replace'. Must be one of: [/remaining]"),
        );
    }
    for op in ["add", "remove", "copy"] {
        refused(
            json!({"op": op, "path": "/remaining", "value": "1"}),
            &format!("Invalid patch path  '/remaining' specified for op '{op}'. Must be one of: []"),
        );
    }
    refused(
        json!({"op": "test", "path": "/remaining", "value": "1"}),
        "Invalid patch operation specified. Must be 'add'|'remove'|'replace'|'copy'",
    );
    refused(
        json!({"op": "replace", "path": "/remaining"}),
        "Invalid patch operation specified. The op 'replace' needs a value",
    );
    let number = json!([{"op": "replace", "path": "/remaining", "value": 5}]);
    patch(&server, &plan, &key, &number).expect_error(
        400,
        "BadRequestException",
        "Invalid request input: 'patchOperations[0].value' must be a string",
    );
    let both = json!({"patchOperation": remaining("1"), "patchOperations": remaining("2")});
    let both = server.send(&Request::json("PATCH", &target(&plan, &key), &both));
    both.expect_error(400, "BadRequestException", "Invalid request input: unknown member 'patchOperations'");
    let untouched = patch(&server, &plan, &key, &json!([])).expect(200);
    assert_eq!(untouched["values"][&key], json!([[0, 8]]));
}

#[test]
fn operations_apply_in_order_and_all_or_none() {
    early_enough();
    let server = start();
    let plan = plan_with(&server, &per(8, "DAY"));
    let key = key_in(&server, &plan);
    let set = |value: &str| json!({"op": "replace", "path": "/remaining", "value": value});
    let twice = patch(&server, &plan, &key, &json!([set("3"), set("4")])).expect(200);
    assert_eq!(twice["values"][&key], json!([[0, 4]]));
    patch(&server, &plan, &key, &json!([set("5"), set("x")])).expect_error_like(
        400,
        "BadRequestException",
        |_| true,
    );
    assert_eq!(patch(&server, &plan, &key, &json!([])).expect(200)["values"][&key], json!([[0, 4]]));
}

#[test]
fn without_a_quota_there_is_nothing_to_set() {
    let server = start();
    let plan = plan_with(&server, &Value::Null);
    let key = key_in(&server, &plan);
    patch(&server, &plan, &key, &remaining("1")).expect_error(
        400,
        "BadRequestException",
        "Invalid remaining quota specified: the usage plan has no quota",
    );
    assert_eq!(patch(&server, &plan, &key, &json!([])).expect(200)["values"][&key], json!([[0, -1]]));
}

#[test]
fn an_unknown_plan_and_a_key_that_is_not_in_it_are_not_found() {
    let server = start();
    let (plan, other) = (plan_with(&server, &per(1, "DAY")), plan_with(&server, &per(1, "DAY")));
    let (key, elsewhere) = (key_in(&server, &plan), key_in(&server, &other));
    for unknown in ["unknown", "no%20plan"] {
        let answer = patch(&server, unknown, &key, &remaining("1"));
        answer.expect_error(404, "NotFoundException", "Invalid Usage Plan ID specified");
    }
    for unknown in [&*elsewhere, "unknown", "no%20key"] {
        let answer = patch(&server, &plan, unknown, &remaining("1"));
        answer.expect_error(404, "NotFoundException", "Invalid Key identifier specified");
    }
    // A wrong operation is told before what is not there.
    patch(&server, "unknown", "unknown", &remaining("x")).expect_error_like(
        400,
        "BadRequestException",
        |_| true,
    );
}

#[test]
fn another_account_sets_nothing() {
    let place = crate::auth::Place::new();
    let plan = plan_with(&place.server, &per(5, "DAY"));
    let key = key_in(&place.server, &plan);
    let stranger = place.credential("administrator", "000000000002");
    let body = json!({ "patchOperations": remaining("1") });
    let answer = place.server.send_as(&stranger, &Request::json("PATCH", &target(&plan, &key), &body));
    answer.expect_error(404, "NotFoundException", "Invalid Usage Plan ID specified");
    let kept = patch(&place.server, &plan, &key, &json!([])).expect(200);
    assert_eq!(kept["values"][&key], json!([[0, 5]]));
}

#[test]
fn of_settings_at_once_one_stays_whole() {
    early_enough();
    let place = Place::new();
    let plan = plan_with(&place.server, &per(1_000, "MONTH"));
    let key = key_in(&place.server, &plan);
    std::thread::scope(|scope| {
        for value in 1..=8 {
            let (server, plan, key) = (&place.server, &plan, &key);
            scope.spawn(move || {
                for _ in 0..5 {
                    let set = patch(server, plan, key, &remaining(&value.to_string())).expect(200);
                    assert_eq!(set["values"][key], json!([[0, value]]), "each is told what it set");
                }
            });
        }
    });
    let last = patch(&place.server, &plan, &key, &json!([])).expect(200)["values"][&key][0][1].as_u64();
    assert!((1..=8).contains(&last.unwrap()), "{last:?}");
}

#[tokio::test]
async fn the_sdk_sets_what_is_left_and_understands_a_refusal() {
    early_enough();
    use aws_sdk_apigateway::types::{Op, PatchOperation};
    let server = start_signed(&[]);
    let client = sdk::client(&server);
    let plan = plan_with(&server, &per(10, "DAY"));
    let key = key_in(&server, &plan);
    let set = |value: &str| {
        let operation = PatchOperation::builder().op(Op::Replace).path("/remaining").value(value).build();
        client.update_usage().usage_plan_id(&plan).key_id(&key).patch_operations(operation).send()
    };
    let shown = set("3").await.unwrap();
    assert_eq!(shown.items().unwrap()[&key], [vec![0, 3]]);
    assert_eq!(shown.start_date(), shown.end_date());
    let (status, code, message) = sdk::refusal(set("many").await);
    assert_eq!((status, code.as_str()), (400, "BadRequestException"));
    assert_eq!(message, "Invalid remaining quota specified: must be an integer from 0 to 2147483647");
}
