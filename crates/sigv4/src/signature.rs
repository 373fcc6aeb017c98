//! The signature, and the only way to compare one.

use crate::hex;
use crate::signing_key::SigningKey;
use ring::hmac;

/// A signature as the client gave it. It has no `PartialEq` and does not show itself: all one can do is ask whether it
/// is the signature of a text, and that takes the same time whether the first byte is wrong or the last. The right one,
/// which is what must not leak, never leaves the HMAC.
///
/// ```compile_fail,E0369
/// # use gatepost_sigv4::Signature;
/// fn leak(given: Signature, expected: Signature) -> bool {
///     given == expected
/// }
/// ```
pub struct Signature([u8; 32]);

impl Signature {
    /// Reads 64 lower-case hexadecimal digits. Anything else cannot be a signature of anything.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        hex::decode(text.as_bytes()).map(Self)
    }

    /// Whether this is the key's signature of the text, in constant time.
    pub(crate) fn signs(&self, key: &SigningKey, text: &[u8]) -> bool {
        hmac::verify(&key.mac(), text, &self.0).is_ok()
    }
}
