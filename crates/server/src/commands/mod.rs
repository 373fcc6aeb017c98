//! The subcommands, one file each.

pub(crate) mod check_config;
pub(crate) mod healthcheck;
pub(crate) mod serve;
