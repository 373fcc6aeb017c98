//! What a request spills to disk, unreadable to everyone but that request.

use crate::aead::{Cipher, NONCE, TAG, random_key};
use crate::{CannotOpen, Random};

/// Plaintext bytes of a chunk; only the last one of a spool may be shorter.
pub const SPOOL_CHUNK: usize = 64 * 1024;

/// Encrypts the chunks of one spool under a random key that exists nowhere else. Nonces are the chunks' numbers,
/// which is safe because the key is used for one spool only, and keeps chunks from being swapped.
pub struct SpoolCipher(Cipher);

impl SpoolCipher {
    /// A cipher for one spool.
    #[must_use]
    pub fn new(random: &dyn Random) -> Self {
        Self(Cipher::new(&random_key(random)))
    }

    /// What a chunk of so many plaintext bytes takes on disk.
    #[must_use]
    pub fn sealed_len(plain: usize) -> usize {
        NONCE + plain + TAG
    }

    /// Appends the sealed form of chunk `number` to `out`. Each number may be sealed once.
    pub fn seal(&self, number: u64, plain: &[u8], out: &mut Vec<u8>) {
        self.0.seal_with_nonce(nonce(number), &[], plain, out);
    }

    /// Replaces `plain` by the plaintext of chunk `number`.
    pub fn open(&self, number: u64, sealed: &[u8], plain: &mut Vec<u8>) -> Result<(), CannotOpen> {
        if sealed.get(..NONCE) != Some(&nonce(number)[..]) {
            return Err(CannotOpen::NotAuthentic);
        }
        self.0.open_into(&[], sealed, plain)
    }
}

fn nonce(number: u64) -> [u8; NONCE] {
    let mut nonce = [0; NONCE];
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    nonce
}
