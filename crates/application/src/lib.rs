//! What is done: one file per operation, over storage and custody, knowing nothing of HTTP.
//!
//! An operation is a method of [`Application`] in the file named by its verb, with its input and its answer beside
//! it. It parses what the caller gave into domain values, so the order of checks is decided here and nowhere else,
//! calls storage, and words every failure twice: for the caller and for us ([`AppError`]).
//!
//! A new operation: its file, its line in the folder's `mod.rs`, then docs/adding-an-operation.md for the floors
//! above.

pub mod api_keys;
pub mod credentials;
pub mod transfer;
pub mod usage;
pub mod usage_plan_keys;
pub mod usage_plans;

mod account;
mod cpu;
mod error;
mod plans_of_account;
mod retry;
mod spool;
mod tags;

pub use account::Account;
pub use cpu::CpuPool;
pub use error::{AppError, ErrorKind};
pub use gatepost_storage::RetryToken;
pub use retry::retry_token;
pub use spool::{Spool, SpoolError, SpoolWriter, Spools};

use gatepost_custody::Custody;
use gatepost_domain::api_keys::MinValueLength;
use gatepost_domain::{AccountId, Clock, Ids};
use gatepost_storage::Storage;
use gatepost_telemetry::metrics::ImportMetrics;
use std::sync::Arc;

/// How often a change is tried again when another one came between its read and its write.
const RETRIES: usize = 3;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account whose resources the caller sees.
    pub account: AccountId,
}

/// What this installation accepts.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The shortest value of a key that Create and Import accept.
    pub shortest_value: MinValueLength,
    /// The most keys that an account can have.
    pub most_keys: Option<u64>,
    /// The most usage plans that an account can have.
    pub most_plans: Option<u64>,
    /// The most usage plans that a key can be in.
    pub most_plans_per_key: usize,
}

/// As on AWS, but for the number of keys.
impl Default for Limits {
    fn default() -> Self {
        Self {
            shortest_value: MinValueLength::default(),
            most_keys: None,
            most_plans: Some(300),
            most_plans_per_key: 10,
        }
    }
}

/// Everything that the operations work with.
pub struct Application {
    /// Where things are kept.
    pub storage: Arc<dyn Storage>,
    /// How values are kept.
    pub custody: Arc<Custody>,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Fresh names.
    pub ids: Arc<dyn Ids>,
    /// What is accepted.
    pub limits: Limits,
    /// Where parsing, digesting and sealing of imports run.
    pub cpu: CpuPool,
    /// Where bodies too large for memory go.
    pub spools: Spools,
    /// Counters of imported and skipped rows.
    pub import_metrics: ImportMetrics,
}
