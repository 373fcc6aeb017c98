//! Where keys are kept.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::Origin;
use crate::layers::{Layers, refused};
use crate::table::setting;
use crate::values::{self, Wrong};
use crate::{ConfigError, SecretText};

/// Where keys are kept.
#[derive(Clone)]
pub struct Storage {
    /// The backend.
    pub choice: StorageChoice,
    /// Whether the schema may be brought up to date on the start.
    pub migrate: bool,
    /// PostgreSQL: an address for LISTEN where the main one goes through a pooler that cannot.
    pub listen: Option<SecretText>,
    /// PostgreSQL: the most connections of this process.
    pub connections: u32,
}

/// The backends there are.
#[derive(Clone)]
pub enum StorageChoice {
    /// In this process, gone when it ends.
    Memory,
    /// A file on this machine, for one server.
    Sqlite {
        /// The database.
        path: PathBuf,
    },
    /// A PostgreSQL server, for as many servers as there are.
    Postgres {
        /// Its address, with whatever password is in it.
        url: SecretText,
    },
}

impl StorageChoice {
    fn parse(text: &str) -> Result<Self, Wrong> {
        let all = || "memory:, sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE".to_owned();
        if text == "memory:" {
            return Ok(Self::Memory);
        }
        if is_postgres(text) {
            return Ok(Self::Postgres { url: SecretText::new(Zeroizing::new(text.to_owned())) });
        }
        let path = text.strip_prefix("sqlite:");
        let path = path.ok_or_else(|| Wrong { problem: "is no storage that there is", allowed: all() })?;
        // What other programs mean by these is not a file of that name.
        if path.is_empty() || path.starts_with("//") || path.starts_with(':') || path.contains(['?', '\0']) {
            let allowed = "sqlite:gatepost.db, sqlite:/var/lib/gatepost/gatepost.db or memory:".to_owned();
            return Err(Wrong { problem: "names no database file", allowed });
        }
        Ok(Self::Sqlite { path: PathBuf::from(path) })
    }

    /// Where the master key of a database file is kept when nobody says otherwise.
    #[must_use]
    pub(crate) fn key_beside(database: &Path) -> PathBuf {
        let key = database.with_extension("key");
        if key == database { database.with_extension("key.key") } else { key }
    }
}

impl Storage {
    pub(crate) fn read(layers: &mut Layers) -> Result<Self, ConfigError> {
        layers.not_both("storage", "storage", "storage-file")?;
        let choice = match layers.file("storage-file")? {
            None => layers.value("storage", StorageChoice::parse)?,
            Some((path, text)) => {
                let text = Zeroizing::new(text.trim().to_owned());
                let choice = StorageChoice::parse(&text)
                    .map_err(|wrong| refused(setting("storage"), &text, &Origin::File(path), wrong))?;
                layers.derive("storage", setting("storage").shown(&text), "storage-file");
                choice
            }
        };
        Ok(Storage {
            choice,
            migrate: !layers.value("no-migrate", values::switch)?,
            listen: layers.optional("storage-listen", |text| {
                let url = is_postgres(text).then(|| SecretText::new(Zeroizing::new(text.to_owned())));
                let allowed = || "postgres://USER:PASSWORD@HOST/DATABASE".to_owned();
                url.ok_or_else(|| Wrong { problem: "is no address of PostgreSQL", allowed: allowed() })
            })?,
            connections: layers.value("storage-connections", |text| {
                let connections = values::whole(2..=500)(text)?;
                Ok(u32::try_from(connections).expect("the range fits"))
            })?,
        })
    }
}

fn is_postgres(text: &str) -> bool {
    text.starts_with("postgres://") || text.starts_with("postgresql://")
}

/// The address of a storage as it may be shown: what is, or may be, a password is `***`.
pub(crate) fn without_password(text: &str) -> String {
    if text == "memory:" {
        return text.to_owned();
    }
    if text.starts_with("sqlite:") {
        return text.escape_debug().to_string();
    }
    let Some((scheme, rest)) = text.split_once("://").filter(|_| is_postgres(text)) else {
        let scheme = text.split(':').next().filter(|scheme| ["postgres", "postgresql"].contains(scheme));
        return scheme.map_or_else(|| "***".to_owned(), |scheme| format!("{scheme}:***"));
    };
    // A password may hold any character, so everything up to the last `@` may belong to it.
    let (user, rest) = match rest.rsplit_once('@') {
        None => (None, rest),
        Some((before, after)) => {
            let (user, password) = match before.split_once(':') {
                None => (before, ""),
                Some((user, _)) => (user, ":***"),
            };
            (Some((user, password)), after)
        }
    };
    let (place, query) = match rest.split_once('?') {
        None => (rest, ""),
        Some((place, _)) => (place, "?***"),
    };
    let plain =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%,[]/".contains(&byte));
    // `user:password` without an `@` looks like `host:port`.
    let has_ports = place.split(['/', ',']).all(|one| match one.rsplit_once(':') {
        None => plain(one),
        Some((host, port)) => {
            plain(&host.replace(':', ""))
                && (port.trim_end_matches(']')).bytes().all(|byte| byte.is_ascii_digit())
        }
    });
    match user {
        None if has_ports => format!("{scheme}://{place}{query}"),
        Some((user, password)) if has_ports && plain(user) => {
            format!("{scheme}://{user}{password}@{place}{query}")
        }
        None | Some(_) => format!("{scheme}://***"),
    }
}
