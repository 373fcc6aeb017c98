//! The floor: the least a server on hyper can do for a request.
//!
//! It reads the same request and answers the same number of bytes: the header lines it was given at its start and a
//! constant body. One worker thread, a timeout for request heads, no routing, no storage, no log.

use std::convert::Infallible;
use std::ffi::OsString;
use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

use crate::contestants::Contestant;
use crate::failure::{Context, Failure};
use crate::load::connection::headers;
use crate::machine::{Cores, Machine};

/// The first argument that makes this executable the floor.
pub(crate) const NAME: &str = "raw-hyper";

/// Starts the floor for the answer that a probe of the real server brought.
pub(crate) fn start(
    machine: &Machine,
    probe_head: &[u8],
    body: usize,
    log: &Path,
) -> Result<Contestant, Failure> {
    let mut arguments = vec![body.to_string()];
    for (name, value) in headers(probe_head) {
        // hyper adds these two by itself, to both contestants.
        if !name.eq_ignore_ascii_case("date") && !name.eq_ignore_ascii_case("content-length") {
            arguments.extend([name.to_owned(), value.to_owned()]);
        }
    }
    Contestant::start(machine, Cores::Server, NAME, &arguments, &[], log)
}

/// The contestant's side: arguments are the body's length, then names and values of headers in turn.
pub(crate) fn serve(arguments: &[OsString]) -> ExitCode {
    match try_serve(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            crate::say(&format!("raw-hyper: {failure}"));
            ExitCode::FAILURE
        }
    }
}

fn try_serve(arguments: &[OsString]) -> Result<(), Failure> {
    let arguments: Vec<&str> = arguments.iter().filter_map(|argument| argument.to_str()).collect();
    let (length, pairs) =
        arguments.split_first().ok_or_else(|| Failure::new("the body's length is missing"))?;
    let body = Bytes::from(vec![b'x'; length.parse().context("the body's length")?]);
    let mut headers = HeaderMap::new();
    for pair in pairs.chunks_exact(2) {
        headers.append(
            HeaderName::try_from(pair[0]).context("a header's name")?,
            HeaderValue::try_from(pair[1]).context("a header's value")?,
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    // Accepting runs on the worker as well; a main thread of its own would only wake it.
    let ended = runtime.block_on(async { tokio::spawn(accept(headers, body)).await });
    ended.context("the accepting task")?
}

async fn accept(headers: HeaderMap, body: Bytes) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(stdout(), "raw-hyper ready control=http://{}", listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (headers, body) = (headers.clone(), body.clone());
        let service = service_fn(move |_request| {
            let mut response = Response::new(Full::new(body.clone()));
            response.headers_mut().clone_from(&headers);
            std::future::ready(Ok::<_, Infallible>(response))
        });
        tokio::spawn(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(60))
                .serve_connection(TokioIo::new(stream), service),
        );
    }
}
