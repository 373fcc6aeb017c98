//! The path: without empty and dot segments, encoded once more.
//!
//! AWS's clients encode the path they send and then, for every service but S3, encode it again to sign it: `%2F` is signed
//! as `%252F`. Nothing is decoded here, so two paths that differ in more than empty and dot segments never sign alike.

use super::{copy_unreserved, encode};
use std::borrow::Cow;

/// A path that is signed as it stands: it begins with `/` and has no segment that is empty (but a last one), `.` or `..`.
///
/// This is the path to act on. `/a/./b`, `/a//b` and `/c/../a/b` all carry the signature of `/a/b`; a router that saw them
/// as sent would do something else than what was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPath<'a>(Cow<'a, str>);

impl<'a> SignedPath<'a> {
    /// The path of a request target as it was sent, still encoded, without query. Copies only what it has to change.
    ///
    /// Dot segments go as in RFC 3986 (section 5.2.4). An encoded dot is no dot: clients do not decode before they remove.
    #[must_use]
    pub fn of(sent: &'a str) -> Self {
        let mut segments = sent.strip_prefix('/').unwrap_or(sent).split('/').peekable();
        let mut regular = sent.starts_with('/');
        while let Some(segment) = segments.next() {
            let last = segments.peek().is_none();
            regular &= !matches!(segment, "." | "..") && (last || !segment.is_empty());
        }
        Self(if regular { Cow::Borrowed(sent) } else { Cow::Owned(normalize(sent)) })
    }

    /// The path, still encoded.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Appends the path as it is signed.
pub fn write(path: &SignedPath<'_>, out: &mut Vec<u8>) {
    let mut rest = copy_unreserved(path.0.as_bytes(), out);
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'/' {
            out.push(byte);
        } else {
            encode(byte, out);
        }
        rest = copy_unreserved(after, out);
    }
}

fn normalize(sent: &str) -> String {
    let mut kept = Vec::new();
    for segment in sent.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            other => kept.push(other),
        }
    }
    let mut path = String::with_capacity(sent.len() + 1);
    for segment in &kept {
        path.push('/');
        path.push_str(segment);
    }
    // A dot segment at the end names a folder.
    let folder = matches!(sent.rsplit('/').next(), Some("" | "." | ".."));
    if kept.is_empty() || folder {
        path.push('/');
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_and_dot_segments_are_dropped() {
        for (sent, signed) in [
            ("/", "/"),
            ("", "/"),
            ("//", "/"),
            ("/./", "/"),
            ("/..", "/"),
            ("/../../a", "/a"),
            ("/a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("//a//b//", "/a/b/"),
            ("/a/b/.", "/a/b/"),
            ("/a/b/..", "/a/"),
            ("a/b", "/a/b"),
            ("*", "/*"),
        ] {
            assert_eq!(SignedPath::of(sent).as_str(), signed, "{sent}");
        }
    }

    #[test]
    fn every_other_path_stays_as_it_is() {
        for sent in
            ["/apikeys", "/apikeys/", "/a/%2e%2E/b", "/a/..b", "/a/.../b", "/tags/arn%3Aaws%3A%2F", "/ሴ"]
        {
            let path = SignedPath::of(sent);
            assert!(matches!(path.0, Cow::Borrowed(_)), "{sent}");
            assert_eq!(path.as_str(), sent);
        }
    }

    #[test]
    fn what_is_encoded_is_encoded_again() {
        let signed = |sent: &str| {
            let mut out = Vec::new();
            write(&SignedPath::of(sent), &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(signed("/tags/arn%3Aaws%2Fx"), "/tags/arn%253Aaws%252Fx");
        assert_eq!(signed("/a@b:c+d,e~f"), "/a%40b%3Ac%2Bd%2Ce~f");
        assert_eq!(signed("/ሴ"), "/%E1%88%B4");
        // Of AWS's suite; the one request there without a secret that would verify it.
        let (sent, expected) =
            ("/test/@connections/JBDvjfGEIAMCERw%3D", "/test/%40connections/JBDvjfGEIAMCERw%253D");
        assert_eq!(signed(sent), expected);
    }
}
