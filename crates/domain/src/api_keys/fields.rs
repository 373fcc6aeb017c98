//! The plain text properties of a key.

use super::InvalidApiKey;
use crate::text::{fits, is_identifier, text_newtype};

/// The id of a key: 1 to 128 characters of `[A-Za-z0-9_-]`. Fresh ones have ten of `[a-z0-9]`; longer ones come
/// from `generateDistinctId=false` and from other installations.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiKeyId(Box<str>);

/// A key's name: 1 to 1,024 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiKeyName(Box<str>);

/// A key's description: 1 to 125,000 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description(Box<str>);

/// An AWS Marketplace customer id: 1 to 1,024 characters. AWS states no bound; ours keeps it indexable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomerId(Box<str>);

/// A label: 1 to 128 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(Box<str>);

text_newtype!(ApiKeyId);
text_newtype!(ApiKeyName);
text_newtype!(Description);
text_newtype!(CustomerId);
text_newtype!(Label);

impl ApiKeyId {
    /// Reads an id; `None` when no key can have it, which a caller sees as a key that is not there.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_identifier(text).then(|| Self(text.into()))
    }
}

impl ApiKeyName {
    /// Reads a name; the empty text is no name.
    pub fn parse(text: &str) -> Result<Option<Self>, InvalidApiKey> {
        Self::check(text)?;
        Ok((!text.is_empty()).then(|| Self(text.into())))
    }

    /// Whether [`ApiKeyName::parse`] would take a text, without keeping it.
    pub fn check(text: &str) -> Result<(), InvalidApiKey> {
        if fits(text, 1_024) { Ok(()) } else { Err(InvalidApiKey::Name) }
    }
}

impl Description {
    /// Reads a description; the empty text is none.
    pub fn parse(text: &str) -> Result<Option<Self>, InvalidApiKey> {
        Self::check(text)?;
        Ok((!text.is_empty()).then(|| Self(text.into())))
    }

    /// Whether [`Description::parse`] would take a text, without keeping it.
    pub fn check(text: &str) -> Result<(), InvalidApiKey> {
        if fits(text, 125_000) { Ok(()) } else { Err(InvalidApiKey::Description) }
    }
}

impl CustomerId {
    /// Reads a customer id; the empty text is none.
    pub fn parse(text: &str) -> Result<Option<Self>, InvalidApiKey> {
        optional(text, 1_024, Self, InvalidApiKey::CustomerId)
    }
}

impl Label {
    /// Reads a label.
    pub fn parse(text: &str) -> Result<Self, InvalidApiKey> {
        optional(text, 128, Self, InvalidApiKey::Label)?.ok_or(InvalidApiKey::Label)
    }
}

fn optional<T>(
    text: &str,
    most: usize,
    make: fn(Box<str>) -> T,
    wrong: InvalidApiKey,
) -> Result<Option<T>, InvalidApiKey> {
    match text {
        "" => Ok(None),
        text if fits(text, most) => Ok(Some(make(text.into()))),
        _ => Err(wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_counted_in_characters() {
        assert!(ApiKeyName::parse(&"ä".repeat(1_024)).is_ok());
        assert_eq!(ApiKeyName::parse(&"ä".repeat(1_025)), Err(InvalidApiKey::Name));
        assert!(Description::parse(&"d".repeat(125_000)).is_ok());
        assert_eq!(Description::parse(&"d".repeat(125_001)), Err(InvalidApiKey::Description));
        assert_eq!(CustomerId::parse(&"c".repeat(1_025)), Err(InvalidApiKey::CustomerId));
        assert_eq!(Label::parse(&"l".repeat(129)), Err(InvalidApiKey::Label));
    }

    #[test]
    fn the_empty_text_is_no_name_but_never_a_label() {
        assert_eq!(ApiKeyName::parse(""), Ok(None));
        assert_eq!(Label::parse(""), Err(InvalidApiKey::Label));
    }

    #[test]
    fn no_text_holds_nul() {
        assert_eq!(ApiKeyName::parse("a\0b"), Err(InvalidApiKey::Name));
    }

    #[test]
    fn an_id_that_no_key_can_have_is_none() {
        for wrong in ["", "a b", "a/b", "é", &"a".repeat(129)] {
            assert_eq!(ApiKeyId::parse(wrong), None);
        }
        assert!(ApiKeyId::parse("gt748qoyk2").is_some());
    }
}
