//! `POST /apikeys?mode=import`: what rows become. How the bytes may arrive is in `import_stream`.

use integration_tests::http::Request;
use integration_tests::sdk;
use integration_tests::snapshot::masked;
use serde_json::{Value, json};

use crate::{start, start_signed};

/// The keys of a server by name: enabled, description, value.
fn kept(server: &integration_tests::server::Server) -> Vec<(String, bool, String, String)> {
    let text = |member: &Value| member.as_str().unwrap_or_default().to_owned();
    let mut keys: Vec<_> = server
        .all_keys()
        .iter()
        .map(|key| {
            (text(&key["name"]), key["enabled"] == true, text(&key["description"]), text(&key["value"]))
        })
        .collect();
    keys.sort();
    keys
}

#[test]
fn every_row_becomes_a_key_and_is_listed() {
    let server = start();
    let (a, b) = (server.value(), server.value());
    let csv =
        format!("Key,Name,Description,Enabled,UsagePlanIds\n{a},one,first,false,\n{b},two,second,true,\n");
    let answer = server.import("&format=csv", &csv);
    insta::assert_snapshot!(masked(&answer), @r#"
    201
    {
      "ids": [
        "[id]",
        "[id]"
      ],
      "warnings": []
    }
    "#);
    assert_eq!(
        kept(&server),
        [("one".into(), false, "first".into(), a), ("two".into(), true, "second".into(), b)]
    );
    let ids = answer.json()["ids"].clone();
    let first = server.get(&format!("/apikeys/{}", ids[0].as_str().unwrap())).expect(200);
    assert_eq!(first["name"], "one", "ids come in row order");
}

#[test]
fn columns_come_in_any_order_and_case_and_missing_ones_have_defaults() {
    let server = start();
    let value = server.value();
    let csv = format!("NAME , unknown,kEy \n one ,ignored, {value} \n");
    server.import("&format=csv", &csv).expect(201);
    assert_eq!(kept(&server), [("one".into(), true, String::new(), value)]);
}

#[test]
fn a_short_row_has_the_defaults_for_what_is_missing() {
    let server = start();
    let value = server.value();
    server.import("", &format!("name,key,enabled,description\none,{value}\n")).expect(201);
    assert_eq!(kept(&server), [("one".into(), true, String::new(), value)]);
}

#[test]
fn enabled_is_read_in_any_case_and_trimmed() {
    let server = start();
    let values = [server.value(), server.value(), server.value()];
    let csv = format!("key,name,enabled\n{},a, tRuE\n{},b,FALSE \n{},c,\n", values[0], values[1], values[2]);
    server.import("", &csv).expect(201);
    assert_eq!(kept(&server).iter().map(|key| key.1).collect::<Vec<_>>(), [true, false, true]);
}

#[test]
fn each_bad_row_is_skipped_with_its_number_and_reason() {
    let server = start();
    let v: Vec<String> = (0..7).map(|_| server.value()).collect();
    let csv = format!(
        "key,name,enabled,usageplanids,description\n\
         {},good,true,,\n\
         {},short,true,,\n\
         {},{},true,,\n\
         {},maybe,perhaps,,\n\
         {},planned,true,\"p1,p2\",\n\
         {},planned,true,'p1',\n\
         {}{}{}{},long,true,,\n\
         ,none,true,,\n",
        v[0],
        &v[1][..12],
        v[2],
        "n".repeat(1025),
        v[3],
        v[4],
        v[5],
        v[6],
        v[6],
        v[6],
        v[6],
    );
    let answer = server.import("&failonwarnings=false", &csv).expect(201);
    assert_eq!(answer["ids"].as_array().map(Vec::len), Some(1));
    let warnings: Vec<&str> =
        answer["warnings"].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
    assert_eq!(warnings[0], "Skipped invalid record: 2. API Key value should be at least 30 characters");
    assert_eq!(
        warnings[1],
        "Skipped invalid record: 3. Invalid API Key name, can be at most 1024 characters."
    );
    assert!(warnings[2].starts_with("Skipped invalid record: 4. "), "{}", warnings[2]);
    assert!(warnings[2].contains("Enabled") && warnings[2].contains("perhaps"), "{}", warnings[2]);
    assert_eq!(warnings[3], "Skipped invalid record: 5. Invalid Usage Plan ID specified");
    assert_eq!(warnings[4], "Skipped invalid record: 6. Invalid Usage Plan ID specified");
    assert_eq!(
        warnings[5],
        "Skipped invalid record: 7. API Key value exceeds maximum size of 128 characters"
    );
    assert!(warnings[6].starts_with("Skipped invalid record: 8. "), "{}", warnings[6]);
    assert_eq!(warnings.len(), 7);
    assert_eq!(kept(&server), [("good".into(), true, String::new(), v[0].clone())]);
}

#[test]
fn fail_on_warnings_changes_nothing_and_names_every_warning() {
    let server = start();
    let csv = format!("key,name\n{},good\ntoo-short,a\n{},b\nalso-short,c\n", server.value(), server.value());
    server.import("&format=csv&failonwarnings=true", &csv).expect_error(
        400,
        "BadRequestException",
        "Skipped invalid record: 2. API Key value should be at least 30 characters\n\
         Skipped invalid record: 4. API Key value should be at least 30 characters",
    );
    assert!(server.all_keys().is_empty());
    let good = format!("key,name\n{},good\n", server.value());
    server.import("&format=csv&failonwarnings=true", &good).expect(201);
}

#[test]
fn beyond_a_thousand_warnings_only_their_number_is_told() {
    let server = start();
    let csv = format!("key,name\n{}", "too-short,n\n".repeat(1005));
    let answer = server.import("", &csv).expect(201);
    let warnings = answer["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1001);
    assert_eq!(warnings[999], "Skipped invalid record: 1000. API Key value should be at least 30 characters");
    assert_eq!(warnings[1000], "and 5 more");
}

#[test]
fn importing_a_key_again_overwrites_it_and_keeps_its_identity() {
    let server = start();
    let value = server.value();
    let body = json!({"name": "old", "description": "kept", "customerId": "c", "enabled": false, "value": value,
                      "tags": {"a": "b"}, "stageKeys": [{"restApiId": "r", "stageName": "s"}]});
    let before = server.create(&body).expect(201);
    let answer = server.import("", &format!("key,name\n{value},new\n")).expect(201);
    assert_eq!(answer["ids"], json!([before["id"]]));
    let [after] = &server.all_keys()[..] else { panic!("one key") };
    let mut expected = before.clone();
    expected["name"] = "new".into();
    expected["lastUpdatedDate"] = after["lastUpdatedDate"].clone();
    assert_eq!(*after, expected, "an absent column leaves the property as it is");
}

#[test]
fn an_empty_cell_leaves_a_property_of_an_existing_key_as_it_is() {
    let server = start();
    let value = server.value();
    server.create(&json!({"name": "n", "description": "d", "enabled": false, "value": value})).expect(201);
    server.import("", &format!("key,name,description,enabled\n{value},,,\n")).expect(201);
    assert_eq!(kept(&server), [("n".into(), false, "d".into(), value.clone())]);
    server.import("", &format!("key,name,description,enabled\n{value},m,e,true\n")).expect(201);
    assert_eq!(kept(&server), [("m".into(), true, "e".into(), value)]);
}

#[test]
fn of_one_key_twice_in_a_file_the_later_row_wins_and_is_listed_once() {
    let server = start();
    let (value, other) = (server.value(), server.value());
    let csv = format!("key,name,description\n{value},early,d\n{other},between,\n{value},late,\n");
    let answer = server.import("", &csv).expect(201);
    assert_eq!(answer["ids"].as_array().map(Vec::len), Some(2));
    let keys = kept(&server);
    let late = keys.iter().find(|key| key.3 == value).unwrap();
    assert_eq!((late.0.as_str(), late.2.as_str()), ("late", ""));
}

#[test]
fn a_file_without_a_required_column_is_refused() {
    let server = start();
    for (csv, column) in [("name\nn\n", "Key"), ("key\nv\n", "Name"), ("Description,name\n", "Key")] {
        server.import("", csv).expect_error(
            400,
            "BadRequestException",
            &format!("Missing required column '{column}'"),
        );
    }
    for nothing in ["", "\n\n", "my-keys.csv"] {
        server.import("", nothing).expect_error_like(400, "BadRequestException", |message| {
            message.starts_with("Missing required column '")
        });
    }
}

#[test]
fn a_header_alone_imports_nothing() {
    let server = start();
    assert_eq!(server.import("", "key,name\n").expect(201), json!({"ids": [], "warnings": []}));
}

#[test]
fn another_format_or_mode_is_refused() {
    let server = start();
    let csv = format!("key,name\n{},n\n", server.value());
    server.import("&format=json", &csv).expect_error(
        400,
        "ValidationException",
        "1 validation error detected: Value 'json' at 'format' failed to satisfy constraint: \
         Member must satisfy enum value set: [csv]",
    );
    let mode = server.send(&Request::new("POST", "/apikeys?mode=export&format=csv").plain().body(csv));
    assert_eq!(mode.status, 400, "{}", mode.text());
    assert!(server.all_keys().is_empty());
}

#[test]
fn any_media_type_or_none_will_do() {
    let server = start();
    for media_type in [None, Some("text/csv"), Some("application/octet-stream"), Some("application/json")] {
        let csv = format!("key,name\n{},n\n", server.value());
        let request = Request::import("&format=csv", csv);
        let request =
            media_type.into_iter().fold(request, |request, one| request.header("Content-Type", one));
        server.send(&request).expect(201);
    }
}

#[tokio::test]
async fn the_sdk_imports_and_understands_a_refusal() {
    use aws_sdk_apigateway::primitives::Blob;
    use aws_sdk_apigateway::types::ApiKeysFormat;
    let server = start_signed(&[]);
    let client = sdk::client(&server);
    let csv = format!("name,key\nn,{}\nm,short\n", server.value());
    let import = |strict: bool| {
        let call = client.import_api_keys().format(ApiKeysFormat::Csv).body(Blob::new(csv.clone()));
        call.fail_on_warnings(strict).send()
    };
    let (status, code, message) = sdk::refusal(import(true).await);
    assert_eq!((status, code.as_str()), (400, "BadRequestException"));
    let warning = "Skipped invalid record: 2. API Key value should be at least 30 characters";
    assert_eq!(message, warning);
    let imported = import(false).await.unwrap();
    assert_eq!((imported.ids().len(), imported.warnings()), (1, &[warning.to_owned()][..]));
}
