//! Where keys are kept.

use zeroize::Zeroizing;

use crate::ConfigError;
use crate::error::Origin;
use crate::layers::{Layers, refused};
use crate::table::setting;
use crate::values;

/// Where keys are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// The backend.
    pub choice: StorageChoice,
}

/// The backends there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageChoice {
    /// In this process, gone when it ends.
    Memory,
}

const CHOICES: &[(&str, StorageChoice)] = &[("memory:", StorageChoice::Memory)];

impl Storage {
    pub(crate) fn read(layers: &Layers) -> Result<Self, ConfigError> {
        layers.not_both("storage", "storage", "storage-file")?;
        let parse = |text: &str| {
            values::word(CHOICES)(text)
                .map_err(|wrong| values::Wrong { problem: "is not supported by this release", ..wrong })
        };
        let choice = match layers.file("storage-file")? {
            None => layers.value("storage", parse)?,
            Some((path, text)) => {
                let text = Zeroizing::new(text.trim().to_owned());
                parse(&text)
                    .map_err(|wrong| refused(setting("storage"), &text, &Origin::File(path), wrong))?
            }
        };
        Ok(Storage { choice })
    }
}
