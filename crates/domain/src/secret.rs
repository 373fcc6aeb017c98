//! The two forms in which a key's value is kept. Neither shows the value; how they are made is custody's.

use std::fmt;

/// A keyed digest of account and value: equal values of one account have equal digests, and nothing else can be
/// learnt from it without the installation's digest key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

/// A value under authenticated encryption, bound to its account and key id.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(pub Box<[u8]>);

/// Digests name keys in logs of failures; four bytes are enough to tell two apart.
impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(out, "Digest({a:02x}{b:02x}{c:02x}{d:02x}..)")
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Sealed({} bytes)", self.0.len())
    }
}
