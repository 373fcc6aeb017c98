//! `POST /usageplans`

use aws_sdk_apigateway::types::{ApiStage, QuotaPeriodType, QuotaSettings, ThrottleSettings};
use integration_tests::sdk;
use integration_tests::server::id_of;
use integration_tests::snapshot::masked;
use serde_json::{Value, json};

use crate::{start, start_signed, start_with};

const UNFILLED: &str = "Invalid API Stage {api: %s, stage: %s} specified for usageplan %s";
const NAME: &str = "Invalid Usage Plan name, must have 1 to 1024 characters.";
const TOO_MANY_STAGES: &str =
    "Invalid API Stage specified: a usage plan can have at most 1000 stages and 1000 methods of them";
const RATE: &str = "Invalid throttle rate limit specified: must be a number from 0 to 1000000000";
const BURST: &str = "Invalid throttle burst limit specified: must be an integer from 0 to 2147483647";
const QUOTA_LIMIT: &str = "Invalid quota limit specified: must be an integer from 0 to 2147483647";
const INCOMPLETE: &str = "Invalid quota specified: limit and period are required";

/// A plan with a name and this member.
fn with(member: &str, value: Value) -> Value {
    [("name", json!("n")), (member, value)].into_iter().collect()
}

fn stages(count: usize) -> Value {
    (0..count).map(|n| json!({"apiId": "a", "stage": format!("s{n}")})).collect()
}

fn methods(count: usize) -> Value {
    let throttle = |n| (format!("/p{n}/GET"), json!({"rateLimit": 1}));
    let methods: serde_json::Map<String, Value> = (0..count).map(throttle).collect();
    json!([{"apiId": "a", "stage": "s", "throttle": methods}])
}

#[test]
fn a_plan_with_a_name_has_no_stages_and_nothing_else() {
    let server = start();
    let answer = server.create_plan(&json!({"name": "n"}));
    insta::assert_snapshot!(masked(&answer), @r#"
    201
    {
      "apiStages": [],
      "id": "[id]",
      "name": "n"
    }
    "#);
    let id = id_of(&answer.json());
    assert!(id.len() == 6 && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "{id}");
    assert_ne!(id, server.plan_with("n", &[]), "names need not be unique");
    server.stop();
}

#[test]
fn every_property_given_is_answered() {
    let server = start();
    let answer = server.create_plan(&json!({
        "name": "n", "description": "d", "tags": {"team": "a b", "env": ""},
        "apiStages": [
            {"apiId": "api1", "stage": "prod", "throttle": {
                "/pets/GET": {"rateLimit": 0.1, "burstLimit": 5}, "//ANY": {"burstLimit": 0},
            }},
            {"apiId": "api0", "stage": "$default"},
        ],
        "throttle": {"rateLimit": 10, "burstLimit": 20},
        "quota": {"limit": 1000, "period": "MONTH"},
    }));
    insta::assert_snapshot!(masked(&answer), @r#"
    201
    {
      "apiStages": [
        {
          "apiId": "api1",
          "stage": "prod",
          "throttle": {
            "//ANY": {
              "burstLimit": 0
            },
            "/pets/GET": {
              "burstLimit": 5,
              "rateLimit": 0.1
            }
          }
        },
        {
          "apiId": "api0",
          "stage": "$default"
        }
      ],
      "description": "d",
      "id": "[id]",
      "name": "n",
      "quota": {
        "limit": 1000,
        "offset": 0,
        "period": "MONTH"
      },
      "tags": {
        "env": "",
        "team": "a b"
      },
      "throttle": {
        "burstLimit": 20,
        "rateLimit": 10.0
      }
    }
    "#);
}

#[test]
fn each_rule_has_its_text() {
    let server = start();
    let long = |length| "x".repeat(length);
    for (body, message) in [
        (json!({}), NAME),
        (json!({"name": ""}), NAME),
        (json!({"name": long(1_025)}), NAME),
        (with("description", json!(long(125_001))), "Invalid Usage Plan description specified."),
        (with("apiStages", json!([{}])), UNFILLED),
        (with("apiStages", json!([{"apiId": "a"}])), UNFILLED),
        (with("apiStages", json!([{"apiId": "", "stage": "s"}])), UNFILLED),
        (with("apiStages", json!([{"apiId": "a", "stage": "s t"}])), UNFILLED),
        (with("apiStages", json!([{"apiId": "$default", "stage": "s"}])), UNFILLED),
        (with("apiStages", json!([{"apiId": "a", "stage": long(129)}])), UNFILLED),
        (
            with("apiStages", json!([{"apiId": "a", "stage": "s"}, {"apiId": "a", "stage": "s"}])),
            "Invalid API Stage specified: a:s is given twice",
        ),
        (with("apiStages", stages(1_001)), TOO_MANY_STAGES),
        (with("apiStages", methods(1_001)), TOO_MANY_STAGES),
        (
            with("apiStages", json!([{"apiId": "a", "stage": "s", "throttle": {"pets/GET": {}}}])),
            "Invalid method \"pets/GET\" specified in a throttle: must be a resource path and a method, such as \
             /pets/GET",
        ),
        (with("throttle", json!({"rateLimit": -0.1})), RATE),
        (with("throttle", json!({"rateLimit": 1_000_000_000.5})), RATE),
        (with("throttle", json!({"burstLimit": -1})), BURST),
        (with("throttle", json!({"burstLimit": 2_147_483_648_u64})), BURST),
        (with("quota", json!({})), INCOMPLETE),
        (with("quota", json!({"limit": 1})), INCOMPLETE),
        (with("quota", json!({"period": "DAY"})), INCOMPLETE),
        (with("quota", json!({"limit": -1, "period": "DAY"})), QUOTA_LIMIT),
        (with("quota", json!({"limit": 2_147_483_648_u64, "period": "DAY"})), QUOTA_LIMIT),
        (with("quota", json!({"limit": u64::MAX, "period": "DAY"})), QUOTA_LIMIT),
        (with("tags", json!({"aws:mine": "v"})), "Invalid tag key specified: the prefix aws: is reserved."),
    ] {
        server.create_plan(&body).expect_error(400, "BadRequestException", message);
    }
    assert_eq!(server.get("/usageplans").expect(200), json!({"item": []}), "a refused plan is not kept");
}

#[test]
fn a_period_is_one_of_three_words() {
    let server = start();
    for (period, shown) in [("YEAR", "YEAR"), ("day", "day"), ("", ""), (&"x".repeat(99), &"x".repeat(64))] {
        let body = with("quota", json!({"limit": 1, "period": period}));
        server.create_plan(&body).expect_error(
            400,
            "ValidationException",
            &format!(
                "1 validation error detected: Value '{shown}' at 'quota.period' failed to satisfy constraint: \
                 Member must satisfy enum value set: [DAY, WEEK, MONTH]"
            ),
        );
    }
}

#[test]
fn an_offset_is_a_day_of_the_period() {
    let server = start();
    let quota = |period: &str, offset: i64| {
        server.create_plan(&with("quota", json!({"limit": 1, "offset": offset, "period": period})))
    };
    for (period, most, message) in [
        ("DAY", 0, "Usage Plan quota offset must be zero in the DAY period"),
        ("WEEK", 6, "Usage Plan quota offset must be between 0 and 6 inclusive in the WEEK period"),
        ("MONTH", 27, "Usage Plan quota offset must be between 0 and 27 inclusive in the MONTH period"),
    ] {
        assert_eq!(quota(period, most).expect(201)["quota"]["offset"], most);
        for wrong in [-1, most + 1, i64::MAX] {
            quota(period, wrong).expect_error(400, "BadRequestException", message);
        }
    }
}

#[test]
fn what_is_at_its_bound_is_kept_whole() {
    let server = start();
    let (name, description) = ("é".repeat(1_024), "ü".repeat(125_000));
    let plan = server.create_plan(&json!({"name": name, "description": description})).expect(201);
    assert_eq!((&plan["name"], &plan["description"]), (&json!(name), &json!(description)));
    for throttle in [
        json!({"burstLimit": 0, "rateLimit": 0.0}),
        json!({"burstLimit": 2_147_483_647, "rateLimit": 1e9}),
        json!({}),
    ] {
        assert_eq!(server.create_plan(&with("throttle", throttle.clone())).expect(201)["throttle"], throttle);
    }
    for limit in [0, 2_147_483_647] {
        let quota = json!({"limit": limit, "offset": 0, "period": "DAY"});
        assert_eq!(server.create_plan(&with("quota", quota.clone())).expect(201)["quota"], quota);
    }
    let all = server.create_plan(&with("apiStages", stages(1_000))).expect(201);
    assert_eq!(all["apiStages"], stages(1_000));
    server.create_plan(&with("apiStages", methods(1_000))).expect(201);
}

#[test]
fn a_rate_is_answered_as_the_number_that_was_sent() {
    let server = start();
    for (sent, shown) in [
        ("500", "500.0"),
        ("5e2", "500.0"),
        ("500.0", "500.0"),
        ("0.1", "0.1"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("123456789.12345679", "123456789.12345679"),
        ("1.1387580045026797e-301", "1.1387580045026797e-301"),
        ("-0.0", "0.0"),
    ] {
        let body = format!(r#"{{"name":"n","throttle":{{"rateLimit":{sent}}}}}"#);
        let request = integration_tests::http::Request::new("POST", "/usageplans").plain().body(body);
        let answer = server.send(&request);
        assert_eq!(answer.status, 201, "{sent}");
        assert!(answer.text().contains(&format!(r#""rateLimit":{shown}}}"#)), "{sent}: {}", answer.text());
        let read = server.get(&format!("/usageplans/{}", id_of(&answer.json())));
        assert!(read.text().contains(&format!(r#""rateLimit":{shown}}}"#)), "{sent}: {}", read.text());
    }
}

#[test]
fn of_several_wrong_properties_the_first_in_order_is_told() {
    let server = start();
    let mut body = json!({
        "name": "", "description": "x".repeat(125_001), "apiStages": [{}], "throttle": {"rateLimit": -1},
        "quota": {}, "tags": {"aws:mine": ""},
    });
    for (property, message) in [
        ("name", NAME),
        ("description", "Invalid Usage Plan description specified."),
        ("apiStages", UNFILLED),
        ("throttle", RATE),
        ("quota", INCOMPLETE),
        ("tags", "Invalid tag key specified: the prefix aws: is reserved."),
    ] {
        server.create_plan(&body).expect_error(400, "BadRequestException", message);
        body.as_object_mut().unwrap().remove(property);
        body["name"] = if property == "name" { json!("n") } else { body["name"].clone() };
    }
    server.create_plan(&body).expect(201);
}

#[test]
fn null_and_empty_texts_count_as_not_given() {
    let server = start();
    let body = json!({
        "name": "n", "description": "", "apiStages": null, "throttle": null, "quota": null, "tags": null,
    });
    let plan = server.create_plan(&body).expect(201);
    assert_eq!(plan.as_object().map(serde_json::Map::len), Some(3), "{plan}");
}

#[test]
fn an_account_has_no_more_plans_than_its_limit() {
    let server = start_with(&["--max-plans-per-account=2"]);
    let id = server.plan_with("a", &[]);
    server.plan_with("b", &[]);
    let refused = server.create_plan(&json!({"name": "c"}));
    refused.expect_error(
        429,
        "LimitExceededException",
        "Maximum number of Usage Plans has been reached. Please contact your administrator if you need \
         additional Usage Plans.",
    );
    assert_eq!(refused.header("retry-after"), None);
    assert_eq!(server.delete(&format!("/usageplans/{id}")).status, 202);
    server.create_plan(&json!({"name": "c"})).expect(201);
}

#[tokio::test]
async fn the_sdk_creates_a_plan_and_understands_a_refusal() {
    let server = start_signed(&[]);
    let client = sdk::client(&server);
    let throttle = ThrottleSettings::builder().rate_limit(0.5).burst_limit(7).build();
    let quota = QuotaSettings::builder().limit(9).offset(6).period(QuotaPeriodType::Week).build();
    let stage = ApiStage::builder().api_id("a").stage("s").throttle("/pets/GET", throttle.clone()).build();
    let create = client.create_usage_plan().name("from the sdk").description("d");
    let create = create.api_stages(stage.clone()).throttle(throttle.clone()).quota(quota.clone());
    let plan = create.tags("team", "a").send().await.unwrap();
    assert_eq!((plan.name(), plan.description()), (Some("from the sdk"), Some("d")));
    assert_eq!(plan.api_stages(), [stage]);
    assert_eq!((plan.throttle(), plan.quota()), (Some(&throttle), Some(&quota)));
    assert_eq!(plan.tags().and_then(|tags| tags.get("team")).map(String::as_str), Some("a"));
    let blank = client.create_usage_plan().name("n").api_stages(ApiStage::builder().api_id("a").build());
    let refused = sdk::refusal(blank.send().await);
    assert_eq!(refused, (400, "BadRequestException".into(), UNFILLED.into()));
}
