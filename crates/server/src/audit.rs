//! Where the audit log is written: each line with one call, before its request is answered.

use crate::compose::StartError;
use gatepost_config::AuditLog;
use gatepost_http_api::AuditSink;
use std::fs::{File, OpenOptions};
use std::io::{self, Write, stderr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// An open audit log.
pub(crate) enum Audit {
    Stderr,
    File { path: PathBuf, file: Mutex<Lines> },
}

/// A file whose last line may be torn: a full disk takes a part of it.
pub(crate) struct Lines {
    file: File,
    is_torn: bool,
}

impl Lines {
    fn append_to(path: &Path) -> io::Result<Self> {
        Ok(Self { file: append(path)?, is_torn: false })
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.is_torn {
            self.file.write_all(b"\n")?;
        }
        self.is_torn = true;
        self.file.write_all(line)?;
        self.is_torn = false;
        Ok(())
    }
}

impl Audit {
    pub(crate) fn open(log: &AuditLog) -> Result<Self, StartError> {
        match log {
            AuditLog::Stderr => Ok(Self::Stderr),
            AuditLog::File(path) => match Lines::append_to(path) {
                Ok(file) => Ok(Self::File { path: path.clone(), file: Mutex::new(file) }),
                Err(why) => Err(StartError::File { path: path.clone(), why }),
            },
        }
    }

    /// Opens the file by its name again, after somebody moved it away. Where that fails the old one is written on.
    pub(crate) fn reopen(&self) {
        let Self::File { path, file } = self else { return };
        match Lines::append_to(path) {
            Ok(new) => *file.lock().unwrap_or_else(PoisonError::into_inner) = new,
            Err(error) => tracing::error!(
                path = %path.display(),
                error = &error as &dyn std::error::Error,
                "the audit log cannot be opened again: the old file is written on"
            ),
        }
    }
}

impl AuditSink for Audit {
    fn write(&self, line: &[u8]) {
        let written = match self {
            Self::Stderr => stderr().lock().write_all(line),
            Self::File { file, .. } => file.lock().unwrap_or_else(PoisonError::into_inner).write(line),
        };
        if let Err(error) = written {
            tracing::error!(error = &error as &dyn std::error::Error, "a line of the audit log is lost");
        }
    }
}

/// Whole lines of several processes do not mix in a file that is only appended to.
fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_moved_away_is_made_anew_when_it_is_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("audit"), folder.path().join("audit.1"));
        let audit = Audit::open(&AuditLog::File(path.clone())).unwrap();
        audit.write(b"one\n");
        std::fs::rename(&path, &moved).unwrap();
        audit.write(b"two\n");
        audit.reopen();
        audit.write(b"three\n");
        assert_eq!(std::fs::read_to_string(moved).unwrap(), "one\ntwo\n");
        assert_eq!(std::fs::read_to_string(path).unwrap(), "three\n");
    }
}
