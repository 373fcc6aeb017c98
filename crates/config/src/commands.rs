//! What the program can be asked to do, and the flags that only some commands know.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, builder::ValueParser};
use gatepost_domain::AccountId;
use gatepost_domain::usage_plans::UsagePlanId;

use crate::ConfigError;
use crate::credentials::{self, Credentials};

/// The subcommands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Serve; also what is done when no subcommand is given.
    Serve,
    /// Bring the storage's schema up to date.
    Migrate,
    /// Write the keys of an account to a file.
    Export(Export),
    /// Bring keys from a file into an account.
    Import(Import),
    /// Work on what callers sign with.
    Credentials(Credentials),
    /// Print the effective settings, or what is wrong with them.
    CheckConfig,
    /// Ask the running server's admin listener whether it is ready.
    Healthcheck,
}

/// `gatepost export`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// What is written.
    pub format: ExportFormat,
    /// Where to; stdout when there is none.
    pub output: Option<PathBuf>,
    /// Whose keys; the default account's when there is none.
    pub account: Option<AccountId>,
    /// A running server to ask instead of the storage.
    pub endpoint: Option<Endpoint>,
}

/// The forms of an exported account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportFormat {
    /// Everything, sealed under the key in this file, which is made when it is not there.
    Sealed {
        /// The file.
        key_file: PathBuf,
    },
    /// AWS's CSV, with the values in the clear.
    Csv,
}

/// `gatepost import`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// What is read.
    pub source: ImportSource,
    /// What a sealed file is opened with.
    pub key_file: Option<PathBuf>,
    /// Into which account; the default account when there is none.
    pub account: Option<AccountId>,
    /// A running server to hand the keys to instead of the storage.
    pub endpoint: Option<Endpoint>,
    /// Whether any warning about a CSV file keeps all of it out.
    pub fail_on_warnings: bool,
    /// Whether only to say what would be done.
    pub dry_run: bool,
}

/// Where imported keys come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportSource {
    /// A sealed export or a CSV file; `-` is stdin.
    File(PathBuf),
    /// What the AWS CLI printed.
    Aws(Vec<AwsFile>),
}

/// An output of the AWS CLI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsFile {
    /// The file.
    pub path: PathBuf,
    /// The plan whose keys it lists; none: it holds keys or plans.
    pub plan: Option<UsagePlanId>,
}

impl AwsFile {
    /// Reads `FILE` or `PLAN_ID=FILE`.
    fn parse(word: &OsStr) -> Self {
        let bytes = word.as_bytes();
        let parts = bytes.iter().position(|byte| *byte == b'=').and_then(|at| {
            let plan = UsagePlanId::parse(str::from_utf8(&bytes[..at]).ok()?)?;
            Some((plan, OsStr::from_bytes(&bytes[at + 1..])))
        });
        match parts {
            Some((plan, path)) => Self { path: path.into(), plan: Some(plan) },
            None => Self { path: word.into(), plan: None },
        }
    }
}

/// A control listener, spoken to in plain HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
}

impl Endpoint {
    fn parse(text: &str) -> Result<Self, ConfigError> {
        let wrong = |problem: &str| ConfigError::Command {
            flag: "--endpoint",
            problem: format!("{problem}: http://HOST:PORT, such as http://127.0.0.1:8080"),
        };
        if text.starts_with("https:") {
            return Err(wrong("https is not spoken yet, so ask the control listener itself"));
        }
        let authority = text.strip_prefix("http://").ok_or_else(|| wrong("not an address of a server"))?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let (host, port) = match authority.rsplit_once(':') {
            // A colon within brackets parts no port.
            Some((_, port)) if port.ends_with(']') => (authority, Some(80)),
            Some((host, port)) => (host, port.parse().ok()),
            None => (authority, Some(80)),
        };
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
        match port {
            Some(port) if !host.is_empty() && host.bytes().all(good) => {
                Ok(Self { host: host.to_owned(), port })
            }
            Some(_) | None => Err(wrong("not an address of a server")),
        }
    }

    /// The name or address to connect to.
    #[must_use]
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// `HOST:PORT`.
impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.host, self.port)
    }
}

/// Names and purposes, in the order of help.
pub(crate) const COMMANDS: [(&str, &str); 7] = [
    ("serve", "Serve; also without a subcommand"),
    ("migrate", "Bring the storage's schema up to date, as a step of its own"),
    ("export", "Write an account's keys to a file, sealed or as CSV"),
    ("import", "Bring keys from such a file, or keys and plans from AWS, into an account"),
    ("credentials", "Make, list, disable, enable and delete what callers sign with"),
    ("check-config", "Print every setting and where its value comes from, or what is wrong"),
    ("healthcheck", "Ask the running server whether it is ready: exit 0 or 1"),
];

/// What opens and seals values, and so cannot do without the master key of its storage.
impl Command {
    pub(crate) fn needs_master_key(&self) -> bool {
        match self {
            Self::Serve | Self::CheckConfig | Self::Credentials(_) => true,
            Self::Export(Export { endpoint, .. }) | Self::Import(Import { endpoint, .. }) => {
                endpoint.is_none()
            }
            Self::Migrate | Self::Healthcheck => false,
        }
    }

    pub(crate) fn parse(name: &str, matches: &ArgMatches) -> Result<Self, ConfigError> {
        Ok(match name {
            "serve" => Self::Serve,
            "migrate" => Self::Migrate,
            "export" => Self::Export(Export {
                format: export_format(matches)?,
                output: path(matches, "output").filter(|path| path.as_os_str() != "-"),
                account: account(matches)?,
                endpoint: endpoint(matches)?,
            }),
            "import" => Self::Import(Import {
                source: import_source(matches)?,
                key_file: path(matches, "export-key-file"),
                account: account(matches)?,
                endpoint: endpoint(matches)?,
                fail_on_warnings: matches.get_flag("fail-on-warnings"),
                dry_run: matches.get_flag("dry-run"),
            }),
            "credentials" => match matches.subcommand() {
                Some((name, matches)) => Self::Credentials(Credentials::parse(name, matches)?),
                None => unreachable!("clap requires a subcommand"),
            },
            "check-config" => Self::CheckConfig,
            "healthcheck" => Self::Healthcheck,
            other => unreachable!("clap knows no subcommand {other}"),
        })
    }
}

/// The subcommands as clap knows them.
pub(crate) fn subcommands() -> impl Iterator<Item = clap::Command> {
    COMMANDS.into_iter().map(|(name, about)| {
        let command = clap::Command::new(name).about(about);
        let key = flag("export-key-file", "PATH");
        let account = flag("account", "ID").help("The account [default: --default-account]");
        let endpoint = flag("endpoint", "URL").help(
            "The control listener of a running server, http://HOST:PORT, to go through its API instead of its storage",
        );
        match name {
            "export" => command.args([
                flag("format", "FORMAT").help(
                    "sealed: everything, encrypted; csv: AWS's columns, in the clear [default: sealed]",
                ),
                flag("output", "PATH").help("The file to write [default: stdout]"),
                key.help("The key that seals the export: a file like the master key's, made when it is not there"),
                switch("reveal-values").help("Yes, write the values of keys in the clear: needed for csv"),
                account,
                endpoint,
            ]),
            "import" => command.args([
                Arg::new("file")
                    .value_name("FILE")
                    .num_args(0..)
                    .value_parser(ValueParser::os_string())
                    .help("A sealed export or a CSV file; - is stdin. With --from-aws several"),
                switch("from-aws").help(
                    "The files are what `aws apigateway get-api-keys --include-values`, `get-usage-plans` and \
                     `get-usage-plan-keys` print, the last ones given as PLAN_ID=FILE",
                ),
                key.help("The key that the export was sealed with"),
                switch("fail-on-warnings").help("CSV: import nothing when any row has a problem"),
                switch("dry-run").help("Change nothing, only say what would be done"),
                account,
                endpoint,
            ]),
            "credentials" => credentials::command(command),
            _ => command,
        }
    })
}

pub(crate) fn flag(name: &'static str, value: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).value_parser(ValueParser::os_string()).action(ArgAction::Set)
}

fn switch(name: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue)
}

fn path(matches: &ArgMatches, name: &str) -> Option<PathBuf> {
    matches.get_one::<OsString>(name).map(PathBuf::from)
}

pub(crate) fn text<'m>(matches: &'m ArgMatches, name: &str) -> Option<&'m str> {
    // What is not UTF-8 becomes a text that no flag takes.
    matches.get_one::<OsString>(name).map(|value| value.to_str().unwrap_or("\u{fffd}"))
}

pub(crate) fn account(matches: &ArgMatches) -> Result<Option<AccountId>, ConfigError> {
    let parse = |text: &str| {
        AccountId::parse(text)
            .map_err(|error| ConfigError::Command { flag: "--account", problem: error.to_string() })
    };
    text(matches, "account").map(parse).transpose()
}

fn endpoint(matches: &ArgMatches) -> Result<Option<Endpoint>, ConfigError> {
    if let (Some(_), Some(_)) = (text(matches, "endpoint"), text(matches, "account")) {
        let problem = "the server behind --endpoint decides whose keys it shows: give only one of them";
        return Err(ConfigError::Command { flag: "--account", problem: problem.to_owned() });
    }
    text(matches, "endpoint").map(Endpoint::parse).transpose()
}

fn import_source(matches: &ArgMatches) -> Result<ImportSource, ConfigError> {
    let wrong =
        |flag: &'static str, problem: &str| Err(ConfigError::Command { flag, problem: problem.to_owned() });
    let mut words = matches.get_many::<OsString>("file").into_iter().flatten();
    if matches.get_flag("from-aws") {
        let files: Vec<_> = words.map(|word| AwsFile::parse(word)).collect();
        return if files.is_empty() {
            wrong(
                "--from-aws",
                "which files? gatepost import --from-aws KEYS.json PLANS.json PLAN_ID=PLAN-KEYS.json",
            )
        } else if path(matches, "export-key-file").is_some() {
            wrong("--export-key-file", "what AWS prints is not sealed: leave it out")
        } else if matches.get_flag("fail-on-warnings") {
            wrong("--fail-on-warnings", "is for CSV files; --dry-run tells what --from-aws would refuse")
        } else if text(matches, "endpoint").is_some() {
            wrong(
                "--endpoint",
                "the API cannot be told the ids and dates that --from-aws brings: leave it out, and name the storage",
            )
        } else {
            Ok(ImportSource::Aws(files))
        };
    }
    match (words.next(), words.next()) {
        (Some(word), None) => Ok(ImportSource::File(word.into())),
        (None, _) => wrong("import", "which file? gatepost import FILE, or - for stdin"),
        (Some(_), Some(_)) => wrong(
            "command line",
            "a word that belongs to no flag: gatepost import takes one file, or several with --from-aws",
        ),
    }
}

fn export_format(matches: &ArgMatches) -> Result<ExportFormat, ConfigError> {
    let wrong =
        |flag: &'static str, problem: &str| Err(ConfigError::Command { flag, problem: problem.to_owned() });
    match (text(matches, "format").unwrap_or("sealed"), path(matches, "export-key-file")) {
        ("sealed", Some(key_file)) if !matches.get_flag("reveal-values") => {
            Ok(ExportFormat::Sealed { key_file })
        }
        ("sealed", Some(_)) => {
            wrong("--reveal-values", "a sealed export shows nothing: leave it out, or --format csv")
        }
        ("sealed", None) => wrong(
            "--export-key-file",
            "a sealed export needs the file of the key that seals it, and makes it when it is not there",
        ),
        ("csv", Some(_)) => wrong("--export-key-file", "a CSV file is not sealed: leave it out"),
        ("csv", None) if matches.get_flag("reveal-values") => Ok(ExportFormat::Csv),
        ("csv", None) => wrong(
            "--format",
            "a CSV file holds the values of all keys in the clear: add --reveal-values if that is what you want",
        ),
        _ => wrong("--format", "sealed or csv"),
    }
}
