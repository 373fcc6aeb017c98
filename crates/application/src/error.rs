//! Failures, each in two wordings.

use gatepost_domain::api_keys::{ApiKeyId, InvalidApiKey, InvalidPatch};
use gatepost_domain::usage::{InvalidUsageDays, InvalidUsagePatch};
use gatepost_domain::usage_plans::{InvalidUsagePlan, InvalidUsagePlanPatch, StageId, UsagePlanId};
use gatepost_domain::{InvalidArn, InvalidTag};
use gatepost_storage::{Entity, Source, StorageError, UsagePlanKey};
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

    pub(crate) fn no_such_plan() -> Self {
        Self::new(ErrorKind::NotFound, "Invalid Usage Plan ID specified")
    }

    pub(crate) fn plan_has_stages(plan: &UsagePlanId, stage: &StageId) -> Self {
        let message = format!(
            "Cannot delete Usage Plan {plan} because there are API Stages associated with it, including {stage}"
        );
        Self::new(ErrorKind::BadRequest, message)
    }

    /// The key would be in two plans that share a stage, or is.
    pub(crate) fn stage_shared(plan: &UsagePlanId, key: &ApiKeyId, stage: &StageId) -> Self {
        let message = format!(
            "Usage Plan {plan} cannot be added because API Key {key} cannot reference multiple Usage Plans with the \
             same API stage: {stage}"
        );
        Self::new(ErrorKind::Conflict, message)
    }

    pub(crate) fn already_in_plan(link: &UsagePlanKey) -> Self {
        let UsagePlanKey { plan, key } = link;
        let message =
            format!("Usage Plan {plan} cannot be added because API Key {key} is already subscribed to it");
        Self::new(ErrorKind::Conflict, message)
    }

    pub(crate) fn too_many_plans() -> Self {
        Self::new(
            ErrorKind::LimitExceeded,
            "Maximum number of Usage Plans has been reached. Please contact your administrator if you need additional Usage Plans.",
        )
    }

    pub(crate) fn too_many_plans_of_key() -> Self {
        Self::new(
            ErrorKind::LimitExceeded,
            "Maximum number of Usage Plans for the API Key has been reached. Please contact your administrator if you need more for an API Key.",
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
            StorageError::AlreadyExists(Entity::UsagePlan) => {
                Self::new(ErrorKind::Conflict, "Usage Plan already exists")
            }
            StorageError::AlreadyExists(Entity::Credential) => {
                Self::new(ErrorKind::Conflict, "Credential already exists")
            }
            // Whoever offers a token asks for the first answer; here its key is gone, or it was just forgotten.
            StorageError::AlreadyExists(Entity::Retry) => Self::concurrent_modification(),
            StorageError::Stale(_) => Self::concurrent_modification(),
            StorageError::LimitReached(Entity::ApiKey | Entity::ApiKeyValue) => Self::too_many_keys(),
            StorageError::LimitReached(Entity::UsagePlan) => Self::too_many_plans(),
            StorageError::Unavailable(_) => Self::unavailable(error),
            // Nobody here counts batches, or sets a bound for the others.
            StorageError::AlreadyExists(Entity::UsageBatch)
            | StorageError::LimitReached(Entity::UsageBatch | Entity::Credential | Entity::Retry)
            | StorageError::Corrupt(_)
            | StorageError::Backend(_) => Self::internal(error),
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

impl From<InvalidUsagePlan> for AppError {
    fn from(error: InvalidUsagePlan) -> Self {
        let kind = match error {
            InvalidUsagePlan::Period(_) => ErrorKind::Validation,
            InvalidUsagePlan::Name
            | InvalidUsagePlan::Description
            | InvalidUsagePlan::ProductCode
            | InvalidUsagePlan::Stage
            | InvalidUsagePlan::StageTwice(_)
            | InvalidUsagePlan::TooManyStages
            | InvalidUsagePlan::Method(_)
            | InvalidUsagePlan::Rate
            | InvalidUsagePlan::Burst
            | InvalidUsagePlan::QuotaLimit
            | InvalidUsagePlan::QuotaIncomplete
            | InvalidUsagePlan::Offset(_) => ErrorKind::BadRequest,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<InvalidUsagePlanPatch> for AppError {
    fn from(error: InvalidUsagePlanPatch) -> Self {
        let kind = match error {
            InvalidUsagePlanPatch::Value(error) => return error.into(),
            InvalidUsagePlanPatch::NoSuchStage { .. } => ErrorKind::NotFound,
            InvalidUsagePlanPatch::Operation
            | InvalidUsagePlanPatch::Path { .. }
            | InvalidUsagePlanPatch::ValueMissing(_)
            | InvalidUsagePlanPatch::Stage
            | InvalidUsagePlanPatch::Methods => ErrorKind::BadRequest,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<InvalidUsageDays> for AppError {
    fn from(error: InvalidUsageDays) -> Self {
        Self::new(ErrorKind::BadRequest, error.to_string())
    }
}

impl From<InvalidUsagePatch> for AppError {
    fn from(error: InvalidUsagePatch) -> Self {
        Self::new(ErrorKind::BadRequest, error.to_string())
    }
}

impl From<InvalidArn> for AppError {
    fn from(error: InvalidArn) -> Self {
        Self::new(ErrorKind::BadRequest, error.to_string())
    }
}

impl From<InvalidTag> for AppError {
    fn from(error: InvalidTag) -> Self {
        Self::new(ErrorKind::BadRequest, error.to_string())
    }
}
