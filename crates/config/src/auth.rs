//! Who may call the control plane.

use std::ffi::OsString;

use gatepost_domain::AccountId;
use zeroize::Zeroizing;

use crate::layers::Layers;
use crate::values::{self, Wrong};
use crate::{ConfigError, Listeners, SecretText};

/// Who may call the control plane.
#[derive(Clone)]
pub struct Auth {
    /// How callers are told apart.
    pub mode: AuthMode,
    /// With [`AuthMode::Off`]: other machines may reach the control listener, under any Host.
    pub off_anywhere: bool,
    /// The account of the root credential, of [`AuthMode::Off`] and of data-plane calls.
    pub default_account: AccountId,
    /// A credential that is never stored.
    pub root: Option<RootCredential>,
}

/// How callers are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMode {
    /// By AWS Signature Version 4.
    SigV4,
    /// Not at all.
    Off,
}

/// An access key from the environment.
#[derive(Clone)]
pub struct RootCredential {
    /// Which key.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: SecretText,
}

const MODES: &[(&str, AuthMode)] = &[("sigv4", AuthMode::SigV4), ("off", AuthMode::Off)];

const ID: &str = "root-access-key-id";
const ID_FILE: &str = "root-access-key-id-file";
const SECRET: &str = "root-secret-access-key";
const SECRET_FILE: &str = "root-secret-access-key-file";

impl Auth {
    pub(crate) fn read(layers: &Layers) -> Result<Self, ConfigError> {
        Ok(Auth {
            mode: layers.value("auth", values::word(MODES))?,
            off_anywhere: layers.value("auth-off-anywhere", values::switch)?,
            default_account: layers.value("default-account", |text| {
                AccountId::parse(text).map_err(|_| Wrong {
                    problem: "is not an account id",
                    allowed: "exactly twelve digits".to_owned(),
                })
            })?,
            root: RootCredential::read(layers)?,
        })
    }

    /// Refuses an open door to the network that nobody asked for by name.
    pub(crate) fn check_listener(&self, listeners: &Listeners, layers: &Layers) -> Result<(), ConfigError> {
        match self.mode {
            AuthMode::Off if !self.off_anywhere && !listeners.control.ip().to_canonical().is_loopback() => {
                let given = layers.given("control-listen").expect("defaults.toml has it");
                Err(given.refused(
                    "control-listen",
                    Wrong {
                        problem: "can be reached by other machines while auth is off",
                        allowed: "listen on 127.0.0.1, or set auth-off-anywhere when something in front \
                                  authenticates"
                            .to_owned(),
                    },
                ))
            }
            AuthMode::Off | AuthMode::SigV4 => Ok(()),
        }
    }
}

/// What the program signs with when it asks a server itself: the variables that AWS's own clients read.
pub(crate) fn client_credential(env: impl Fn(&str) -> Option<OsString>) -> Option<RootCredential> {
    let read = |name| env(name).and_then(|text| text.into_string().ok()).filter(|text| !text.is_empty());
    let secret = Zeroizing::new(read("AWS_SECRET_ACCESS_KEY")?);
    Some(RootCredential {
        access_key_id: read("AWS_ACCESS_KEY_ID")?,
        secret_access_key: SecretText::new(secret),
    })
}

impl RootCredential {
    fn read(layers: &Layers) -> Result<Option<Self>, ConfigError> {
        let id = either(layers, ID, ID_FILE, |text| {
            let well_formed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            if (1..=128).contains(&text.len()) && text.bytes().all(well_formed) {
                return Ok(());
            }
            let allowed = "1 to 128 letters, digits or underscores".to_owned();
            Err(Wrong { problem: "is not an access key id", allowed })
        })?;
        let secret = either(layers, SECRET, SECRET_FILE, |text| {
            if text.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Ok(());
            }
            let allowed = "printable ASCII characters without spaces".to_owned();
            Err(Wrong { problem: "is not a secret access key", allowed })
        })?;
        let half = |one: &str, one_file: &str, other: &str| {
            let (name, given) = [one, one_file]
                .into_iter()
                .find_map(|name| Some((name, layers.given(name)?)))
                .expect("this half was just read");
            let variable = crate::table::setting(other).variable();
            let allowed = format!("set {variable} or {variable}_FILE too");
            Err(given.refused(name, Wrong { problem: "is only half of a root credential", allowed }))
        };
        match (id, secret) {
            (None, None) => Ok(None),
            (Some(_), None) => half(ID, ID_FILE, SECRET),
            (None, Some(_)) => half(SECRET, SECRET_FILE, ID),
            (Some(id), Some(secret)) => Ok(Some(RootCredential {
                access_key_id: id.as_str().to_owned(),
                secret_access_key: SecretText::new(secret),
            })),
        }
    }
}

/// A value from its variable or from the file that another one names.
fn either(
    layers: &Layers,
    direct: &'static str,
    file: &str,
    check: impl Fn(&str) -> Result<(), Wrong>,
) -> Result<Option<Zeroizing<String>>, ConfigError> {
    layers.not_both(direct, direct, file)?;
    let (name, text) = match layers.file(file)? {
        // Editors end a file with a newline that is not part of the value.
        Some((_, text)) => (file, Zeroizing::new(text.trim().to_owned())),
        None => match layers.given(direct) {
            Some(given) => (direct, given.text.clone()),
            None => return Ok(None),
        },
    };
    let given = layers.given(name).expect("it was just read");
    check(&text).map(|()| Some(text)).map_err(|wrong| given.refused(name, wrong))
}
