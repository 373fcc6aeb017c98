//! The programs that are compared, each a child process on the contestants' core or on both.
//!
//! A contestant is this same executable, started again with the contestant's name as its first argument: so the very
//! code that `cargo run --release` builds is measured, with nothing to install. To add one: a file with its server,
//! a name in [`serve`], and a start of [`Contestant`] that knows its arguments. A contestant prints one line on stdout
//! when it accepts connections, and in it `control=http://ADDRESS`. Only PostgreSQL must be installed; what needs it is
//! left out by name where it is not.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, ExitCode, Stdio};

use crate::failure::{Context, Failure};
use crate::machine::{Cores, Machine};

pub(crate) mod gatepost;
pub(crate) mod postgres;
pub(crate) mod raw_hyper;
pub(crate) mod sqlite_inserts;

/// Runs a contestant in this process, if the first of the program's arguments names one.
pub(crate) fn serve(words: &[OsString]) -> Option<ExitCode> {
    let (name, arguments) = words.split_first()?;
    match name.to_str()? {
        gatepost::NAME => Some(gatepost::serve(words)),
        raw_hyper::NAME => Some(raw_hyper::serve(arguments)),
        sqlite_inserts::NAME => Some(sqlite_inserts::serve(arguments)),
        _ => None,
    }
}

/// A running contestant; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Contestant {
    process: Child,
    address: SocketAddr,
    log: File,
    log_path: PathBuf,
    /// Kept open, so that the contestant never writes to a closed pipe.
    _stdout: BufReader<ChildStdout>,
}

impl Contestant {
    /// Starts this executable as the contestant `name`, its stderr going to the file `log_path`.
    fn start(
        machine: &Machine,
        cores: Cores,
        name: &str,
        arguments: &[String],
        environment: &[(&str, &str)],
        log_path: &Path,
    ) -> Result<Self, Failure> {
        let program = std::env::current_exe().context("this executable cannot be found")?;
        let log = File::options().create(true).append(true).open(log_path).context("the log file")?;
        let mut command = machine.command(cores, &program);
        for (variable, _) in std::env::vars_os() {
            // Settings of the person at the terminal are not part of the measurement.
            if variable.to_string_lossy().starts_with("GATEPOST_") {
                command.env_remove(variable);
            }
        }
        command.env_remove("RUST_LOG").envs(environment.iter().copied());
        command.arg(name).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log.try_clone()?);
        let mut process = command.spawn().context("a contestant cannot be started")?;
        let mut stdout = BufReader::new(process.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let Some(address) = control_address(&line) else {
            let status = process.wait()?;
            return Err(Failure::new(format!("{name} ended with {status} instead of getting ready")));
        };
        Ok(Self { process, address, log, log_path: log_path.to_owned(), _stdout: stdout })
    }

    /// Where it answers requests.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Empties its log: gigabytes of it would bring the disk into the measurement.
    pub(crate) fn empty_log(&self) -> Result<(), Failure> {
        Ok(self.log.set_len(0)?)
    }

    /// How many lines it has logged since the log was emptied.
    pub(crate) fn logged_lines(&self) -> Result<u64, Failure> {
        let log = std::fs::read(&self.log_path).context("the log file")?;
        Ok(log.iter().filter(|byte| **byte == b'\n').count() as u64)
    }
}

impl Drop for Contestant {
    fn drop(&mut self) {
        let _gone_already = self.process.kill();
        let _gone_already = self.process.wait();
    }
}

fn control_address(line: &str) -> Option<SocketAddr> {
    line.split_whitespace().find_map(|word| word.strip_prefix("control=http://"))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_address_is_found_in_the_ready_line() {
        let line =
            "gatepost ready control=http://127.0.0.1:8080 data=unix:/run/x admin=http://127.0.0.1:8082\n";
        assert_eq!(control_address(line), "127.0.0.1:8080".parse().ok());
        assert_eq!(control_address(""), None);
    }
}
