//! What a caller may do: the verdict of its policy.

use crate::error::{ApiError, ErrorCode};
use gatepost_application::credentials::Signer;
use gatepost_policy::{Action, Resource, Verdict};
use std::sync::Arc;

/// What one request may do.
pub(crate) enum Permissions {
    /// Everything: nobody is asked who they are.
    All,
    /// What the policy of this credential says of resources in this region.
    Of {
        /// The credential.
        signer: Arc<Signer>,
        /// The region of the signature's scope.
        region: Box<str>,
    },
}

impl Permissions {
    /// Refuses what is not allowed. `path` is decoded and begins with a slash.
    pub(crate) fn demand(&self, action: Action, path: &str) -> Result<(), ApiError> {
        self.judge(action, path, |verdict| verdict == Verdict::Allowed)
    }

    /// Refuses what is denied explicitly, for an action that was demanded by another path.
    pub(crate) fn refuse_denied(&self, action: Action, path: &str) -> Result<(), ApiError> {
        self.judge(action, path, |verdict| verdict != Verdict::DeniedExplicitly)
    }

    fn judge(&self, action: Action, path: &str, passes: fn(Verdict) -> bool) -> Result<(), ApiError> {
        let Self::Of { signer, region } = self else { return Ok(()) };
        let resource = Resource::new(region, path)
            .map_err(|error| ApiError::new(ErrorCode::BadRequestException, error.to_string()))?;
        let verdict = signer.policy.verdict(action, &resource);
        if passes(verdict) {
            return Ok(());
        }
        let (Signer { account, id, .. }, action_name) = (&**signer, action.name());
        let why = match verdict {
            Verdict::Allowed | Verdict::DeniedByDefault => {
                format!("because no identity-based policy allows the {action_name} action")
            }
            Verdict::DeniedExplicitly => "with an explicit deny in an identity-based policy".to_owned(),
        };
        Err(ApiError::new(
            ErrorCode::UnauthorizedException,
            format!(
                "User: arn:aws:iam::{account}:access-key/{id} is not authorized to perform: {action_name} on \
                 resource: {} {why}",
                resource.as_str()
            ),
        ))
    }

    /// Whether it is allowed, where nothing is refused for it.
    pub(crate) fn allow(&self, action: Action, path: &str) -> bool {
        self.demand(action, path).is_ok()
    }

    pub(crate) fn signer(&self) -> Option<&Arc<Signer>> {
        match self {
            Self::All => None,
            Self::Of { signer, .. } => Some(signer),
        }
    }
}
