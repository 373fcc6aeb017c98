//! `/usageplans/{id}/keys` and what can be done to it.

mod create;
mod delete;
mod get;
mod list;

const NO_SUCH_PLAN: &str = "Invalid Usage Plan ID specified";
const NO_SUCH_KEY: &str = "Invalid API Key identifier specified";
