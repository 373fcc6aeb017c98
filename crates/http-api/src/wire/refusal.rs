//! A body for what hyper refuses by itself.
//!
//! hyper 1 answers a head that it cannot parse, or that is too large, before any service of ours is asked: with
//! a head of its own (`400`, `414` or `431`, `connection: close`, `content-length: 0`) and no way to add to it.
//! A client would see a bare status and an operator nothing at all. [`RefusalIo`] lies between hyper and the
//! socket, knows that head when it is written, and sends what [`Refuse`] makes in its place.
//!
//! Only a write that is such a head and nothing more is replaced: it must hold no header but hyper's three, and
//! ours always hold others. An ordinary answer costs one comparison of its first bytes; HTTP/2 frames never
//! begin like an HTTP/1 head. hyper writes each head to its own write, since it reads no further request
//! before the last answer is flushed.
//!
//! On its way in it refuses, in hyper's name, what hyper takes and should not ([`Framing`]): hyper is handed a head that
//! it cannot parse in place of one that may be read in two ways, and a failed read in place of such a body.

use std::io::{self, IoSlice, Write as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::{Response, StatusCode, header};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::framing::{Ambiguous, Framing, Within};
use super::peer::Peer;

/// Makes the answer to something of this peer's that never became a request, and logs it.
///
/// The status is hyper's choice (400, 414, 431) or ours (408). `content-length`, `connection` and `date` are
/// added here.
pub type Refuse = Arc<dyn Fn(StatusCode, Peer) -> Response<Bytes> + Send + Sync>;

/// No head, wherever within one it stands, and an end that makes hyper look at it.
const NO_HEAD: &[u8] = b"\0\r\n\r\n";

/// A stream whose canned refusals are replaced on their way out.
pub struct RefusalIo<T> {
    io: T,
    /// What was read from the stream to tell its protocol; it is read again first.
    prefix: Bytes,
    peer: Peer,
    refuse: Refuse,
    /// None where it is not HTTP/1 that is spoken, and once something was refused.
    framing: Option<Framing>,
    /// The next read fails: the body is malformed.
    is_broken: bool,
    /// What is still to be written of the answer that stands for hyper's.
    pending: Bytes,
    refused: bool,
}

impl<T: AsyncRead + AsyncWrite + Unpin> RefusalIo<T> {
    /// Wraps a stream from which `prefix` has been read already.
    pub fn new(io: T, prefix: Bytes, peer: Peer, refuse: Refuse, framing: Option<Framing>) -> Self {
        let (is_broken, refused) = (false, false);
        Self { io, prefix, peer, refuse, framing, is_broken, pending: Bytes::new(), refused }
    }

    /// Whether a refusal went out: then no more is written, and what the client still sends is of no use.
    pub fn is_refused(&self) -> bool {
        self.refused
    }

    /// Refuses what hyper has given up on without a word.
    pub async fn refuse(&mut self, status: StatusCode) -> io::Result<()> {
        self.replace(status, None);
        self.flush().await
    }

    fn replace(&mut self, status: StatusCode, date: Option<&str>) {
        self.pending = encode(&(self.refuse)(status, self.peer), date);
        self.refused = true;
    }

    fn poll_pending(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.pending.is_empty() {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, &self.pending))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.pending.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    /// Takes the write over if it is a canned head: then all of it counts as written, and the replacement
    /// leaves with this and the next calls.
    fn poll_replaced(&mut self, cx: &mut Context<'_>, head: &[u8]) -> Poll<io::Result<bool>> {
        ready!(self.poll_pending(cx))?;
        let Some((status, date)) = canned(head) else { return Poll::Ready(Ok(false)) };
        self.replace(status, date);
        match self.poll_pending(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(true)),
        }
    }
}

impl<T: AsyncRead + Unpin> RefusalIo<T> {
    fn poll_read_any(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.prefix.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buf);
        }
        let take = self.prefix.len().min(buf.remaining());
        buf.put_slice(&self.prefix.split_to(take));
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for RefusalIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        loop {
            if std::mem::take(&mut self.is_broken) {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "ambiguous chunks")));
            }
            ready!(self.poll_read_any(cx, buf))?;
            let Some(framing) = &mut self.framing else { return Poll::Ready(Ok(())) };
            let Err(Ambiguous { sound, within }) = framing.follow(&buf.filled()[before..]) else {
                return Poll::Ready(Ok(()));
            };
            self.framing = None;
            match within {
                Within::Head => self.prefix = Bytes::from_static(NO_HEAD),
                Within::Body => self.is_broken = true,
            }
            buf.set_filled(before + sound);
            // Nothing at all would be the end of the connection.
            if sound > 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for RefusalIo<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if ready!(self.poll_replaced(cx, buf))? {
            return Poll::Ready(Ok(buf.len()));
        }
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // A canned head comes alone; what has a second slice is an answer with a body.
        let head = if let [head] = bufs { head } else { &[][..] };
        if ready!(self.poll_replaced(cx, head))? {
            return Poll::Ready(Ok(head.len()));
        }
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(cx))?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(cx))?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// Status and date of a head that hyper made by itself.
fn canned(head: &[u8]) -> Option<(StatusCode, Option<&str>)> {
    if !(head.starts_with(b"HTTP/1.") && matches!(head.get(9), Some(b'4' | b'5'))) {
        return None;
    }
    let mut lines = str::from_utf8(head).ok()?.strip_suffix("\r\n\r\n")?.split("\r\n");
    let first = lines.next()?;
    let status = StatusCode::from_bytes(first.as_bytes().get(9..12)?).ok()?;
    // To an HTTP/1.0 client hyper does not say that it closes.
    let (mut closes, mut is_empty, mut date) = (first.starts_with("HTTP/1.0"), false, None);
    for line in lines {
        match line.split_once(": ")? {
            ("connection", "close") => closes = true,
            ("content-length", "0") => is_empty = true,
            ("date", when) => date = Some(when),
            _ => return None,
        }
    }
    (closes && is_empty).then_some((status, date))
}

fn encode(answer: &Response<Bytes>, date: Option<&str>) -> Bytes {
    let status = answer.status();
    let mut bytes = Vec::with_capacity(512 + answer.body().len());
    bytes.extend_from_slice(b"HTTP/1.1 ");
    bytes.extend_from_slice(status.as_str().as_bytes());
    bytes.push(b' ');
    bytes.extend_from_slice(status.canonical_reason().unwrap_or("Refused").as_bytes());
    for (name, value) in answer.headers() {
        if ![header::CONNECTION, header::CONTENT_LENGTH, header::DATE].contains(name) {
            bytes.extend_from_slice(b"\r\n");
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
        }
    }
    write!(bytes, "\r\nconnection: close\r\ncontent-length: {}", answer.body().len())
        .expect("writing to memory does not fail");
    if let Some(date) = date {
        write!(bytes, "\r\ndate: {date}").expect("writing to memory does not fail");
    }
    bytes.extend_from_slice(b"\r\n\r\n");
    bytes.extend_from_slice(answer.body());
    bytes.into()
}

#[cfg(test)]
mod tests;
