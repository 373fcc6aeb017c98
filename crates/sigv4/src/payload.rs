//! The hash of a request's body, and what the client declares it to be.

use crate::error::SigV4Error;
use crate::hex;
use ring::digest::{Context, SHA256, digest};

/// The SHA-256 of a body; that of nothing where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadHash([u8; 32]);

/// Hashes a body as it comes.
#[derive(Clone)]
pub struct PayloadHasher(Context);

impl PayloadHash {
    /// The hash of a body that is at hand.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        Self(digest(&SHA256, body).as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }

    /// A hash that somebody else calculated.
    #[must_use]
    pub fn from_bytes(sha256: [u8; 32]) -> Self {
        Self(sha256)
    }

    /// The value of `x-amz-content-sha256`. `UNSIGNED-PAYLOAD` and the streaming forms are refused: the clients of this
    /// service hash what they send, and a signature that leaves the body open is not worth much over plain HTTP.
    pub(crate) fn parse(declared: &[u8]) -> Result<Self, SigV4Error> {
        hex::decode(declared).map(Self).ok_or(SigV4Error::PayloadNotHashed)
    }

    pub(crate) fn hex(&self) -> [u8; 64] {
        hex::encode(&self.0)
    }
}

impl Default for PayloadHasher {
    fn default() -> Self {
        Self(Context::new(&SHA256))
    }
}

impl PayloadHasher {
    /// Adds the next part of the body.
    pub fn update(&mut self, part: &[u8]) {
        self.0.update(part);
    }

    /// The hash of all that was added.
    #[must_use]
    pub fn finish(self) -> PayloadHash {
        PayloadHash(self.0.finish().as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_NOTHING: &[u8] = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_body_has_one_hash_however_it_comes() {
        assert_eq!(PayloadHash::parse(OF_NOTHING), Ok(PayloadHash::of(b"")));
        let mut hasher = PayloadHasher::default();
        hasher.update(b"Name,");
        hasher.update(b"Key\n");
        assert_eq!(hasher.finish(), PayloadHash::of(b"Name,Key\n"));
        assert_eq!(PayloadHash::of(b"").hex().as_slice(), OF_NOTHING);
    }

    #[test]
    fn anything_but_a_hash_is_refused() {
        for declared in ["", "UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "e3b0"] {
            assert_eq!(PayloadHash::parse(declared.as_bytes()), Err(SigV4Error::PayloadNotHashed));
        }
        assert!(PayloadHash::parse(&OF_NOTHING.to_ascii_uppercase()).is_err());
    }
}
