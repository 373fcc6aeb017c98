//! One keep-alive HTTP/1.1 connection over a blocking socket, made to cost as little as possible.
//!
//! It understands what the contestants answer and nothing else: a status line, a head, and a body with a length or in
//! chunks. An answer as long as the one before it is recognised by a few comparisons and not parsed again.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::time::Duration;

use crate::failure::{Context, Failure};

/// A contestant that is silent for longer is taken as broken.
const PATIENCE: Duration = Duration::from_secs(300);

/// A connection and the bytes that were received on it.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    unchunked: Vec<u8>,
    last: Shape,
}

/// One answer, borrowed from its connection.
#[derive(Debug)]
pub(crate) struct Answer<'connection> {
    pub(crate) status: u16,
    pub(crate) head: &'connection [u8],
    pub(crate) body: &'connection [u8],
}

impl Answer<'_> {
    /// Fails unless the status is `expected`; the failure shows the body.
    pub(crate) fn expect(&self, expected: u16) -> Result<(), Failure> {
        if self.status == expected {
            return Ok(());
        }
        let body = String::from_utf8_lossy(&self.body[..self.body.len().min(300)]);
        Err(Failure::new(format!("expected status {expected}, the answer was {}: {body}", self.status)))
    }
}

/// The answer that was parsed last: where its head and the answer end, and where in the head its length stands.
#[derive(Debug, Default)]
struct Shape {
    head: usize,
    total: usize,
    length_at: Range<usize>,
}

impl Shape {
    /// Whether `bytes` are one whole answer of this shape.
    fn fits(&self, bytes: &[u8]) -> bool {
        bytes.len() == self.total
            && bytes[..self.head].ends_with(b"\r\n\r\n")
            && decimal(&bytes[self.length_at.clone()]) == Some(self.total - self.head)
    }
}

enum Framing {
    Length { length: usize, at: Range<usize> },
    Chunked,
}

impl Connection {
    /// Connects to a contestant.
    pub(crate) fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).context("a contestant cannot be connected to")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, buffer: vec![0; 16 * 1024], unchunked: Vec::new(), last: Shape::default() })
    }

    /// `count` connections to one contestant.
    pub(crate) fn open_many(address: SocketAddr, count: usize) -> Result<Vec<Self>, Failure> {
        (0..count).map(|_| Self::open(address)).collect()
    }

    /// Sends a whole request.
    pub(crate) fn send(&mut self, request: &[u8]) -> Result<(), Failure> {
        self.stream.write_all(request).context("a request could not be sent")
    }

    /// Sends a file as a body; the kernel moves it without a copy through this process.
    ///
    /// A server may answer before it has read everything, and then stops reading: that is for the answer to tell.
    pub(crate) fn send_file(&mut self, file: &mut File) -> Result<(), Failure> {
        match io::copy(file, &mut self.stream) {
            Ok(_) => Ok(()),
            Err(error)
                if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) =>
            {
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Sends one request and waits for its answer.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>, Failure> {
        self.send(request)?;
        self.receive()
    }

    /// Waits for the next answer.
    pub(crate) fn receive(&mut self) -> Result<Answer<'_>, Failure> {
        let mut filled = self.read(0)?;
        if self.last.fits(&self.buffer[..filled]) {
            return self.answer(self.last.head, Body::Here(self.last.head..filled));
        }
        let mut searched = 0;
        let head = loop {
            if let Some(end) = find(&self.buffer[searched..filled], b"\r\n\r\n") {
                break searched + end + 4;
            }
            searched = filled.saturating_sub(3);
            filled = self.read(filled)?;
        };
        match framing(&self.buffer[..head])? {
            Framing::Length { length, at } => {
                let total = head + length;
                while filled < total {
                    filled = self.read(filled)?;
                }
                self.last = Shape { head, total, length_at: at };
                self.answer(head, Body::Here(head..total))
            }
            Framing::Chunked => {
                self.receive_chunks(head, filled)?;
                self.answer(head, Body::Unchunked)
            }
        }
    }

    fn receive_chunks(&mut self, head: usize, mut filled: usize) -> Result<(), Failure> {
        self.unchunked.clear();
        let mut at = head;
        loop {
            let line = loop {
                if let Some(end) = find(&self.buffer[at..filled], b"\r\n") {
                    break at + end;
                }
                filled = self.read(filled)?;
            };
            let size = std::str::from_utf8(&self.buffer[at..line])
                .ok()
                .and_then(|text| {
                    usize::from_str_radix(text.split(';').next().unwrap_or(text).trim(), 16).ok()
                })
                .ok_or_else(|| Failure::new("an answer holds a chunk without a size"))?;
            let end = line + 2 + size + 2;
            while filled < end {
                filled = self.read(filled)?;
            }
            self.unchunked.extend_from_slice(&self.buffer[line + 2..line + 2 + size]);
            at = end;
            if size == 0 {
                return Ok(());
            }
            // A long answer moves through the buffer; the head stays where it is.
            if at > head + 4 * 1024 * 1024 {
                self.buffer.copy_within(at..filled, head);
                filled -= at - head;
                at = head;
            }
        }
    }

    /// Reads once behind what is `filled`; the answer is the new fill.
    fn read(&mut self, filled: usize) -> Result<usize, Failure> {
        if filled == self.buffer.len() {
            self.buffer.resize(filled * 2, 0);
        }
        let read = self.stream.read(&mut self.buffer[filled..]).context("an answer could not be read")?;
        if read == 0 {
            return Err(Failure::new("a contestant closed a connection in the middle of its work"));
        }
        Ok(filled + read)
    }

    fn answer(&self, head: usize, body: Body) -> Result<Answer<'_>, Failure> {
        let status = self
            .buffer
            .get(9..12)
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| Failure::new("an answer has no status"))?;
        let body = match body {
            Body::Here(range) => &self.buffer[range],
            Body::Unchunked => &self.unchunked,
        };
        Ok(Answer { status, head: &self.buffer[..head], body })
    }
}

enum Body {
    Here(Range<usize>),
    Unchunked,
}

/// The header lines of an answer's head as name and value.
pub(crate) fn headers(head: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    let head = std::str::from_utf8(head).unwrap_or_default();
    head.split("\r\n")
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name, value.trim()))
}

fn framing(head: &[u8]) -> Result<Framing, Failure> {
    for (name, value) in headers(head) {
        if name.eq_ignore_ascii_case("content-length") {
            let length =
                decimal(value.as_bytes()).ok_or_else(|| Failure::new("an answer's length is no number"))?;
            let start = value.as_ptr() as usize - head.as_ptr() as usize;
            return Ok(Framing::Length { length, at: start..start + value.len() });
        }
        if name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked") {
            return Ok(Framing::Chunked);
        }
    }
    Err(Failure::new("an answer tells neither its length nor chunks"))
}

fn decimal(digits: &[u8]) -> Option<usize> {
    let digit =
        |value: usize, digit: &u8| digit.is_ascii_digit().then(|| value * 10 + usize::from(digit - b'0'));
    digits.iter().take(12).try_fold(0, digit)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// Answers each piece of `script` as one write and returns what the client made of it.
    fn bodies(script: &'static [&'static [u8]], answers: usize) -> Vec<Vec<u8>> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("the listener is bound");
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("the client connects");
            for piece in script {
                stream.write_all(piece).expect("the client reads");
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let mut connection = Connection::open(address).expect("the listener accepts");
        let bodies = (0..answers)
            .map(|_| connection.receive().expect("the script is complete").body.to_vec())
            .collect();
        server.join().expect("the script ran");
        bodies
    }

    #[test]
    fn an_answer_with_a_length_is_read_whole_however_it_is_cut() {
        let script: &[&[u8]] = &[
            b"HTTP/1.1 200 OK\r\ncontent-len",
            b"gth: 5\r\n\r\nab",
            b"cde",
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfghij",
            b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n",
        ];
        assert_eq!(bodies(script, 3), [b"abcde".to_vec(), b"fghij".to_vec(), Vec::new()]);
    }

    #[test]
    fn chunks_are_joined_however_they_are_cut() {
        let script: &[&[u8]] = &[
            b"HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n3\r\nab",
            b"c\r\n2",
            b"\r\nde\r\n0\r\n\r",
            b"\n",
        ];
        assert_eq!(bodies(script, 1), [b"abcde".to_vec()]);
    }
}
