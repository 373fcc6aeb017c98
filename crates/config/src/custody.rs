//! How values are sealed.

use std::path::PathBuf;

use crate::layers::Layers;
use crate::{ConfigError, SecretText, Storage, StorageChoice};

/// How values are sealed.
pub struct Custody {
    /// The root of the key ring.
    pub master_key: MasterKeySource,
}

/// Where the master key comes from. Its text is read here and understood by whoever keeps the ring.
pub enum MasterKeySource {
    /// Nowhere: one is to be made for this process.
    Made,
    /// The file beside a SQLite database, which is made with it.
    Beside {
        /// Its path.
        path: PathBuf,
    },
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
    /// It should have been given and was not; only commands that seal and open nothing get this.
    Missing,
}

impl Custody {
    /// `needed` says whether the command can do without.
    pub(crate) fn read(layers: &mut Layers, storage: &Storage, needed: bool) -> Result<Self, ConfigError> {
        layers.not_both("master-key", "master-key-file", "master-key")?;
        let master_key = match (layers.file("master-key-file")?, layers.given("master-key")) {
            (Some((path, text)), _) => MasterKeySource::File { path, text: SecretText::new(text) },
            (None, Some(given)) => MasterKeySource::Environment { text: SecretText::new(given.text.clone()) },
            (None, None) => match &storage.choice {
                StorageChoice::Memory => {
                    layers.derive("master-key", "made".to_owned(), "anew at each start");
                    MasterKeySource::Made
                }
                StorageChoice::Sqlite { path } => {
                    let path = StorageChoice::key_beside(path);
                    let shown = path.display().to_string();
                    layers.derive("master-key-file", shown, "beside the database, made with it");
                    MasterKeySource::Beside { path }
                }
                StorageChoice::Postgres { .. } if needed => return Err(ConfigError::MasterKeyMissing),
                StorageChoice::Postgres { .. } => MasterKeySource::Missing,
            },
        };
        Ok(Custody { master_key })
    }
}
