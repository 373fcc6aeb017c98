//! Signatures of others, held against this crate.
//!
//! - `vectors`: requests that AWS publishes, and requests that botocore signed.
//! - `oracle`: any request, signed by AWS's Rust signer, and changed afterwards.
//! - `refusals`: everything that is refused, with code and message.
//! - `claims`: what a claim tells, and the two stages of its verification.
//! - `signing_keys`: the cache.

mod claims;
mod oracle;
mod refusals;
mod request;
mod signer;
mod signing_keys;
mod vectors;
