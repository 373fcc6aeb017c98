//! How the log looks.

use crate::ConfigError;
use crate::layers::Layers;
use crate::values;

/// The log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logging {
    /// Its format.
    pub format: LogFormat,
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
