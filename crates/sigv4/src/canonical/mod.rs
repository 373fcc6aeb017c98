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

/// Characters that are never encoded (RFC 3986, section 2.3).
static UNRESERVED: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let this = byte as u8;
        table[byte] = this.is_ascii_alphanumeric() || matches!(this, b'-' | b'.' | b'_' | b'~');
        byte += 1;
    }
    table
};

/// Appends the unreserved characters that a text begins with, and gives the rest.
fn copy_unreserved<'t>(text: &'t [u8], out: &mut Vec<u8>) -> &'t [u8] {
    let end = text.iter().position(|byte| !UNRESERVED[usize::from(*byte)]).unwrap_or(text.len());
    let (plain, rest) = text.split_at(end);
    out.extend_from_slice(plain);
    rest
}

/// Appends a byte as URI encoding has it: an unreserved character as itself, all else as `%XX` with capitals.
fn encode(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if UNRESERVED[usize::from(byte)] {
        out.push(byte);
    } else {
        out.extend_from_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}
