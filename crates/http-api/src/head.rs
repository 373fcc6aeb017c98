//! Heads that hyper accepts and RFC 9112 (section 3.2) does not: every HTTP/1.1 request has exactly one `Host`, so that
//! nobody on the way can take another one for the truth.

use crate::error::{ApiError, ErrorCode};
use http::Version;
use http::header::HOST;
use http::request::Parts;

pub(crate) fn check(request: &Parts) -> Result<(), ApiError> {
    let hosts = request.headers.get_all(HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version == Version::HTTP_11) {
        let message = "An HTTP/1.1 request must have exactly one Host header.";
        return Err(ApiError::new(ErrorCode::BadRequestException, message));
    }
    Ok(())
}
