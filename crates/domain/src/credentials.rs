//! Credentials: what a caller signs with, and what it may do.
//!
//! An [`AccessKeyId`] names a credential in every request; its secret is kept sealed and never shown again. A
//! credential belongs to one account and carries the text of one policy document, which this crate does not read.

use crate::{AccountId, Timestamp, Version};
use std::fmt;
use zeroize::Zeroizing;

/// The public name of a credential: 1 to 128 characters of `[A-Za-z0-9_]`. IAM's API reference says the same of
/// `AccessKeyId`, but that it has 16 at least; an operator's root credential may have a short name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessKeyId(Box<str>);

/// The text is not an access key id.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an access key id has 1 to 128 characters of A-Z, a-z, 0-9 and _")]
pub struct InvalidAccessKeyId;

impl AccessKeyId {
    /// Reads an id.
    pub fn parse(text: &str) -> Result<Self, InvalidAccessKeyId> {
        let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if (1..=128).contains(&text.len()) && text.bytes().all(is_id) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidAccessKeyId)
        }
    }

    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// The secret that requests are signed with.
///
/// It has no `Debug`, `Display` or `PartialEq`, and its memory is cleared when it is dropped. Whoever needs the
/// characters says so with [`SecretAccessKey::reveal`].
pub struct SecretAccessKey(Zeroizing<Box<str>>);

impl SecretAccessKey {
    /// A secret that this product made, or an operator chose.
    #[must_use]
    pub fn trusted(text: Zeroizing<Box<str>>) -> Self {
        Self(text)
    }

    /// The secret in the clear. Every caller of this is a place to look at in a review.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// A credential without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Its id, unique in the installation.
    pub id: AccessKeyId,
    /// The account whose resources its bearer sees.
    pub account: AccountId,
    /// What its owner calls it.
    pub name: Option<CredentialName>,
    /// Whether requests that it signs are answered.
    pub enabled: bool,
    /// The policy document, as it was given.
    pub policy: Box<str>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last seen in use, to the minute or so.
    pub last_used: Option<Timestamp>,
    /// Counted up by every change but that of `last_used`.
    pub version: Version,
}

/// What an owner calls a credential: 1 to 128 characters without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialName(Box<str>);

/// The text is not the name of a credential.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name of a credential has 1 to 128 characters and no control characters")]
pub struct InvalidCredentialName;

impl CredentialName {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, InvalidCredentialName> {
        if (1..=128).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidCredentialName)
        }
    }

    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_key_ids_are_plain_words() {
        for good in ["AKIAIOSFODNN7EXAMPLE", "a", "abcdefghij_12345", &"A".repeat(128)] {
            assert_eq!(AccessKeyId::parse(good).unwrap().as_str(), good);
        }
        for wrong in ["", "abcdefghij-12345", "abcdefghijklmnö1", &"A".repeat(129)] {
            assert_eq!(AccessKeyId::parse(wrong), Err(InvalidAccessKeyId), "{wrong}");
        }
    }

    #[test]
    fn names_of_credentials_are_counted_in_characters() {
        for good in ["a", "Terraform in CI", &"ä".repeat(128)] {
            assert_eq!(CredentialName::parse(good).unwrap().as_str(), good);
        }
        for wrong in ["", "line\nbreak", &"ä".repeat(129)] {
            assert_eq!(CredentialName::parse(wrong), Err(InvalidCredentialName), "{wrong}");
        }
    }
}
