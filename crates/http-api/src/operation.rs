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
    /// Makes a plan.
    CreateUsagePlan,
    /// Lists plans.
    GetUsagePlans,
    /// Shows a plan.
    GetUsagePlan,
    /// Changes a plan.
    UpdateUsagePlan,
    /// Removes a plan.
    DeleteUsagePlan,
    /// Puts a key into a plan.
    CreateUsagePlanKey,
    /// Lists the keys of a plan.
    GetUsagePlanKeys,
    /// Shows a key of a plan.
    GetUsagePlanKey,
    /// Takes a key out of a plan.
    DeleteUsagePlanKey,
    /// Shows what keys used of a plan.
    GetUsage,
    /// Sets what a key has left of a plan's quota.
    UpdateUsage,
    /// Adds tags to a key or plan.
    TagResource,
    /// Takes tags off a key or plan.
    UntagResource,
    /// Shows the tags of a key or plan.
    GetTags,
    /// Shows what AWS says of an account.
    GetAccount,
}

impl Operation {
    /// All of them.
    pub const ALL: [Operation; 21] = [
        Self::CreateApiKey,
        Self::ImportApiKeys,
        Self::GetApiKeys,
        Self::GetApiKey,
        Self::UpdateApiKey,
        Self::DeleteApiKey,
        Self::CreateUsagePlan,
        Self::GetUsagePlans,
        Self::GetUsagePlan,
        Self::UpdateUsagePlan,
        Self::DeleteUsagePlan,
        Self::CreateUsagePlanKey,
        Self::GetUsagePlanKeys,
        Self::GetUsagePlanKey,
        Self::DeleteUsagePlanKey,
        Self::GetUsage,
        Self::UpdateUsage,
        Self::TagResource,
        Self::UntagResource,
        Self::GetTags,
        Self::GetAccount,
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
            Self::CreateUsagePlan => "CreateUsagePlan",
            Self::GetUsagePlans => "GetUsagePlans",
            Self::GetUsagePlan => "GetUsagePlan",
            Self::UpdateUsagePlan => "UpdateUsagePlan",
            Self::DeleteUsagePlan => "DeleteUsagePlan",
            Self::CreateUsagePlanKey => "CreateUsagePlanKey",
            Self::GetUsagePlanKeys => "GetUsagePlanKeys",
            Self::GetUsagePlanKey => "GetUsagePlanKey",
            Self::DeleteUsagePlanKey => "DeleteUsagePlanKey",
            Self::GetUsage => "GetUsage",
            Self::UpdateUsage => "UpdateUsage",
            Self::TagResource => "TagResource",
            Self::UntagResource => "UntagResource",
            Self::GetTags => "GetTags",
            Self::GetAccount => "GetAccount",
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
            Self::CreateUsagePlan => (Method::POST, "/usageplans"),
            Self::GetUsagePlans => (Method::GET, "/usageplans"),
            Self::GetUsagePlan => (Method::GET, "/usageplans/{usageplanId}"),
            Self::UpdateUsagePlan => (Method::PATCH, "/usageplans/{usageplanId}"),
            Self::DeleteUsagePlan => (Method::DELETE, "/usageplans/{usageplanId}"),
            Self::CreateUsagePlanKey => (Method::POST, "/usageplans/{usageplanId}/keys"),
            Self::GetUsagePlanKeys => (Method::GET, "/usageplans/{usageplanId}/keys"),
            Self::GetUsagePlanKey => (Method::GET, "/usageplans/{usageplanId}/keys/{keyId}"),
            Self::DeleteUsagePlanKey => (Method::DELETE, "/usageplans/{usageplanId}/keys/{keyId}"),
            Self::GetUsage => (Method::GET, "/usageplans/{usageplanId}/usage"),
            Self::UpdateUsage => (Method::PATCH, "/usageplans/{usageplanId}/keys/{keyId}/usage"),
            Self::TagResource => (Method::PUT, "/tags/{resource_arn}"),
            Self::UntagResource => (Method::DELETE, "/tags/{resource_arn}"),
            Self::GetTags => (Method::GET, "/tags/{resource_arn}"),
            Self::GetAccount => (Method::GET, "/account"),
        }
    }

    /// The action that a policy knows it by. An import asks for one more.
    #[must_use]
    pub fn action(self) -> Action {
        match self {
            Self::GetApiKeys
            | Self::GetApiKey
            | Self::GetUsagePlans
            | Self::GetUsagePlan
            | Self::GetUsagePlanKeys
            | Self::GetUsagePlanKey
            | Self::GetUsage
            | Self::GetTags
            | Self::GetAccount => Action::Get,
            Self::CreateApiKey | Self::ImportApiKeys | Self::CreateUsagePlan | Self::CreateUsagePlanKey => {
                Action::Post
            }
            Self::TagResource => Action::Put,
            Self::UpdateApiKey | Self::UpdateUsagePlan | Self::UpdateUsage => Action::Patch,
            Self::DeleteApiKey | Self::DeleteUsagePlan | Self::DeleteUsagePlanKey | Self::UntagResource => {
                Action::Delete
            }
        }
    }

    /// The status of its success.
    #[must_use]
    pub fn success(self) -> StatusCode {
        match self {
            Self::CreateApiKey | Self::ImportApiKeys | Self::CreateUsagePlan | Self::CreateUsagePlanKey => {
                StatusCode::CREATED
            }
            Self::GetApiKeys
            | Self::GetApiKey
            | Self::UpdateApiKey
            | Self::GetUsagePlans
            | Self::GetUsagePlan
            | Self::UpdateUsagePlan
            | Self::GetUsagePlanKeys
            | Self::GetUsagePlanKey
            | Self::GetUsage
            | Self::UpdateUsage
            | Self::GetTags
            | Self::GetAccount => StatusCode::OK,
            Self::DeleteApiKey | Self::DeleteUsagePlan | Self::DeleteUsagePlanKey => StatusCode::ACCEPTED,
            Self::TagResource | Self::UntagResource => StatusCode::NO_CONTENT,
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
