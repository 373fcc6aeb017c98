//! How the log looks.

use crate::ConfigError;
use crate::layers::Layers;
use crate::values::{self, Wrong};
use std::path::PathBuf;

/// The log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logging {
    /// Its format.
    pub format: LogFormat,
}

/// Where the audit log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditLog {
    /// To stderr, among the log's lines.
    Stderr,
    /// To the end of a file.
    File(PathBuf),
}

impl AuditLog {
    pub(crate) fn read(layers: &Layers) -> Result<Option<Self>, ConfigError> {
        layers.optional("audit-log", |text| match text {
            "-" => Ok(Self::Stderr),
            path if !path.is_empty() && !path.contains(char::is_control) => {
                Ok(Self::File(PathBuf::from(path)))
            }
            _ => Err(Wrong {
                problem: "is no path",
                allowed: "the path of a file, or - for stderr".to_owned(),
            }),
        })
    }
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for a person.
    Pretty,
    /// One JSON object per line.
    Json,
}

const FORMATS: &[(&str, LogFormat)] = &[("pretty", LogFormat::Pretty), ("json", LogFormat::Json)];

impl Logging {
    pub(crate) fn read(layers: &mut Layers, is_terminal: bool) -> Result<Self, ConfigError> {
        if let Some(format) = layers.optional("log", values::word(FORMATS))? {
            return Ok(Logging { format });
        }
        let (format, text, reason) = if is_terminal {
            (LogFormat::Pretty, "pretty", "stderr is a terminal")
        } else {
            (LogFormat::Json, "json", "stderr is no terminal")
        };
        layers.derive("log", text.to_owned(), reason);
        Ok(Logging { format })
    }
}
