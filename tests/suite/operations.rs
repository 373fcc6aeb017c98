//! What an operator sees: listeners, health, metrics, settings, shutdown.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use integration_tests::http::{Connection, Request};
use integration_tests::server::{Server, ServerOptions, run};
use serde_json::json;

use crate::{BINARY, start, start_with};

#[test]
fn the_ready_line_names_the_listeners_and_is_all_of_stdout() {
    let server = start();
    server.key_named("n");
    let (control, data, admin) = (server.control(), server.data(), server.admin());
    let expected =
        format!("gatepost ready control=http://{control} data=http://{data} admin=http://{admin}\n");
    assert_eq!(server.stdout(), expected);
    assert!([control, data, admin].iter().all(|address| address.ip().is_loopback() && address.port() != 0));
    server.stop();
}

#[test]
fn health_is_told_per_plane() {
    let server = start();
    for target in ["/livez", "/readyz", "/readyz/control", "/readyz/data"] {
        assert_eq!(server.ask_admin(target).status, 200, "{target}");
    }
    assert_eq!(server.ask_admin("/nope").status, 404);
    assert_ne!(
        Connection::open(server.control()).unwrap().send(&Request::get("/livez")).unwrap().status,
        200
    );
}

#[test]
fn metrics_count_requests_rows_and_connections() {
    let server = start();
    server.key_named("n");
    server.key_named("n");
    server.get("/apikeys/none");
    server.get("/nope");
    server
        .import("", &format!("key,name\n{},n\n{},m\nshort,n\n", server.value(), server.value()))
        .expect(201);
    let metrics = server.ask_admin("/metrics");
    assert!(metrics.header("content-type").is_some_and(|media| media.starts_with("text/plain")));
    let text = metrics.text();
    let has = |name: &str, labels: &[&str], value: &str| {
        let found = text.lines().any(|line| {
            line.starts_with(&format!("{name}{{"))
                && labels.iter().all(|label| line.contains(label))
                && line.ends_with(&format!(" {value}"))
        });
        assert!(found, "no {name} {labels:?} {value} in:\n{text}");
    };
    let control = "plane=\"control\"";
    has("gatepost_requests_total", &[control, "operation=\"CreateApiKey\"", "status=\"201\""], "2");
    has("gatepost_requests_total", &[control, "operation=\"GetApiKey\"", "status=\"404\""], "1");
    has("gatepost_requests_total", &[control, "operation=\"ImportApiKeys\"", "status=\"201\""], "1");
    has("gatepost_requests_total", &[control, "status=\"403\""], "1");
    has("gatepost_import_rows_total", &["outcome=\"imported\""], "2");
    has("gatepost_import_rows_total", &["outcome=\"skipped\""], "1");
    has("gatepost_request_duration_seconds_count", &[control, "operation=\"CreateApiKey\""], "2");
    has("gatepost_request_duration_seconds_bucket", &["operation=\"CreateApiKey\"", "le=\"+Inf\""], "2");
    has("gatepost_requests_in_flight", &[control], "0");
    has("gatepost_connections", &["listener=\"admin\""], "1");
}

#[test]
fn the_data_listener_knows_no_route_yet() {
    let server = start();
    for request in [
        Request::new("GET", "/"),
        Request::new("POST", "/authorize/api/stage").body("{}"),
        Request::get("/apikeys"),
    ] {
        let answer = Connection::open(server.data()).unwrap().send(&request).unwrap();
        assert_eq!(answer.status, 403);
        assert_eq!(answer.header("x-amzn-errortype"), Some("MissingAuthenticationTokenException"));
        assert_eq!(answer.text(), r#"{"message":"Missing Authentication Token"}"#);
    }
}

#[cfg(unix)]
#[test]
fn the_data_listener_may_be_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.sock");
    let server = start_with(&[&format!("--data-listen=unix:{}", path.display())]);
    assert_eq!(server.announced("data"), format!("unix:{}", path.display()));
    let mut stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(answer.ends_with(r#"{"message":"Missing Authentication Token"}"#), "{answer}");
    server.stop();
    assert!(!path.exists(), "the socket outlives its server");
}

#[cfg(unix)]
#[test]
fn a_socket_that_a_killed_server_left_behind_is_taken_over_and_one_in_use_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.sock");
    let listen = format!("--data-listen=unix:{}", path.display());
    let mut killed = start_with(&[&listen]);
    killed.signal("KILL");
    killed.wait();
    assert!(path.exists());
    let server = start_with(&[&listen]);
    let others = ["--control-listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", listen.as_str()];
    let (status, _, stderr) = run(BINARY, &others, &[]);
    assert_eq!(status, Some(1));
    assert!(stderr.contains("cannot listen on") && stderr.contains("--data-listen"), "{stderr}");
    server.stop();
}

#[test]
fn every_request_is_logged_once_with_what_it_was() {
    let server = start();
    let answer = server.create(&json!({"name": "n"}));
    let line = server.log_of(&answer);
    let field = |name: &str| line.get(name).or_else(|| line["fields"].get(name)).cloned().unwrap_or_default();
    assert_eq!(line["target"], "gatepost::request");
    assert_eq!(field("operation"), "CreateApiKey");
    assert_eq!((field("status"), field("account")), (json!(201), json!("000000000000")));
    assert!(field("duration_us").is_u64(), "{line}");
    let id = answer.request_id();
    assert_eq!(server.stderr().lines().filter(|line| line.contains(id)).count(), 1);
    let every_line_is_json =
        server.stderr().lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok());
    assert!(every_line_is_json, "{}", server.stderr());
    assert_ne!(server.get("/apikeys").request_id(), id, "an id is for one request");
}

#[test]
fn a_pretty_log_is_for_people() {
    let server = start_with(&["--log=pretty"]);
    let answer = server.get("/apikeys");
    let id = answer.request_id().to_owned();
    let deadline = Instant::now() + Duration::from_secs(5);
    while !server.stderr().contains(&id) {
        assert!(Instant::now() < deadline, "{}", server.stderr());
        std::thread::sleep(Duration::from_millis(5));
    }
    let stderr = server.stderr();
    let line = stderr.lines().find(|line| line.contains(&id)).unwrap();
    assert!(
        serde_json::from_str::<serde_json::Value>(line).is_err() && line.contains("GetApiKeys"),
        "{line}"
    );
}

#[test]
fn a_stopped_server_finishes_what_it_began() {
    let mut server = start_with(&["--drain-delay=700ms"]);
    let mut kept_alive = server.connect();
    assert_eq!(kept_alive.send(&Request::get("/apikeys")).unwrap().status, 200);
    let request = Request::import("", format!("key,name\n{},n\n", server.value()));
    let bytes = request.bytes();
    let mut import = server.connect();
    import.write(&bytes[..bytes.len() - 5]).unwrap();
    std::thread::sleep(Duration::from_millis(50));

    server.signal("TERM");
    std::thread::sleep(Duration::from_millis(100));
    for target in ["/readyz", "/readyz/control", "/readyz/data"] {
        assert_eq!(server.ask_admin(target).status, 503, "{target}: at once");
    }
    assert_eq!(server.ask_admin("/livez").status, 200);
    let answer = kept_alive.send(&Request::get("/apikeys")).expect("still served");
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert_eq!(server.get("/apikeys").status, 200, "the listener still accepts");

    std::thread::sleep(Duration::from_millis(900));
    assert!(Connection::open(server.control()).is_err(), "the listener is closed after the delay");
    import.write(&bytes[bytes.len() - 5..]).unwrap();
    assert_eq!(import.answer().expect("a running import finishes").status, 201);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn an_interrupt_stops_it_too_and_idle_connections_do_not_hold_it() {
    let mut server = start();
    let mut idle = server.connect();
    assert_eq!(idle.send(&Request::get("/apikeys")).unwrap().status, 200);
    let _never_used = server.connect();
    let began = Instant::now();
    server.signal("INT");
    assert_eq!(server.wait().code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn what_does_not_finish_is_cut_off_after_the_drain_timeout() {
    let mut server = start_with(&["--drain-timeout=300ms"]);
    let mut stuck = server.connect();
    stuck.write(&Request::new("POST", "/apikeys").head(Some(10))).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let began = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[test]
fn connections_beyond_the_cap_wait_their_turn() {
    let server = start_with(&["--max-connections=2"]);
    let (mut first, second) = (server.connect(), server.connect());
    assert_eq!(first.send(&Request::get("/apikeys")).unwrap().status, 200);
    let mut third = server.connect();
    third.write(&Request::get("/apikeys").bytes()).unwrap();
    drop(second);
    assert_eq!(third.answer().expect("served once there is room").status, 200);
}

#[test]
fn healthcheck_asks_the_admin_listener() {
    let server = start();
    let admin = format!("--admin-listen={}", server.admin());
    assert_eq!(run(BINARY, &["healthcheck", &admin], &[]).0, Some(0));
    server.stop();
    assert_eq!(run(BINARY, &["healthcheck", &admin], &[]).0, Some(1));
}

#[test]
fn check_config_says_what_is_wrong_in_one_line_that_names_it() {
    assert_eq!(run(BINARY, &["check-config"], &[]).0, Some(0));
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        format!("--config={}", path.display())
    };
    assert_eq!(run(BINARY, &["check-config", &file("good.toml", "key-min-length = 20\n")], &[]).0, Some(0));
    for (args, env, named) in [
        (vec!["--key-min-length=19"], vec![], "key-min-length"),
        (vec!["--key-min-length=129"], vec![], "key-min-length"),
        (vec!["--auth=basic"], vec![], "auth"),
        (vec!["--control-listen=nowhere"], vec![], "control-listen"),
        (vec!["--control-listen=0.0.0.0:0", "--auth=off"], vec![], "auth-off-anywhere"),
        (vec!["--drain-delay=soon"], vec![], "drain-delay"),
        (vec!["--storage=clay:tablets"], vec![], "storage"),
        (vec!["--default-account=me"], vec![], "default-account"),
        (vec!["--no-such-flag=1"], vec![], "no-such-flag"),
        (vec![], vec![("GATEPOST_KEY_MIN_LENGTH", "many")], "GATEPOST_KEY_MIN_LENGTH"),
    ] {
        for command in ["check-config", "serve"] {
            let (code, stdout, stderr) = run(BINARY, &[&[command], &args[..]].concat(), &env);
            assert!(code.is_some_and(|code| code != 0), "{command} {args:?} {env:?}");
            assert_eq!(stdout, "");
            assert!(stderr.contains(named), "{args:?} {env:?}: {stderr}");
        }
    }
    for (name, content) in
        [("key.toml", "no-such-key = 1\n"), ("range.toml", "key-min-length = 7\n"), ("broken.toml", "= =\n")]
    {
        let (code, _, stderr) = run(BINARY, &["check-config", &file(name, content)], &[]);
        assert!(code.is_some_and(|code| code != 0), "{name}");
        let named = content.split(' ').next().unwrap();
        assert!(stderr.contains(named) && stderr.trim_end().lines().count() <= 1, "{name}: {stderr}");
    }
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gatepost.toml");
    std::fs::write(&file, "key-min-length = 21\ndefault-account = \"111111111111\"\n").unwrap();
    let config = format!("--config={}", file.display());
    let shortest = |options: ServerOptions| {
        let server = Server::start(&options);
        let text = server.create(&json!({"value": "x"})).json()["message"].as_str().unwrap().to_owned();
        text.split(' ').find_map(|word| word.parse::<u32>().ok())
    };
    let options = || ServerOptions::new(BINARY).args(&[&config]);
    assert_eq!(shortest(options()), Some(21));
    assert_eq!(shortest(options().env("GATEPOST_KEY_MIN_LENGTH", "22")), Some(22));
    let all = options().env("GATEPOST_KEY_MIN_LENGTH", "22").args(&["--key-min-length=23"]);
    assert_eq!(shortest(all), Some(23));
    let server = Server::start(&options());
    let line = server.log_of(&server.get("/apikeys"));
    assert_eq!(line.get("account").or_else(|| line["fields"].get("account")), Some(&json!("111111111111")));
}
