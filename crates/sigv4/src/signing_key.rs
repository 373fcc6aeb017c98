//! The key that a secret becomes for one day, region and service.

use crate::credential::Credential;
use ring::hmac::{self, HMAC_SHA256, Tag};
use zeroize::Zeroizing;

/// A derived signing key. It is good for one scope only, and is wiped when dropped. (What HMAC makes of it during a
/// verification lives on the stack of that call.)
#[derive(Clone)]
pub struct SigningKey(Zeroizing<[u8; 32]>);

impl SigningKey {
    /// The key of a secret for the credential's scope.
    pub(crate) fn derive(secret: &str, credential: &Credential) -> Self {
        let mut start = Zeroizing::new(Vec::with_capacity(4 + secret.len()));
        start.extend_from_slice(b"AWS4");
        start.extend_from_slice(secret.as_bytes());
        let mut key = mac(&start, credential.day());
        for step in [credential.region(), credential.service(), credential.terminator()] {
            key = mac(&*key, step);
        }
        Self(key)
    }

    pub(crate) fn sign(&self, text: &[u8]) -> [u8; 32] {
        hmac::sign(&self.mac(), text).as_ref().try_into().expect("HMAC-SHA-256 has 32 bytes")
    }

    pub(crate) fn mac(&self) -> hmac::Key {
        hmac::Key::new(HMAC_SHA256, &*self.0)
    }
}

fn mac(key: &[u8], text: &str) -> Zeroizing<[u8; 32]> {
    let tag: Tag = hmac::sign(&hmac::Key::new(HMAC_SHA256, key), text.as_bytes());
    Zeroizing::new(tag.as_ref().try_into().expect("HMAC-SHA-256 has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From AWS's documentation, "Deriving a signing key".
    #[test]
    fn a_key_is_derived_as_in_the_documentation() {
        let credential = Credential::parse("AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request").unwrap();
        let key = SigningKey::derive("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", &credential);
        let expected = "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9";
        assert_eq!(crate::hex::encode(&key.0).as_slice(), expected.as_bytes());
    }
}
