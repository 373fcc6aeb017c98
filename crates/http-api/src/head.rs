//! Heads that hyper accepts and RFC 9112 (section 3.2) and RFC 9113 (section 8.3.1) do not: every request names exactly
//! one host, so that nobody on the way can take another one for the truth.
//!
//! HTTP/1.1 names it in `Host`, HTTP/2 in `:authority` or, from a client that was converted, in `Host`; a target in absolute
//! form names it too. Where two of them do, they must say the same.

use crate::error::{ApiError, ErrorCode};
use http::header::HOST;
use http::{Request, Version};

pub(crate) fn check<B>(request: &Request<B>) -> Result<(), ApiError> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    let authority = request.uri().authority();
    let is_named = match request.version() {
        Version::HTTP_11 => host.is_some(),
        Version::HTTP_2 | Version::HTTP_3 => host.is_some() || authority.is_some(),
        _ => true,
    };
    if second.is_some() || !is_named {
        return Err(refused("The request must have exactly one Host header."));
    }
    let Some(authority) = authority else { return Ok(()) };
    let is_same = host.is_none_or(|host| host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()));
    // `user@host` says to some that the host is `user`.
    if !is_same || authority.as_str().contains('@') {
        return Err(refused("The request target and the Host header must name the same host."));
    }
    Ok(())
}

fn refused(message: &'static str) -> ApiError {
    ApiError::new(ErrorCode::BadRequestException, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_accepted(version: Version, target: &str, hosts: &[&str]) -> bool {
        let request = Request::builder().version(version).uri(target);
        let request = hosts.iter().fold(request, |request, host| request.header(HOST, *host));
        check(&request.body(()).unwrap()).is_ok()
    }

    #[test]
    fn exactly_one_host_is_named() {
        for (version, target, hosts) in [
            (Version::HTTP_11, "/", &["a"][..]),
            (Version::HTTP_11, "/", &[""]),
            (Version::HTTP_11, "http://a:8080/", &["A:8080"]),
            (Version::HTTP_10, "/", &[]),
            (Version::HTTP_10, "/", &["a"]),
            (Version::HTTP_2, "http://a/", &[]),
            (Version::HTTP_2, "https://a:1/", &["a:1"]),
            (Version::HTTP_2, "/", &["a"]),
        ] {
            assert!(is_accepted(version, target, hosts), "{version:?} {target} {hosts:?}");
        }
        for (version, target, hosts) in [
            (Version::HTTP_11, "/", &[][..]),
            (Version::HTTP_11, "/", &["a", "a"]),
            (Version::HTTP_11, "http://a/", &[]),
            (Version::HTTP_11, "http://a/", &["b"]),
            (Version::HTTP_11, "http://a/", &["a:80"]),
            (Version::HTTP_11, "http://b@a/", &["b@a"]),
            (Version::HTTP_10, "/", &["a", "b"]),
            (Version::HTTP_10, "http://a/", &["b"]),
            (Version::HTTP_2, "/", &[]),
            (Version::HTTP_2, "http://a/", &["b"]),
            (Version::HTTP_2, "http://a/", &["a", "a"]),
            (Version::HTTP_2, "http://b@a/", &[]),
        ] {
            assert!(!is_accepted(version, target, hosts), "{version:?} {target} {hosts:?}");
        }
    }
}
