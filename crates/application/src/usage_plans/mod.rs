//! The operations on usage plans.

mod create;
mod delete;
mod get;
mod list;
mod update;

pub use create::{ApiStageAsked, CreateUsagePlan, QuotaAsked, ThrottleAsked};
pub use list::ListUsagePlans;
