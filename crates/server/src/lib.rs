//! The `gatepost` program: its commands, and in `compose` the one place that knows every concrete type.
//!
//! It is a library so that the tests and the benchmark run the very program that users run.

mod audit;
mod background;
mod commands;
mod compose;
mod first_credential;
mod key_file;
mod sources;
mod storage;
mod tls;
mod unix_socket;

use gatepost_config::{Command, ConfigError};
use std::ffi::OsString;
use std::io::{IsTerminal, stderr};
use std::process::ExitCode;

/// Runs the program with this process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    run(std::env::args_os())
}

/// Runs the program; `args` begins with the program's name. The environment is this process's.
#[must_use]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "help goes to stdout, a bad setting to stderr")]
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let invocation = match gatepost_config::load(args, |name| std::env::var_os(name), stderr().is_terminal())
    {
        Ok(invocation) => invocation,
        Err(ConfigError::Help(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("gatepost: {error}");
            return ExitCode::from(2);
        }
    };
    match &invocation.command {
        Command::Serve => commands::serve::run(&invocation.settings),
        Command::Migrate => commands::migrate::run(&invocation.settings),
        Command::Export(export) => commands::export::run(&invocation.settings, export),
        Command::Import(import) => commands::import::run(&invocation.settings, import),
        Command::Credentials(credentials) => commands::credentials::run(&invocation.settings, credentials),
        Command::CheckConfig => commands::check_config::run(&invocation.settings),
        Command::Healthcheck => commands::healthcheck::run(&invocation.settings),
    }
}
