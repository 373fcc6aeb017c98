//! Gatepost itself, as its users start it: metrics on, JSON log to a file.
//!
//! Also the requests that are sent to it, with the headers an SDK sends.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

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

/// Starts a server.
pub(crate) fn start_on(
    machine: &Machine,
    cores: Cores,
    storage: &Storage,
    logging: Logging,
    log: &Path,
) -> Result<Contestant, Failure> {
    let arguments = ["serve", "--auth", "off", "--log", "json"];
    let listeners = ["--control-listen", "--data-listen", "--admin-listen"];
    let arguments: Vec<String> = arguments
        .into_iter()
        .chain(listeners.into_iter().flat_map(|listener| [listener, "127.0.0.1:0"]))
        .map(str::to_owned)
        .chain(storage.arguments())
        .collect();
    let filter: &[(&str, &str)] = match logging {
        Logging::Default => &[],
        Logging::NoRequests => &[("RUST_LOG", "info,gatepost::request=off")],
    };
    Contestant::start(machine, cores, NAME, &arguments, filter, log)
}

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

/// A whole request as an SDK sends it.
pub(crate) fn request(server: &Contestant, method: &str, target: &str, body: &str) -> Vec<u8> {
    let agent = "aws-sdk-rust/1.3.10 os/linux lang/rust/1.95.0";
    let signature = "0123456789abcdef".repeat(4);
    let body_headers = match body.len() {
        0 => String::new(),
        length => format!("content-type: application/json\r\ncontent-length: {length}\r\n"),
    };
    format!(
        "{method} {target} HTTP/1.1\r\n\
         host: {host}\r\n\
         accept: application/json\r\n\
         user-agent: {agent}\r\n\
         x-amz-user-agent: {agent} api/apigateway/1.125.0\r\n\
         x-amz-date: 20261123T120000Z\r\n\
         authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/us-east-1/apigateway/aws4_request, \
         SignedHeaders=accept;host;x-amz-date;x-amz-user-agent, Signature={signature}\r\n\
         amz-sdk-invocation-id: 5d6f9f0e-1c58-4b8a-9a7e-3f0c2f6d1a44\r\n\
         amz-sdk-request: attempt=1; max=3\r\n\
         {body_headers}\r\n{body}",
        host = server.address(),
    )
    .into_bytes()
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
