//! How the values of API keys are kept: never in the clear.
//!
//! - [`KeyRing`]: the master keys of the operator, by version. The newest seals, all open.
//! - [`Custody`]: one installation's secrets under that ring. [`Custody::account`] gives what an account's values
//!   are handled with: [`AccountCustody::digest`] to find a value, [`AccountCustody::seal`] and
//!   [`AccountCustody::open`] to keep it and give it back.
//! - [`TokenKey`]: makes page positions opaque and tamper-evident.
//! - [`ExportWriter`], [`ExportReader`]: an account on its way to another installation, under a key of its own.
//! - [`SpoolCipher`]: encrypts what a request spills to disk, under a key that dies with the request.
//!
//! Everything is AES-256-GCM (NIST SP 800-38D) with random 96-bit nonces, HMAC-SHA-256 (RFC 2104) and
//! HKDF-SHA-256 (RFC 5869). Randomness comes in as a [`Random`]. The digest key belongs to the installation and
//! not to the ring: uniqueness of values depends on it, so it outlives every rotation of master keys.

mod aead;
mod credentials;
mod export;
mod installation;
mod ring;
mod spool;
mod token;
mod values;

pub use export::{CannotReadExport, EXPORT_MAGIC, ExportReader, ExportWriter};
pub use installation::Custody;
pub use ring::{InvalidKeyRing, KeyRing};
pub use spool::{SPOOL_CHUNK, SpoolCipher};
pub use token::TokenKey;
pub use values::AccountCustody;

/// A source of unpredictable bytes, fit for keys.
pub trait Random: Send + Sync + 'static {
    /// Fills the buffer.
    fn fill(&self, bytes: &mut [u8]);
}

/// Sealed bytes that do not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotOpen {
    /// They were sealed under a master key that the ring does not hold.
    #[error("sealed under version {0} of the master key, which the key file does not hold")]
    UnknownVersion(u32),
    /// They were altered, belong to another key or account, or were sealed by another installation.
    #[error("altered, moved from another place, or sealed under another master key")]
    NotAuthentic,
}
