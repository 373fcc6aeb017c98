//! The command line: flags from the table, and the subcommands.

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, builder::ValueParser};

use crate::commands::subcommands;
use crate::layers::defaults;
use crate::table::{Kind, Places, SETTINGS, Setting};
use crate::{Command, ConfigError};

/// What flags were given.
pub(crate) type Flags = BTreeMap<&'static str, OsString>;

pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<(Command, Flags), ConfigError> {
    let matches = program().try_get_matches_from(args).map_err(|error| one_line(&error))?;
    let (command, matches) = match matches.subcommand() {
        None => (Command::Serve, &matches),
        Some((name, matches)) => (Command::parse(name, matches)?, matches),
    };
    // A command's own subcommand knows all flags that were given before it.
    let innermost = matches.subcommand().map_or(matches, |(_, matches)| matches);
    Ok((command, SETTINGS.iter().filter_map(|setting| given(innermost, setting)).collect()))
}

fn given(matches: &ArgMatches, setting: &'static Setting) -> Option<(&'static str, OsString)> {
    if setting.places == Places::Environment {
        return None;
    }
    matches.get_one::<OsString>(setting.name).map(|value| (setting.name, value.clone()))
}

fn program() -> clap::Command {
    let defaults = defaults();
    let flags = SETTINGS.iter().filter(|setting| setting.places != Places::Environment).map(|setting| {
        let mut help = setting.help.to_owned();
        if let Some(default) = defaults.get(setting.name) {
            help += &format!(" [default: {default}]");
        }
        help += &format!(" [env: {}]", setting.variable());
        let flag = Arg::new(setting.name)
            .long(setting.name)
            .value_name(setting.value)
            .value_parser(ValueParser::os_string())
            .action(ArgAction::Set)
            .allow_negative_numbers(true)
            .global(true)
            .help_heading(setting.section)
            .help(help);
        match setting.kind {
            Kind::Switch => flag.num_args(0..=1).require_equals(true).default_missing_value("true"),
            Kind::Text | Kind::Whole | Kind::Decimal | Kind::Size | Kind::Duration => flag,
        }
    });
    let mut variables = "Only in the environment:\n".to_owned();
    for setting in SETTINGS.iter().filter(|setting| setting.places == Places::Environment) {
        variables += &format!("  {:<40} {}\n", setting.variable(), setting.help);
    }
    variables += "\nAn environment variable that is set to nothing counts as not set.";
    clap::Command::new("gatepost")
        .bin_name("gatepost")
        .version(env!("CARGO_PKG_VERSION"))
        .about("API keys for your own gateway, with AWS API Gateway's API")
        .disable_help_subcommand(true)
        .args(flags)
        .after_help(variables)
        .subcommands(subcommands())
}

/// clap's error as one line, without any word that may be a value.
fn one_line(error: &clap::Error) -> ConfigError {
    let problem = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            return ConfigError::Help(error.render().to_string());
        }
        ErrorKind::UnknownArgument => "unknown flag",
        ErrorKind::InvalidSubcommand => "unknown subcommand",
        ErrorKind::ArgumentConflict => "given more than once",
        ErrorKind::InvalidValue => "needs a value",
        // clap may learn of more; the flag's name still says where to look.
        _ => "not understood",
    };
    let text = [ContextKind::InvalidArg, ContextKind::InvalidSubcommand].into_iter().find_map(|kind| {
        let Some(ContextValue::String(text)) = error.get(kind) else { return None };
        text.split(['=', ' ']).next()
    });
    let (word, problem) = match text {
        Some(flag) if flag.starts_with('-') && flag.len() <= 40 => (flag.escape_debug().to_string(), problem),
        // What has no dash may be a value that lost its flag, and so a secret.
        Some(_) | None if error.kind() == ErrorKind::UnknownArgument => {
            ("command line".to_owned(), "a word that belongs to no flag")
        }
        Some(_) | None => ("command line".to_owned(), problem),
    };
    ConfigError::Usage { word, problem }
}
