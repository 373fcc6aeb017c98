//! Cleaning up after a process that may be killed.

use std::process::{Child, Command, Stdio};
use std::{io, os::unix::process::CommandExt as _};

/// A shell that runs its script when this value is dropped, or when the process ends in whatever way: it waits for
/// the end of a pipe whose other end only we hold.
pub(super) struct Guard(Child);

impl Guard {
    pub(super) fn new(script: &str, arguments: &[&str]) -> io::Result<Self> {
        Command::new("sh")
            .args(["-c", &format!("cat >/dev/null; {script}"), "guard"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Out of reach of the terminal's Ctrl-C, which ends the tests.
            .process_group(0)
            .spawn()
            .map(Self)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
