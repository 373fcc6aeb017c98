//! `gatepost credentials`, beside a server that runs, and what a first start makes.

use super::{Place, exported};
use crate::BINARY;
use integration_tests::database::Database;
use integration_tests::http::Request;
use integration_tests::resilience::place;
use integration_tests::server::{Credential, Server, ServerOptions, run};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a change of a credential may take to reach every server.
const WITHIN: Duration = Duration::from_secs(1);

fn status(server: &Server, credential: &Credential) -> u16 {
    server.send_as(credential, &Request::get("/apikeys")).status
}

/// Asks until the server answers so; how long that took.
fn until(server: &Server, credential: &Credential, wanted: u16) -> Duration {
    let began = Instant::now();
    while status(server, credential) != wanted {
        assert!(began.elapsed() < 10 * WITHIN, "{wanted} does not come");
        std::thread::sleep(Duration::from_millis(5));
    }
    began.elapsed()
}

/// Waits until the log says it; it is written beside the requests.
fn told(server: &Server, what: &str) {
    let began = Instant::now();
    while !server.stderr().contains(what) {
        assert!(began.elapsed() < 10 * WITHIN, "{}", server.stderr());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_credential_lives_as_its_commands_say_within_a_second() {
    let place = Place::new();
    let credential = place.credential("administrator", "000000000007");
    let id = credential.access_key_id.as_str();
    assert_eq!(status(&place.server, &credential), 200, "a new one is known at once");
    for (command, wanted) in [("disable", 403), ("enable", 200), ("delete", 403)] {
        let (code, stdout, stderr) = place.credentials(&[command, id]);
        assert_eq!(code, Some(0), "{stderr}");
        assert!(stdout.contains(id), "{stdout}");
        let took = until(&place.server, &credential, wanted);
        assert!(took < WITHIN, "{command}: {took:?}");
    }
    let (code, _, stderr) = place.credentials(&["delete", id]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains(&format!("there is no credential {id}")), "{stderr}");
}

#[test]
fn a_list_shows_everything_but_secrets() {
    let place = Place::new();
    let one = place.credential("read-only", "000000000001");
    let other = place.credential(
        r#"{"Statement": {"Effect": "Allow", "Action": "apigateway:GET", "Resource": "*"}}"#,
        "000000000002",
    );
    let named =
        ["create", "--policy", "key-issuer", "--account", "000000000001", "--name", "Terraform in CI"];
    let third = exported(&place.credentials(&named).1);
    place.server.secrets().note(&third.secret);
    place.credentials(&["disable", &other.access_key_id]);
    let (code, all, _) = place.credentials(&["list"]);
    let columns: Vec<Vec<&str>> = all.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!((code, columns.len()), (Some(0), 4), "{all}");
    assert_eq!(columns[0], ["ACCESS_KEY_ID", "ACCOUNT", "STATE", "POLICY", "CREATED", "LAST_USED", "NAME"]);
    let shown =
        |row: usize| [columns[row][0], columns[row][1], columns[row][2], columns[row][3], columns[row][6]];
    assert_eq!(shown(1), [one.access_key_id.as_str(), "000000000001", "enabled", "read-only", "-"]);
    assert_eq!(shown(2), [other.access_key_id.as_str(), "000000000002", "disabled", "custom", "-"]);
    assert_eq!(
        shown(3),
        [third.access_key_id.as_str(), "000000000001", "enabled", "key-issuer", "Terraform in CI"]
    );
    let (_, of_one, _) = place.credentials(&["list", "--account", "000000000001"]);
    assert_eq!(of_one.lines().count(), 3, "{of_one}");
    for secret in [one.secret, other.secret, third.secret] {
        assert!(!all.contains(&secret));
        let files = std::fs::read_dir(place.folder.path()).unwrap();
        for file in files.map(|file| file.unwrap().path()) {
            let bytes = std::fs::read(&file).unwrap();
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "a secret is in {}", file.display());
        }
    }
}

#[test]
fn the_last_use_is_noted_when_the_server_ends_at_the_latest() {
    let mut place = Place::new();
    let used = place.credential("read-only", "000000000001");
    let unused = place.credential("read-only", "000000000001");
    assert_eq!(status(&place.server, &used), 200);
    let wrong = Credential { secret: "wrong".to_owned(), ..unused.clone() };
    assert_eq!(status(&place.server, &wrong), 403, "what was not verified is no use");
    let spare = Server::start(&ServerOptions::new(BINARY));
    std::mem::replace(&mut place.server, spare).stop();
    let (_, all, _) = place.credentials(&["list"]);
    let last_used = |credential: &Credential| {
        let line = all.lines().find(|line| line.starts_with(&credential.access_key_id)).unwrap();
        line.split('\t').nth(5).unwrap().to_owned()
    };
    assert!(last_used(&used).starts_with("20") && last_used(&used).ends_with('Z'), "{all}");
    assert_eq!(last_used(&unused), "-");
}

#[test]
fn what_cannot_be_made_is_told_in_one_line() {
    let place = Place::new();
    std::fs::write(
        place.path("broken.json"),
        r#"{"Statement": {"Effect": "Allow", "Action": "*", "NotResource": "*"}}"#,
    )
    .unwrap();
    let broken = place.path("broken.json").display().to_string();
    for (args, told) in [
        (vec!["create"], "--policy"),
        (vec!["create", "--policy", "everything"], "administrator, read-only, key-issuer"),
        (vec!["create", "--policy", &broken], "NotResource"),
        (vec!["create", "--policy", "read-only", "--account", "me"], "twelve"),
        (vec!["disable"], "access key id"),
        (vec!["disable", "not-an-id"], "access key id"),
        (vec!["disable", "GPAKNOBODY"], "there is no credential GPAKNOBODY"),
    ] {
        let (code, stdout, stderr) = place.credentials(&args);
        assert!(code.is_some_and(|code| code != 0), "{args:?}");
        assert_eq!(stdout, "");
        assert!(stderr.contains(told) && stderr.trim_end().lines().count() == 1, "{args:?}: {stderr}");
    }
    let (code, _, stderr) = run(BINARY, &["credentials", "list", "--storage=memory:"], &[]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("GATEPOST_ROOT_ACCESS_KEY_ID"), "{stderr}");
}

fn first_credential(folder: &Path) -> Option<Credential> {
    let path = folder.join("gatepost-first-credential");
    let text = std::fs::read_to_string(&path).ok()?;
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    Some(exported(&text))
}

#[test]
fn a_first_start_makes_one_administrator_and_a_second_none() {
    let folder = tempfile::tempdir().unwrap();
    let storage = format!("--storage=sqlite:{}", folder.path().join("gatepost.db").display());
    let serve = || Server::start(&ServerOptions::new(BINARY).args(&["--auth=sigv4", &storage]));
    let server = serve();
    let first = first_credential(folder.path()).expect("a file with the first credential");
    server.secrets().note(&first.secret);
    told(&server, "gatepost-first-credential");
    assert_eq!(status(&server, &first), 200);
    assert_eq!(server.send_as(&first, &Request::get("/apikeys?includeValues=true")).status, 200);
    server.stop();
    std::fs::remove_file(folder.path().join("gatepost-first-credential")).unwrap();
    let server = serve();
    assert_eq!(first_credential(folder.path()), None);
    assert_eq!(status(&server, &first), 200, "it is kept");
    server.stop();
}

/// A server that is killed as soon as it has told its first credential; what it told.
fn killed_when_it_has_told(folder: &Path, arguments: &[String]) -> Credential {
    let listen = ["control", "data", "admin"].map(|plane| format!("--{plane}-listen=127.0.0.1:0"));
    let mut command = Command::new(BINARY);
    command.env_clear().arg("serve").args(listen).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = command.spawn().unwrap();
    let began = Instant::now();
    let told = loop {
        if let Some(told) = first_credential(folder) {
            break told;
        }
        assert!(began.elapsed() < 10 * WITHIN, "nothing is told");
        std::thread::sleep(Duration::from_millis(5));
    };
    process.kill().unwrap();
    process.wait().unwrap();
    told
}

#[test]
fn a_first_start_that_is_killed_leaves_no_credential_that_nobody_knows() {
    let folder = tempfile::tempdir().unwrap();
    let place = place::Place::in_folder(folder.path());
    let arguments = place.arguments();
    let [storage, key] = &arguments;
    let serve = |auth| Server::start(&ServerOptions::new(BINARY).args(&[auth, storage, key]));
    // Nothing is missing but a credential, so nothing else of a start waits for the lock.
    serve("--auth=off").stop();
    let lost = place.while_locked(|| killed_when_it_has_told(folder.path(), &arguments));
    let server = serve("--auth=sigv4");
    let first = first_credential(folder.path()).expect("a file with the first credential");
    assert_ne!(first, lost);
    for secret in [&first.secret, &lost.secret] {
        server.secrets().note(secret);
    }
    assert_eq!((status(&server, &first), status(&server, &lost)), (200, 403));
    server.stop();
    let (_, all, _) = run(BINARY, &["credentials", "list", storage, key], &[]);
    assert_eq!(all.lines().count(), 2, "{all}");
}

#[test]
fn a_first_start_that_cannot_tell_keeps_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let storage = format!("--storage=sqlite:{}", folder.path().join("gatepost.db").display());
    let in_the_way = folder.path().join("gatepost-first-credential");
    std::fs::create_dir(&in_the_way).unwrap();
    let listen = ["--control-listen=127.0.0.1:0", "--data-listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"];
    let (code, stdout, stderr) = run(BINARY, &[&["serve", &storage], &listen[..]].concat(), &[]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
    let last = stderr.lines().last().unwrap_or_default();
    assert!(last.starts_with("gatepost: ") && last.contains("gatepost-first-credential: "), "{stderr}");
    let (_, all, _) = run(BINARY, &["credentials", "list", &storage], &[]);
    assert_eq!(all.lines().count(), 1, "{all}");
    std::fs::remove_dir(&in_the_way).unwrap();
    let server = Server::start(&ServerOptions::new(BINARY).args(&["--auth=sigv4", &storage]));
    let first = first_credential(folder.path()).expect("a file with the first credential");
    server.secrets().note(&first.secret);
    assert_eq!(status(&server, &first), 200);
    server.stop();
}

#[test]
fn memory_tells_its_first_credential_in_the_working_folder_and_a_root_credential_needs_none() {
    let server = Server::start(&ServerOptions::new(BINARY).args(&["--auth=sigv4"]));
    let folder = server.temporary().parent().unwrap().to_owned();
    let first = first_credential(&folder).expect("a file with the first credential");
    assert_eq!(status(&server, &first), 200);
    // The scan would find it, as it should anywhere else.
    std::fs::remove_file(folder.join("gatepost-first-credential")).unwrap();
    server.secrets().note(&first.secret);
    server.stop();
    let server = Server::start(&ServerOptions::new(BINARY).signed());
    assert_eq!(first_credential(server.temporary().parent().unwrap()), None);
    assert_eq!(server.get("/apikeys").status, 200);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_on_postgresql_make_none_and_all_hear_of_a_change_within_a_second() {
    let database = Database::fresh().await;
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n").unwrap();
    let (storage, key) =
        (format!("--storage={}", database.url()), format!("--master-key-file={}", key.display()));
    let serve = || Server::start(&ServerOptions::new(BINARY).args(&["--auth=sigv4", &storage, &key]));
    let replicas = [serve(), serve()];
    told(&replicas[0], "gatepost credentials create");
    let command = |args: &[&str]| {
        let (code, stdout, stderr) = run(BINARY, &[&["credentials"], args, &[&storage, &key]].concat(), &[]);
        assert_eq!(code, Some(0), "{stderr}");
        stdout
    };
    let made = exported(&command(&["create", "--policy", "administrator"]));
    for replica in &replicas {
        replica.secrets().note(&made.secret);
        assert_eq!(status(replica, &made), 200);
    }
    command(&["disable", &made.access_key_id]);
    for replica in &replicas {
        let took = until(replica, &made, 403);
        assert!(took < WITHIN, "{took:?}");
    }
}
