//! A key's value is nowhere but in an answer to whoever asked for it.
//!
//! Every other test ends with the same search; here it is shown that the search finds something.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use integration_tests::http::Request;
use integration_tests::secrets::{Secrets, fresh_value};
use integration_tests::server::{Server, ServerOptions};
use serde_json::json;

use crate::{BINARY, start};

#[test]
fn a_planted_value_is_found_in_every_form() {
    let secrets = Secrets::default();
    let value = fresh_value() + "/~?";
    secrets.note(&value);
    let unrelated = Secrets::default();
    unrelated.note(&fresh_value());
    let percent: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let partly = value.replace('/', "%2F").replace('~', "%7E").replace('?', "%3F");
    assert_eq!(secrets.find_in(b"nothing of it"), None);
    for planted in [value.clone(), partly, percent, STANDARD.encode(&value), URL_SAFE.encode(&value)]
        .into_iter()
        .chain((1..7).map(|before| STANDARD.encode(format!("{}{value} and more", &"abcdefg"[..before]))))
        .chain((1..7).map(|before| URL_SAFE.encode(format!("{}{value} and more", &"abcdefg"[..before]))))
    {
        let haystack = format!("{{\"line\":\"{planted}\"}}");
        assert!(secrets.find_in(haystack.as_bytes()).is_some(), "{planted}");
        assert_eq!(unrelated.find_in(haystack.as_bytes()), None);
    }
}

#[test]
fn a_value_in_a_file_of_the_server_fails_its_test() {
    let server = start();
    let value = server.value();
    assert_eq!(server.leak(), None);
    let planted = server.temporary().join("spool");
    std::fs::write(&planted, format!("key,name\n{value},n\n")).unwrap();
    assert!(server.leak().is_some_and(|found| found.contains("spool") && !found.contains(&value)));
    let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(server)));
    assert!(failed.is_err(), "the end of the server is what fails");
}

#[test]
fn the_most_talkative_log_does_not_tell() {
    let server = Server::start(&ServerOptions::new(BINARY).env("RUST_LOG", "trace"));
    let (value, other) = (server.value(), server.value());
    let id = integration_tests::server::id_of(&server.create(&json!({ "value": value })).expect(201));
    assert_eq!(server.create(&json!({ "value": value })).status, 409);
    server.get(&format!("/apikeys/{id}?includeValue=true")).expect(200);
    server.import("", &format!("key,name,enabled\n{other},n,\n{value},n,\n{other},n,{value}\n")).expect(201);
    for wrong in [
        Request::get(&format!("/apikeys/{value}")),
        Request::get(&format!("/apikeys?name={value}&position={value}")),
        Request::get(&format!("/{value}")),
        Request::get("/apikeys").header("x-api-key", &value).header("Origin", &value),
        Request::new("POST", "/apikeys").body(format!("{{\"value\":\"{value}\",\"value\":\"{value}\"}}")),
        Request::new("POST", "/apikeys").body(format!("{{\"value\":{value}}}")),
        Request::new("POST", "/apikeys").body(format!("{{\"{value}\":1}}")),
        Request::json(
            "PATCH",
            &format!("/apikeys/{id}"),
            &json!({"patchOperations": [{"op": value, "path": value}]}),
        ),
        Request::import(&format!("&format={value}"), "key,name\n"),
    ] {
        assert!(server.send(&wrong).status >= 400);
    }
    server.stop();
}

#[cfg(target_os = "linux")]
#[test]
fn a_spooled_import_is_not_readable_on_disk() {
    let server = start();
    let value = server.value();
    let filler: String = (0..28_000).map(|row| format!("{value},{row},filler\n")).collect();
    let request = Request::import("", format!("key,name,description\n{filler}"));
    let bytes = request.bytes();
    let mut connection = server.connect();
    connection.write(&bytes[..bytes.len() - 1]).unwrap();
    let spooled = || {
        let open = std::fs::read_dir(format!("/proc/{}/fd", server.pid()))
            .unwrap()
            .flatten()
            .map(|entry| entry.path());
        let place = server.temporary();
        let spools = open.filter(|fd| std::fs::read_link(fd).is_ok_and(|file| file.starts_with(&place)));
        spools.filter_map(|fd| std::fs::read(fd).ok()).find(|content| content.len() > 1_000_000)
    };
    let content = (0..1000).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(5));
        spooled()
    });
    let content = content.expect("a body of more than 1 MiB is spooled to the folder for temporary files");
    assert_eq!(server.secrets().find_in(&content), None);
    connection.write(&bytes[bytes.len() - 1..]).unwrap();
    assert_eq!(connection.answer().unwrap().status, 201);
    assert!(spooled().is_none(), "the spool is gone with its request");
}
