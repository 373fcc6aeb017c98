//! The one table of settings. Flags, variables, TOML keys, help and `check-config` all come from it.

use crate::storage::without_password;

/// One setting.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    pub(crate) section: &'static str,
    pub(crate) kind: Kind,
    /// How a value is called in help.
    pub(crate) value: &'static str,
    pub(crate) secrecy: Secrecy,
    pub(crate) places: Places,
    pub(crate) help: &'static str,
}

/// What a TOML file writes for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Whole,
    Decimal,
    Size,
    Duration,
    Switch,
}

/// How much of a value may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrecy {
    Open,
    /// All but the password that may be within.
    Url,
    Secret,
}

/// Where it can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Places {
    Everywhere,
    /// Not in a TOML file.
    FlagAndEnvironment,
    /// A flag would show it in process lists, and a file would be one more place to guard.
    Environment,
}

impl Setting {
    pub(crate) fn flag(&self) -> String {
        format!("--{}", self.name)
    }

    pub(crate) fn variable(&self) -> String {
        format!("GATEPOST_{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }

    /// The value as messages and `check-config` may show it: on one line, not too long, without secrets.
    pub(crate) fn shown(&self, text: &str) -> String {
        const LONGEST: usize = 100;
        match self.secrecy {
            Secrecy::Secret => "***".to_owned(),
            Secrecy::Url => without_password(text),
            Secrecy::Open if text.is_empty() => "''".to_owned(),
            Secrecy::Open => match text.char_indices().nth(LONGEST) {
                Some((end, _)) => format!("{}…", text[..end].escape_debug()),
                None => text.escape_debug().to_string(),
            },
        }
    }
}

/// The row of a setting.
pub(crate) fn setting(name: &str) -> &'static Setting {
    SETTINGS.iter().find(|setting| setting.name == name).expect("only names of the table are asked for")
}

const fn row(
    section: &'static str,
    name: &'static str,
    kind: Kind,
    value: &'static str,
    help: &'static str,
) -> Setting {
    Setting { name, section, kind, value, secrecy: Secrecy::Open, places: Places::Everywhere, help }
}

const fn environment_only(
    section: &'static str,
    name: &'static str,
    secrecy: Secrecy,
    help: &'static str,
) -> Setting {
    Setting { secrecy, places: Places::Environment, ..row(section, name, Kind::Text, "", help) }
}

const LISTENERS: &str = "Listeners";
const STORAGE: &str = "Storage";
const AUTH: &str = "Authentication";
const CUSTODY: &str = "Custody";
const LIMITS: &str = "Limits";
const SHUTDOWN: &str = "Shutdown";
const AUDIT: &str = "Audit";
const LOGGING: &str = "Logging";

/// Every setting, in the order of help and `check-config`.
pub(crate) static SETTINGS: &[Setting] = &[
    Setting {
        places: Places::FlagAndEnvironment,
        ..row("Settings", "config", Kind::Text, "PATH", "A TOML file with settings")
    },
    row(LISTENERS, "control-listen", Kind::Text, "IP:PORT", "The AWS-compatible API"),
    row(LISTENERS, "data-listen", Kind::Text, "IP:PORT", "What gateways ask; unix:PATH too"),
    row(LISTENERS, "admin-listen", Kind::Text, "IP:PORT", "Health and metrics"),
    row(
        LISTENERS,
        "tls-cert",
        Kind::Text,
        "PATH",
        "PEM chain of certificates for TLS on control and data; with --tls-key",
    ),
    row(LISTENERS, "tls-key", Kind::Text, "PATH", "PEM private key of --tls-cert"),
    row(
        LISTENERS,
        "tls-client-ca",
        Kind::Text,
        "PATH",
        "PEM certificates: clients must show one that these have signed",
    ),
    row(
        LISTENERS,
        "trusted-proxies",
        Kind::Text,
        "NETWORKS",
        "Addresses and networks, with commas between, whose PROXY protocol and X-Forwarded-For are believed",
    ),
    Setting {
        secrecy: Secrecy::Url,
        ..row(
            STORAGE,
            "storage",
            Kind::Text,
            "URL",
            "Where keys are kept: memory:, sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE",
        )
    },
    row(STORAGE, "storage-file", Kind::Text, "PATH", "A file that holds the text of --storage"),
    row(STORAGE, "no-migrate", Kind::Switch, "BOOL", "Do not bring the schema up to date on the start"),
    Setting {
        secrecy: Secrecy::Url,
        ..row(
            STORAGE,
            "storage-listen",
            Kind::Text,
            "URL",
            "PostgreSQL: a direct address for LISTEN where --storage goes through a pooler",
        )
    },
    row(
        STORAGE,
        "storage-connections",
        Kind::Whole,
        "N",
        "PostgreSQL: the most connections of this server, 2 to 500",
    ),
    row(AUTH, "auth", Kind::Text, "MODE", "Who may call the control plane: sigv4, or off for everybody"),
    row(
        AUTH,
        "auth-off-anywhere",
        Kind::Switch,
        "BOOL",
        "Allow --auth off on a listener that other machines can reach",
    ),
    row(
        AUTH,
        "default-account",
        Kind::Text,
        "ID",
        "The account of the root credential, of --auth off, and of the data plane",
    ),
    environment_only(AUTH, "root-access-key-id", Secrecy::Secret, "Access key id of a root credential"),
    environment_only(AUTH, "root-access-key-id-file", Secrecy::Open, "A file that holds it"),
    environment_only(AUTH, "root-secret-access-key", Secrecy::Secret, "Its secret; neither is ever stored"),
    environment_only(AUTH, "root-secret-access-key-file", Secrecy::Open, "A file that holds it"),
    row(
        CUSTODY,
        "master-key-file",
        Kind::Text,
        "PATH",
        "The file with the master key that seals keys' values",
    ),
    environment_only(CUSTODY, "master-key", Secrecy::Secret, "The master key itself, instead of a file"),
    row(
        LIMITS,
        "key-min-length",
        Kind::Whole,
        "N",
        "The shortest value that Create and Import accept, 20 to 128",
    ),
    row(LIMITS, "max-keys-per-account", Kind::Whole, "N", "The most keys that an account may have"),
    row(LIMITS, "max-plans-per-account", Kind::Whole, "N", "The most usage plans that an account may have"),
    row(LIMITS, "max-plans-per-key", Kind::Whole, "N", "The most usage plans that a key may be in"),
    row(
        LIMITS,
        "control-rate",
        Kind::Decimal,
        "RATE",
        "Control-plane requests per second, per account and replica",
    ),
    row(
        LIMITS,
        "control-burst",
        Kind::Whole,
        "N",
        "How many of them may come at once [default: --control-rate rounded up]",
    ),
    row(LIMITS, "max-import-bytes", Kind::Size, "SIZE", "The largest body of an import"),
    row(
        LIMITS,
        "max-spool-bytes",
        Kind::Size,
        "SIZE",
        "The most that all imports under way may hold together [default: 4 times --max-import-bytes]",
    ),
    row(LIMITS, "max-connections", Kind::Whole, "N", "The most connections that one listener keeps open"),
    row(
        LIMITS,
        "header-timeout",
        Kind::Duration,
        "TIME",
        "The time within which a request's head must arrive; also the longest idle time of a connection",
    ),
    row(LIMITS, "body-timeout", Kind::Duration, "TIME", "The longest silence within a request's body"),
    row(
        SHUTDOWN,
        "drain-delay",
        Kind::Duration,
        "TIME",
        "How long listeners still accept after a signal to end, while readiness says 503",
    ),
    row(
        SHUTDOWN,
        "drain-timeout",
        Kind::Duration,
        "TIME",
        "How long running requests may take to finish after that",
    ),
    row(AUDIT, "audit-log", Kind::Text, "PATH", "Append who did what to which key; - is stderr"),
    row(
        LOGGING,
        "log",
        Kind::Text,
        "FORMAT",
        "pretty or json; RUST_LOG filters [default: pretty on a terminal, else json]",
    ),
];
