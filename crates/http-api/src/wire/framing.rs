//! Where each HTTP/1 request ends, so that nobody can hide another one within it.
//!
//! Whoever stands in front of this server must not find a request to end elsewhere than it does: what one of them takes
//! for a body the other would take for a request. RFC 9112 leaves some freedom, and hyper takes it: it follows the chunks
//! where a `Content-Length` contradicts them (and shows the service no trace of it), lets codings stand before
//! `chunked`, ends lines at a bare LF. [`Framing`] sees the bytes before hyper does and leaves one reading only:
//! - lines of heads, chunks and trailers end with CRLF; there is no other CR and no NUL in them;
//! - no header line is folded;
//! - one `Content-Length` of digits only, or one `Transfer-Encoding` that is `chunked`, or neither;
//! - a chunk begins with 1 to 16 hexadecimal digits, and its line is not longer than [`MOST_CHUNK_LINE`].
//!
//! Everything else about a head is hyper's to judge. What passes here has, for hyper, the end that it has here.
//!
//! Nearly every head comes whole and has nothing odd about it: `plain_head` lets such a one pass at the cost of three
//! looks over its bytes, many of them at once. Whatever it does not let pass is followed line by line, and judged there.

use memchr::{memchr, memchr_iter, memchr2};

/// The longest line before a chunk, and the longest line of a trailer. hyper bounds the sum of all that a body says
/// beside its data.
pub const MOST_CHUNK_LINE: usize = 4 * 1024;
/// The longest head line that is held until it is whole: hyper has given up on the head well before.
const MOST_HEAD_LINE: usize = 2 * super::connection::MAX_HEAD_BYTES;

/// Follows the requests of one connection.
#[derive(Debug, Default)]
pub struct Framing {
    place: Place,
    head: Head,
    /// What has come of a line that is not whole yet.
    line: Vec<u8>,
}

/// Something that may be read in two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ambiguous {
    /// How many of the bytes at hand come before it.
    pub sound: usize,
    /// Where it is.
    pub within: Within,
}

/// A part of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// The request line or a header.
    Head,
    /// The body: it is malformed, and its request has been seen.
    Body,
}

#[derive(Debug, Default, Clone, Copy)]
enum Place {
    /// In a head, or before it.
    #[default]
    Head,
    /// So many bytes before the end of a body.
    Body(u64),
    /// Before a chunk.
    ChunkLine,
    /// So many bytes before the end of a chunk.
    Chunk(u64),
    /// Between a chunk and the next one's line.
    ChunkEnd,
    /// Behind the last chunk.
    Trailer,
}

/// What a head has said so far.
#[derive(Debug, Default)]
struct Head {
    has_begun: bool,
    length: Option<u64>,
    is_chunked: bool,
}

impl Framing {
    /// Looks at the next bytes of the connection. Once something was ambiguous nothing more may be asked.
    pub fn follow(&mut self, bytes: &[u8]) -> Result<(), Ambiguous> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let within = match self.place {
                Place::Head => {
                    if self.is_between_heads()
                        && let Some((length, next)) = plain_head(rest)
                    {
                        at += length;
                        self.place = next;
                        continue;
                    }
                    Within::Head
                }
                Place::Body(left) => {
                    let (taken, left) = taken(rest, left);
                    at += taken;
                    self.place = if left == 0 { Place::Head } else { Place::Body(left) };
                    continue;
                }
                Place::Chunk(left) => {
                    let (taken, left) = taken(rest, left);
                    at += taken;
                    self.place = if left == 0 { Place::ChunkEnd } else { Place::Chunk(left) };
                    continue;
                }
                Place::ChunkLine | Place::ChunkEnd | Place::Trailer => Within::Body,
            };
            let length = line_length(rest);
            if self.line(&rest[..length], within).is_none() {
                return Err(Ambiguous { sound: at, within });
            }
            at += length;
        }
        Ok(())
    }

    fn is_between_heads(&self) -> bool {
        !self.head.has_begun && self.line.is_empty()
    }

    /// Takes a line, or a part of one. None: it is refused.
    fn line(&mut self, part: &[u8], within: Within) -> Option<()> {
        let most = match within {
            Within::Head => MOST_HEAD_LINE,
            Within::Body => MOST_CHUNK_LINE,
        };
        if self.line.len() + part.len() > most {
            return None;
        }
        let is_whole = part.last() == Some(&b'\n');
        if is_whole && self.line.is_empty() {
            return self.whole_line(part);
        }
        self.line.extend_from_slice(part);
        if is_whole {
            let line = std::mem::take(&mut self.line);
            self.whole_line(&line)?;
        }
        Some(())
    }

    fn whole_line(&mut self, line: &[u8]) -> Option<()> {
        let text = line.strip_suffix(b"\r\n")?;
        if memchr2(b'\r', b'\0', text).is_some() {
            return None;
        }
        self.place = match self.place {
            Place::Head if text.is_empty() => self.head.end(),
            Place::Head => {
                self.head.line(text)?;
                Place::Head
            }
            Place::ChunkLine => match chunk_length(text)? {
                0 => Place::Trailer,
                length => Place::Chunk(length),
            },
            Place::ChunkEnd if text.is_empty() => Place::ChunkLine,
            Place::ChunkEnd => return None,
            Place::Trailer if text.is_empty() => Place::Head,
            Place::Trailer => Place::Trailer,
            Place::Body(_) | Place::Chunk(_) => unreachable!("data has no lines"),
        };
        Some(())
    }
}

impl Head {
    fn line(&mut self, text: &[u8]) -> Option<()> {
        if !self.has_begun {
            self.has_begun = true;
            return Some(());
        }
        let is_framed = self.is_chunked || self.length.is_some();
        match text[0] {
            b' ' | b'\t' => return None,
            b'c' | b'C' => {
                if let Some(length) = value(text, b"content-length") {
                    self.length = Some(decimal(length).filter(|_| !is_framed)?);
                }
            }
            b't' | b'T' => {
                if let Some(coding) = value(text, b"transfer-encoding") {
                    self.is_chunked =
                        (!is_framed && coding.eq_ignore_ascii_case(b"chunked")).then_some(true)?;
                }
            }
            _ => {}
        }
        Some(())
    }

    /// An empty line: what follows the head that it ends, if one had begun.
    fn end(&mut self) -> Place {
        match std::mem::take(self) {
            Self { is_chunked: true, .. } => Place::ChunkLine,
            Self { length: Some(length @ 1..), .. } => Place::Body(length),
            Self { length: Some(0) | None, .. } => Place::Head,
        }
    }
}

/// The length of the head that these bytes begin with, and the place behind it, if it is here to its end and nothing in
/// it is to be refused.
fn plain_head(bytes: &[u8]) -> Option<(usize, Place)> {
    let (mut head, mut begin, mut lines) = (Head::default(), 0, 0);
    for end in memchr_iter(b'\n', &bytes[..bytes.len().min(MOST_HEAD_LINE)]) {
        let text = bytes[begin..end].strip_suffix(b"\r")?;
        (begin, lines) = (end + 1, lines + 1);
        if text.is_empty() {
            // Each line ends with a CR of its own, so one more stands within a line.
            let whole = &bytes[..begin];
            let is_plain = memchr_iter(b'\r', whole).count() == lines && memchr(b'\0', whole).is_none();
            return is_plain.then(|| (begin, head.end()));
        }
        head.line(text)?;
    }
    None
}

/// How much of a body or chunk is at hand, and how much of it is left then.
fn taken(bytes: &[u8], left: u64) -> (usize, u64) {
    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
    (taken, left - taken as u64)
}

/// Up to the first LF, or all.
fn line_length(bytes: &[u8]) -> usize {
    memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1)
}

/// The value of a line that begins with exactly this name and a colon. Any other line that resembles it, with a blank
/// before the colon or without one, is no header: hyper says so.
fn value<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    let (start, rest) = line.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b":")?;
    start.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

fn decimal(text: &[u8]) -> Option<u64> {
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    is_number.then(|| str::from_utf8(text).ok()?.parse().ok()).flatten()
}

/// `1*16HEXDIG [ blanks ";" anything ]`.
fn chunk_length(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (digits, extension) = text.split_at(digits);
    if !(extension.is_empty() || extension.trim_ascii_start().starts_with(b";")) {
        return None;
    }
    // Seventeen digits are more than a number holds, or begin with a 0 that some would take for the whole of it.
    let digits = str::from_utf8(digits).ok().filter(|digits| (1..=16).contains(&digits.len()))?;
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests;
