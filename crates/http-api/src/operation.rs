//! The AWS surface as data: every operation with its name, route and success.
//!
//! An operation is a variant here; the exhaustive matches, the router, the metrics and the tests over
//! [`Operation::ALL`] do the rest. docs/adding-an-operation.md lists the floors below.

use gatepost_policy::Action;
use http::{Method, StatusCode};

/// What can be asked of the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Makes a key.
    CreateApiKey,
    /// Makes and overwrites keys from a file.
    ImportApiKeys,
    /// Lists keys.
    GetApiKeys,
    /// Shows a key.
    GetApiKey,
    /// Changes a key.
    UpdateApiKey,
    /// Removes a key.
    DeleteApiKey,
}

impl Operation {
    /// All of them.
    pub const ALL: [Operation; 6] = [
        Self::CreateApiKey,
        Self::ImportApiKeys,
        Self::GetApiKeys,
        Self::GetApiKey,
        Self::UpdateApiKey,
        Self::DeleteApiKey,
    ];

    /// The name, as AWS spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CreateApiKey => "CreateApiKey",
            Self::ImportApiKeys => "ImportApiKeys",
            Self::GetApiKeys => "GetApiKeys",
            Self::GetApiKey => "GetApiKey",
            Self::UpdateApiKey => "UpdateApiKey",
            Self::DeleteApiKey => "DeleteApiKey",
        }
    }

    /// Method and path. Create and import share theirs; `mode=import` tells them apart.
    #[must_use]
    pub fn route(self) -> (Method, &'static str) {
        match self {
            Self::CreateApiKey | Self::ImportApiKeys => (Method::POST, "/apikeys"),
            Self::GetApiKeys => (Method::GET, "/apikeys"),
            Self::GetApiKey => (Method::GET, "/apikeys/{api_Key}"),
            Self::UpdateApiKey => (Method::PATCH, "/apikeys/{api_Key}"),
            Self::DeleteApiKey => (Method::DELETE, "/apikeys/{api_Key}"),
        }
    }

    /// The action that a policy knows it by. An import asks for one more.
    #[must_use]
    pub fn action(self) -> Action {
        match self {
            Self::GetApiKeys | Self::GetApiKey => Action::Get,
            Self::CreateApiKey | Self::ImportApiKeys => Action::Post,
            Self::UpdateApiKey => Action::Patch,
            Self::DeleteApiKey => Action::Delete,
        }
    }

    /// The status of its success.
    #[must_use]
    pub fn success(self) -> StatusCode {
        match self {
            Self::CreateApiKey | Self::ImportApiKeys => StatusCode::CREATED,
            Self::GetApiKeys | Self::GetApiKey | Self::UpdateApiKey => StatusCode::OK,
            Self::DeleteApiKey => StatusCode::ACCEPTED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_listed_once_at_its_own_place() {
        for (place, operation) in Operation::ALL.into_iter().enumerate() {
            assert_eq!(operation as usize, place);
        }
    }

    #[test]
    fn the_action_of_an_operation_is_its_method() {
        for operation in Operation::ALL {
            assert_eq!(operation.action().name(), format!("apigateway:{}", operation.route().0));
        }
    }
}
