//! The query: decoded, strictly encoded, sorted.
//!
//! A `+` is a blank, an empty part does not count, a parameter without `=` has the value `""`. This is also how the query
//! is read when it is acted on; an escape that is none is refused here as it is there.

use super::{copy_unreserved, encode};
use crate::error::SigV4Error;
use crate::presigned::SIGNATURE;
use std::ops::Range;

/// Appends a query, given without its `?`, as it is signed. The one parameter that cannot be covered, `X-Amz-Signature`,
/// is left out.
pub fn write(query: &str, out: &mut Vec<u8>) -> Result<(), SigV4Error> {
    let mut text = Vec::with_capacity(query.len() + 32);
    let mut sorted: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    for (name, value) in pairs(query) {
        let name = recode(name, &mut text)?;
        let value = recode(value, &mut text)?;
        if text[name.clone()] != *SIGNATURE.as_bytes() {
            sorted.push((name, value));
        }
    }
    sorted.sort_unstable_by_key(|(name, value)| (&text[name.clone()], &text[value.clone()]));
    for (at, (name, value)) in sorted.into_iter().enumerate() {
        if at > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(&text[name]);
        out.push(b'=');
        out.extend_from_slice(&text[value]);
    }
    Ok(())
}

/// The parameters as sent: name and value.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|part| !part.is_empty()).map(|part| part.split_once('=').unwrap_or((part, "")))
}

/// The bytes that a name or value stands for.
pub(crate) fn decode(raw: &str) -> Result<Vec<u8>, SigV4Error> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((byte, after)) = next_byte(rest)? {
        bytes.push(byte);
        rest = after;
    }
    Ok(bytes)
}

/// Appends a name or value, decoded and encoded again, and says where it stands.
fn recode(raw: &str, text: &mut Vec<u8>) -> Result<Range<usize>, SigV4Error> {
    let start = text.len();
    let mut rest = copy_unreserved(raw.as_bytes(), text);
    while let Some((byte, after)) = next_byte(rest)? {
        encode(byte, text);
        rest = copy_unreserved(after, text);
    }
    Ok(start..text.len())
}

/// The first byte that a text stands for, and the rest of the text.
fn next_byte(raw: &[u8]) -> Result<Option<(u8, &[u8])>, SigV4Error> {
    let Some((&first, rest)) = raw.split_first() else { return Ok(None) };
    match first {
        b'+' => Ok(Some((b' ', rest))),
        b'%' => {
            let (&[high, low], rest) = rest.split_first_chunk().ok_or(SigV4Error::BadEscape)?;
            let (Some(high), Some(low)) = (digit(high), digit(low)) else {
                return Err(SigV4Error::BadEscape);
            };
            Ok(Some((high << 4 | low, rest)))
        }
        other => Ok(Some((other, rest))),
    }
}

fn digit(text: u8) -> Option<u8> {
    char::from(text).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(query: &str) -> Result<String, SigV4Error> {
        let mut out = Vec::new();
        write(query, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn parameters_are_sorted_by_encoded_name_then_value() {
        for (query, expected) in [
            ("", ""),
            ("b=2&a=1", "a=1&b=2"),
            ("a=2&a=10&a=", "a=&a=10&a=2"),
            ("a&&b&", "a=&b="),
            ("=v", "=v"),
            ("Param-3=Value3&Param=Value2&%E1%88%B4=Value1", "%E1%88%B4=Value1&Param=Value2&Param-3=Value3"),
            ("a=b=c", "a=b%3Dc"),
            ("a%3Db=c", "a%3Db=c"),
        ] {
            assert_eq!(signed(query).as_deref(), Ok(expected), "{query}");
        }
    }

    #[test]
    fn spellings_of_one_text_are_one() {
        for query in ["k=a+b/c", "k=a%20b%2Fc", "k=%61+b%2fc", "%6b=a%20b/c"] {
            assert_eq!(signed(query).as_deref(), Ok("k=a%20b%2Fc"), "{query}");
        }
        assert_eq!(signed("k=a%2Bb").as_deref(), Ok("k=a%2Bb"));
    }

    #[test]
    fn an_escape_that_is_none_is_refused() {
        for query in ["%", "a=%", "a=%4", "a=%zz", "a=%+1", "%g0=1", "a=1&b=%é"] {
            assert_eq!(signed(query), Err(SigV4Error::BadEscape), "{query}");
        }
    }

    #[test]
    fn all_but_the_signature_is_signed() {
        assert_eq!(signed("X-Amz-Signature=0&a=1&X%2DAmz-Signature=1").as_deref(), Ok("a=1"));
        assert_eq!(signed("x-amz-signature=0").as_deref(), Ok("x-amz-signature=0"));
    }
}
