//! Moving an account: all of its keys, with their values, out of one installation and into another.
//!
//! Values are opened by the source's custody and sealed by the target's, so neither their master keys nor their
//! backends need to agree. In between lies a file:
//! - [`AccountWriter`], [`AccountReader`]: everything that a key is, as JSON lines within a sealed export. Nothing can
//!   be altered in it or missing from it without being seen.
//! - [`CsvWriter`]: AWS's columns, in the clear. It is read back by the import of the API.
//!
//! A new property of keys gets its member in `file`; members that are not there are absent properties, so older files
//! stay readable, and a file with members that this release does not know is refused.
//!
//! What is here does blocking I/O between calls of storage: it is for commands, not for a server.

mod csv;
mod export;
mod file;
mod import;
#[cfg(test)]
mod tests;

pub use csv::CsvWriter;
pub use file::{AccountHead, AccountReader, AccountWriter, CannotReadAccount, InvalidKey, NumberedKey};
pub use import::{Fate, Refusal};

use crate::AppError;
use gatepost_domain::api_keys::{ApiKey, ApiKeyValue};
use std::io;

/// A key on its way, with its value in the clear.
pub struct TransferredKey {
    /// The key.
    pub key: ApiKey,
    /// Its value.
    pub value: ApiKeyValue,
}

impl TransferredKey {
    /// About what its texts take.
    fn bytes(&self) -> usize {
        let description = self.key.description.as_ref().map_or(0, |text| text.as_str().len());
        let stage_keys: usize = self.key.stage_keys.iter().map(|one| one.as_str().len()).sum();
        let tags: usize = self.key.tags.iter().map(|(key, value)| key.len() + value.len()).sum();
        let name = self.key.name.as_ref().map_or(0, |name| name.as_str().len());
        self.value.reveal().len() + name + description + stage_keys + tags
    }
}

/// Takes exported keys, one after the other.
pub trait KeySink: Send {
    /// Takes one.
    fn take(&mut self, key: &TransferredKey) -> io::Result<()>;
}

/// Why keys do not move.
#[derive(Debug)]
pub enum TransferError {
    /// The account cannot be read or written.
    Application(AppError),
    /// The file cannot be written.
    Write(io::Error),
    /// The file cannot be read.
    Read(CannotReadAccount),
}

impl<E: Into<AppError>> From<E> for TransferError {
    fn from(error: E) -> Self {
        Self::Application(error.into())
    }
}
