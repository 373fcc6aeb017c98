//! A stage named by a key.

use super::InvalidApiKey;
use crate::text::{is_identifier, text_newtype};

/// A pair `restApiId/stageName`, opaque otherwise: the product has no REST APIs to check it against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageKey(Box<str>);

text_newtype!(StageKey);

impl StageKey {
    /// A pair from its two parts, each 1 to 128 characters of `[A-Za-z0-9_-]`.
    pub fn new(rest_api_id: &str, stage_name: &str) -> Result<Self, InvalidApiKey> {
        if is_identifier(rest_api_id) && is_identifier(stage_name) {
            Ok(Self(format!("{rest_api_id}/{stage_name}").into()))
        } else {
            Err(InvalidApiKey::StageKey)
        }
    }

    /// A pair from its text.
    pub fn parse(text: &str) -> Result<Self, InvalidApiKey> {
        let (rest_api_id, stage_name) = text.split_once('/').ok_or(InvalidApiKey::StageKey)?;
        Self::new(rest_api_id, stage_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_key_is_one_api_and_one_stage() {
        assert_eq!(StageKey::new("uycll6xg9a", "beta").unwrap().as_str(), "uycll6xg9a/beta");
        for wrong in ["", "/", "a/", "/b", "a/b/c", "a", "a/b c", "a/é"] {
            assert_eq!(StageKey::parse(wrong), Err(InvalidApiKey::StageKey), "{wrong}");
        }
    }
}
