//! Verification of AWS Signature Version 4: request parts in, verdict out.
//!
//! No I/O, no clock, no waiting. It happens in two stages, because the head must be judged before the body is read:
//!
//! ```
//! # use gatepost_sigv4::*;
//! # fn judge(head: &Head<'_>, now: Timestamp, secret: &str, generation: u64, keys: &SigningKeys, body: &[u8])
//! # -> Result<bool, SigV4Error> {
//! let rules = Rules { service: "apigateway", regions: Regions::Any, now };
//! // Everything that needs neither the secret nor the body: `None` is a request that claims no identity.
//! let Some(claim) = Claim::parse(head, &rules)? else { return Ok(false) };
//! // Look up claim.access_key_id(); only where no signing key is cached does its secret have to be opened.
//! let key = keys.get(&claim, generation).unwrap_or_else(|| claim.signing_key(secret));
//! // Where the client declared the body's hash, the signature is verified before any of the body is read.
//! claim.verify_head(&key)?;
//! // Read the body, hash it on the way.
//! let verified = claim.verify(&key, &PayloadHash::of(body))?;
//! keys.keep(&verified, generation);
//! # Ok(true) }
//! ```
//!
//! One file per grammar, in the order in which a request meets them:
//!
//! | file | what it reads or makes |
//! |---|---|
//! | [`authorization`] | the header `Authorization` |
//! | [`presigned`] | the query of a presigned URL |
//! | [`credential`] | access key id and scope: day, region, service |
//! | [`signed_headers`] | the list of signed headers |
//! | `timestamp` | `20150830T123600Z`, the five minutes, the seven days |
//! | `payload` | the body's hash and `x-amz-content-sha256` |
//! | [`canonical`] | the canonical request: path, query, headers |
//! | `string_to_sign`, `signing_key`, `signature` | what is signed, with what, and the comparison |
//! | `signing_keys` | the cache of derived keys |
//! | `error` | every refusal with AWS's code and message |
//!
//! # One reading
//!
//! A signature is worth something only if what was signed is what is done. Where the canonical form lets two spellings
//! stand for one request, whoever acts on the request must read both alike:
//!
//! - **Path.** Empty and dot segments are dropped before signing, so `/a/./b` and `/a/b` have one signature.
//!   [`Head::path`] is therefore a [`SignedPath`], which has dropped them; route on its text and never on the path as
//!   sent. Everything else of the path is signed byte for byte (it is encoded once more, not decoded), so `%2F`, `/`,
//!   `%61` and `a` are four different things, here as for a router that cuts before it decodes.
//! - **Query.** It is decoded, then encoded strictly and sorted, so `+` and `%20` are one thing, as are `%61` and `a`,
//!   `x` and `x=`, `&&` and `&`, and the order of different names does not count. Read it so: decode once, `+` is a blank,
//!   empty parts do not count, names are compared decoded, and nothing depends on the order of two names. The order of
//!   equal names does not count either, and no operation may depend on it. An escape that is none is refused, not guessed.
//! - **Headers.** Only signed ones are covered. `host`, `x-amz-*` and what dates the request must be; what else a
//!   handler acts on (`accept`, `content-type`) is covered only if the client chose to. Runs of blanks count as one.
//! - **Host.** Over HTTP/2 `:authority` stands for it. Where both are sent they must agree.

pub mod authorization;
pub mod canonical;
pub mod credential;
pub mod presigned;
pub mod signed_headers;

mod claim;
mod error;
mod head;
mod hex;
mod payload;
mod sign;
mod signature;
mod signing_key;
mod signing_keys;
mod string_to_sign;
mod timestamp;

pub use canonical::SignedPath;
pub use claim::{Claim, Mechanism, Regions, Rules, Verified};
pub use error::{Echo, ErrorCode, ScopeFault, SigV4Error};
pub use head::Head;
pub use payload::{PayloadHash, PayloadHasher};
pub use sign::Signer;
pub use signature::Signature;
pub use signing_key::SigningKey;
pub use signing_keys::SigningKeys;
pub use timestamp::{LONGEST_EXPIRY, MOST_SKEW, Timestamp};

/// The one algorithm there is.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
