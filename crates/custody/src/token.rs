//! Page positions that callers can carry but neither read nor alter.

use crate::aead::Cipher;
use crate::{CannotOpen, Random};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Seals positions, which may hold a key's id, and opens only its own.
pub struct TokenKey {
    cipher: Cipher,
    random: Arc<dyn Random>,
}

impl TokenKey {
    pub(crate) fn new(key: &[u8; 32], random: Arc<dyn Random>) -> Self {
        Self { cipher: Cipher::new(key), random }
    }

    /// Seals a position for the listing that `bound_to` describes.
    #[must_use]
    pub fn seal(&self, bound_to: &[u8], position: &[u8]) -> Vec<u8> {
        let mut token = Vec::new();
        self.cipher.seal_into(&*self.random, bound_to, position, &mut token);
        token
    }

    /// Opens a token, if it was sealed for this very listing.
    pub fn open(&self, bound_to: &[u8], token: &[u8]) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        self.cipher.open(bound_to, token)
    }
}
