//! Gatepost itself, as its users start it: metrics on, JSON log to a file.
//!
//! Also the requests that are sent to it, with the headers an SDK sends.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use gatepost_sigv4::{PayloadHash, Signer, Timestamp};
use http::Request;
use serde_json::Value;

use crate::contestants::Contestant;
use crate::failure::{Context, Failure};
use crate::load::connection::Connection;
use crate::machine::{Cores, Machine};

/// The first argument that makes this executable the product.
pub(crate) const NAME: &str = "gatepost";

/// What the server logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Logging {
    /// Everything it logs by default: one JSON line per request.
    Default,
    /// The same without the lines per request.
    NoRequests,
}

/// The contestant's side: the command line of the real program, its name included.
pub(crate) fn serve(words: &[OsString]) -> ExitCode {
    gatepost_server::run(words.iter().cloned())
}

/// Where a server keeps its keys.
#[derive(Debug)]
pub(crate) enum Storage {
    /// In itself.
    Memory,
    /// In a file, which may be missing.
    Sqlite(PathBuf),
    /// In a database of PostgreSQL.
    Postgres {
        /// A file with the address, which holds a password.
        url: PathBuf,
        /// The master key.
        key: PathBuf,
        /// So many connections.
        connections: usize,
    },
}

impl Storage {
    fn arguments(&self) -> Vec<String> {
        match self {
            Self::Memory => vec!["--storage".to_owned(), "memory:".to_owned()],
            Self::Sqlite(path) => vec!["--storage".to_owned(), format!("sqlite:{}", path.display())],
            Self::Postgres { url, key, connections } => vec![
                format!("--storage-file={}", url.display()),
                format!("--master-key-file={}", key.display()),
                format!("--storage-connections={connections}"),
            ],
        }
    }
}

/// Starts a server with empty memory storage on the contestants' core.
pub(crate) fn start(machine: &Machine, logging: Logging, log: &Path) -> Result<Contestant, Failure> {
    start_on(machine, Cores::Server, &Storage::Memory, logging, log)
}

/// Starts a server that asks for signatures.
pub(crate) fn start_signed(machine: &Machine, log: &Path) -> Result<Contestant, Failure> {
    start_with(machine, Cores::Server, "sigv4", &Storage::Memory, Logging::Default, log)
}

/// Starts a server without authentication.
pub(crate) fn start_on(
    machine: &Machine,
    cores: Cores,
    storage: &Storage,
    logging: Logging,
    log: &Path,
) -> Result<Contestant, Failure> {
    start_with(machine, cores, "off", storage, logging, log)
}

fn start_with(
    machine: &Machine,
    cores: Cores,
    auth: &str,
    storage: &Storage,
    logging: Logging,
    log: &Path,
) -> Result<Contestant, Failure> {
    let arguments = ["serve", "--auth", auth, "--log", "json"];
    let listeners = ["--control-listen", "--data-listen", "--admin-listen"];
    let arguments: Vec<String> = arguments
        .into_iter()
        .chain(listeners.into_iter().flat_map(|listener| [listener, "127.0.0.1:0"]))
        .map(str::to_owned)
        .chain(storage.arguments())
        .collect();
    let mut environment =
        vec![("GATEPOST_ROOT_ACCESS_KEY_ID", ROOT.0), ("GATEPOST_ROOT_SECRET_ACCESS_KEY", ROOT.1)];
    match logging {
        Logging::Default => {}
        Logging::NoRequests => environment.push(("RUST_LOG", "info,gatepost::request=off")),
    }
    Contestant::start(machine, cores, NAME, &arguments, &environment, log)
}

/// What all requests are signed with.
const ROOT: (&str, &str) = ("AKIDEXAMPLE", "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY");

/// The header that tells an SDK's repetition of a call from another call.
const INVOCATION: &[u8] = b"amz-sdk-invocation-id: 5d6f9f0e-1c58-4b8a-9a7e-";

/// Gives a request the invocation id that no request had before: a second one with the same id is a repetition, and gets
/// the first one's answer.
pub(crate) fn renew(request: &mut [u8]) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let id = format!("{:012x}", NEXT.fetch_add(1, Ordering::Relaxed));
    let at = request.windows(INVOCATION.len()).position(|window| window == INVOCATION);
    let at = at.expect("every request has an invocation id") + INVOCATION.len();
    request[at..at + id.len()].copy_from_slice(id.as_bytes());
}

/// A whole request as an SDK sends it, signed as of now; a server without authentication does not look at that.
pub(crate) fn request(server: &Contestant, method: &str, target: &str, body: &str) -> Vec<u8> {
    let agent = "aws-sdk-rust/1.3.10 os/linux lang/rust/1.95.0";
    let host = server.address().to_string();
    let request = Request::builder()
        .method(method)
        .uri(target)
        .header("host", &host)
        .header("accept", "application/json")
        .header("user-agent", agent)
        .header("x-amz-user-agent", format!("{agent} api/apigateway/1.125.0"))
        .header("amz-sdk-invocation-id", "5d6f9f0e-1c58-4b8a-9a7e-3f0c2f6d1a44")
        .header("amz-sdk-request", "attempt=1; max=3");
    let request = match body.len() {
        0 => request,
        length => request.header("content-type", "application/json").header("content-length", length),
    };
    let (mut parts, ()) = request.body(()).expect("ours is a request").into_parts();
    let signer = Signer { access_key_id: ROOT.0, secret: ROOT.1, region: "us-east-1", service: "apigateway" };
    signer.sign(&mut parts, &PayloadHash::of(body.as_bytes()), now()).expect("ours is a credential");
    let mut bytes = format!("{method} {target} HTTP/1.1\r\n").into_bytes();
    for (name, value) in &parts.headers {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body.as_bytes());
    bytes
}

#[expect(clippy::disallowed_methods, reason = "a signature says when it was made")]
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_seconds(since.as_secs().cast_signed())
}

/// The request that reads one key.
pub(crate) fn get(server: &Contestant, id: &str) -> Vec<u8> {
    request(server, "GET", &format!("/apikeys/{id}"), "")
}

/// Creates a key and tells its id.
pub(crate) fn create(server: &Contestant, body: &str) -> Result<String, Failure> {
    let mut connection = Connection::open(server.address())?;
    let mut request = request(server, "POST", "/apikeys", body);
    renew(&mut request);
    let answer = connection.exchange(&request)?;
    answer.expect(201)?;
    id(answer.body)
}

/// The id in the body of a created key.
pub(crate) fn id(body: &[u8]) -> Result<String, Failure> {
    let body: Value = serde_json::from_slice(body).context("a created key")?;
    body["id"].as_str().map(str::to_owned).ok_or_else(|| Failure::new("a created key has no id"))
}

/// What an import took and brought.
#[derive(Debug)]
pub(crate) struct Imported {
    /// From the first byte sent to the last byte of the answer.
    pub(crate) wall: Duration,
    /// The ids that were answered.
    pub(crate) ids: Vec<String>,
}

/// Imports a file of `rows` good rows on a connection of its own.
pub(crate) fn import(
    server: &Contestant,
    file: &Path,
    rows: u64,
    options: &str,
) -> Result<Imported, Failure> {
    let mut connection = Connection::open(server.address())?;
    let mut file = File::open(file)?;
    let head = format!(
        "POST /apikeys?mode=import&format=csv{options} HTTP/1.1\r\nhost: {}\r\naccept: application/json\r\n\
         content-type: text/csv\r\ncontent-length: {}\r\n\r\n",
        server.address(),
        file.metadata()?.len()
    );
    let start = Instant::now();
    connection.send(head.as_bytes())?;
    connection.send_file(&mut file)?;
    let answer = connection.receive()?;
    let wall = start.elapsed();
    answer.expect(201)?;
    let body: Value = serde_json::from_slice(answer.body).context("an import's answer")?;
    let ids: Vec<String> = body["ids"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect();
    if ids.len() as u64 != rows {
        return Err(Failure::new(format!("{rows} rows were sent and {} keys imported", ids.len())));
    }
    Ok(Imported { wall, ids })
}
