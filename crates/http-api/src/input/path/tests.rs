use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;

use super::*;

#[test]
fn a_segment_without_escapes_is_not_copied() {
    assert!(matches!(decode_segment("a+b-c"), Ok(Cow::Borrowed("a+b-c"))));
    assert!(matches!(decode_segment(""), Ok(Cow::Borrowed(""))));
}

#[test]
fn escapes_are_decoded_once() {
    assert_eq!(decode_segment("arn%3aaws%3A%2Fapikeys%2F%25%32%35").unwrap(), "arn:aws:/apikeys/%25");
    assert_eq!(decode_segment("%C3%A9%F0%9F%8D%8Bx").unwrap(), "é🍋x");
}

#[test]
fn what_is_malformed_is_refused() {
    for (raw, error) in [
        ("%", InputError::BadEscape(Place::Path)),
        ("a%4", InputError::BadEscape(Place::Path)),
        ("%G1x", InputError::BadEscape(Place::Path)),
        ("%1G", InputError::BadEscape(Place::Path)),
        ("%+1", InputError::BadEscape(Place::Path)),
        ("%é", InputError::BadEscape(Place::Path)),
        ("%ff", InputError::NotUtf8(Place::Path)),
        ("%C3x", InputError::NotUtf8(Place::Path)),
        ("%ED%A0%80", InputError::NotUtf8(Place::Path)),
        ("%C0%80", InputError::NotUtf8(Place::Path)),
        ("a%00", InputError::Nul),
        ("a\0", InputError::Nul),
    ] {
        assert_eq!(decode_segment(raw), Err(error), "{raw:?}");
    }
    let text = InputError::BadEscape(Place::Path).to_string();
    assert_eq!(text, "Invalid request input: bad percent-encoding in the path");
    assert_eq!(InputError::NotUtf8(Place::Path).to_string(), "Invalid request input: the path is not UTF-8");
}

proptest! {
    #[test]
    fn any_text_is_decoded_or_refused(raw in any::<String>(), escapes in "[%0-9a-fA-FgG+]{0,24}") {
        for raw in [raw, escapes] {
            if let Ok(decoded) = decode_segment(&raw) {
                prop_assert!(!decoded.contains('\0'));
            }
        }
    }

    #[test]
    fn what_was_encoded_comes_back(text in "[^\0]*") {
        let raw = utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string();
        prop_assert_eq!(decode_segment(&raw).unwrap(), text);
    }
}
