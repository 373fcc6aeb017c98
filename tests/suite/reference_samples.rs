//! The sample exchange of each of the four reference documents, with its exact shape.
//!
//! Ids, values and dates differ from run to run and are masked. Declared differences: a create in HAL carries `value`
//! too; curies are the current `https` ones in every answer; ids are ten characters.

use integration_tests::http::Request;
use integration_tests::server::{Server, id_of};
use integration_tests::snapshot::masked;
use serde_json::json;

use crate::start;

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// The key that the samples of GetApiKey and UpdateApiKey show.
fn sample_key(server: &Server) -> String {
    id_of(
        &server
            .create(&json!({
                "name": "my_test_gateway_service", "enabled": true,
                "stageKeys": [{"restApiId": "h4ah70cvmb", "stageName": "beta"},
                              {"restApiId": "fugvjdxtri", "stageName": "stage2"}],
            }))
            .expect(201),
    )
}

#[test]
fn create_answers_the_sample_of_the_reference() {
    let server = start();
    let body = r#"{ "name" : "my_api_key", "description" : "My API key", "enabled" : "false", "stageKeys" : [ { "restApiId" : "uycll6xg9a", "stageName" : "beta" } ] }"#;
    let answer = server.send(&Request::new("POST", "/apikeys").header(JSON.0, JSON.1).body(body));
    insta::assert_snapshot!(masked(&answer), @r#"
    201
    {
      "_links": {
        "apikey:delete": {
          "href": "/apikeys/[id]"
        },
        "apikey:update": {
          "href": "/apikeys/[id]"
        },
        "curies": {
          "href": "https://docs.aws.amazon.com/apigateway/latest/developerguide/restapi-apikey-{rel}.html",
          "name": "apikey",
          "templated": true
        },
        "self": {
          "href": "/apikeys/[id]"
        }
      },
      "createdDate": "[iso]",
      "description": "My API key",
      "enabled": false,
      "id": "[id]",
      "lastUpdatedDate": "[iso]",
      "name": "my_api_key",
      "stageKeys": "uycll6xg9a/beta",
      "value": "[value]"
    }
    "#);
}

#[test]
fn get_answers_the_sample_of_the_reference() {
    let server = start();
    let id = sample_key(&server);
    let answer = server.send(&Request::new("GET", &format!("/apikeys/{id}")).header(JSON.0, JSON.1));
    insta::assert_snapshot!(masked(&answer), @r#"
    200
    {
      "_links": {
        "apikey:delete": {
          "href": "/apikeys/[id]"
        },
        "apikey:update": {
          "href": "/apikeys/[id]"
        },
        "curies": {
          "href": "https://docs.aws.amazon.com/apigateway/latest/developerguide/restapi-apikey-{rel}.html",
          "name": "apikey",
          "templated": true
        },
        "self": {
          "href": "/apikeys/[id]"
        }
      },
      "createdDate": "[iso]",
      "enabled": true,
      "id": "[id]",
      "lastUpdatedDate": "[iso]",
      "name": "my_test_gateway_service",
      "stageKeys": [
        "h4ah70cvmb/beta",
        "fugvjdxtri/stage2"
      ]
    }
    "#);
}

#[test]
fn import_answers_the_sample_of_the_reference() {
    let server = start();
    let csv = "key,name, description\n\
               y9tXe4GwrU65cug8QyQKE8pRwIzUFznda7iO73Gn, importedKey_1, firstone\n\
               abcdef1234ghijklmnop0123456789, importedKey_2, secondone\n\
               abcdefghij, importedKey_3,";
    for value in ["y9tXe4GwrU65cug8QyQKE8pRwIzUFznda7iO73Gn", "abcdef1234ghijklmnop0123456789", "abcdefghij"]
    {
        server.secrets().note(value);
    }
    let request = Request::new("POST", "/apikeys?mode=import&format=csv&failonwarnings=false");
    let answer = server.send(&request.header("Content-Type", "text/csv").body(csv));
    insta::assert_snapshot!(masked(&answer), @r#"
    201
    {
      "_links": {
        "apikey:by-key": {
          "href": "/apikeys/{api_Key}?include_value=false",
          "templated": true
        },
        "apikey:create": {
          "href": "/apikeys"
        },
        "apikey:delete": {
          "href": "/apikeys/{api_Key}",
          "templated": true
        },
        "curies": {
          "href": "https://docs.aws.amazon.com/apigateway/latest/developerguide/restapi-apikey-{rel}.html",
          "name": "apikey",
          "templated": true
        }
      },
      "ids": [
        "[id]",
        "[id]"
      ],
      "warnings": "Skipped invalid record: 3. API Key value should be at least 30 characters"
    }
    "#);
    let names: Vec<_> =
        server.all_keys().iter().map(|key| (key["name"].clone(), key["description"].clone())).collect();
    assert_eq!(names.len(), 2);
    assert!(names.contains(&(json!("importedKey_1"), json!("firstone"))), "fields are trimmed: {names:?}");
    assert!(names.contains(&(json!("importedKey_2"), json!("secondone"))), "fields are trimmed: {names:?}");
}

#[test]
fn an_import_that_may_not_warn_aborts_on_the_samples_warning() {
    let server = start();
    let csv = format!(
        "key,name, description\n{}, importedKey_1, firstone\nabcdefghij, importedKey_3,",
        server.value()
    );
    let request = Request::new("POST", "/apikeys?mode=import&format=csv&failonwarnings=true").body(csv);
    server.send(&request).expect_error(
        400,
        "BadRequestException",
        "Skipped invalid record: 2. API Key value should be at least 30 characters",
    );
    assert!(server.all_keys().is_empty());
}

#[test]
fn update_answers_the_sample_of_the_reference() {
    let server = start();
    let id = sample_key(&server);
    let body = r#"{
  "patchOperations" : [ {
    "op" : "replace",
    "path" : "/name",
    "value" : "my_first_api_key"
  } ]
}"#;
    let answer =
        server.send(&Request::new("PATCH", &format!("/apikeys/{id}")).header(JSON.0, JSON.1).body(body));
    insta::assert_snapshot!(masked(&answer), @r#"
    200
    {
      "_links": {
        "apikey:delete": {
          "href": "/apikeys/[id]"
        },
        "apikey:update": {
          "href": "/apikeys/[id]"
        },
        "curies": {
          "href": "https://docs.aws.amazon.com/apigateway/latest/developerguide/restapi-apikey-{rel}.html",
          "name": "apikey",
          "templated": true
        },
        "self": {
          "href": "/apikeys/[id]"
        }
      },
      "createdDate": "[iso]",
      "enabled": true,
      "id": "[id]",
      "lastUpdatedDate": "[iso]",
      "name": "my_first_api_key",
      "stageKeys": [
        "h4ah70cvmb/beta",
        "fugvjdxtri/stage2"
      ]
    }
    "#);
}
