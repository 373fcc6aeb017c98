//! A request's head, as far as signatures are concerned.

use crate::canonical::SignedPath;
use crate::error::SigV4Error;
use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue};

/// What of a head is signed or signs. It has no `Debug`: headers carry tokens.
#[derive(Clone)]
pub struct Head<'a> {
    /// The method, as sent.
    pub method: &'a str,
    /// The path to act on.
    pub path: SignedPath<'a>,
    /// The query as sent, without its `?`; `""` where there is none.
    pub query: &'a str,
    /// HTTP/2's `:authority`, or that of an absolute request target.
    pub authority: Option<&'a str>,
    /// All headers.
    pub headers: &'a HeaderMap,
}

impl<'a> Head<'a> {
    /// All values of a header, in the order in which they were sent. `:authority` stands for a `Host` that was not.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let sent = self.headers.get_all(name).into_iter().map(HeaderValue::as_bytes);
        let stand_in = self.authority.filter(|_| name == "host" && !self.headers.contains_key(HOST));
        sent.chain(stand_in.map(str::as_bytes))
    }

    /// The value of a header that must be alone, if it was sent; trimmed, as it is signed.
    pub(crate) fn only(&self, name: &HeaderName) -> Result<Option<&'a [u8]>, SigV4Error> {
        let mut values = self.headers.get_all(name).into_iter();
        let first = values.next().map(|value| value.as_bytes().trim_ascii());
        match values.next() {
            Some(_) => Err(SigV4Error::RepeatedHeader(name.as_str().into())),
            None => Ok(first),
        }
    }

    /// Whether `Host` and `:authority`, where both are sent, are one host (RFC 9113, section 8.3.1).
    pub(crate) fn check_host(&self) -> Result<(), SigV4Error> {
        let (Some(host), Some(authority)) = (self.only(&HOST)?, self.authority) else { return Ok(()) };
        if host.eq_ignore_ascii_case(authority.as_bytes()) { Ok(()) } else { Err(SigV4Error::TwoHosts) }
    }
}
