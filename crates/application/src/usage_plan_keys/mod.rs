//! The operations on the keys of usage plans.

mod create;
mod delete;
mod get;
mod list;

pub use create::CreateUsagePlanKey;
pub use list::ListUsagePlanKeys;

use crate::AppError;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::usage_plans::UsagePlanId;
use gatepost_storage::UsagePlanKey;

/// The key of a plan that a request names.
fn link(plan: &str, key: &str) -> Result<UsagePlanKey, AppError> {
    let plan = UsagePlanId::parse(plan).ok_or_else(AppError::no_such_plan)?;
    Ok(UsagePlanKey { plan, key: ApiKeyId::parse(key).ok_or_else(AppError::no_such_key)? })
}
