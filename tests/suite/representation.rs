//! Plain JSON or HAL: which one an `Accept` asks for, and how they differ.

use gatepost_domain::usage::Day;
use integration_tests::http::Request;
use integration_tests::server::{Server, id_of};
use integration_tests::snapshot::masked;
use serde_json::json;

use crate::start;

fn hal(server: &Server, target: &str) -> serde_json::Value {
    server.send(&Request::new("GET", target)).expect(200)
}

#[test]
fn application_json_anywhere_in_accept_asks_for_plain_and_all_else_for_hal() {
    let server = start();
    let target = format!("/apikeys/{}", server.key_named("n"));
    for (accept, plain) in [
        (None, false),
        (Some("*/*"), false),
        (Some("application/hal+json"), false),
        (Some("text/html"), false),
        (Some(""), false),
        (Some("application/json"), true),
        (Some("text/html, application/json;q=0.5"), true),
        (Some("application/hal+json,application/json"), true),
        (Some("APPLICATION/JSON"), true),
    ] {
        let request = accept
            .into_iter()
            .fold(Request::new("GET", &target), |request, one| request.header("Accept", one));
        let answer = server.send(&request);
        assert_eq!(answer.header("content-type"), Some("application/json"), "{accept:?}");
        let key = answer.expect(200);
        assert_eq!((key.get("_links").is_none(), key["createdDate"].is_u64()), (plain, plain), "{accept:?}");
    }
    let two = Request::new("GET", &target).header("Accept", "text/html").header("Accept", "application/json");
    assert_eq!(server.send(&two).expect(200).get("_links"), None, "a list may be sent as two headers");
}

#[test]
fn a_key_in_hal_has_links_dates_as_text_and_no_empty_members() {
    let server = start();
    let answer = server.send(&Request::json("POST", "/apikeys", &json!({"name": "n"})).hal());
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
      "enabled": false,
      "id": "[id]",
      "lastUpdatedDate": "[iso]",
      "name": "n",
      "value": "[value]"
    }
    "#);
    let read = hal(&server, &format!("/apikeys/{}", id_of(&answer.json())));
    for member in ["tags", "stageKeys", "labels", "value"] {
        assert_eq!(read.get(member), None, "{member}");
    }
}

#[test]
fn lists_of_one_collapse_in_hal_and_stay_lists_in_plain() {
    let server = start();
    let stage = json!([{"restApiId": "r", "stageName": "s"}]);
    let id = id_of(&server.create(&json!({"stageKeys": stage, "tags": {"k": "v"}})).expect(201));
    let target = format!("/apikeys/{id}");
    server.patch(&id, &json!([{"op": "add", "path": "/labels", "value": "l"}])).expect(200);
    let (plain, hal) = (server.get(&target).expect(200), hal(&server, &target));
    assert_eq!((&plain["stageKeys"], &hal["stageKeys"]), (&json!(["r/s"]), &json!("r/s")));
    assert_eq!((&plain["labels"], &hal["labels"]), (&json!(["l"]), &json!("l")));
    assert_eq!(hal["tags"], json!({"k": "v"}), "a map is not a list");
    let longer = json!([{"op": "add", "path": "/stages", "value": "r/t"}]);
    let updated = server.send(&Request::json("PATCH", &target, &json!({"patchOperations": longer})).hal());
    assert_eq!(updated.expect(200)["stageKeys"], json!(["r/s", "r/t"]));
}

#[test]
fn a_list_in_hal_embeds_none_one_or_many() {
    let server = start();
    let none = server.send(&Request::new("GET", "/apikeys"));
    insta::assert_snapshot!(masked(&none), @r#"
    200
    {
      "_links": {
        "apikey:by-key": {
          "href": "/apikeys/{api_Key}",
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
        },
        "self": {
          "href": "/apikeys"
        }
      }
    }
    "#);
    let first = server.key_named("first");
    let one = hal(&server, "/apikeys");
    assert_eq!(one["_links"]["item"], json!({"href": format!("/apikeys/{first}")}));
    assert_eq!(one["_embedded"]["item"]["id"], first.as_str());
    let links = one["_embedded"]["item"]["_links"].as_object().unwrap();
    assert_eq!(
        links.keys().collect::<Vec<_>>(),
        ["apikey:delete", "apikey:update", "self"],
        "no curies inside"
    );

    let second = server.key_named("second");
    let two = hal(&server, "/apikeys");
    let hrefs = json!([{"href": format!("/apikeys/{second}")}, {"href": format!("/apikeys/{first}")}]);
    assert_eq!(two["_links"]["item"], hrefs);
    assert_eq!(two["_embedded"]["item"][0]["id"], second.as_str());
    assert_eq!(two["_embedded"]["item"][1]["id"], first.as_str());
    assert_eq!(two.get("item"), None);
}

#[test]
fn pages_in_hal_are_linked_and_a_next_link_can_be_followed() {
    let server = start();
    let ids = ["a", "b", "c"].map(|name| server.key_named(name));
    let page = hal(&server, "/apikeys?limit=2&name=");
    let next = page["_links"]["next"]["href"].as_str().expect("a link to the next page");
    let last = hal(&server, next);
    assert_eq!(last["_embedded"]["item"]["id"], ids[0].as_str());
    assert_eq!(last["_links"].get("next"), None);
    let first = last["_links"]["first"]["href"].as_str().expect("a link to the first page");
    assert_eq!(hal(&server, first)["_embedded"]["item"][0]["id"], ids[2].as_str());
}

/// Today in UTC, by the clock of this test.
fn today() -> Day {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Day::from_number(i32::try_from(since.as_secs() / 86_400).unwrap()).unwrap()
}

#[test]
fn a_plan_in_hal_has_three_curies_links_and_no_empty_members() {
    let server = start();
    let before = today();
    let body = json!({
        "name": "n", "throttle": {"rateLimit": 100, "burstLimit": 5}, "apiStages": [{"apiId": "a", "stage": "s"}],
    });
    let plan = server.send(&Request::json("POST", "/usageplans", &body).hal()).expect(201);
    let after = today();
    let id = id_of(&plan);
    let links = plan["_links"].as_object().unwrap();
    let usage = links["usage:get"]["href"].as_str().unwrap();
    let dates =
        usage.strip_prefix(&format!("/usageplans/{id}/usage?startDate=")).expect("a link to the usage");
    let (first, last) = dates.split_once("&endDate=").unwrap();
    let (first, last) = (Day::parse(first).unwrap(), Day::parse(last).unwrap());
    assert!(first.plus(30) == last && (before..=after).contains(&last), "{usage}");
    let mut others = plan.clone();
    others["_links"].as_object_mut().unwrap().remove("usage:get");
    let curie = |name: &str| {
        let base = "https://docs.aws.amazon.com/apigateway/latest/developerguide";
        json!({"href": format!("{base}/restapi-{name}-{{rel}}.html"), "name": name, "templated": true})
    };
    let to = |path: &str| json!({ "href": format!("/usageplans/{id}{path}") });
    assert_eq!(
        others,
        json!({
            "_links": {
                "curies": [curie("usage"), curie("usageplan"), curie("usageplankey")],
                "self": to(""), "usageplan:delete": to(""), "usageplan:update": to(""),
                "usageplan:usageplankeys": to("/keys"), "usageplankey:create": to("/keys"),
            },
            "apiStages": {"apiId": "a", "stage": "s"},
            "id": id, "name": "n", "throttle": {"rateLimit": 100, "burstLimit": 5},
        })
    );
    let text = server.send(&Request::new("GET", &format!("/usageplans/{id}"))).text();
    assert!(text.contains(r#""rateLimit":100}"#), "a whole rate has no point: {text}");
    assert_eq!(hal(&server, &format!("/usageplans/{id}")).get("tags"), None);
    let bare =
        server.send(&Request::json("POST", "/usageplans", &json!({"name": "n", "throttle": {}})).hal());
    let bare = bare.expect(201);
    assert_eq!((bare.get("apiStages"), bare.get("throttle")), (None, None));
}

#[test]
fn plans_in_hal_are_embedded_and_linked() {
    let server = start();
    let curies = |list: &serde_json::Value| list["_links"]["curies"].as_array().map(Vec::len);
    let none = hal(&server, "/usageplans");
    assert_eq!((curies(&none), none.get("_embedded")), (Some(3), None));
    let links = none["_links"].as_object().unwrap();
    assert_eq!(links.keys().collect::<Vec<_>>(), ["curies", "self", "usageplan:by-id", "usageplan:create"]);
    assert_eq!(links["usageplan:by-id"], json!({"href": "/usageplans/{usageplanId}", "templated": true}));
    assert_eq!(
        (&links["self"], &links["usageplan:create"]),
        (&json!({"href": "/usageplans"}), &links["self"])
    );

    let key = server.key_named("k");
    let ids = ["a", "b", "c"].map(|name| {
        let plan = server.plan_with(name, &[]);
        server.attach(&plan, &key).expect(201);
        plan
    });
    let page = hal(&server, &format!("/usageplans?limit=2&keyId={key}"));
    assert_eq!(page["_links"]["item"][1], json!({"href": format!("/usageplans/{}", ids[1])}));
    assert_eq!(page["_embedded"]["item"][0]["id"], ids[2].as_str());
    assert_eq!(page["_embedded"]["item"][0]["_links"].get("curies"), None);
    let last = hal(&server, page["_links"]["next"]["href"].as_str().unwrap());
    assert_eq!(last["_links"]["item"], json!({"href": format!("/usageplans/{}", ids[0])}));
    assert_eq!((&last["_embedded"]["item"]["id"], last["_links"].get("next")), (&json!(ids[0]), None));
    let first = hal(&server, last["_links"]["first"]["href"].as_str().unwrap());
    assert_eq!(first["_embedded"], page["_embedded"]);
}

#[test]
fn keys_of_a_plan_in_hal_have_only_themselves_to_link_to() {
    let server = start();
    let (plan, first, second) = (server.plan_with("p", &[]), server.key_named("a"), server.key_named("b"));
    let keys = format!("/usageplans/{plan}/keys");
    let attach = json!({"keyId": first, "keyType": "API_KEY"});
    let one = server.send(&Request::json("POST", &keys, &attach).hal()).expect(201);
    let href = |key: &str| json!({ "href": format!("{keys}/{key}") });
    assert_eq!(one["_links"], json!({"self": href(&first)}));
    assert_eq!((&one["type"], &one["name"]), (&json!("API_KEY"), &json!("a")));
    assert_eq!(hal(&server, &format!("{keys}/{first}")), one);
    let list = hal(&server, &keys);
    assert_eq!(list["_links"], json!({"self": {"href": keys}, "item": href(&first)}));
    assert_eq!(list["_embedded"]["item"], one);
    server.attach(&plan, &second).expect(201);
    let page = hal(&server, &format!("{keys}?limit=1&name="));
    let last = hal(&server, page["_links"]["next"]["href"].as_str().unwrap());
    assert_eq!(last["_embedded"]["item"], one);
    assert_eq!(
        hal(&server, last["_links"]["first"]["href"].as_str().unwrap())["_links"]["item"],
        href(&second)
    );
    let unknown = hal(&server, "/usageplans/no%20such%2Fplan/keys");
    assert_eq!(unknown, json!({"_links": {"self": {"href": "/usageplans/no%20such%2Fplan/keys"}}}));
}

#[test]
fn an_import_in_hal_collapses_its_lists() {
    let server = start();
    let import = |csv: String| server.send(&Request::import("&format=csv", csv).hal()).expect(201);
    let one = import(format!("key,name\n{},n\nshort,m\n", server.value()));
    assert!(one["ids"].is_string() && one["warnings"].is_string(), "{one}");
    let none = import("key,name\n".to_owned());
    assert_eq!((none.get("ids"), none.get("warnings")), (None, None));
    let many = import(format!("key,name\n{},n\n{},m\nshort,m\nshort,m\n", server.value(), server.value()));
    assert_eq!(
        [&many["ids"], &many["warnings"]].map(|list| list.as_array().map(Vec::len)),
        [Some(2), Some(2)]
    );
}

#[test]
fn an_error_looks_the_same_in_both() {
    let server = start();
    for request in [Request::get("/apikeys/none"), Request::new("GET", "/apikeys/none")] {
        server.send(&request).expect_error(404, "NotFoundException", "Invalid API Key identifier specified");
    }
}
