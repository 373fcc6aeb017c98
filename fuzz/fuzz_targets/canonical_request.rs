//! A path and a query of any text have one canonical form: the form of the form is itself, and it says what the text said.
//!
//! The first line of the input is the path, the rest the query.
#![no_main]

use gatepost_sigv4::canonical::{SignedPath, path, query};
use libfuzzer_sys::fuzz_target;

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).expect("the canonical form is ASCII")
}

/// The bytes of a strictly encoded text.
fn decode(text: &str) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&byte, after)) = rest.split_first() {
        assert!(byte.is_ascii_alphanumeric() || b"-._~%/".contains(&byte), "{text}");
        rest = after;
        if byte == b'%' {
            let digits = text.len() - rest.len();
            let digits = &text[digits..digits + 2];
            assert!(!digits.contains(|digit: char| digit.is_ascii_lowercase()), "{text}");
            out.push(u8::from_str_radix(digits, 16).expect("two digits"));
            rest = &rest[2..];
        } else {
            out.push(byte);
        }
    }
    out
}

fn check_path(sent: &str) {
    let signed = SignedPath::of(sent);
    let text = signed.as_str();
    let (root, folders) = text.split_once('/').expect("a path begins with a slash");
    assert!(root.is_empty());
    let mut segments = folders.split('/').peekable();
    while let Some(segment) = segments.next() {
        assert!(
            !matches!(segment, "." | "..") && (!segment.is_empty() || segments.peek().is_none()),
            "{text}"
        );
    }
    assert_eq!(SignedPath::of(text), signed);
    let canonical = written(|out| path::write(&signed, out));
    assert_eq!(decode(&canonical), text.as_bytes());
}

fn check_query(sent: &str) {
    let mut out = Vec::new();
    if query::write(sent, &mut out).is_err() {
        return;
    }
    let canonical = String::from_utf8(out).expect("the canonical form is ASCII");
    let again = written(|out| query::write(&canonical, out).expect("it was written"));
    assert_eq!(again, canonical);

    let mut parameters = Vec::new();
    for parameter in canonical.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').expect("a name and a value");
        parameters.push((name, value));
        decode(name);
        decode(value);
    }
    assert!(parameters.is_sorted());

    let backwards: Vec<&str> = sent.rsplit('&').collect();
    let reordered = written(|out| query::write(&backwards.join("&&"), out).expect("the same parts"));
    assert_eq!(reordered, canonical);
}

fuzz_target!(|text: &str| {
    let (sent_path, sent_query) = text.split_once('\n').unwrap_or((text, ""));
    check_path(sent_path);
    check_query(sent_query);
});
