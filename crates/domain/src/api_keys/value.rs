//! The secret itself.

use super::InvalidApiKey;
use zeroize::Zeroizing;

/// The value of a key, that is the secret which callers send: printable ASCII without blanks and commas, at most
/// 128 characters.
///
/// It has no `Debug`, `Display` or `PartialEq`, and its memory is cleared when it is dropped. Whoever needs the
/// characters says so with [`ApiKeyValue::reveal`].
pub struct ApiKeyValue(Zeroizing<Box<str>>);

/// The shortest value that the installation accepts: 20 (as AWS today) to 128.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinValueLength(usize);

impl MinValueLength {
    /// The bound as a rule; `None` outside 20 to 128.
    #[must_use]
    pub fn new(characters: usize) -> Option<Self> {
        (20..=128).contains(&characters).then_some(Self(characters))
    }
}

/// 30, as in the reference documents.
impl Default for MinValueLength {
    fn default() -> Self {
        Self(30)
    }
}

impl ApiKeyValue {
    /// Reads a value that a caller chose.
    pub fn parse(text: &str, shortest: MinValueLength) -> Result<Self, InvalidApiKey> {
        Self::check(text, shortest)?;
        Ok(Self(Zeroizing::new(text.into())))
    }

    /// Whether [`ApiKeyValue::parse`] would take a text, without keeping it.
    pub fn check(text: &str, shortest: MinValueLength) -> Result<(), InvalidApiKey> {
        let characters = if text.is_ascii() { text.len() } else { text.chars().count() };
        if characters < shortest.0 {
            return Err(InvalidApiKey::ValueTooShort(shortest.0));
        }
        if characters > 128 {
            return Err(InvalidApiKey::ValueTooLong);
        }
        // Without an early end the loop runs over many bytes at once; nearly every value is good.
        let good = text.bytes().fold(true, |good, byte| good & byte.is_ascii_graphic() & (byte != b','));
        if !good {
            return Err(InvalidApiKey::ValueCharacters);
        }
        Ok(())
    }

    /// A value that was accepted before, or was made by this product.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, InvalidApiKey> {
        ApiKeyValue::parse(text, MinValueLength::default()).map(|value| value.reveal().to_owned())
    }

    #[test]
    fn a_value_has_30_to_128_characters_by_default() {
        assert_eq!(parse(&"v".repeat(29)), Err(InvalidApiKey::ValueTooShort(30)));
        assert!(parse(&"v".repeat(30)).is_ok() && parse(&"v".repeat(128)).is_ok());
        assert_eq!(parse(&"v".repeat(129)), Err(InvalidApiKey::ValueTooLong));
    }

    #[test]
    fn the_shortest_length_is_a_setting_within_20_and_128() {
        assert!(MinValueLength::new(19).is_none() && MinValueLength::new(129).is_none());
        let twenty = MinValueLength::new(20).unwrap();
        assert!(ApiKeyValue::parse(&"v".repeat(20), twenty).is_ok());
        let refused = ApiKeyValue::parse("short", twenty).err().unwrap();
        assert_eq!(refused.to_string(), "API Key value should be at least 20 characters");
    }

    #[test]
    fn a_value_is_printable_ascii_without_blank_and_comma() {
        for wrong in [" ", ",", "é", "\t", "\0", "\u{7f}"] {
            assert_eq!(parse(&format!("{}{wrong}", "v".repeat(35))), Err(InvalidApiKey::ValueCharacters));
        }
        let graphic: String = (0x21_u8..0x7f).filter(|byte| *byte != b',').map(char::from).collect();
        assert!(parse(&graphic).is_ok());
    }
}
