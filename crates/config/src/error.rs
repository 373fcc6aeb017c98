//! Why the settings are refused: always one line that names the setting, the place and what is allowed.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The defaults that are compiled in.
    Default,
    /// A file, by its path.
    File(PathBuf),
    /// An environment variable, by its name.
    Environment(String),
    /// A flag, by its name with dashes.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => out.write_str("default"),
            Origin::File(path) => write!(out, "{}", path.display()),
            Origin::Environment(name) | Origin::Flag(name) => out.write_str(name),
        }
    }
}

/// What [`crate::load`] gives instead of settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Nothing is wrong: help or the version was asked for, and this is its text.
    #[error("{0}")]
    Help(String),
    /// The command line is not understood.
    #[error("{word}: {problem}: gatepost --help lists what there is")]
    Usage {
        /// The flag, where it can be told.
        word: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// What a command was told makes no sense.
    #[error("{flag}: {problem}")]
    Command {
        /// The flag.
        flag: &'static str,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// PostgreSQL without a master key.
    #[error(
        "master-key-file: PostgreSQL storage needs a master key, the same one for every server on it: make one with \
         `(printf 1:; head -c32 /dev/urandom | base64) > FILE`, keep it safe, and name it by --master-key-file or \
         GATEPOST_MASTER_KEY_FILE"
    )]
    MasterKeyMissing,
    /// A value is not what the setting allows.
    #[error("{setting}: {value} from {origin} {problem}: {allowed}")]
    Refused {
        /// The setting's name.
        setting: &'static str,
        /// The value, `***` when it is a secret.
        value: String,
        /// Where it comes from.
        origin: Origin,
        /// What is wrong with it.
        problem: &'static str,
        /// What would be right.
        allowed: String,
    },
    /// Two settings that exclude each other are given.
    #[error("{setting}: {first} and {second} are both given: give only one of them")]
    Both {
        /// What both of them set.
        setting: &'static str,
        /// One.
        first: String,
        /// The other.
        second: String,
    },
    /// The TOML file has a key that is no setting.
    #[error("{key}: unknown key in {}: gatepost --help lists the settings", path.display())]
    UnknownKey {
        /// The key.
        key: String,
        /// The file.
        path: PathBuf,
    },
    /// The TOML file has a setting that is not taken from a file.
    #[error("{setting}: cannot be set in {}: only by {allowed}", path.display())]
    NotInFile {
        /// The setting's name.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// Where it can be set.
        allowed: String,
    },
    /// The TOML file is not TOML.
    #[error("config: {} is not valid TOML: line {line}: {reason}", path.display())]
    NotToml {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there, without the file's text.
        reason: String,
    },
    /// A file that a setting names cannot be read.
    #[error("{setting}: {} from {origin} cannot be read: {reason}", path.display())]
    Unreadable {
        /// The setting's name.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// Where its name comes from.
        origin: Origin,
        /// What the system says.
        reason: io::Error,
    },
}
