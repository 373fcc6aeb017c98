//! What comes before HTTP on a TCP connection: the word of a proxy about it, then TLS.
//!
//! Both are read in the connection's own task and share one time limit, so a client that is slow, silent or hostile here
//! holds up nobody else. A connection that fails is closed; there is no request yet that could be answered.
//! [`Tls`] is looked at once for each connection: a new certificate is for those that come after it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

use super::connection::linger;
use super::peer::{Peer, TrustedProxies};
use super::proxy::{self, ProxyHeader, Source};
use super::socket::Socket;

/// What TLS is spoken with, at any moment.
pub type Tls = watch::Receiver<Arc<ServerConfig>>;

/// What a listener's connections begin with.
#[derive(Clone, Default)]
pub struct Opening {
    /// The peers whose PROXY header is believed. A connection of theirs may begin with one; one of others may not.
    pub trusted: Arc<TrustedProxies>,
    /// TLS, where the listener speaks it.
    pub tls: Option<Tls>,
}

/// A connection on which HTTP is next, and the client whose it is.
pub enum Opened<T> {
    /// Without TLS.
    Plain(Socket<T>, Peer),
    /// Within TLS.
    Tls(Box<TlsStream<Socket<T>>>, Peer),
}

/// Why a connection never came to HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// It began with a PROXY header that is malformed, or never became whole.
    Proxy,
    /// The handshake.
    Tls,
}

impl Opening {
    /// Opens a connection of this peer within `limit`. No [`Failure`] is told where the client went away, or stayed
    /// silent, without having sent anything: so do the probes of balancers.
    pub async fn open<T>(
        &self,
        io: Socket<T>,
        peer: Peer,
        limit: Duration,
    ) -> Result<Opened<T>, Option<Failure>>
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let mut begun = None;
        match timeout(limit, self.steps(io, peer, &mut begun)).await {
            Ok(Ok(opened)) => return Ok(opened),
            Ok(Err(error)) => tracing::debug!(%peer, %error, "a connection does not come to HTTP"),
            Err(late) => tracing::debug!(%peer, error = %late, "a connection does not come to HTTP"),
        }
        Err(begun)
    }

    /// `begun` is what the client has begun and not ended.
    async fn steps<T>(
        &self,
        mut io: Socket<T>,
        peer: Peer,
        begun: &mut Option<Failure>,
    ) -> io::Result<Opened<T>>
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let mut client = peer;
        if self.trusted.trusts(peer) {
            client = match proxied(&mut io, begun).await? {
                None | Some(Source::Proxy) => peer,
                Some(Source::Client(address)) => address.into(),
                Some(Source::Unknown) => peer.on_behalf(),
            };
            *begun = None;
        }
        let Some(tls) = &self.tls else { return Ok(Opened::Plain(io, client)) };
        if !io.has_begun().await? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        *begun = Some(Failure::Tls);
        let acceptor = TlsAcceptor::from(Arc::clone(&tls.borrow()));
        match acceptor.accept(io).into_fallible().await {
            Ok(stream) => Ok(Opened::Tls(Box::new(stream), client)),
            Err((error, mut io)) => {
                // The client has been told by an alert; a reset would take that back.
                linger(&mut io).await;
                Err(error)
            }
        }
    }
}

/// What a PROXY header says, if the connection begins with one.
async fn proxied<T>(io: &mut Socket<T>, begun: &mut Option<Failure>) -> io::Result<Option<Source>>
where
    T: AsyncRead + Unpin,
{
    let mut bytes = BytesMut::new();
    loop {
        let ended = io.read_buf(&mut bytes).await? == 0;
        if !ended {
            *begun = Some(Failure::Proxy);
        }
        let source = match proxy::parse(&bytes).map_err(io::Error::other)? {
            ProxyHeader::Partial if !ended => continue,
            ProxyHeader::Partial | ProxyHeader::Absent => None,
            ProxyHeader::Whole { length, source } => {
                bytes.advance(length);
                Some(source)
            }
        };
        io.give_back(bytes.freeze());
        return Ok(source);
    }
}

#[cfg(test)]
mod tests;
