//! What the suite needs to play the product's users, one role to a file.
//!
//! - [`server`]: the real binary, started on free ports and searched for leaked values when it ends
//! - [`http`]: a client that sends exactly the bytes it is given, so that hostile requests can be written
//! - [`sdk`]: the unmodified AWS SDK, pointed at a server
//! - [`secrets`]: every key value a test used, and the search for them
//! - [`snapshot`]: an answer as text in which only what the server invents is masked
//! - [`database`]: a PostgreSQL for the tests, and databases on it
//! - [`proxy`]: the network between two processes, which can fail
//! - [`linearizable`]: whether what clients saw of one key can have happened in some order
//! - [`resilience`]: faults, and clients that notice what they break
//! - [`arrows`]: which crate may depend on which
//!
//! A new role is a new file here; what only one test needs stays beside that test.

#![expect(
    clippy::disallowed_methods,
    reason = "the clock and the sleep of a test that waits for another process"
)]

pub mod arrows;
pub mod database;
pub mod http;
pub mod linearizable;
pub mod proxy;
pub mod resilience;
pub mod sdk;
pub mod secrets;
pub mod server;
pub mod snapshot;
