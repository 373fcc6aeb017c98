//! AES-256-GCM with the few conventions that all of custody shares.

use crate::{CannotOpen, Random};
use hkdf::Hkdf;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sha2::Sha256;
use zeroize::Zeroizing;

pub(crate) const NONCE: usize = 12;
pub(crate) const TAG: usize = 16;

/// Thirty-two secret bytes.
pub(crate) type Key = Zeroizing<[u8; 32]>;

pub(crate) fn random_key(random: &dyn Random) -> Key {
    let mut key = Zeroizing::new([0; 32]);
    random.fill(&mut *key);
    key
}

/// A key for one purpose out of a key for many.
pub(crate) fn derive(key: &[u8; 32], purpose: &[u8]) -> Key {
    let mut derived = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, key).expand(purpose, &mut *derived).expect("32 bytes are a valid HKDF length");
    derived
}

/// A cipher under one key. Whoever seals sees to it that no nonce is used twice.
#[derive(Clone)]
pub(crate) struct Cipher(LessSafeKey);

impl Cipher {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("AES-256 takes 32 bytes")))
    }

    /// Appends nonce, ciphertext and tag of `plain` to `out`.
    pub(crate) fn seal_into(&self, random: &dyn Random, bound_to: &[u8], plain: &[u8], out: &mut Vec<u8>) {
        let mut nonce = [0; NONCE];
        random.fill(&mut nonce);
        self.seal_with_nonce(nonce, bound_to, plain, out);
    }

    /// The same with a nonce that the caller guarantees to be used once.
    pub(crate) fn seal_with_nonce(
        &self,
        nonce: [u8; NONCE],
        bound_to: &[u8],
        plain: &[u8],
        out: &mut Vec<u8>,
    ) {
        out.reserve(NONCE + plain.len() + TAG);
        out.extend_from_slice(&nonce);
        let start = out.len();
        out.extend_from_slice(plain);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let sealed = self.0.seal_in_place_separate_tag(nonce, Aad::from(bound_to), &mut out[start..]);
        out.extend_from_slice(sealed.expect("a text below 64 GiB can be sealed").as_ref());
    }

    /// The plaintext of what [`Cipher::seal_into`] appended.
    pub(crate) fn open(&self, bound_to: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        let mut plain = Zeroizing::new(Vec::new());
        self.open_into(bound_to, sealed, &mut plain)?;
        Ok(plain)
    }

    /// The same into a buffer of the caller's, whose content it replaces.
    pub(crate) fn open_into(
        &self,
        bound_to: &[u8],
        sealed: &[u8],
        plain: &mut Vec<u8>,
    ) -> Result<(), CannotOpen> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE>().ok_or(CannotOpen::NotAuthentic)?;
        plain.clear();
        plain.extend_from_slice(text);
        let opened = self.0.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(bound_to), plain);
        let len = opened.map_err(|_| CannotOpen::NotAuthentic)?.len();
        plain.truncate(len);
        Ok(())
    }
}
