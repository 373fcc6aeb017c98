//! The canonical request: method, path, query, signed headers, their list, and the payload's hash, a line each.

pub mod headers;
pub mod path;
pub mod query;

pub use path::SignedPath;

use crate::error::SigV4Error;
use crate::head::Head;
use crate::signed_headers::SignedHeaders;

/// The canonical request up to its last line, which is the payload's hash.
pub(crate) fn without_payload(head: &Head<'_>, signed: SignedHeaders<'_>) -> Result<Vec<u8>, SigV4Error> {
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(head.method.as_bytes());
    out.push(b'\n');
    path::write(&head.path, &mut out);
    out.push(b'\n');
    query::write(head.query, &mut out)?;
    out.push(b'\n');
    headers::write(head, signed, &mut out)?;
    out.push(b'\n');
    out.extend_from_slice(signed.as_str().as_bytes());
    out.push(b'\n');
    Ok(out)
}

/// Appends a byte as URI encoding has it: unreserved characters (RFC 3986, section 2.3) are themselves, all others `%XX`
/// with capitals.
fn encode(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
        out.push(byte);
    } else {
        out.extend_from_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}
