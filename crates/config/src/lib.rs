//! Every setting of the `gatepost` binary: one table, four layers, values that need no second look.
//!
//! A setting has one name: `key-min-length` is the flag `--key-min-length`, the variable `GATEPOST_KEY_MIN_LENGTH` and
//! the TOML key `key-min-length`. A flag beats the environment, that beats the file given by `--config`, that beats
//! `defaults.toml`, which is compiled in. [`load`] gives [`Settings`] that are complete and in range, or one line that
//! names the setting, where its value comes from, and what is allowed. The value of a secret is in no message.
//!
//! To add a setting: a row in `table`, its default (or an example, where there is none) with a comment in
//! `defaults.toml`, and the line that reads it in its section's file. The tests find what is forgotten. What only one
//! command knows is a flag of that command, in `commands`.

mod auth;
mod commands;
mod credentials;
mod custody;
mod error;
mod flags;
mod layers;
mod limits;
mod listeners;
mod logging;
mod secret;
mod shutdown;
mod storage;
mod table;
mod values;

use std::ffi::OsString;

pub use auth::{Auth, AuthMode, RootCredential};
pub use commands::{AwsFile, Command, Endpoint, Export, ExportFormat, Import, ImportSource};
pub use credentials::Credentials;
pub use custody::{Custody, MasterKeySource};
pub use error::{ConfigError, Origin};
pub use limits::{ControlRate, Limits};
pub use listeners::{DataListen, Listeners, Network, TlsFiles};
pub use logging::{AuditLog, LogFormat, Logging};
pub use secret::SecretText;
pub use shutdown::Shutdown;
pub use storage::{Storage, StorageChoice};

use layers::Layers;

/// What the program is asked to do, and with which settings.
pub struct Invocation {
    /// What to do.
    pub command: Command,
    /// How.
    pub settings: Settings,
}

/// Every setting, section by section. Without `Debug`: it holds secrets.
pub struct Settings {
    /// Where to listen.
    pub listeners: Listeners,
    /// Where keys are kept.
    pub storage: Storage,
    /// Who may call.
    pub auth: Auth,
    /// What commands sign with that ask a running server.
    pub client: Option<RootCredential>,
    /// How values are sealed.
    pub custody: Custody,
    /// What is refused as too short, too large, too many or too slow.
    pub limits: Limits,
    /// How serving ends.
    pub shutdown: Shutdown,
    /// Where it is written down who did what.
    pub audit: Option<AuditLog>,
    /// How the log looks.
    pub logging: Logging,
    effective: String,
}

impl Settings {
    /// Every setting with its effective value and where that comes from, a line each; secrets as `***`.
    pub fn render(&self) -> String {
        self.effective.clone()
    }
}

/// Reads the settings.
///
/// `args` begins with the program's name; `env` looks up a variable; `is_terminal` says whether the log goes to a
/// terminal. Asking for help or the version is [`ConfigError::Help`], whose text belongs on stdout, with exit code 0.
pub fn load(
    args: impl IntoIterator<Item = OsString>,
    env: impl Fn(&str) -> Option<OsString>,
    is_terminal: bool,
) -> Result<Invocation, ConfigError> {
    let (command, flags) = flags::parse(args)?;
    let client = auth::client_credential(&env);
    let mut layers = Layers::read(flags, env)?;
    let storage = Storage::read(&mut layers)?;
    let settings = Settings {
        listeners: Listeners::read(&layers)?,
        custody: Custody::read(&mut layers, &storage, command.needs_master_key())?,
        storage,
        auth: Auth::read(&layers)?,
        client,
        limits: Limits::read(&mut layers)?,
        shutdown: Shutdown::read(&layers)?,
        audit: AuditLog::read(&layers)?,
        logging: Logging::read(&mut layers, is_terminal)?,
        effective: String::new(),
    };
    settings.auth.check_listener(&settings.listeners, &layers)?;
    Ok(Invocation { command, settings: Settings { effective: layers.render(), ..settings } })
}

#[cfg(test)]
mod tests;
