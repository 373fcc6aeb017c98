//! `/usageplans` and what can be done to it.

mod create;
mod delete;
mod get;
mod list;
mod update;

const NO_SUCH_PLAN: &str = "Invalid Usage Plan ID specified";
