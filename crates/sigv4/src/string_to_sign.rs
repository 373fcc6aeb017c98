//! The text that is signed: algorithm, moment, scope, and the hash of the canonical request.

use crate::ALGORITHM;
use crate::hex;
use crate::payload::PayloadHash;
use ring::digest::{Context, SHA256};

/// `canonical` is the canonical request up to its last line, which is the payload's hash.
pub(crate) fn string_to_sign(
    signed_at: &str,
    scope: &str,
    canonical: &[u8],
    payload: &PayloadHash,
) -> Vec<u8> {
    let mut hash = Context::new(&SHA256);
    hash.update(canonical);
    hash.update(&payload.hex());
    let hash: [u8; 32] = hash.finish().as_ref().try_into().expect("SHA-256 has 32 bytes");

    let mut text = Vec::with_capacity(ALGORITHM.len() + signed_at.len() + scope.len() + 67);
    for line in [ALGORITHM.as_bytes(), signed_at.as_bytes(), scope.as_bytes()] {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    text.extend_from_slice(&hex::encode(&hash));
    text
}
