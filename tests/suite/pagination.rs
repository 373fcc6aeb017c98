//! How a list is cut into pages, and what a position is worth.

use std::collections::BTreeSet;

use integration_tests::sdk;
use integration_tests::server::Server;
use serde_json::Value;

use crate::start_signed;

/// A server with this many keys, imported in one call; every second one belongs to a customer of its own kind.
fn server_with(keys: usize) -> Server {
    let server = start_signed(&[]);
    let rows: String =
        (0..keys).map(|row| format!("{},{}{row}\n", server.value(), ["even ", "odd "][row % 2])).collect();
    server.import("", &format!("key,name\n{rows}")).expect(201);
    server
}

fn count(page: &Value) -> usize {
    page["item"].as_array().unwrap().len()
}

/// Follows positions from the first page on: the ids of each page.
fn pages(server: &Server, query: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut position = String::new();
    loop {
        let page = server.get(&format!("/apikeys?{query}{position}")).expect(200);
        let ids = page["item"].as_array().unwrap().iter().map(integration_tests::server::id_of);
        pages.push(ids.collect());
        let Some(next) = page["position"].as_str() else { return pages };
        assert!(!next.is_empty() && pages.len() < 1000, "the walk ends");
        position = format!("&position={}", encoded(next));
    }
}

fn encoded(position: &str) -> String {
    percent_encoding::utf8_percent_encode(position, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[test]
fn every_key_comes_exactly_once_whatever_the_page_size() {
    let server = server_with(47);
    let all: Vec<String> = pages(&server, "limit=500").concat();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 47);
    for (limit, expected_pages) in [(1, 47), (2, 24), (10, 5), (46, 2), (47, 1)] {
        let pages = pages(&server, &format!("limit={limit}"));
        assert_eq!(pages.len(), expected_pages, "limit {limit}: a last page has no position");
        assert_eq!(pages.concat(), all, "limit {limit}: the same order");
    }
}

#[test]
fn a_filtered_list_has_pages_too() {
    let server = server_with(30);
    let odd = pages(&server, "name=odd&limit=4");
    assert_eq!(odd.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 4, 3]);
    assert_eq!(odd.concat().into_iter().collect::<BTreeSet<_>>().len(), 15);
}

#[test]
fn a_limit_out_of_range_is_the_default_of_25() {
    let server = server_with(30);
    for (limit, expected) in
        [("-1", 25), ("0", 25), ("501", 25), ("500", 30), ("1", 1), ("25", 25), ("2147483648", 25)]
    {
        let page = server.get(&format!("/apikeys?limit={limit}")).expect(200);
        assert_eq!(count(&page), expected, "limit={limit}");
    }
    assert_eq!(count(&server.get("/apikeys").expect(200)), 25);
    server.get("/apikeys?limit=abc").expect_error_like(400, "BadRequestException", |_| true);
}

#[test]
fn what_is_created_or_deleted_between_pages_moves_no_other_key() {
    let server = server_with(10);
    let all = pages(&server, "limit=500").concat();
    let first = server.get("/apikeys?limit=3").expect(200);
    server.key_named("newer");
    // The key the position stands on, and one that is still to come.
    for id in [&all[2], &all[4]] {
        let deleted = integration_tests::http::Request::new("DELETE", &format!("/apikeys/{id}"));
        assert_eq!(server.send(&deleted).status, 202);
    }
    let rest =
        pages(&server, &format!("limit=500&position={}", encoded(first["position"].as_str().unwrap())))
            .concat();
    let expected: Vec<_> = all[3..].iter().filter(|id| **id != all[4]).cloned().collect();
    assert_eq!(rest, expected);
}

#[test]
fn a_position_says_nothing_and_cannot_be_made_up() {
    let server = server_with(3);
    let page = server.get("/apikeys?limit=1").expect(200);
    let position = page["position"].as_str().unwrap();
    let id = page["item"][0]["id"].as_str().unwrap();
    assert!(!position.contains(id));
    let invalid = |target: &str| {
        let message = "Invalid position specified";
        server.get(&format!("/apikeys?limit=1&{target}")).expect_error(400, "BadRequestException", message);
    };
    for at in 0..position.len() {
        let mut tampered = position.to_owned();
        tampered.replace_range(at..=at, if &position[at..=at] == "A" { "B" } else { "A" });
        // The last character may hold bits that mean nothing; a decoder that is strict refuses those too.
        invalid(&format!("position={}", encoded(&tampered)));
    }
    for wrong in [
        "x",
        "AAAA",
        "..",
        "%20",
        &"A".repeat(5000),
        &encoded(&position[1..]),
        &encoded(&format!("{position}A")),
    ] {
        invalid(&format!("position={wrong}"));
    }
}

#[test]
fn a_position_is_good_for_its_own_filters_only() {
    let server = server_with(8);
    let position = |query: &str| {
        let page = server.get(&format!("/apikeys?limit=1&{query}")).expect(200);
        encoded(page["position"].as_str().unwrap())
    };
    let (plain, odd) = (position(""), position("name=odd"));
    for (query, token) in [("name=odd&", &plain), ("name=even&", &odd), ("", &odd), ("customerId=odd&", &odd)]
    {
        let message = "Invalid position specified";
        server.get(&format!("/apikeys?{query}position={token}")).expect_error(
            400,
            "BadRequestException",
            message,
        );
    }
    assert_eq!(
        count(&server.get(&format!("/apikeys?position={plain}&limit=3&includeValues=true")).expect(200)),
        3
    );
    let other_server = server_with(8);
    other_server.get(&format!("/apikeys?position={plain}")).expect_error_like(
        400,
        "BadRequestException",
        |_| true,
    );
}

#[tokio::test]
async fn the_sdk_paginator_sees_every_key_once() {
    let server = server_with(53);
    let client = sdk::client(&server);
    let mut stream = client.get_api_keys().limit(10).into_paginator().items().send();
    let mut ids = BTreeSet::new();
    let mut seen = 0;
    while let Some(key) = stream.next().await {
        ids.insert(key.unwrap().id().unwrap().to_owned());
        seen += 1;
    }
    assert_eq!((seen, ids.len()), (53, 53));
}
