//! The secrets of credentials: kept sealed, bound to whose they are and what they may do.

use crate::aead::{Cipher, derive};
use crate::installation::{seal, split_header};
use crate::{CannotOpen, Custody};
use gatepost_domain::Sealed;
use gatepost_domain::credentials::{Credential, SecretAccessKey};
use zeroize::Zeroizing;

impl Custody {
    /// Seals the secret of a credential.
    #[must_use]
    pub fn seal_secret(&self, credential: &Credential, secret: &SecretAccessKey) -> Sealed {
        let (version, key) = self.ring().newest();
        let bound_to = bound_to(credential);
        Sealed(seal(version, &cipher(key), self.random(), &bound_to, secret.reveal().as_bytes()))
    }

    /// Opens it again. It does not open for another id, account or policy than it was sealed with, so whoever can only
    /// write to the database cannot lend a known secret more rights.
    pub fn open_secret(
        &self,
        credential: &Credential,
        sealed: &Sealed,
    ) -> Result<SecretAccessKey, CannotOpen> {
        let (version, rest) = split_header(&sealed.0)?;
        let key = self.ring().version(version).ok_or(CannotOpen::UnknownVersion(version))?;
        let plain = cipher(key).open(&bound_to(credential), rest)?;
        let text = std::str::from_utf8(&plain).map_err(|_| CannotOpen::NotAuthentic)?;
        Ok(SecretAccessKey::trusted(Zeroizing::new(text.into())))
    }
}

fn cipher(master_key: &[u8; 32]) -> Cipher {
    Cipher::new(&derive(master_key, b"gatepost secrets of credentials"))
}

/// Account, id and policy. An id holds no NUL.
fn bound_to(credential: &Credential) -> Vec<u8> {
    let mut bound_to = credential.account.number().to_be_bytes().to_vec();
    bound_to.extend_from_slice(credential.id.as_str().as_bytes());
    bound_to.push(0);
    bound_to.extend_from_slice(credential.policy.as_bytes());
    bound_to
}
