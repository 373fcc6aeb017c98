//! One installation's secrets.

use crate::aead::{Cipher, Key, derive, random_key};
use crate::values::AccountCustody;
use crate::{CannotOpen, KeyRing, Random, TokenKey};
use gatepost_domain::{AccountId, Sealed};
use hmac::{Hmac, KeyInit};
use sha2::Sha256;
use std::sync::Arc;

/// Format 1 of everything that is sealed under the ring: this byte, the ring's version (big endian), nonce,
/// ciphertext, tag.
const FORMAT: u8 = 1;
const HEADER: usize = 5;
const INSTALLATION: &[u8] = b"gatepost installation secret";

/// What values are kept with: the operator's ring and the installation's digest key.
///
/// The installation's secret is 32 random bytes that storage keeps sealed under the ring. That it opens shows
/// that the ring is the right one, so it serves as the check value too.
pub struct Custody {
    ring: KeyRing,
    random: Arc<dyn Random>,
    digests: Hmac<Sha256>,
    tokens: Key,
}

impl Custody {
    /// A secret for an installation that has none yet.
    #[must_use]
    pub fn new_installation(ring: &KeyRing, random: &dyn Random) -> Sealed {
        let secret = random_key(random);
        let (version, key) = ring.newest();
        Sealed(seal(version, &installation_cipher(key), random, INSTALLATION, &*secret))
    }

    /// Opens an installation's secret. [`CannotOpen`] means that the ring is not the one it was sealed with.
    pub fn open(ring: KeyRing, random: Arc<dyn Random>, secret: &Sealed) -> Result<Self, CannotOpen> {
        let (version, rest) = split_header(&secret.0)?;
        let key = ring.version(version).ok_or(CannotOpen::UnknownVersion(version))?;
        let plain = installation_cipher(key).open(INSTALLATION, rest)?;
        let plain = <&[u8; 32]>::try_from(plain.as_slice()).map_err(|_| CannotOpen::NotAuthentic)?;
        let digests =
            Hmac::new_from_slice(&*derive(plain, b"gatepost digests")).expect("any length is a key");
        let tokens = derive(plain, b"gatepost page tokens");
        Ok(Self { ring, random, digests, tokens })
    }

    /// What the values of one account are handled with. It costs one key derivation; keep it for many values.
    #[must_use]
    pub fn account(self: &Arc<Self>, account: AccountId) -> AccountCustody {
        AccountCustody::new(Arc::clone(self), account)
    }

    /// The key that page positions are made with, the same on every replica.
    #[must_use]
    pub fn token_key(&self) -> TokenKey {
        TokenKey::new(&self.tokens, Arc::clone(&self.random))
    }

    /// The source of randomness that this custody was opened with.
    #[must_use]
    pub fn random(&self) -> &dyn Random {
        &*self.random
    }

    pub(crate) fn digests(&self) -> Hmac<Sha256> {
        self.digests.clone()
    }

    pub(crate) fn ring(&self) -> &KeyRing {
        &self.ring
    }
}

/// Header, nonce, ciphertext and tag.
pub(crate) fn seal(
    version: u32,
    cipher: &Cipher,
    random: &dyn Random,
    bound_to: &[u8],
    plain: &[u8],
) -> Box<[u8]> {
    let mut sealed = Vec::with_capacity(HEADER + crate::aead::NONCE + plain.len() + crate::aead::TAG);
    sealed.push(FORMAT);
    sealed.extend_from_slice(&version.to_be_bytes());
    cipher.seal_into(random, bound_to, plain, &mut sealed);
    sealed.into_boxed_slice()
}

/// The ring's version, and what follows the header.
pub(crate) fn split_header(sealed: &[u8]) -> Result<(u32, &[u8]), CannotOpen> {
    match sealed.split_first_chunk::<HEADER>() {
        Some(([FORMAT, version @ ..], rest)) => Ok((u32::from_be_bytes(*version), rest)),
        Some(_) | None => Err(CannotOpen::NotAuthentic),
    }
}

fn installation_cipher(master_key: &[u8; 32]) -> Cipher {
    Cipher::new(&derive(master_key, INSTALLATION))
}
