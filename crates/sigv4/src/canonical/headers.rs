//! The signed headers: `name:value`, a line each, values trimmed, runs of blanks as one, repeated headers joined by commas.

use crate::error::SigV4Error;
use crate::head::Head;
use crate::signed_headers::SignedHeaders;

/// Appends the signed headers. One that the request does not have is refused: an absent header would look like an empty one.
pub fn write(head: &Head<'_>, signed: SignedHeaders<'_>, out: &mut Vec<u8>) -> Result<(), SigV4Error> {
    for name in signed.names() {
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        let mut found = false;
        for value in head.values(name) {
            if found {
                out.push(b',');
            }
            found = true;
            write_value(value, out);
        }
        if !found {
            return Err(SigV4Error::AbsentHeader(name.into()));
        }
        out.push(b'\n');
    }
    Ok(())
}

/// Blanks and tabs, as botocore has it: AWS's text speaks of spaces, and no client sends tabs.
fn write_value(value: &[u8], out: &mut Vec<u8>) {
    let mut words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    if let Some(first) = words.next() {
        out.extend_from_slice(first);
    }
    for word in words {
        out.push(b' ');
        out.extend_from_slice(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SignedPath;
    use http::{HeaderMap, HeaderName, HeaderValue};

    fn signed(sent: &[(&str, &[u8])], list: &str) -> Result<String, SigV4Error> {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        let head = Head {
            method: "GET",
            path: SignedPath::of("/"),
            query: "",
            authority: Some("example.com"),
            headers: &headers,
        };
        let mut out = Vec::new();
        write(&head, SignedHeaders::parse(list)?, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn values_are_trimmed_folded_and_joined() {
        let sent: &[(&str, &[u8])] =
            &[("b", b"  a   \"b   c\" "), ("A", b"2"), ("a", b""), ("a", b" 1\t3"), ("unsigned", b"x")];
        assert_eq!(signed(sent, "a;b;host").as_deref(), Ok("a:2,,1 3\nb:a \"b c\"\nhost:example.com\n"));
    }

    #[test]
    fn an_absent_header_is_not_an_empty_one() {
        assert_eq!(signed(&[("a", b"")], "a").as_deref(), Ok("a:\n"));
        assert_eq!(signed(&[], "a"), Err(SigV4Error::AbsentHeader("a".into())));
    }
}
