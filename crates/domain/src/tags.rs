//! Tags: a small map of strings on a resource.
//!
//! Limits are those of the API Gateway guide: 50 a resource, keys of 1 to 128 and values of at most 256
//! characters out of letters, digits, blanks and `. : + = @ _ / -`; the prefix `aws:` is reserved.

use std::collections::BTreeMap;

/// The tags of one resource, in the order of their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(BTreeMap<Box<str>, Box<str>>);

/// A tag that breaks a rule. The texts are ours: AWS's are not known.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTag {
    /// More than 50.
    #[error("Invalid tags specified: a resource can have at most 50 tags.")]
    TooMany,
    /// Empty, too long, or with a character outside the set.
    #[error(
        "Invalid tag key specified: 1 to 128 letters, digits, spaces or characters of . : + = @ _ / - are allowed."
    )]
    Key,
    /// The key begins with `aws:`.
    #[error("Invalid tag key specified: the prefix aws: is reserved.")]
    Reserved,
    /// Too long, or with a character outside the set.
    #[error(
        "Invalid tag value specified: at most 256 letters, digits, spaces or characters of . : + = @ _ / - are allowed."
    )]
    Value,
}

impl Tags {
    /// The most tags that a resource can have.
    pub const MOST: usize = 50;

    /// Checks each pair; of a repeated key the last value stays.
    pub fn parse<K: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, InvalidTag> {
        let mut tags = BTreeMap::new();
        for (key, value) in pairs {
            let (key, value) = (key.as_ref(), value.as_ref());
            if key.is_empty() || !is_tag_text(key, 128) {
                return Err(InvalidTag::Key);
            }
            if key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
                return Err(InvalidTag::Reserved);
            }
            if !is_tag_text(value, 256) {
                return Err(InvalidTag::Value);
            }
            tags.insert(key.into(), value.into());
        }
        if tags.len() > Self::MOST { Err(InvalidTag::TooMany) } else { Ok(Self(tags)) }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Key and value pairs in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }
}

fn is_tag_text(text: &str, most: usize) -> bool {
    crate::text::fits(text, most)
        && text.chars().all(|c| c.is_alphanumeric() || c == ' ' || ".:+=@_/-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_keep_the_guides_limits() {
        let many = |count: usize| Tags::parse((0..count).map(|n| (format!("k{n}"), "v")));
        assert!(many(50).is_ok());
        assert_eq!(many(51), Err(InvalidTag::TooMany));
        assert_eq!(Tags::parse([("", "v")]), Err(InvalidTag::Key));
        assert_eq!(Tags::parse([("k".repeat(129), "v")]), Err(InvalidTag::Key));
        assert_eq!(Tags::parse([("AWS:x", "v")]), Err(InvalidTag::Reserved));
        assert_eq!(Tags::parse([("k", "v".repeat(257))]), Err(InvalidTag::Value));
        assert_eq!(Tags::parse([("k", "a;b")]), Err(InvalidTag::Value));
        assert!(Tags::parse([("ключ/a.b:c+d=e@f_g-h", "ä ß")]).is_ok());
    }

    #[test]
    fn a_repeated_key_keeps_its_last_value() {
        let tags = Tags::parse([("k", "1"), ("k", "2")]).unwrap();
        assert_eq!(tags.iter().collect::<Vec<_>>(), [("k", "2")]);
    }
}
