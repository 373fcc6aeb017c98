//! `PATCH /usageplans/{id}`

use aws_sdk_apigateway::types::{Op, PatchOperation};
use integration_tests::sdk;
use integration_tests::server::{Server, id_of};
use integration_tests::snapshot::masked;
use serde_json::{Value, json};

use super::NO_SUCH_PLAN;
use crate::{start, start_signed};

const REPLACE: &str = "/name, /description, /productCode, /throttle/rateLimit, /throttle/burstLimit, /quota/limit, /quota/offset, /quota/period, /apiStages/<apidId:stageName>/throttle, /apiStages/<apidId:stageName>/throttle/<resourcePath>/<httpMethod>/rateLimit, /apiStages/<apidId:stageName>/throttle/<resourcePath>/<httpMethod>/burstLimit";
const ADD: &str = "/apiStages, /productCode, /throttle/rateLimit, /throttle/burstLimit, /quota/limit, /quota/offset, /quota/period, /apiStages/<apidId:stageName>/throttle, /apiStages/<apidId:stageName>/throttle/<resourcePath>/<httpMethod>/rateLimit, /apiStages/<apidId:stageName>/throttle/<resourcePath>/<httpMethod>/burstLimit";
const REMOVE: &str = "/apiStages, /quota, /throttle, /productCode, /apiStages/<apidId:stageName>/throttle/<resourcePath>/<httpMethod>, /apiStages/<apidId:stageName>/throttle";

fn op(op: &str, path: &str, value: &str) -> Value {
    json!({"op": op, "path": path, "value": value})
}

fn remove(path: &str) -> Value {
    json!({"op": "remove", "path": path})
}

/// A server with a plan of two stages, and the plan.
fn with_plan() -> (Server, String) {
    let server = start();
    let plan = server.plan_with("old", &["a:s", "b:t"]);
    (server, plan)
}

/// Applies operations that must succeed; the answer is also what is kept.
#[track_caller]
fn changed(server: &Server, plan: &str, operations: &[Value]) -> Value {
    let answered = server.patch_plan(plan, &json!(operations)).expect(200);
    assert_eq!(server.get(&format!("/usageplans/{plan}")).expect(200), answered);
    answered
}

#[track_caller]
fn refused(server: &Server, plan: &str, operation: &Value, message: &str) {
    let before = server.get(&format!("/usageplans/{plan}")).expect(200);
    let answer = server.patch_plan(plan, &json!([op("replace", "/name", "never"), operation]));
    answer.expect_error(400, "BadRequestException", message);
    let after = server.get(&format!("/usageplans/{plan}")).expect(200);
    assert_eq!(after, before, "a failed change leaves the plan as it is");
}

#[test]
fn every_property_is_replaced_and_the_whole_plan_is_answered() {
    let (server, plan) = with_plan();
    let operations = [
        op("replace", "/name", "new"),
        op("replace", "/description", "d"),
        op("replace", "/productCode", "code"),
        op("replace", "/throttle/rateLimit", "0.5"),
        op("replace", "/throttle/burstLimit", "3"),
        op("replace", "/quota/limit", "1000"),
        op("replace", "/quota/offset", "6"),
        op("replace", "/quota/period", "WEEK"),
    ];
    insta::assert_snapshot!(masked(&server.patch_plan(&plan, &json!(operations))), @r#"
    200
    {
      "apiStages": [
        {
          "apiId": "a",
          "stage": "s"
        },
        {
          "apiId": "b",
          "stage": "t"
        }
      ],
      "description": "d",
      "id": "[id]",
      "name": "new",
      "productCode": "code",
      "quota": {
        "limit": 1000,
        "offset": 6,
        "period": "WEEK"
      },
      "tags": {},
      "throttle": {
        "burstLimit": 3,
        "rateLimit": 0.5
      }
    }
    "#);
    changed(&server, &plan, &operations);
}

#[test]
fn what_can_be_added_is_set_and_what_can_be_removed_is_gone() {
    let (server, plan) = with_plan();
    let added = changed(
        &server,
        &plan,
        &[
            op("add", "/apiStages", "c:u"),
            op("add", "/apiStages", "a:s"),
            op("add", "/productCode", "code"),
            op("add", "/throttle/rateLimit", "1"),
            op("add", "/throttle/burstLimit", "2"),
            op("add", "/quota/limit", "3"),
            op("add", "/quota/offset", "0"),
            op("add", "/quota/period", "DAY"),
        ],
    );
    assert_eq!(added["apiStages"].as_array().map(Vec::len), Some(3), "a stage that is there is not added");
    assert_eq!(added["apiStages"][2], json!({"apiId": "c", "stage": "u"}));
    assert_eq!(added["productCode"], "code");
    assert_eq!(added["throttle"], json!({"rateLimit": 1.0, "burstLimit": 2}));
    assert_eq!(added["quota"], json!({"limit": 3, "offset": 0, "period": "DAY"}));
    let gone = changed(
        &server,
        &plan,
        &[
            op("remove", "/apiStages", "a:s"),
            op("remove", "/apiStages", "b:t"),
            remove("/productCode"),
            remove("/throttle"),
            remove("/quota"),
        ],
    );
    assert_eq!(gone["apiStages"], json!([{"apiId": "c", "stage": "u"}]));
    for member in ["productCode", "throttle", "quota"] {
        assert_eq!(gone.get(member), None, "{member}");
    }
    changed(&server, &plan, &[remove("/productCode"), remove("/throttle"), remove("/quota")]);
}

#[test]
fn an_empty_text_clears_what_need_not_be_there() {
    let (server, plan) = with_plan();
    changed(&server, &plan, &[op("replace", "/description", "d"), op("replace", "/productCode", "c")]);
    let cleared =
        changed(&server, &plan, &[op("replace", "/description", ""), op("replace", "/productCode", "")]);
    assert_eq!((cleared.get("description"), cleared.get("productCode")), (None, None));
}

#[test]
fn a_quota_may_come_in_pieces_of_one_request_but_not_in_pieces_of_several() {
    let (server, plan) = with_plan();
    let incomplete = "Invalid quota specified: limit and period are required";
    refused(&server, &plan, &op("replace", "/quota/limit", "5"), incomplete);
    refused(&server, &plan, &op("add", "/quota/period", "DAY"), incomplete);
    let operations = [op("replace", "/quota/period", "WEEK"), op("add", "/quota/limit", "5")];
    let quota = &changed(&server, &plan, &operations)["quota"];
    assert_eq!(*quota, json!({"limit": 5, "offset": 0, "period": "WEEK"}), "the offset is filled in");
    changed(&server, &plan, &[op("replace", "/quota/offset", "6")]);
    refused(
        &server,
        &plan,
        &op("replace", "/quota/period", "DAY"),
        "Usage Plan quota offset must be zero in the DAY period",
    );
    let month = [op("replace", "/quota/period", "MONTH"), op("replace", "/quota/offset", "27")];
    assert_eq!(
        changed(&server, &plan, &month)["quota"],
        json!({"limit": 5, "offset": 27, "period": "MONTH"})
    );
}

#[test]
fn methods_are_throttled_by_either_spelling_of_their_path() {
    let (server, plan) = with_plan();
    let operations = [
        op("replace", "/apiStages/a:s/throttle//pets/GET/rateLimit", "1.5"),
        op("add", "/apiStages/a:s/throttle/~1pets/GET/burstLimit", "2"),
        op("replace", "/apiStages/a:s/throttle///GET/rateLimit", "3"),
        op("add", "/apiStages/b:t/throttle/~1pets~1{id}/ANY/rateLimit", "4"),
    ];
    let plan_now = changed(&server, &plan, &operations);
    assert_eq!(
        plan_now["apiStages"],
        json!([
            {"apiId": "a", "stage": "s", "throttle": {
                "//GET": {"rateLimit": 3.0}, "/pets/GET": {"rateLimit": 1.5, "burstLimit": 2},
            }},
            {"apiId": "b", "stage": "t", "throttle": {"/pets/{id}/ANY": {"rateLimit": 4.0}}},
        ])
    );
    let operations = [
        remove("/apiStages/a:s/throttle/~1pets/GET"),
        remove("/apiStages/a:s/throttle//unknown/GET"),
        remove("/apiStages/b:t/throttle"),
    ];
    assert_eq!(
        changed(&server, &plan, &operations)["apiStages"],
        json!([
            {"apiId": "a", "stage": "s", "throttle": {"//GET": {"rateLimit": 3.0}}},
            {"apiId": "b", "stage": "t"},
        ])
    );
}

#[test]
fn all_methods_of_a_stage_are_replaced_by_json_in_a_text() {
    let (server, plan) = with_plan();
    let path = "/apiStages/a:s/throttle";
    for (verb, text, kept) in [
        (
            "replace",
            r#"{"/pets/GET":{"rateLimit":1.0,"burstLimit":1},"//GET":{"rateLimit":2}}"#,
            json!({"/pets/GET": {"rateLimit": 1.0, "burstLimit": 1}, "//GET": {"rateLimit": 2.0}}),
        ),
        ("add", r#" {"/a/POST" : {"burstLimit" : 0}} "#, json!({"/a/POST": {"burstLimit": 0}})),
    ] {
        assert_eq!(changed(&server, &plan, &[op(verb, path, text)])["apiStages"][0]["throttle"], kept);
    }
    for none in ["{}", ""] {
        let emptied = changed(&server, &plan, &[op("replace", path, none)]);
        assert_eq!(emptied["apiStages"][0].get("throttle"), None, "{none:?}");
    }
    let no_throttles = "Invalid throttle specified: must be a JSON object such as \
                        {\"/pets/GET\":{\"rateLimit\":1.0,\"burstLimit\":1}}";
    for wrong in [
        "nothing",
        "[]",
        "null",
        "{} {}",
        r#"{"/pets/GET":1}"#,
        r#"{"/pets/GET":null}"#,
        r#"{"/pets/GET":{"rate":1}}"#,
        r#"{"/pets/GET":{"rateLimit":"1"}}"#,
        r#"{"/pets/GET":{"burstLimit":1.5}}"#,
        r#"{"/pets/GET":{},"/pets/GET":{}}"#,
    ] {
        refused(&server, &plan, &op("replace", path, wrong), no_throttles);
    }
    refused(
        &server,
        &plan,
        &op("replace", path, r#"{"pets":{}}"#),
        "Invalid method \"pets\" specified in a throttle: must be a resource path and a method, such as /pets/GET",
    );
    refused(
        &server,
        &plan,
        &op("replace", path, r#"{"/pets/GET":{"rateLimit":-1}}"#),
        "Invalid throttle rate limit specified: must be a number from 0 to 1000000000",
    );
}

#[test]
fn a_stage_that_is_not_in_the_plan_is_not_found() {
    let (server, plan) = with_plan();
    let message = format!("Invalid API Stage {{api: c, stage: u}} specified for usageplan {plan}");
    for operation in [
        op("remove", "/apiStages", "c:u"),
        op("replace", "/apiStages/c:u/throttle", "{}"),
        op("add", "/apiStages/c:u/throttle//pets/GET/rateLimit", "1"),
        remove("/apiStages/c:u/throttle"),
    ] {
        let answer = server.patch_plan(&plan, &json!([operation]));
        answer.expect_error(404, "NotFoundException", &message);
    }
}

#[test]
fn a_stage_is_removed_by_its_value_of_two_parts() {
    let (server, plan) = with_plan();
    for wrong in ["", "a", "a:s:t", ":", "a:"] {
        refused(&server, &plan, &op("remove", "/apiStages", wrong), "Invalid API Stage specified");
    }
    refused(&server, &plan, &remove("/apiStages"), "Invalid API Stage specified");
    let by_path =
        format!("Invalid patch path  '/apiStages/a:s' specified for op 'remove'. Must be one of: [{REMOVE}]");
    refused(&server, &plan, &remove("/apiStages/a:s"), &by_path);
}

#[test]
fn a_wrong_path_is_answered_with_the_paths_that_there_are() {
    let (server, plan) = with_plan();
    for (verb, paths, allowed) in [
        (
            "replace",
            &[
                "/id",
                "/apiStages",
                "/tags",
                "/throttle",
                "/quota",
                "/Name",
                "",
                "/name/",
                "/apiStages/a/throttle",
                "/apiStages/a:s/throttle//GET/rate",
                "/apiStages/a:s/throttle//pets/GET",
            ][..],
            REPLACE,
        ),
        ("add", &["/name", "/description", "/apiStages/a:s", "/throttle", "/quota"], ADD),
        (
            "remove",
            &["/name", "/description", "/throttle/rateLimit", "/quota/limit", "/apiStages/x:dev"],
            REMOVE,
        ),
        ("copy", &["/name", "/apiStages"], ""),
    ] {
        for path in paths {
            let message = format!(
                "Invalid patch path  '{path}' specified for op '{verb}'. Must be one of: [{allowed}]"
            );
            refused(&server, &plan, &op(verb, path, "v"), &message);
        }
    }
}

#[test]
fn each_rule_has_its_text() {
    let (server, plan) = with_plan();
    let rate = "Invalid throttle rate limit specified: must be a number from 0 to 1000000000";
    let burst = "Invalid throttle burst limit specified: must be an integer from 0 to 2147483647";
    let limit = "Invalid quota limit specified: must be an integer from 0 to 2147483647";
    let name = "Invalid Usage Plan name, must have 1 to 1024 characters.";
    let (long, longest) = ("x".repeat(1_025), "x".repeat(125_001));
    for (path, value, message) in [
        ("/name", "", name),
        ("/name", &long, name),
        ("/description", &longest, "Invalid Usage Plan description specified."),
        ("/productCode", &long, "Invalid Usage Plan product code specified."),
        ("/throttle/rateLimit", "-1", rate),
        ("/throttle/rateLimit", "1000000001", rate),
        ("/throttle/rateLimit", "", rate),
        ("/throttle/rateLimit", "NaN", rate),
        ("/throttle/rateLimit", "inf", rate),
        ("/throttle/rateLimit", "fast", rate),
        ("/throttle/burstLimit", "-1", burst),
        ("/throttle/burstLimit", "2147483648", burst),
        ("/throttle/burstLimit", "1.5", burst),
        ("/apiStages/a:s/throttle//GET/burstLimit", "99999999999999999999", burst),
        ("/quota/limit", "-1", limit),
        ("/quota/limit", "many", limit),
        ("/quota/offset", "soon", "Usage Plan quota offset must be zero in the DAY period"),
        (
            "/apiStages/a:s/throttle/pets/GET/rateLimit",
            "1",
            "Invalid method \"pets/GET\" specified in a throttle: must be a resource path and a method, such as \
             /pets/GET",
        ),
    ] {
        let mut operations = vec![op("replace", path, value)];
        if path == "/quota/limit" {
            operations.insert(0, op("replace", "/quota/period", "DAY"));
        }
        let answer = server.patch_plan(&plan, &json!(operations));
        answer.expect_error(400, "BadRequestException", message);
    }
    refused(
        &server,
        &plan,
        &op("add", "/apiStages", "a"),
        "Invalid API Stage {api: %s, stage: %s} specified for usageplan %s",
    );
    refused(
        &server,
        &plan,
        &json!({"op": "replace", "path": "/name"}),
        "Invalid patch operation specified. The op 'replace' needs a value",
    );
    refused(
        &server,
        &plan,
        &op("test", "/name", "v"),
        "Invalid patch operation specified. Must be 'add'|'remove'|'replace'|'copy'",
    );
    let period = server.patch_plan(&plan, &json!([op("replace", "/quota/period", "YEAR")]));
    period.expect_error(
        400,
        "ValidationException",
        "1 validation error detected: Value 'YEAR' at 'quota.period' failed to satisfy constraint: Member must \
         satisfy enum value set: [DAY, WEEK, MONTH]",
    );
}

#[test]
fn operations_apply_in_order_and_all_or_none() {
    let (server, plan) = with_plan();
    let after = changed(
        &server,
        &plan,
        &[
            op("replace", "/name", "one"),
            op("remove", "/apiStages", "a:s"),
            op("add", "/apiStages", "a:s"),
            op("replace", "/name", "two"),
        ],
    );
    assert_eq!(after["name"], "two");
    assert_eq!(after["apiStages"][1], json!({"apiId": "a", "stage": "s"}), "added again at the end");
}

#[test]
fn no_operations_leave_the_plan_as_it_is() {
    let (server, plan) = with_plan();
    let before = server.get(&format!("/usageplans/{plan}")).expect(200);
    assert_eq!(changed(&server, &plan, &[]), before);
    let empty = integration_tests::http::Request::json("PATCH", &format!("/usageplans/{plan}"), &json!({}));
    assert_eq!(server.send(&empty).expect(200), before);
}

#[test]
fn tags_are_shown_and_stay() {
    let server = start();
    let plan = id_of(&server.create_plan(&json!({"name": "n", "tags": {"k": "v"}})).expect(201));
    assert_eq!(changed(&server, &plan, &[op("replace", "/name", "m")])["tags"], json!({"k": "v"}));
}

#[test]
fn a_stage_that_another_plan_of_a_key_has_is_a_conflict_that_names_the_key() {
    let server = start();
    let (one, two) = (server.plan_with("one", &["a:s"]), server.plan_with("two", &["b:t"]));
    let key = server.key_named("k");
    server.attach(&one, &key).expect(201);
    server.attach(&two, &key).expect(201);
    let add = json!([op("replace", "/name", "never"), op("add", "/apiStages", "a:s")]);
    let message = format!(
        "Usage Plan {two} cannot be added because API Key {key} cannot reference multiple Usage Plans with the same \
         API stage: a:s"
    );
    server.patch_plan(&two, &add).expect_error(409, "ConflictException", &message);
    let kept = server.get(&format!("/usageplans/{two}")).expect(200);
    assert_eq!((&kept["name"], kept["apiStages"].as_array().map(Vec::len)), (&json!("two"), Some(1)));
    // Another stage of the same API is another stage, and so is a plan that the key is not in.
    changed(&server, &two, &[op("add", "/apiStages", "a:t")]);
    let three = server.plan_with("three", &[]);
    changed(&server, &three, &[op("add", "/apiStages", "a:s")]);
    // What the stored plan has already is not asked for again, and what the other one gives up is free.
    changed(&server, &two, &[op("replace", "/throttle/rateLimit", "1")]);
    changed(&server, &one, &[op("remove", "/apiStages", "a:s")]);
    server.patch_plan(&two, &add).expect(200);
}

#[test]
fn a_plan_that_is_not_there_is_not_found_but_a_wrong_operation_is_told_first() {
    let server = start();
    for id in ["aaaaaa", "no%20plan"] {
        let answer = server.patch_plan(id, &json!([op("replace", "/name", "n")]));
        answer.expect_error(404, "NotFoundException", NO_SUCH_PLAN);
    }
    let wrong = server.patch_plan("aaaaaa", &json!([op("replace", "/id", "n")]));
    wrong.expect_error_like(400, "BadRequestException", |message| message.starts_with("Invalid patch path"));
}

#[tokio::test]
async fn the_sdk_changes_a_plan_and_understands_a_refusal() {
    let server = start_signed(&[]);
    let client = sdk::client(&server);
    let plan = server.plan_with("n", &["a:s"]);
    let patch = |op: Op, path: &str, value: &str| {
        let operation = PatchOperation::builder().op(op).path(path).value(value).build();
        client.update_usage_plan().usage_plan_id(&plan).patch_operations(operation).send()
    };
    let changed = patch(Op::Replace, "/throttle/rateLimit", "12.5").await.unwrap();
    assert_eq!(changed.throttle().map(|throttle| throttle.rate_limit()), Some(12.5));
    assert_eq!(changed.tags().map(std::collections::HashMap::len), Some(0));
    let refused = sdk::refusal(patch(Op::Remove, "/apiStages", "b:t").await);
    let message = format!("Invalid API Stage {{api: b, stage: t}} specified for usageplan {plan}");
    assert_eq!(refused, (404, "NotFoundException".into(), message));
}
