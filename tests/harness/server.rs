//! The product as a process: started on free ports, asked over its listeners, searched for leaked values at its end.
//!
//! Every value that goes through [`Server::send`] is noted, and a test that makes one elsewhere notes it with
//! [`Secrets::note`]. When the server ends, by [`Server::stop`] or because the test is over, its stdout, its stderr,
//! its metrics and every file it left are searched for all of them; one that is found fails the test.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{Answer, Connection, Request};
use crate::secrets::{Secrets, fresh_value};

const STARTS_WITHIN: Duration = Duration::from_secs(10);
const ENDS_WITHIN: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(5);

/// A command line and environment for the product's binary.
pub struct ServerOptions {
    binary: PathBuf,
    args: Vec<String>,
    env: Vec<(String, String)>,
    credential: Option<Credential>,
}

/// What requests are signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The public half.
    pub access_key_id: String,
    /// The secret half.
    pub secret: String,
}

impl Credential {
    /// The one that a signed server of the tests knows as its root credential.
    pub fn root() -> Self {
        Self {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY".to_owned(),
        }
    }
}

impl ServerOptions {
    /// `gatepost serve` with listeners on free ports, keys in memory and no authentication. `binary` comes from `env!` in the suite, because cargo names
    /// the binary's place to integration tests only.
    pub fn new(binary: &str) -> Self {
        let args = [
            "serve",
            "--control-listen=127.0.0.1:0",
            "--data-listen=127.0.0.1:0",
            "--admin-listen=127.0.0.1:0",
            "--storage=memory:",
            "--auth=off",
        ];
        Self {
            binary: binary.into(),
            args: args.map(str::to_owned).to_vec(),
            env: Vec::new(),
            credential: None,
        }
    }

    /// With authentication, by [`Credential::root`], with which the server's own requests are signed.
    #[must_use]
    pub fn signed(self) -> Self {
        let root = Credential::root();
        let options = self
            .args(&["--auth=sigv4"])
            .env("GATEPOST_ROOT_ACCESS_KEY_ID", &root.access_key_id)
            .env("GATEPOST_ROOT_SECRET_ACCESS_KEY", &root.secret);
        Self { credential: Some(root), ..options }
    }

    /// Adds arguments; one that is there already is replaced.
    #[must_use]
    pub fn args(mut self, args: &[&str]) -> Self {
        for arg in args {
            let name = arg.split('=').next().unwrap_or(arg);
            self.args.retain(|known| known.split('=').next() != Some(name));
            self.args.push((*arg).to_owned());
        }
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    fn command(&self, temporary: &Path) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(&self.args).env_clear().env("TMPDIR", temporary).env("RUST_LOG", "info");
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }
}

/// A running server.
pub struct Server {
    process: Child,
    place: TempDir,
    secrets: Secrets,
    ready_line: String,
    ended: bool,
    credential: Option<Credential>,
}

impl Server {
    /// Starts the binary and waits for its ready line.
    ///
    /// # Panics
    /// When it does not come; the message holds what the server wrote instead.
    pub fn start(options: &ServerOptions) -> Self {
        let place = tempfile::tempdir().expect("a temporary folder");
        let temporary = place.path().join("tmp");
        fs::create_dir(&temporary).expect("a folder for the server's own files");
        let open = |name: &str| fs::File::create(place.path().join(name)).expect("an output file");
        let process = options
            .command(&temporary)
            .current_dir(place.path())
            .stdout(open("stdout"))
            .stderr(open("stderr"))
            .spawn()
            .expect("the product's binary starts");
        let mut server = Self {
            process,
            place,
            secrets: Secrets::default(),
            ready_line: String::new(),
            ended: false,
            credential: options.credential.clone(),
        };
        if let Some(credential) = &server.credential {
            server.secrets.note(&credential.secret);
        }
        let deadline = Instant::now() + STARTS_WITHIN;
        while !server.stdout().ends_with('\n') {
            let gone = server.process.try_wait().expect("a child can be asked");
            if gone.is_some() || Instant::now() > deadline {
                panic!("no ready line, exit {gone:?}, stderr:\n{}", server.stderr());
            }
            sleep(POLL);
        }
        server.ready_line = server.stdout().trim_end_matches('\n').to_owned();
        server
    }

    /// The line that announced the listeners.
    pub fn ready_line(&self) -> &str {
        &self.ready_line
    }

    /// Where a plane listens, as the ready line says it: `127.0.0.1:1234` or `unix:PATH`.
    pub fn announced(&self, plane: &str) -> &str {
        let mark = format!(" {plane}=");
        let at = self.ready_line.find(&mark).expect("the ready line names the plane") + mark.len();
        let rest = &self.ready_line[at..];
        let place = rest.split(' ').next().unwrap_or(rest);
        place.trim_start_matches("http://").trim_start_matches("https://")
    }

    /// The control listener.
    pub fn control(&self) -> SocketAddr {
        self.address("control")
    }

    /// The data listener.
    pub fn data(&self) -> SocketAddr {
        self.address("data")
    }

    /// The admin listener.
    pub fn admin(&self) -> SocketAddr {
        self.address("admin")
    }

    fn address(&self, plane: &str) -> SocketAddr {
        self.announced(plane).parse().expect("an address in the ready line")
    }

    /// The process, for signals.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The folder for the server's own files.
    pub fn temporary(&self) -> PathBuf {
        self.place.path().join("tmp")
    }

    /// All of stdout so far.
    pub fn stdout(&self) -> String {
        self.text("stdout")
    }

    /// All of stderr so far.
    pub fn stderr(&self) -> String {
        self.text("stderr")
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.place.path().join(name)).unwrap_or_default()).into_owned()
    }

    /// The values this server was told.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// A value nobody has used before, already noted.
    pub fn value(&self) -> String {
        let value = fresh_value();
        self.secrets.note(&value);
        value
    }

    /// A connection to the control listener.
    pub fn connect(&self) -> Connection {
        Connection::open(self.control()).expect("the control listener accepts")
    }

    /// Sends one request to the control listener on a connection of its own.
    #[track_caller]
    pub fn send(&self, request: &Request) -> Answer {
        match &self.credential {
            Some(credential) => self.send_as(credential, request),
            None => self.send_raw(request),
        }
    }

    /// The same, signed with this credential.
    #[track_caller]
    pub fn send_as(&self, credential: &Credential, request: &Request) -> Answer {
        self.note(request.body_bytes());
        self.send_raw(&request.clone().signed(credential))
    }

    /// The same as it is.
    #[track_caller]
    pub fn send_raw(&self, request: &Request) -> Answer {
        self.note(request.body_bytes());
        let answer = self.connect().send(request).expect("an answer");
        self.note(&answer.body);
        answer
    }

    fn note(&self, body: &[u8]) {
        if let Ok(body) = serde_json::from_slice::<Value>(body) {
            self.secrets.note_in(&body);
        }
    }

    /// [`Request::get`], sent.
    #[track_caller]
    pub fn get(&self, target: &str) -> Answer {
        self.send(&Request::get(target))
    }

    /// Creates a key.
    #[track_caller]
    pub fn create(&self, body: &Value) -> Answer {
        self.send(&Request::json("POST", "/apikeys", body))
    }

    /// Creates a key with this name and gives its id.
    #[track_caller]
    pub fn key_named(&self, name: &str) -> String {
        id_of(&self.create(&json!({ "name": name })).expect(201))
    }

    /// Changes a key by patch operations, given as a JSON list.
    #[track_caller]
    pub fn patch(&self, id: &str, operations: &Value) -> Answer {
        self.send(&Request::json(
            "PATCH",
            &format!("/apikeys/{id}"),
            &json!({ "patchOperations": operations }),
        ))
    }

    /// Creates a usage plan.
    #[track_caller]
    pub fn create_plan(&self, body: &Value) -> Answer {
        self.send(&Request::json("POST", "/usageplans", body))
    }

    /// Creates a usage plan with this name and these stages, each `api:stage`, and gives its id.
    #[track_caller]
    pub fn plan_with(&self, name: &str, stages: &[&str]) -> String {
        let stage = |text: &&str| {
            let (api, stage) = text.split_once(':').expect("a stage is written api:stage");
            json!({ "apiId": api, "stage": stage })
        };
        let stages: Vec<Value> = stages.iter().map(stage).collect();
        id_of(&self.create_plan(&json!({ "name": name, "apiStages": stages })).expect(201))
    }

    /// Changes a usage plan by patch operations, given as a JSON list.
    #[track_caller]
    pub fn patch_plan(&self, id: &str, operations: &Value) -> Answer {
        self.send(&Request::json(
            "PATCH",
            &format!("/usageplans/{id}"),
            &json!({ "patchOperations": operations }),
        ))
    }

    /// Puts a key into a usage plan.
    #[track_caller]
    pub fn attach(&self, plan: &str, key: &str) -> Answer {
        let body = json!({ "keyId": key, "keyType": "API_KEY" });
        self.send(&Request::json("POST", &format!("/usageplans/{plan}/keys"), &body))
    }

    /// Removes what is at a path.
    #[track_caller]
    pub fn delete(&self, path: &str) -> Answer {
        self.send(&Request::new("DELETE", path).plain())
    }

    /// Imports a file; its `Key` column is not noted.
    #[track_caller]
    pub fn import(&self, query: &str, csv: &str) -> Answer {
        self.send(&Request::import(query, csv))
    }

    /// Every key of the account with its value, newest first.
    #[track_caller]
    pub fn all_keys(&self) -> Vec<Value> {
        let mut keys = Vec::new();
        let mut target = "/apikeys?limit=500&includeValues=true".to_owned();
        loop {
            let page = self.get(&target).expect(200);
            keys.extend(page["item"].as_array().expect("a list of keys").iter().cloned());
            let Some(position) = page["position"].as_str() else { return keys };
            let position =
                percent_encoding::utf8_percent_encode(position, percent_encoding::NON_ALPHANUMERIC);
            target = format!("/apikeys?limit=500&includeValues=true&position={position}");
        }
    }

    /// Asks the admin listener.
    #[track_caller]
    pub fn ask_admin(&self, target: &str) -> Answer {
        Connection::open(self.admin())
            .and_then(|mut connection| connection.send(&Request::new("GET", target)))
            .expect("the admin listener answers")
    }

    /// The log line of a request, found by the id that its answer carried.
    ///
    /// # Panics
    /// When none comes.
    #[track_caller]
    pub fn log_of(&self, answer: &Answer) -> Value {
        let id = answer.request_id();
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            let stderr = self.stderr();
            let line = stderr.lines().find(|line| line.contains(id));
            if let Some(line) = line.and_then(|line| serde_json::from_str(line).ok()) {
                return line;
            }
            assert!(Instant::now() < deadline, "no log line for {id} in:\n{stderr}");
            sleep(POLL);
        }
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.pid())]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the signal is delivered");
    }

    /// Waits for the process to end by itself.
    ///
    /// # Panics
    /// When it does not.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + ENDS_WITHIN;
        loop {
            if let Some(status) = self.process.try_wait().expect("a child can be asked") {
                return status;
            }
            assert!(Instant::now() < deadline, "the server does not end:\n{}", self.stderr());
            sleep(POLL);
        }
    }

    /// Ends the server as an operator does: SIGTERM, exit code 0, no value left behind.
    pub fn stop(mut self) {
        let metrics = self.ask_admin("/metrics").text();
        self.signal("TERM");
        assert_eq!(self.wait().code(), Some(0), "{}", self.stderr());
        self.ended = true;
        self.assert_no_leak(&metrics);
    }

    /// Searches for noted values in what the server has written so far.
    pub fn leak(&self) -> Option<String> {
        self.leak_within(self.place.path())
    }

    /// Searches for noted values in the files of a folder.
    pub fn leak_within(&self, folder: &Path) -> Option<String> {
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Some(found) =
                    fs::read(&path).ok().and_then(|bytes| self.secrets.find_in(&bytes))
                {
                    return Some(format!("{found} of {}", path.display()));
                }
            }
        }
        None
    }

    fn assert_no_leak(&self, metrics: &str) {
        let in_metrics = self.secrets.find_in(metrics.as_bytes()).map(|found| format!("{found} of /metrics"));
        if let Some(found) = in_metrics.or_else(|| self.leak()) {
            panic!("{found}");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let running = matches!(self.process.try_wait(), Ok(None));
        let metrics = running && !std::thread::panicking();
        let metrics = if metrics { self.ask_admin("/metrics").text() } else { String::new() };
        // Both fail only when the process is already gone.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if !std::thread::panicking() {
            self.assert_no_leak(&metrics);
        }
    }
}

/// The id of a key or plan in an answer.
///
/// # Panics
/// When there is none.
#[track_caller]
pub fn id_of(one: &Value) -> String {
    one["id"].as_str().expect("a key or plan has an id").to_owned()
}

/// Runs another subcommand of the binary to its end, in a folder of its own: exit code, stdout, stderr.
///
/// # Panics
/// When the binary cannot be started.
pub fn run(binary: &str, args: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let place = tempfile::tempdir().expect("a temporary folder");
    let output = Command::new(binary)
        .current_dir(place.path())
        .args(args)
        .env_clear()
        .envs(env.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("the product's binary starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}
