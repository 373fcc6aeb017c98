//! How values are sealed.

use std::path::PathBuf;

use crate::layers::Layers;
use crate::{ConfigError, SecretText};

/// How values are sealed.
pub struct Custody {
    /// The root of the key ring.
    pub master_key: MasterKeySource,
}

/// Where the master key comes from. Its text is read here and understood by whoever keeps the ring.
pub enum MasterKeySource {
    /// Nowhere: one is to be made.
    Made,
    /// The file of `master-key-file`.
    File {
        /// Its path.
        path: PathBuf,
        /// Its content.
        text: SecretText,
    },
    /// The variable `GATEPOST_MASTER_KEY`.
    Environment {
        /// Its content.
        text: SecretText,
    },
}

impl Custody {
    pub(crate) fn read(layers: &mut Layers) -> Result<Self, ConfigError> {
        layers.not_both("master-key", "master-key-file", "master-key")?;
        let master_key = match (layers.file("master-key-file")?, layers.given("master-key")) {
            (Some((path, text)), _) => MasterKeySource::File { path, text: SecretText::new(text) },
            (None, Some(given)) => MasterKeySource::Environment { text: SecretText::new(given.text.clone()) },
            (None, None) => {
                layers.derive("master-key", "made".to_owned(), "anew at each start");
                MasterKeySource::Made
            }
        };
        Ok(Custody { master_key })
    }
}
