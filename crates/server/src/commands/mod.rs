//! The subcommands, one file each. What several of them need is in `command` (a storage opened for a command, and its
//! failures), `endpoint` (a running server asked instead), `input`, `counts` and `progress`.

mod command;
mod counts;
mod endpoint;
mod import_from_aws;
mod input;
mod progress;

pub(crate) mod check_config;
pub(crate) mod credentials;
pub(crate) mod export;
pub(crate) mod healthcheck;
pub(crate) mod import;
pub(crate) mod migrate;
pub(crate) mod serve;
