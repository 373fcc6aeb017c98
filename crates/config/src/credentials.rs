//! `gatepost credentials`: what it can be asked to do.

use clap::{Arg, ArgMatches, builder::ValueParser};
use gatepost_domain::AccountId;
use gatepost_domain::credentials::{AccessKeyId, CredentialName};

use crate::ConfigError;
use crate::commands::{account, flag, text};

/// `gatepost credentials …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Make one, and show its secret once.
    Create {
        /// What its owner calls it.
        name: Option<CredentialName>,
        /// The name of a ready-made policy, or the path of a policy document.
        policy: String,
        /// Whose resources it sees; the default account's when there is none.
        account: Option<AccountId>,
    },
    /// Show those of an account, or all.
    List {
        /// Whose.
        account: Option<AccountId>,
    },
    /// Switch one on or off.
    Switch {
        /// Which.
        id: AccessKeyId,
        /// Whether on.
        enabled: bool,
    },
    /// Delete one.
    Delete {
        /// Which.
        id: AccessKeyId,
    },
}

/// Names and purposes, in the order of help.
pub(crate) const COMMANDS: [(&str, &str); 5] = [
    ("create", "Make a credential, and show its secret this once"),
    ("list", "Show the credentials of an account, or of all"),
    ("disable", "Refuse a credential from now on; it can be enabled again"),
    ("enable", "Accept a disabled credential again"),
    ("delete", "Remove a credential for good"),
];

impl Credentials {
    pub(crate) fn parse(name: &str, matches: &ArgMatches) -> Result<Self, ConfigError> {
        Ok(match name {
            "create" => Self::Create {
                name: text(matches, "name").map(parse_name).transpose()?,
                policy: text(matches, "policy").map(str::to_owned).ok_or_else(|| {
                    wrong("--policy", "what may it do? administrator, read-only, key-issuer, or the path of a policy document")
                })?,
                account: account(matches)?,
            },
            "list" => Self::List { account: account(matches)? },
            "disable" => Self::Switch { id: id(matches)?, enabled: false },
            "enable" => Self::Switch { id: id(matches)?, enabled: true },
            "delete" => Self::Delete { id: id(matches)? },
            other => unreachable!("clap knows no subcommand {other}"),
        })
    }
}

/// The subcommand as clap knows it.
pub(crate) fn command(credentials: clap::Command) -> clap::Command {
    let account = || flag("account", "ID");
    let id = || {
        Arg::new("id")
            .value_name("ACCESS_KEY_ID")
            .value_parser(ValueParser::os_string())
            .help("The id of the credential")
    };
    credentials.subcommand_required(true).disable_help_subcommand(true).subcommands(COMMANDS.into_iter().map(
        |(name, about)| {
            let command = clap::Command::new(name).about(about);
            match name {
            "create" => command.args([
                flag("name", "NAME").help("What you call it"),
                flag("policy", "POLICY").help(
                    "administrator, read-only, key-issuer, or the path of a policy document in IAM's JSON",
                ),
                account().help("The account whose resources it sees [default: --default-account]"),
            ]),
            "list" => command.args([account().help("Only those of this account")]),
            _ => command.args([id()]),
        }
        },
    ))
}

fn id(matches: &ArgMatches) -> Result<AccessKeyId, ConfigError> {
    let text =
        text(matches, "id").ok_or_else(|| wrong("credentials", "which one? give its access key id"))?;
    AccessKeyId::parse(text).map_err(|error| wrong("credentials", &error.to_string()))
}

fn parse_name(text: &str) -> Result<CredentialName, ConfigError> {
    CredentialName::parse(text).map_err(|error| wrong("--name", &error.to_string()))
}

fn wrong(flag: &'static str, problem: &str) -> ConfigError {
    ConfigError::Command { flag, problem: problem.to_owned() }
}
