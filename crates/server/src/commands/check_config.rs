//! `gatepost check-config`: the effective settings. What is wrong with them was told before.

use gatepost_config::Settings;
use std::process::ExitCode;

#[expect(clippy::print_stdout, reason = "this is what the command is for")]
pub(crate) fn run(settings: &Settings) -> ExitCode {
    print!("{}", settings.render());
    ExitCode::SUCCESS
}
