//! The operations on what keys use of their plans.

mod get;
mod update;

pub use get::GetUsage;

use crate::{AppError, ErrorKind};
use gatepost_domain::api_keys::{ApiKeyId, ApiKeyPosition};
use gatepost_domain::usage::{DayShown, UsageDays};
use gatepost_domain::usage_plans::UsagePlanId;

/// What keys used of a plan.
pub struct ShownUsage {
    /// The plan.
    pub plan: UsagePlanId,
    /// The days that are told of.
    pub days: UsageDays,
    /// The keys, each with as many days, in their order.
    pub keys: Vec<(ApiKeyId, Vec<DayShown>)>,
    /// Where the next page of keys begins, if there is one.
    pub next: Option<ApiKeyPosition>,
}

/// The key is not in the plan. AWS words it otherwise where it is about usage.
fn no_such_key_of_plan() -> AppError {
    AppError::new(ErrorKind::NotFound, "Invalid Key identifier specified")
}
