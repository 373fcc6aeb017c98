//! One segment of a path, percent-decoded.
//!
//! The path is cut at `/` first and each segment decoded on its own, so that `%2F` in an ARN or an id stays
//! inside its segment. A `+` is itself here.

use std::borrow::Cow;

use super::{InputError, Place, without_nul};

/// Decodes a segment; one without escapes is not copied.
pub fn decode_segment(raw: &str) -> Result<Cow<'_, str>, InputError> {
    without_nul(percent_decode(Cow::Borrowed(raw), Place::Path)?)
}

/// Decodes a whole path, for those who compare it as a text and never cut it.
pub fn decode_path(raw: &str) -> Result<Cow<'_, str>, InputError> {
    decode_segment(raw)
}

/// Decodes `%XX`. The usual decoders leave a malformed escape as it is; two readers of one request could then
/// disagree on what it says.
pub(super) fn percent_decode(raw: Cow<'_, str>, place: Place) -> Result<Cow<'_, str>, InputError> {
    let Some(first) = raw.find('%') else { return Ok(raw) };
    let (start, escaped) = raw.as_bytes().split_at(first);
    let mut decoded = Vec::with_capacity(raw.len());
    decoded.extend_from_slice(start);
    let mut rest = escaped;
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'%' {
            decoded.push(byte);
            rest = after;
            continue;
        }
        let Some((&[high, low], after)) = after.split_first_chunk() else {
            return Err(InputError::BadEscape(place));
        };
        let (Some(high), Some(low)) = (hex(high), hex(low)) else {
            return Err(InputError::BadEscape(place));
        };
        decoded.push(high << 4 | low);
        rest = after;
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| InputError::NotUtf8(place))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests;
