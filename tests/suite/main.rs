//! The whole product, driven as its users drive it.
//!
//! Folders are resources, files are verbs, test names are sentences of behaviour. Each test starts a server of its
//! own with [`start`]; when it ends, what the server wrote is searched for the key values of the test.

#![expect(
    clippy::disallowed_methods,
    reason = "the clock and the sleep of a test that waits for another process"
)]
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod account;
mod api_keys;
mod architecture;
mod auth;
mod commands;
mod concurrency;
mod docs;
mod errors;
mod gaps;
mod http2;
mod import_stream;
mod limits;
mod operations;
mod pagination;
mod peers;
mod reference_samples;
mod representation;
mod resilience;
mod retries;
mod secrecy;
mod smuggling;
mod tags;
mod terraform;
mod tls;
mod usage;
mod usage_plan_keys;
mod usage_plans;

use integration_tests::server::{Server, ServerOptions};

/// The product's binary.
const BINARY: &str = env!("CARGO_BIN_EXE_gatepost-under-test");

/// A server with default settings.
fn start() -> Server {
    start_with(&[])
}

/// A server that asks for signatures.
fn start_signed(args: &[&str]) -> Server {
    Server::start(&ServerOptions::new(BINARY).args(args).signed())
}

/// A server with these arguments.
fn start_with(args: &[&str]) -> Server {
    Server::start(&ServerOptions::new(BINARY).args(args))
}
