//! Without authentication, a web page must not be able to use a visitor's Gatepost.
//!
//! A page can send requests to an address of the visitor's own machine, directly or by a name that resolves to it.
//! Requests of scripts carry `Origin`; requests by such a name carry the name in `Host`.

use crate::error::{ApiError, ErrorCode};
use http::header::{HOST, ORIGIN};
use http::request::Parts;
use std::net::IpAddr;

/// What is refused while authentication is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrowserGuard {
    /// Requests with an `Origin`, and those to a host that is not this machine's loopback.
    LoopbackHosts,
    /// Requests with an `Origin`: the operator has opened the listener to other hosts.
    AnyHost,
}

impl BrowserGuard {
    pub(crate) fn check(self, request: &Parts) -> Result<(), ApiError> {
        if request.headers.contains_key(ORIGIN) {
            return Err(refused("requests with an Origin header are refused while authentication is off"));
        }
        let host = request.uri.authority().map(|authority| authority.as_str().as_bytes());
        let host = host.or_else(|| request.headers.get(HOST).map(|host| host.as_bytes()));
        if self == Self::LoopbackHosts && host.is_some_and(|host| !is_loopback(host)) {
            return Err(refused(
                "while authentication is off the Host must be a loopback address; --auth-off-anywhere lifts this",
            ));
        }
        Ok(())
    }
}

fn refused(why: &'static str) -> ApiError {
    ApiError::new(ErrorCode::AccessDeniedException, why)
}

/// Whether a host, with or without port, is `localhost`, a name below it, or a loopback address.
fn is_loopback(host: &[u8]) -> bool {
    // What nearly everybody says.
    if host.starts_with(b"127.0.0.1:") || host.starts_with(b"localhost:") {
        return true;
    }
    let Ok(host) = std::str::from_utf8(host) else {
        return false;
    };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    match name.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => {
            let name = name.to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machines_own_names_are_loopback() {
        for host in
            ["localhost", "LOCALHOST:8080", "api.localhost", "127.0.0.1:80", "127.9.9.9", "[::1]:8080"]
        {
            assert!(is_loopback(host.as_bytes()), "{host}");
        }
        for host in
            ["", "example.com", "localhost.example.com", "10.0.0.1", "[2001:db8::1]", "127.0.0.1.nip.io"]
        {
            assert!(!is_loopback(host.as_bytes()), "{host}");
        }
    }
}
