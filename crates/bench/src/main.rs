//! Measures Gatepost on one core while another core loads it, and prints what was asked for beside what came out.
//!
//! `gatepost-bench [--short] [--markdown FILE] [GROUP]...` with the groups of [`groups::GROUPS`]; none means all.
//! Contestants are this same executable, started again as child processes (see
//! [`contestants`]). Progress goes to stderr, the table to stdout. A missed target is a row of the table; the exit
//! status tells only whether everything could be measured.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures with clocks, and waits on threads of its own"
)]

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::failure::{Context, Failure};
use crate::groups::{Bench, GROUPS, Group};
use crate::report::Report;

mod contestants;
mod failure;
mod groups;
mod load;
mod machine;
mod report;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let Some(ended) = contestants::serve(&words) {
        return ended;
    }
    match Arguments::parse(words.into_iter()).and_then(|arguments| measure(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&format!("gatepost-bench: {failure}"));
            ExitCode::FAILURE
        }
    }
}

/// What the person at the terminal asked for.
#[derive(Debug, Default)]
struct Arguments {
    short: bool,
    markdown: Option<PathBuf>,
    groups: Vec<&'static Group>,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = OsString>) -> Result<Self, Failure> {
        let mut arguments = Self::default();
        while let Some(word) = words.next() {
            match word.to_str() {
                Some("--short") => arguments.short = true,
                Some("--markdown") => {
                    let file = words.next().ok_or_else(|| Failure::new("--markdown needs a file"))?;
                    arguments.markdown = Some(file.into());
                }
                name => match GROUPS.iter().find(|group| Some(group.name) == name) {
                    Some(group) => arguments.groups.push(group),
                    None => {
                        let names: Vec<_> = GROUPS.iter().map(|group| group.name).collect();
                        return Err(Failure::new(format!(
                            "unknown group {}; usage: gatepost-bench [--short] [--markdown FILE] [{}]...",
                            word.display(),
                            names.join("|")
                        )));
                    }
                },
            }
        }
        if arguments.groups.is_empty() {
            arguments.groups = GROUPS.iter().collect();
        }
        Ok(arguments)
    }
}

fn measure(arguments: &Arguments) -> Result<(), Failure> {
    let bench = Bench::prepare(arguments.short)?;
    let form = if arguments.short { "short run" } else { "full run" };
    let mut report = Report::new(format!("{}; {form}", bench.machine.describe()), !arguments.short);
    if cfg!(debug_assertions) {
        say("this is a debug build: its numbers mean nothing");
    }
    for group in &arguments.groups {
        say(group.name);
        (group.run)(&bench, &mut report).context(group.name)?;
    }
    let table = report.markdown();
    std::io::stdout().write_all(table.as_bytes())?;
    if let Some(file) = &arguments.markdown {
        std::fs::write(file, table).context("the markdown file")?;
    }
    Ok(())
}

/// Tells the person at the terminal something.
fn say(line: &str) {
    let _nobody_listens = writeln!(std::io::stderr(), "{line}");
}
