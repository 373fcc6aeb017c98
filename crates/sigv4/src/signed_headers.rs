//! The list of signed headers: `accept;host;x-amz-date`.

use crate::error::SigV4Error;

/// Lower-case header names, ascending, none twice: the one spelling of a set, so that nobody has to sort it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedHeaders<'a>(&'a str);

impl<'a> SignedHeaders<'a> {
    /// Reads a list of one name or more.
    pub fn parse(text: &'a str) -> Result<Self, SigV4Error> {
        let ascending = text.split(';').is_sorted_by(|one, other| one < other);
        if ascending && text.split(';').all(is_name) {
            Ok(Self(text))
        } else {
            Err(SigV4Error::MalformedSignedHeaders)
        }
    }

    /// The list as it was given.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// The names, ascending.
    pub fn names(self) -> impl Iterator<Item = &'a str> {
        self.0.split(';')
    }

    /// Whether a header is signed.
    #[must_use]
    pub fn contains(self, name: &str) -> bool {
        self.names().any(|signed| signed == name)
    }
}

/// A token of RFC 9110 (section 5.6.2) without capitals.
fn is_name(name: &str) -> bool {
    let in_names = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9') || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(in_names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_ascending_and_once() {
        let list = SignedHeaders::parse("accept;host;x-amz-date").unwrap();
        assert_eq!(list.names().collect::<Vec<_>>(), ["accept", "host", "x-amz-date"]);
        assert!(list.contains("host") && !list.contains("x-amz"));
        for text in
            ["", ";", "host;", ";host", "Host", "host;accept", "host;host", "host; x-amz-date", "hôst"]
        {
            assert_eq!(SignedHeaders::parse(text), Err(SigV4Error::MalformedSignedHeaders), "{text}");
        }
    }
}
