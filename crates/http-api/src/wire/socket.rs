//! A socket whose first bytes can be looked at, and whose client may not let it wait for ever.
//!
//! It lies at the very bottom, under TLS where there is TLS: only here it shows whether a client takes anything.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How much is read to see whether anything comes: a client's first flight is rarely longer.
const FIRST_READ: usize = 512;

/// A socket.
pub struct Socket<T> {
    io: T,
    /// What was read and given back.
    unread: Bytes,
    /// How long the client may take none of what is written.
    patience: Duration,
    /// Runs while it takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<T> Socket<T> {
    /// A write fails when the client has taken nothing for as long as `patience`.
    pub fn new(io: T, patience: Duration) -> Self {
        Self { io, unread: Bytes::new(), patience, stalled: None }
    }

    /// Gives back all that was read so far and is not wanted; it is read again.
    pub fn give_back(&mut self, unread: Bytes) {
        debug_assert!(self.unread.is_empty(), "it would come out of order");
        self.unread = unread;
    }

    fn in_time<R>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: AsyncRead + Unpin> Socket<T> {
    /// Waits until the client has sent something. False: it has ended without.
    pub async fn has_begun(&mut self) -> io::Result<bool> {
        if self.unread.is_empty() {
            let mut first = BytesMut::with_capacity(FIRST_READ);
            self.io.read_buf(&mut first).await?;
            self.unread = first.freeze();
        }
        Ok(!self.unread.is_empty())
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Socket<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.unread.is_empty() {
            let take = self.unread.len().min(buf.remaining());
            buf.put_slice(&self.unread.split_to(take));
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Socket<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.in_time(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.in_time(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, duplex};
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn what_is_given_back_is_read_again_first() {
        let (mut client, server) = duplex(64);
        client.write_all(b"abcdef").await.unwrap();
        drop(client);
        let mut socket = Socket::new(server, Duration::from_secs(1));
        assert!(socket.has_begun().await.unwrap());
        let mut start = [0; 6];
        socket.read_exact(&mut start).await.unwrap();
        assert!(!socket.has_begun().await.unwrap());
        socket.give_back(Bytes::copy_from_slice(&start[1..]));
        assert!(socket.has_begun().await.unwrap());
        let mut rest = String::new();
        socket.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "bcdef");
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_waits_while_the_client_takes_something_now_and_then() {
        let (mut client, server) = duplex(8);
        let mut socket = Socket::new(server, Duration::from_secs(10));
        let writing = tokio::spawn(async move { socket.write_all(&[7; 40]).await });
        for _ in 0..5 {
            sleep(Duration::from_secs(9)).await;
            client.read_exact(&mut [0; 8]).await.unwrap();
        }
        writing.await.unwrap().unwrap();

        let (_client, server) = duplex(8);
        let mut socket = Socket::new(server, Duration::from_secs(10));
        let written = timeout(Duration::from_secs(11), socket.write_all(&[7; 40])).await;
        assert_eq!(
            written.expect("it is not waited for longer").unwrap_err().kind(),
            io::ErrorKind::TimedOut
        );
    }
}
