//! Failures on the wire: `x-amzn-ErrorType` carries the code, the body `{"message":…}`.
//!
//! Every kind of failure has one code here and every code one status, each by an exhaustive match.
//! docs/http-errors.md is the same table for readers.

use crate::control_plane::NoRoom;
use crate::input::InputError;
use crate::position::InvalidPosition;
use crate::representation::{Form, ObjectWriter};
use crate::wire::answer_body::AnswerBody;
use crate::wire::body::BodyError;
use gatepost_application::{AppError, ErrorKind, SpoolError};
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use std::borrow::Cow;
use std::convert::Infallible;

/// The header that carries an error's code.
pub(crate) const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// What went wrong, as programs tell it. All but the last five are AWS's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// The request breaks a rule.
    BadRequestException,
    /// A parameter is not one of the allowed texts.
    ValidationException,
    /// What it is about is not there.
    NotFoundException,
    /// It contradicts what is there.
    ConflictException,
    /// A bound of the account is reached.
    LimitExceededException,
    /// Too many requests a second.
    TooManyRequestsException,
    /// No such route, as AWS says it.
    MissingAuthenticationTokenException,
    /// Not for anybody, as things are set.
    AccessDeniedException,
    /// What should say who asks is malformed.
    IncompleteSignatureException,
    /// There is no such credential, or it is disabled.
    UnrecognizedClientException,
    /// The signature is not that of this request, or not of this time.
    InvalidSignatureException,
    /// Not for this caller.
    UnauthorizedException,
    /// The body is too long.
    RequestEntityTooLargeException,
    /// The body or head does not arrive.
    RequestTimeoutException,
    /// The head is too long.
    RequestHeaderFieldsTooLargeException,
    /// Our fault.
    InternalFailure,
    /// It will pass.
    ServiceUnavailableException,
}

impl ErrorCode {
    /// All of them.
    pub const ALL: [ErrorCode; 17] = [
        Self::BadRequestException,
        Self::ValidationException,
        Self::NotFoundException,
        Self::ConflictException,
        Self::LimitExceededException,
        Self::TooManyRequestsException,
        Self::MissingAuthenticationTokenException,
        Self::AccessDeniedException,
        Self::IncompleteSignatureException,
        Self::UnrecognizedClientException,
        Self::InvalidSignatureException,
        Self::UnauthorizedException,
        Self::RequestEntityTooLargeException,
        Self::RequestTimeoutException,
        Self::RequestHeaderFieldsTooLargeException,
        Self::InternalFailure,
        Self::ServiceUnavailableException,
    ];

    /// The code's text.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BadRequestException => "BadRequestException",
            Self::ValidationException => "ValidationException",
            Self::NotFoundException => "NotFoundException",
            Self::ConflictException => "ConflictException",
            Self::LimitExceededException => "LimitExceededException",
            Self::TooManyRequestsException => "TooManyRequestsException",
            Self::MissingAuthenticationTokenException => "MissingAuthenticationTokenException",
            Self::AccessDeniedException => "AccessDeniedException",
            Self::IncompleteSignatureException => "IncompleteSignatureException",
            Self::UnrecognizedClientException => "UnrecognizedClientException",
            Self::InvalidSignatureException => "InvalidSignatureException",
            Self::UnauthorizedException => "UnauthorizedException",
            Self::RequestEntityTooLargeException => "RequestEntityTooLargeException",
            Self::RequestTimeoutException => "RequestTimeoutException",
            Self::RequestHeaderFieldsTooLargeException => "RequestHeaderFieldsTooLargeException",
            Self::InternalFailure => "InternalFailure",
            Self::ServiceUnavailableException => "ServiceUnavailableException",
        }
    }

    /// The status it is answered with.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::BadRequestException | Self::ValidationException => StatusCode::BAD_REQUEST,
            Self::MissingAuthenticationTokenException
            | Self::AccessDeniedException
            | Self::IncompleteSignatureException
            | Self::UnrecognizedClientException
            | Self::InvalidSignatureException => StatusCode::FORBIDDEN,
            Self::UnauthorizedException => StatusCode::UNAUTHORIZED,
            Self::NotFoundException => StatusCode::NOT_FOUND,
            Self::RequestTimeoutException => StatusCode::REQUEST_TIMEOUT,
            Self::ConflictException => StatusCode::CONFLICT,
            Self::RequestEntityTooLargeException => StatusCode::PAYLOAD_TOO_LARGE,
            Self::LimitExceededException | Self::TooManyRequestsException => StatusCode::TOO_MANY_REQUESTS,
            Self::RequestHeaderFieldsTooLargeException => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::InternalFailure => StatusCode::INTERNAL_SERVER_ERROR,
            Self::ServiceUnavailableException => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl From<ErrorKind> for ErrorCode {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::BadRequest => Self::BadRequestException,
            ErrorKind::Validation => Self::ValidationException,
            ErrorKind::NotFound => Self::NotFoundException,
            ErrorKind::Conflict => Self::ConflictException,
            ErrorKind::LimitExceeded => Self::LimitExceededException,
            ErrorKind::Unavailable => Self::ServiceUnavailableException,
            ErrorKind::Internal => Self::InternalFailure,
        }
    }
}

/// A refusal: what the caller is told, and what only our log is.
#[derive(Debug)]
pub struct ApiError {
    /// The code.
    pub code: ErrorCode,
    message: Cow<'static, str>,
    retry_after: Option<u64>,
    cause: Option<String>,
    /// What it would be if the peer had not failed too often before.
    instead_of: Option<ErrorCode>,
}

impl ApiError {
    /// A refusal that the message explains fully.
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        let retry_after = matches!(code, ErrorCode::ServiceUnavailableException).then_some(1);
        Self { code, message: message.into(), retry_after, cause: None, instead_of: None }
    }

    /// No operation has this route, as AWS says it.
    #[must_use]
    pub fn unknown_route() -> Self {
        Self::new(ErrorCode::MissingAuthenticationTokenException, "Missing Authentication Token")
    }

    /// Nobody claims to have made the request, as AWS says it.
    #[must_use]
    pub fn unsigned() -> Self {
        Self::unknown_route()
    }

    /// The account asks more often than it may; in so many seconds it may again.
    #[must_use]
    pub fn too_many_requests(retry_after: u64) -> Self {
        let error = Self::new(ErrorCode::TooManyRequestsException, "Too Many Requests");
        Self { retry_after: Some(retry_after), ..error }
    }

    /// The same in place of a failure that its peer is not told of.
    #[must_use]
    pub fn too_many_failures(retry_after: u64, failure: &Self) -> Self {
        Self { instead_of: Some(failure.code), ..Self::too_many_requests(retry_after) }
    }

    /// The client went away before it was answered. Nobody is told so but the logs.
    #[must_use]
    pub fn abandoned() -> Self {
        Self::new(ErrorCode::RequestTimeoutException, "The client went away.").because("the client went away")
    }

    /// What the caller did wrong, whatever it is told.
    #[must_use]
    pub fn judged(&self) -> ErrorCode {
        self.instead_of.unwrap_or(self.code)
    }

    /// What the handler did not survive.
    #[must_use]
    pub fn panicked() -> Self {
        AppError::internal("the handler panicked").into()
    }

    /// What never became a request: hyper's or our own status for its head.
    #[must_use]
    pub fn refused_head(status: StatusCode) -> Self {
        match status {
            StatusCode::REQUEST_TIMEOUT => {
                Self::new(ErrorCode::RequestTimeoutException, "The request did not arrive in time.")
            }
            StatusCode::URI_TOO_LONG | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Self::new(
                ErrorCode::RequestHeaderFieldsTooLargeException,
                "The request line and headers are too large: at most 64 KiB and 100 headers are accepted.",
            ),
            _ => Self::new(ErrorCode::BadRequestException, "The request is not valid HTTP."),
        }
    }

    /// Our own words on what happened, if the message does not say it all.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The answer, without the headers that every answer has.
    #[must_use]
    pub fn into_answer(self) -> Response<AnswerBody> {
        let mut body = Vec::with_capacity(32 + self.message.len());
        ObjectWriter::write(&mut body, Form::Plain, |object| {
            object.text("message", &self.message);
            if self.code.status() == StatusCode::TOO_MANY_REQUESTS {
                object.null("retryAfterSeconds");
            }
        });
        let mut answer = Response::new(AnswerBody::from(body));
        *answer.status_mut() = self.code.status();
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ERROR_TYPE, HeaderValue::from_static(self.code.name()));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        answer
    }

    fn because(mut self, cause: impl std::fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }
}

impl From<AppError> for ApiError {
    fn from(error: AppError) -> Self {
        let answer = Self::new(error.kind().into(), error.message().to_owned());
        match error.cause() {
            Some(cause) => {
                let mut told = cause.to_string();
                let mut source = cause.source();
                while let Some(cause) = source {
                    told.push_str(": ");
                    told.push_str(&cause.to_string());
                    source = cause.source();
                }
                answer.because(told)
            }
            None => answer,
        }
    }
}

impl From<InputError> for ApiError {
    fn from(error: InputError) -> Self {
        Self::new(ErrorCode::BadRequestException, error.to_string())
    }
}

impl From<InvalidPosition> for ApiError {
    fn from(error: InvalidPosition) -> Self {
        Self::new(ErrorCode::BadRequestException, error.to_string())
    }
}

impl From<BodyError<Infallible>> for ApiError {
    fn from(error: BodyError<Infallible>) -> Self {
        Self::unread_body(error, |never| match never {})
    }
}

impl From<BodyError<NoRoom>> for ApiError {
    fn from(error: BodyError<NoRoom>) -> Self {
        Self::unread_body(error, AppError::unavailable)
    }
}

impl From<BodyError<SpoolError>> for ApiError {
    fn from(error: BodyError<SpoolError>) -> Self {
        Self::unread_body(error, AppError::from)
    }
}

impl ApiError {
    fn unread_body<E>(error: BodyError<E>, untaken: impl FnOnce(E) -> AppError) -> Self {
        match error {
            BodyError::TooLarge { limit } => Self::body_too_large(limit),
            BodyError::TooSlow => Self::body_too_slow(),
            BodyError::Broken(cause) => Self::body_broken(&*cause),
            BodyError::Sink(error) => untaken(error).into(),
        }
    }

    fn body_too_large(limit: u64) -> Self {
        let message = format!("The request body is larger than {limit} bytes.");
        Self::new(ErrorCode::RequestEntityTooLargeException, message)
    }

    fn body_too_slow() -> Self {
        Self::new(ErrorCode::RequestTimeoutException, "The request body did not arrive in time.")
    }

    fn body_broken(cause: &(dyn std::error::Error + Send + Sync)) -> Self {
        Self::new(ErrorCode::BadRequestException, "The request body is incomplete or malformed.")
            .because(cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_listed_once_at_its_own_place_and_is_an_error() {
        for (place, code) in ErrorCode::ALL.into_iter().enumerate() {
            assert_eq!(code as usize, place);
            assert!(code.status().is_client_error() || code.status().is_server_error());
        }
    }
}
