//! The PROXY protocol, versions 1 and 2: what a proxy says first about the connection that it forwards.
//!
//! The specification is HAProxy's `doc/proxy-protocol.txt`. A header is read to the letter or not at all: who asks has
//! decided already that the sender is believed, so what is not understood is a misconfiguration, not a guess.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest header: a header of version 1 has 107 bytes at most, one of version 2 that says more than this in
/// its fields is not from a proxy that we know.
pub const MAX_PROXY_BYTES: usize = 4 * 1024;

const V1_SIGNATURE: &[u8] = b"PROXY ";
const V1_MOST_BYTES: usize = 107;
const V2_SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family, length.
const V2_FIXED_BYTES: usize = 16;

/// What the first bytes of a connection are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyHeader {
    /// They begin no header.
    Absent,
    /// They may: more of them are needed.
    Partial,
    /// A header.
    Whole {
        /// Its bytes; what follows belongs to the client.
        length: usize,
        /// Whose connection it is.
        source: Source,
    },
}

/// Whose connection it is, in the proxy's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// That of a client with this address.
    Client(IpAddr),
    /// The proxy's own, with which it looks whether the server is well, say: version 2's `LOCAL`.
    Proxy,
    /// Somebody's whom it does not know or cannot name: `UNKNOWN`, and version 2's `AF_UNSPEC` and `AF_UNIX`. Version 1
    /// has no other word for a connection of the proxy's own.
    Unknown,
}

/// It begins like a header and is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed PROXY header: {0}")]
pub struct MalformedProxyHeader(&'static str);

/// Reads the first bytes of a connection.
pub fn parse(bytes: &[u8]) -> Result<ProxyHeader, MalformedProxyHeader> {
    if begins(bytes, V1_SIGNATURE) {
        version_1(bytes)
    } else if begins(bytes, V2_SIGNATURE) {
        version_2(bytes)
    } else {
        Ok(ProxyHeader::Absent)
    }
}

/// Whether the bytes are the beginning of this signature, or it of them.
fn begins(bytes: &[u8], signature: &[u8]) -> bool {
    let common = bytes.len().min(signature.len());
    bytes[..common] == signature[..common]
}

fn version_1(bytes: &[u8]) -> Result<ProxyHeader, MalformedProxyHeader> {
    let within = &bytes[..bytes.len().min(V1_MOST_BYTES)];
    let Some(end) = within.iter().position(|byte| *byte == b'\n') else {
        let is_open = within.len() < V1_MOST_BYTES;
        return is_open.then_some(ProxyHeader::Partial).ok_or(MalformedProxyHeader("its line is too long"));
    };
    let line = within[..end].strip_suffix(b"\r").and_then(|line| str::from_utf8(line).ok());
    let line = line.ok_or(MalformedProxyHeader("its line is not ASCII that ends with CRLF"))?;
    let words = line.strip_prefix("PROXY ").ok_or(MalformedProxyHeader("nothing is said"))?;
    let source = match words.split_once(' ') {
        Some(("TCP4", rest)) => Source::Client(addresses::<Ipv4Addr>(rest)?.into()),
        Some(("TCP6", rest)) => Source::Client(addresses::<Ipv6Addr>(rest)?.into()),
        // The rest of such a line is to be ignored.
        Some(("UNKNOWN", _)) => Source::Unknown,
        None if words == "UNKNOWN" => Source::Unknown,
        Some(_) | None => return Err(MalformedProxyHeader("unknown protocol")),
    };
    Ok(ProxyHeader::Whole { length: end + 1, source })
}

/// The source of `source destination source-port destination-port`.
fn addresses<A: std::str::FromStr>(words: &str) -> Result<A, MalformedProxyHeader> {
    let mut words = words.split(' ');
    let mut address = || words.next().and_then(|word| word.parse::<A>().ok());
    let (source, destination) = (address(), address());
    let are_ports = words.by_ref().take(2).filter(|word| is_port(word)).count() == 2;
    match (source, destination, are_ports, words.next()) {
        (Some(source), Some(_), true, None) => Ok(source),
        _ => Err(MalformedProxyHeader("not two addresses and two ports")),
    }
}

/// Digits without a sign or a leading zero.
fn is_port(word: &str) -> bool {
    let is_plain = word.bytes().all(|byte| byte.is_ascii_digit()) && (word == "0" || !word.starts_with('0'));
    is_plain && word.parse::<u16>().is_ok()
}

fn version_2(bytes: &[u8]) -> Result<ProxyHeader, MalformedProxyHeader> {
    let Some((fixed, rest)) = bytes.split_at_checked(V2_FIXED_BYTES) else {
        return Ok(ProxyHeader::Partial);
    };
    let announced = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    let length = V2_FIXED_BYTES + announced;
    if length > MAX_PROXY_BYTES {
        return Err(MalformedProxyHeader("too long"));
    }
    let is_local = match fixed[12] {
        0x20 => true,
        0x21 => false,
        _ => return Err(MalformedProxyHeader("unknown version or command")),
    };
    let Some(said) = rest.get(..announced) else { return Ok(ProxyHeader::Partial) };
    // Of the proxy's own connection whatever is told along does not count.
    let source = if is_local { Source::Proxy } else { v2_source(fixed[13], said)? };
    Ok(ProxyHeader::Whole { length, source })
}

fn v2_source(family: u8, said: &[u8]) -> Result<Source, MalformedProxyHeader> {
    let cut = MalformedProxyHeader("too short for its addresses");
    let (source, fields) = match family {
        0x00 => (Source::Unknown, said),
        // TCP: source, destination, and a port of each.
        0x11 => {
            let (source, rest) = said.split_first_chunk::<4>().ok_or(cut)?;
            (Source::Client(IpAddr::from(*source)), rest.get(8..).ok_or(cut)?)
        }
        0x21 => {
            let (source, rest) = said.split_first_chunk::<16>().ok_or(cut)?;
            (Source::Client(IpAddr::from(*source)), rest.get(20..).ok_or(cut)?)
        }
        // A Unix stream: two paths of 108 bytes, and no address.
        0x31 => (Source::Unknown, said.get(216..).ok_or(cut)?),
        _ => return Err(MalformedProxyHeader("unknown family or protocol")),
    };
    are_fields(fields).then_some(source).ok_or(MalformedProxyHeader("its fields are cut"))
}

/// Whether the rest is a sequence of kind, length and value. Nothing in them is needed.
fn are_fields(mut bytes: &[u8]) -> bool {
    while let [_, high, low, rest @ ..] = bytes {
        let Some(next) = rest.get(usize::from(u16::from_be_bytes([*high, *low]))..) else { return false };
        bytes = next;
    }
    bytes.is_empty()
}

#[cfg(test)]
mod tests;
