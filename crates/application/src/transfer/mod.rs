//! Moving an account: its usage plans, keys with their values and plans, and usage, out of one installation and into
//! another; or its plans and keys out of AWS.
//!
//! Values are opened by the source's custody and sealed by the target's, so neither their master keys nor their
//! backends need to agree. In between lies a file:
//! - [`AccountWriter`], [`AccountReader`]: everything that an account has, as JSON lines within a sealed export. Nothing
//!   can be altered in it or missing from it without being seen.
//! - [`CsvWriter`]: AWS's columns, in the clear. It is read back by the import of the API.
//! - [`aws`]: what the AWS CLI prints. It is only read.
//!
//! A new property of keys gets its member in `file`; members that are not there are absent properties, so older files
//! stay readable, and a file with members that this release does not know is refused. `restorer` has the rules by which
//! anything is stored, whatever file it comes from: what is there stays as it is, what is missing is added.
//!
//! What is here does blocking I/O between calls of storage: it is for commands, not for a server.

pub mod aws;
mod csv;
mod export;
mod file;
mod from_aws;
mod import;
mod restorer;
#[cfg(test)]
mod tests;
mod whole_seconds;

pub use csv::CsvWriter;
pub use file::{AccountHead, AccountItem, AccountReader, AccountWriter, CannotReadAccount, InvalidKey};
pub use from_aws::{AwsFile, CannotUseAwsFile};
pub use restorer::{Fate, Linked, Refusal, Told};
pub use whole_seconds::WholeSeconds;

use crate::AppError;
use gatepost_domain::api_keys::{ApiKey, ApiKeyValue};
use gatepost_domain::usage_plans::{UsagePlan, UsagePlanId};
use gatepost_storage::KeptUsage;
use std::io;

/// A key on its way, with its value in the clear.
pub struct TransferredKey {
    /// The key.
    pub key: ApiKey,
    /// Its value.
    pub value: ApiKeyValue,
    /// The plans that it is in.
    pub plans: Vec<UsagePlanId>,
}

impl TransferredKey {
    /// About what its texts take.
    fn bytes(&self) -> usize {
        let description = self.key.description.as_ref().map_or(0, |text| text.as_str().len());
        let stage_keys: usize = self.key.stage_keys.iter().map(|one| one.as_str().len()).sum();
        let tags: usize = self.key.tags.iter().map(|(key, value)| key.len() + value.len()).sum();
        let name = self.key.name.as_ref().map_or(0, |name| name.as_str().len());
        let plans: usize = self.plans.iter().map(|id| id.as_str().len()).sum();
        self.value.reveal().len() + name + description + stage_keys + tags + plans
    }
}

/// Takes an exported account, one thing after the other: plans, then keys, then usage.
pub trait AccountSink: Send {
    /// Takes a plan.
    fn plan(&mut self, plan: &UsagePlan) -> io::Result<()>;

    /// Takes a key.
    fn key(&mut self, key: &TransferredKey) -> io::Result<()>;

    /// Takes usage, in the order of [`list_usage`](gatepost_storage::UsageReader::list_usage).
    fn usage(&mut self, usage: &[KeptUsage]) -> io::Result<()>;
}

/// How much was exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Usage plans.
    pub plans: u64,
    /// Keys.
    pub keys: u64,
    /// Days of usage, each of one key and one plan.
    pub days: u64,
}

/// Why an account does not move.
#[derive(Debug)]
pub enum TransferError {
    /// The account cannot be read or written.
    Application(AppError),
    /// The file cannot be written.
    Write(io::Error),
    /// The file cannot be read.
    Read(CannotReadAccount),
    /// A file from AWS cannot be used, by its place among them.
    Aws(usize, CannotUseAwsFile),
}

impl<E: Into<AppError>> From<E> for TransferError {
    fn from(error: E) -> Self {
        Self::Application(error.into())
    }
}
