//! The operations on tags, each translating a request into a call and its result into a document.

pub(super) mod get;
pub(super) mod tag;
pub(super) mod untag;

use super::Asked;
use crate::error::ApiError;
use gatepost_application::AppError;
use gatepost_domain::ResourceArn;
use gatepost_policy::Action;

/// The resource that the path's ARN names, unless the caller's policy denies `action` on the resource itself.
///
/// The request was allowed by its path, as on AWS. But callers choose the region and the partition that they write
/// into an ARN, so a denial of one spelling would deny nothing: who is denied a key is denied its tags.
fn resource(asked: &Asked<'_>, action: Action) -> Result<ResourceArn, ApiError> {
    let resource = ResourceArn::parse(&asked.route.id()?).map_err(AppError::from)?;
    asked.permissions.refuse_denied(action, &resource.path())?;
    Ok(resource)
}
