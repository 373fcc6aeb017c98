//! `POST /apikeys?mode=import`: however the bytes arrive and however large the file, the answer is the same.

use integration_tests::http::{Answer, Request};
use integration_tests::server::Server;
use serde_json::{Value, json};

use crate::start;

/// Sends a file in chunks of these sizes, repeated until it is all sent.
fn import_in_chunks(server: &Server, csv: &[u8], sizes: &[usize]) -> Answer {
    let request = Request::new("POST", "/apikeys?mode=import").plain().header("Transfer-Encoding", "chunked");
    let mut connection = server.connect();
    connection.write(&request.head(None)).unwrap();
    let mut rest = csv;
    for size in sizes.iter().cycle() {
        let (chunk, after) = rest.split_at((*size).min(rest.len()));
        connection.write(&[format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat()).unwrap();
        rest = after;
        if chunk.is_empty() {
            return connection.answer().expect("an answer");
        }
    }
    unreachable!("the sizes never end")
}

/// Names and descriptions in row order, read back by the ids of an answer.
fn imported(server: &Server, answer: &Value) -> Vec<(String, String)> {
    let ids = answer["ids"].as_array().expect("a list of ids");
    let text = |member: &Value| member.as_str().unwrap_or_default().to_owned();
    ids.iter()
        .map(|id| server.get(&format!("/apikeys/{}", text(id))).expect(200))
        .map(|key| (text(&key["name"]), text(&key["description"])))
        .collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, description)| ((*name).to_owned(), (*description).to_owned())).collect()
}

#[test]
fn any_chunking_of_the_body_gives_the_same_answer() {
    let server = start();
    let v: Vec<String> = (0..4).map(|_| server.value()).collect();
    let csv = format!(
        "\u{feff}key,name,description\r\n{},\"ä, \"\"quoted\"\"\",\"line\r\nbreak\"\r\n{},'b,c',plain\nshort,x,\n{},d,\"\"\r\n{},e",
        v[0], v[1], v[2], v[3],
    );
    let expected = pairs(&[("ä, \"quoted\"", "line\r\nbreak"), ("b,c", "plain"), ("d", ""), ("e", "")]);
    let warnings = json!(["Skipped invalid record: 3. API Key value should be at least 30 characters"]);
    let whole = server.import("", &csv).expect(201);
    assert_eq!((imported(&server, &whole), &whole["warnings"]), (expected, &warnings));
    for sizes in [&[1][..], &[2], &[3], &[7, 1], &[64], &[1000], &[5, 1, 13, 2]] {
        let answer = import_in_chunks(&server, csv.as_bytes(), sizes).expect(201);
        assert_eq!(answer, whole, "chunks of {sizes:?}: the same rows, so the same keys");
    }
}

#[test]
fn line_ends_blank_lines_and_a_byte_order_mark_do_not_matter() {
    let server = start();
    let (a, b) = (server.value(), server.value());
    for csv in [
        format!("key,name\n{a},one\n{b},two\n"),
        format!("key,name\n{a},one\n{b},two"),
        format!("key,name\r\n{a},one\r\n{b},two\r\n"),
        format!("key,name\r{a},one\r{b},two\r"),
        format!("\u{feff}key,name\n{a},one\n\n{b},two\n\n\n\r\n"),
        format!("\n\nkey,name\n{a},one\n{b},two"),
        format!("\"key\",\"name\"\n\"{a}\",\"one\"\n'{b}','two'\n"),
    ] {
        let answer = server.import("", &csv).expect(201);
        assert_eq!(answer["warnings"], json!([]), "{}", csv.replace(&a, "A").replace(&b, "B"));
        assert_eq!(imported(&server, &answer), pairs(&[("one", ""), ("two", "")]));
    }
    assert_eq!(server.all_keys().len(), 2);
}

#[test]
fn both_quotes_hold_commas_and_an_apostrophe_inside_a_word_is_none() {
    let server = start();
    let row = |name: &str| format!("{},{name}\n", server.value());
    let csv = format!("key,name\n{}{}{}{}", row("\"a,b\""), row("'c,d'"), row("O'Brien"), row("\"it's\""));
    let answer = server.import("", &csv).expect(201);
    let expected = [("a,b", ""), ("c,d", ""), ("O'Brien", ""), ("it's", "")];
    assert_eq!(imported(&server, &answer), pairs(&expected));
}

#[test]
fn a_record_too_large_to_be_right_is_one_warning() {
    let server = start();
    let (a, b, c) = (server.value(), server.value(), server.value());
    let huge = "x".repeat(2 * 1024 * 1024);
    let csv = format!("key,name,description\n{a},first,\n{b},huge,{huge}\n{c},last,\n");
    let answer = server.import("", &csv).expect(201);
    assert_eq!(imported(&server, &answer), pairs(&[("first", ""), ("last", "")]));
    let warnings = answer["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].as_str().unwrap().starts_with("Skipped invalid record: 2. "), "{warnings:?}");
}

#[test]
fn a_quote_that_never_ends_takes_nothing_with_it() {
    let server = start();
    let csv =
        format!("key,name\n{},good\n{},\"open\n{},inside\n", server.value(), server.value(), server.value());
    let answer = server.import("", &csv).expect(201);
    assert_eq!(imported(&server, &answer)[0], ("good".to_owned(), String::new()));
}

#[test]
fn bytes_that_are_no_text_are_a_warning_of_their_row() {
    let server = start();
    let mut csv = format!("key,name\n{},good\n{},", server.value(), server.value()).into_bytes();
    csv.extend_from_slice(b"\xff\xfe\n");
    csv.extend_from_slice(format!("{},a\0b\n{},last\n", server.value(), server.value()).as_bytes());
    let answer = server.send(&Request::import("", csv)).expect(201);
    assert_eq!(imported(&server, &answer), pairs(&[("good", ""), ("last", "")]));
    let warnings = answer["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
}

#[test]
fn two_hundred_thousand_rows_are_imported_and_listed() {
    const ROWS: usize = 200_000;
    let server = start();
    let noted = server.value();
    // A value per row without asking for random ones.
    let value =
        |row: usize| if row == ROWS / 2 { noted.clone() } else { format!("{}{row:08}", &noted[..32]) };
    let mut csv = String::from("key,name,description,enabled\n");
    for row in 0..ROWS {
        csv.push_str(&format!("{},row {row},,true\n", value(row)));
    }
    let answer = server.import("&failonwarnings=true", &csv).expect(201);
    let ids = answer["ids"].as_array().unwrap();
    assert_eq!(ids.len(), ROWS);
    for row in [0, ROWS / 2, ROWS - 1] {
        let key =
            server.get(&format!("/apikeys/{}?includeValue=true", ids[row].as_str().unwrap())).expect(200);
        assert_eq!((&key["name"], &key["value"]), (&json!(format!("row {row}")), &json!(value(row))));
    }
    assert!(
        server
            .ask_admin("/metrics")
            .text()
            .contains("gatepost_import_rows_total{outcome=\"imported\"} 200000")
    );
}

#[test]
fn a_client_that_waits_to_be_told_to_go_on_is_told() {
    let server = start();
    let request = Request::import("", format!("key,name\n{},n\n", server.value()));
    let mut connection = server.connect();
    connection
        .write(&request.clone().header("Expect", "100-continue").head(Some(request.body_bytes().len())))
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(50));
    connection.write(request.body_bytes()).unwrap();
    assert_eq!(connection.answer().unwrap().status, 201);
}

#[test]
fn a_client_that_leaves_after_its_file_has_arrived_does_not_stop_the_import() {
    const ROWS: usize = 20_000;
    let server = start();
    let stem = &server.value()[..30];
    let rows: String = (0..ROWS).map(|row| format!("left,{stem}{row:06}\n")).collect();
    let request = Request::import("", format!("name,key\n{rows}"));
    let mut connection = server.connect();
    connection.write(&request.bytes()).unwrap();
    drop(connection);
    // The last row of the file is listed first, and once it is there all are.
    let last = json!(format!("{stem}{:06}", ROWS - 1));
    let arrived = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        let newest = server.get("/apikeys?limit=1&includeValues=true").expect(200);
        newest["item"][0]["value"] == last
    });
    assert!(arrived, "the import ended with its client");
    assert_eq!(server.all_keys().len(), ROWS);
}
