//! Failures, each in two wordings.

use gatepost_domain::InvalidTag;
use gatepost_domain::api_keys::{InvalidApiKey, InvalidPatch};
use gatepost_storage::{Entity, Source, StorageError};
use std::borrow::Cow;

/// What kind of failure it is; http-api has one code and status for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request breaks a rule.
    BadRequest,
    /// A parameter is not one of the allowed texts.
    Validation,
    /// What it is about is not there.
    NotFound,
    /// It contradicts what is there, or another request came between.
    Conflict,
    /// A bound of the account is reached.
    LimitExceeded,
    /// It cannot be done now, but probably soon.
    Unavailable,
    /// It is our fault.
    Internal,
}

/// A failed operation: a message for the caller, and where there is more to know, a cause for our logs only. It has
/// no `Display`, so that neither can be shown in the other's place.
#[derive(Debug)]
pub struct AppError {
    kind: ErrorKind,
    message: Cow<'static, str>,
    cause: Option<Source>,
}

impl AppError {
    /// A failure that the message explains fully.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), cause: None }
    }

    /// A failure that is not the caller's, with what we know of it.
    pub fn internal(cause: impl Into<Source>) -> Self {
        let message = "The request could not be completed because of an internal failure.";
        Self { cause: Some(cause.into()), ..Self::new(ErrorKind::Internal, message) }
    }

    /// A failure that will pass.
    pub fn unavailable(cause: impl Into<Source>) -> Self {
        let message = "The service is temporarily unavailable. Please try again later.";
        Self { cause: Some(cause.into()), ..Self::new(ErrorKind::Unavailable, message) }
    }

    pub(crate) fn no_such_key() -> Self {
        Self::new(ErrorKind::NotFound, "Invalid API Key identifier specified")
    }

    pub(crate) fn concurrent_modification() -> Self {
        Self::new(
            ErrorKind::Conflict,
            "Unable to complete operation due to concurrent modification. Please try again later.",
        )
    }

    pub(crate) fn too_many_keys() -> Self {
        Self::new(
            ErrorKind::LimitExceeded,
            "Maximum number of API Keys has been reached. Please contact your administrator if you need additional API Keys.",
        )
    }

    /// The kind of failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What the caller is told.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What only we are told.
    #[must_use]
    pub fn cause(&self) -> Option<&Source> {
        self.cause.as_ref()
    }
}

impl From<StorageError> for AppError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::AlreadyExists(Entity::ApiKey | Entity::ApiKeyValue) => {
                Self::new(ErrorKind::Conflict, "API Key already exists")
            }
            StorageError::AlreadyExists(Entity::Credential) => {
                Self::new(ErrorKind::Conflict, "Credential already exists")
            }
            // Whoever offers a token asks for the first answer; here its key is gone, or it was just forgotten.
            StorageError::AlreadyExists(Entity::Retry) => Self::concurrent_modification(),
            StorageError::Stale(_) => Self::concurrent_modification(),
            StorageError::LimitReached(_) => Self::too_many_keys(),
            StorageError::Unavailable(_) => Self::unavailable(error),
            StorageError::Corrupt(_) | StorageError::Backend(_) => Self::internal(error),
        }
    }
}

impl From<InvalidApiKey> for AppError {
    fn from(error: InvalidApiKey) -> Self {
        Self::new(ErrorKind::BadRequest, error.to_string())
    }
}

impl From<InvalidPatch> for AppError {
    fn from(error: InvalidPatch) -> Self {
        Self::new(ErrorKind::BadRequest, error.to_string())
    }
}

impl From<InvalidTag> for AppError {
    fn from(error: InvalidTag) -> Self {
        Self::new(ErrorKind::BadRequest, error.to_string())
    }
}
