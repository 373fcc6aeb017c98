//! An account's values: found by digest, kept sealed.

use crate::aead::{Cipher, derive};
use crate::installation::{seal, split_header};
use crate::{CannotOpen, Custody};
use gatepost_domain::api_keys::{ApiKeyId, ApiKeyValue};
use gatepost_domain::{AccountId, Digest, Sealed};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Digests, seals and opens the values of one account.
pub struct AccountCustody {
    custody: Arc<Custody>,
    account: AccountId,
    /// The installation's HMAC with the account already taken in.
    digests: Hmac<Sha256>,
    newest: (u32, Cipher),
}

impl AccountCustody {
    pub(crate) fn new(custody: Arc<Custody>, account: AccountId) -> Self {
        let mut digests = custody.digests();
        // Length first, so that no account and value can be read as another pair.
        digests.update(&[12]);
        digests.update(account.to_string().as_bytes());
        let (version, key) = custody.ring().newest();
        let newest = (version, account_cipher(key, account));
        Self { custody, account, digests, newest }
    }

    /// What the value is found by: HMAC-SHA-256 of account and value under the installation's digest key.
    #[must_use]
    pub fn digest(&self, value: &ApiKeyValue) -> Digest {
        let mut mac = self.digests.clone();
        mac.update(value.reveal().as_bytes());
        Digest(mac.finalize().into_bytes().into())
    }

    /// Seals a value for the key with this id. The same value never looks the same twice.
    #[must_use]
    pub fn seal(&self, id: &ApiKeyId, value: &ApiKeyValue) -> Sealed {
        let (version, cipher) = &self.newest;
        let bound_to = bound_to(self.account, id);
        Sealed(seal(*version, cipher, self.custody.random(), &bound_to, value.reveal().as_bytes()))
    }

    /// Opens the value of the key with this id.
    pub fn open(&self, id: &ApiKeyId, sealed: &Sealed) -> Result<ApiKeyValue, CannotOpen> {
        let (version, rest) = split_header(&sealed.0)?;
        let bound_to = bound_to(self.account, id);
        let plain = if version == self.newest.0 {
            self.newest.1.open(&bound_to, rest)?
        } else {
            let key = self.custody.ring().version(version).ok_or(CannotOpen::UnknownVersion(version))?;
            account_cipher(key, self.account).open(&bound_to, rest)?
        };
        let text = std::str::from_utf8(&plain).map_err(|_| CannotOpen::NotAuthentic)?;
        Ok(ApiKeyValue::trusted(Zeroizing::new(text.into())))
    }
}

fn account_cipher(master_key: &[u8; 32], account: AccountId) -> Cipher {
    Cipher::new(&derive(master_key, format!("gatepost values of {account}").as_bytes()))
}

/// Account and id: a sealed value moved to another key does not open.
fn bound_to(account: AccountId, id: &ApiKeyId) -> Vec<u8> {
    let mut bound_to = Vec::with_capacity(8 + id.as_str().len());
    bound_to.extend_from_slice(&account.number().to_be_bytes());
    bound_to.extend_from_slice(id.as_str().as_bytes());
    bound_to
}
