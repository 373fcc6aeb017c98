//! What Gatepost tells its operator: [`logging`] to stderr and [`metrics`] for Prometheus.
//!
//! Every metric name, label and field of a log line is spelled once, in [`names`]; to add one, add it there first.
//! The floors below `http-api` use the names and the counters only. Only `server` installs anything: every counter
//! works, and counts nothing, while no recorder is installed.
//!
//! An API key's value is a secret and is never a label, a field or part of a message.

pub mod logging;
pub mod metrics;
pub mod names;
