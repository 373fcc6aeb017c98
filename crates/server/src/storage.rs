//! The backend that the settings name, and the custody that belongs to what it keeps.

use crate::compose::StartError;
use crate::key_file;
use crate::sources::SystemRandom;
use gatepost_config::{MasterKeySource, Settings, StorageChoice};
use gatepost_custody::{CannotOpen, Custody, KeyRing};
use gatepost_domain::Clock;
use gatepost_storage::Storage;
use gatepost_storage_memory::MemoryStorage;
use gatepost_storage_postgres::{PostgresOptions, PostgresStorage};
use gatepost_storage_sqlite::{SqliteOptions, SqliteStorage};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

/// Who opens a storage.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A server: the only one on a SQLite file, which brings the schema up to date unless it is told not to.
    Serve,
    /// A command, perhaps beside a running server: it takes the schema as it is.
    Write,
    /// The same, and it will not change anything.
    Read,
}

/// An open storage that can be closed in order.
pub(crate) enum Backend {
    Memory(Arc<MemoryStorage>),
    Sqlite(Arc<SqliteStorage>),
    Postgres(Arc<PostgresStorage>),
}

impl Backend {
    pub(crate) async fn open(
        settings: &Settings,
        clock: Arc<dyn Clock>,
        purpose: Purpose,
    ) -> Result<Self, StartError> {
        let serve = purpose == Purpose::Serve;
        let migrate = serve && settings.storage.migrate;
        match &settings.storage.choice {
            StorageChoice::Memory => Ok(Self::Memory(Arc::new(MemoryStorage::new(clock)))),
            StorageChoice::Sqlite { path } => {
                if !serve && !path.exists() {
                    return Err(StartError::NoDatabase { path: path.clone() });
                }
                let options = SqliteOptions { path: path.clone(), migrate, serve };
                let opened = SqliteStorage::open(options).await;
                opened.map(|storage| Self::Sqlite(Arc::new(storage))).map_err(StartError::storage)
            }
            StorageChoice::Postgres { url } => {
                let options = PostgresOptions {
                    url: url.expose().to_owned(),
                    listen_url: settings.storage.listen.as_ref().map(|url| url.expose().to_owned()),
                    connections: settings.storage.connections,
                    migrate,
                };
                let opened = PostgresStorage::connect(options).await;
                opened.map(|storage| Self::Postgres(Arc::new(storage))).map_err(StartError::storage)
            }
        }
    }

    pub(crate) fn storage(&self) -> Arc<dyn Storage> {
        match self {
            Self::Memory(storage) => Arc::clone(storage) as Arc<dyn Storage>,
            Self::Sqlite(storage) => Arc::clone(storage) as Arc<dyn Storage>,
            Self::Postgres(storage) => Arc::clone(storage) as Arc<dyn Storage>,
        }
    }

    /// Ends it in order. What is written is lasting without this too.
    pub(crate) async fn close(&self) {
        match self {
            Self::Memory(_) => {}
            Self::Sqlite(storage) => storage.close().await,
            Self::Postgres(storage) => storage.close().await,
        }
    }
}

/// Opens the installation that the storage holds, or makes the storage one. Only a purpose that writes makes a key file.
pub(crate) async fn open_custody(
    settings: &Settings,
    storage: &dyn Storage,
    purpose: Purpose,
) -> Result<Arc<Custody>, StartError> {
    let parsed = |name: String, text: &str| match KeyRing::parse(text) {
        Ok(ring) => Ok((ring, name)),
        Err(error) => Err(StartError::MasterKey(format!("{name}: {error}"))),
    };
    let mut made = None;
    let (ring, name) = match &settings.custody.master_key {
        MasterKeySource::Made => (KeyRing::generate(&SystemRandom), "the master key".to_owned()),
        MasterKeySource::File { path, text } => parsed(path.display().to_string(), text.expose())?,
        MasterKeySource::Environment { text } => parsed("GATEPOST_MASTER_KEY".to_owned(), text.expose())?,
        MasterKeySource::Missing => {
            return Err(StartError::MasterKey("a master key is needed: give --master-key-file".to_owned()));
        }
        MasterKeySource::Beside { path } => {
            let text = match key_file::read(path) {
                Ok(text) => text,
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    if purpose == Purpose::Read {
                        return Err(missing_key(settings, path));
                    }
                    made = Some(path.as_path());
                    key_file::make(path).map_err(|why| StartError::File { path: path.clone(), why })?
                }
                Err(why) => return Err(StartError::File { path: path.clone(), why }),
            };
            parsed(path.display().to_string(), &text)?
        }
    };
    let candidate = Custody::new_installation(&ring, &SystemRandom);
    let secret = storage.installation_secret(candidate).await.map_err(StartError::storage)?;
    match (Custody::open(ring, Arc::new(SystemRandom), &secret), made) {
        (Ok(custody), made) => {
            if let Some(path) = made {
                tracing::info!(path = %path.display(), "a master key was made: keep a copy of it apart from the database");
            }
            Ok(Arc::new(custody))
        }
        // It was made for a database that has had another one all along.
        (Err(_), Some(path)) => {
            std::fs::remove_file(path).map_err(|why| StartError::File { path: path.to_owned(), why })?;
            Err(missing_key(settings, path))
        }
        (Err(error), None) => {
            let why = match error {
                CannotOpen::UnknownVersion(version) => {
                    format!("it holds no version {version} of the master key")
                }
                CannotOpen::NotAuthentic => "it is another master key".to_owned(),
            };
            Err(StartError::MasterKey(format!(
                "{name} does not open {}: {why}, or this storage belongs to another installation: give the key file \
                 that it was made with, or name another --storage",
                database(settings)
            )))
        }
    }
}

fn missing_key(settings: &Settings, key: &Path) -> StartError {
    StartError::MasterKey(format!(
        "{} is missing, the master key that {} was made with: put it back, or name it by --master-key-file. Without it \
         no value that is kept there can be opened again",
        key.display(),
        database(settings)
    ))
}

/// How messages call what is kept.
fn database(settings: &Settings) -> String {
    match &settings.storage.choice {
        StorageChoice::Memory => "the storage in memory".to_owned(),
        StorageChoice::Sqlite { path } => path.display().to_string(),
        StorageChoice::Postgres { .. } => "the PostgreSQL database".to_owned(),
    }
}
