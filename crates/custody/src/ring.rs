//! The master keys.

use crate::Random;
use crate::aead::{Key, random_key};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Master keys by version. The highest version seals, every version opens, so that a key is rotated by adding a
/// line to the key file and retired when nothing sealed under it is left.
pub struct KeyRing(BTreeMap<u32, Key>);

/// A key file that cannot be used. The texts name lines, never their content.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeyRing {
    /// There is no key in it.
    #[error("the master key file holds no key; write one line `1:` followed by 32 random bytes in base64")]
    Empty,
    /// A line that is not `version:base64`.
    #[error("line {0} of the master key file is not `version:base64`, a positive number and 32 bytes")]
    Line(usize),
    /// Two lines with one version.
    #[error("line {0} of the master key file repeats a version")]
    Repeated(usize),
}

impl KeyRing {
    /// Reads a key file: lines `version:base64` of 32 bytes; empty lines and those that begin with `#` do not count.
    /// A file of only base64 is version 1.
    pub fn parse(text: &str) -> Result<Self, InvalidKeyRing> {
        let mut keys = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (version, encoded) = line.split_once(':').unwrap_or(("1", line));
            let version = version.trim().parse::<u32>().ok().filter(|version| *version > 0);
            let key = STANDARD.decode(encoded.trim()).map(Zeroizing::new).ok();
            let key = key.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
            let (Some(version), Some(key)) = (version, key) else {
                return Err(InvalidKeyRing::Line(number));
            };
            if keys.insert(version, Zeroizing::new(key)).is_some() {
                return Err(InvalidKeyRing::Repeated(number));
            }
        }
        if keys.is_empty() { Err(InvalidKeyRing::Empty) } else { Ok(Self(keys)) }
    }

    /// The text of a key file with one new key.
    #[must_use]
    pub fn new_file(random: &dyn Random) -> Zeroizing<String> {
        let key = Zeroizing::new(STANDARD.encode(*random_key(random)));
        Zeroizing::new(format!("1:{}\n", *key))
    }

    /// A ring with one new key.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        Self(BTreeMap::from([(1, random_key(random))]))
    }

    /// The key that seals, and its version.
    pub(crate) fn newest(&self) -> (u32, &[u8; 32]) {
        let (version, key) = self.0.last_key_value().expect("a ring holds at least one key");
        (*version, key)
    }

    /// The key of a version.
    pub(crate) fn version(&self, version: u32) -> Option<&[u8; 32]> {
        self.0.get(&version).map(|key| &**key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    #[test]
    fn the_highest_version_seals_whatever_the_order_of_lines() {
        let ring = KeyRing::parse(&format!("# ours\n7:{KEY}\n\n 2 : {KEY} \n")).unwrap();
        assert_eq!(ring.newest().0, 7);
        assert!(ring.version(2).is_some() && ring.version(1).is_none());
        assert_eq!(KeyRing::parse(KEY).unwrap().newest().0, 1);
    }

    #[test]
    fn a_new_file_is_a_ring_of_one_key() {
        struct Sevens;
        impl Random for Sevens {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill(7);
            }
        }
        let ring = KeyRing::parse(&KeyRing::new_file(&Sevens)).unwrap();
        assert_eq!(ring.newest(), (1, &[7; 32]));
    }

    #[test]
    fn a_bad_file_is_refused_by_its_line() {
        let refused = |text: &str| KeyRing::parse(text).err();
        assert_eq!(refused("\n# none\n"), Some(InvalidKeyRing::Empty));
        assert_eq!(refused("1:c2hvcnQ="), Some(InvalidKeyRing::Line(1)));
        assert_eq!(refused(&format!("1:{KEY}\n0:{KEY}")), Some(InvalidKeyRing::Line(2)));
        assert_eq!(refused(&format!("1:{KEY}\nx:{KEY}")), Some(InvalidKeyRing::Line(2)));
        assert_eq!(refused(&format!("1:{KEY}\n1:{KEY}")), Some(InvalidKeyRing::Repeated(2)));
    }
}
