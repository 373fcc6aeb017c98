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
        let tags = Self::kept(pairs)?;
        if tags.0.keys().any(|key| is_reserved(key)) { Err(InvalidTag::Reserved) } else { Ok(tags) }
    }

    /// Tags that were accepted before, or that AWS has: those with the prefix `aws:` too, which do not count against
    /// the limit.
    pub fn kept<K: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, InvalidTag> {
        let mut tags = Self::default();
        for (key, value) in pairs {
            let (key, value) = (key.as_ref(), value.as_ref());
            if key.is_empty() || !is_tag_text(key, 128) {
                return Err(InvalidTag::Key);
            }
            if !is_tag_text(value, 256) {
                return Err(InvalidTag::Value);
            }
            tags.0.insert(key.into(), value.into());
        }
        tags.within_limit()
    }

    /// These tags and others, whose values win.
    pub fn with(mut self, others: Tags) -> Result<Self, InvalidTag> {
        self.0.extend(others.0);
        self.within_limit()
    }

    /// These tags without some keys. Those with the prefix `aws:` stay.
    #[must_use]
    pub fn without<'k>(mut self, keys: impl IntoIterator<Item = &'k str>) -> Self {
        for key in keys.into_iter().filter(|key| !is_reserved(key)) {
            self.0.remove(key);
        }
        self
    }

    fn within_limit(self) -> Result<Self, InvalidTag> {
        let counted = self.0.keys().filter(|key| !is_reserved(key)).count();
        if counted > Self::MOST { Err(InvalidTag::TooMany) } else { Ok(self) }
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

fn is_reserved(key: &str) -> bool {
    key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"))
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
    fn tags_of_awss_own_are_kept_uncounted_and_cannot_be_taken_away() {
        let own = ("aws:cloudformation:stack-name", "s");
        let pairs = (0..50).map(|n| (format!("k{n}"), "v")).chain([(own.0.to_owned(), own.1)]);
        let tags = Tags::kept(pairs).unwrap();
        assert_eq!(tags.clone().with(Tags::parse([("more", "v")]).unwrap()), Err(InvalidTag::TooMany));
        assert_eq!(tags.without([own.0, "k0", "unknown"]).iter().count(), 50);
    }

    #[test]
    fn merged_tags_have_the_later_values() {
        let tags = Tags::parse([("a", "1"), ("b", "1")]).unwrap().with(Tags::parse([("b", "2")]).unwrap());
        assert_eq!(tags.unwrap().iter().collect::<Vec<_>>(), [("a", "1"), ("b", "2")]);
    }

    #[test]
    fn a_repeated_key_keeps_its_last_value() {
        let tags = Tags::parse([("k", "1"), ("k", "2")]).unwrap();
        assert_eq!(tags.iter().collect::<Vec<_>>(), [("k", "2")]);
    }
}
