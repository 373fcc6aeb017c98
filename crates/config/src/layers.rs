//! The four layers, merged: for each setting the text of the highest layer that gives it, and which that was.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};
use zeroize::Zeroizing;

use crate::error::{ConfigError, Origin};
use crate::flags::Flags;
use crate::table::{Kind, Places, SETTINGS, Setting, setting};
use crate::values::Wrong;

/// What the settings are given as.
pub(crate) struct Layers {
    given: BTreeMap<&'static str, Given>,
    /// Effective values that no layer gives under this name, each with its reason.
    derived: BTreeMap<&'static str, (String, &'static str)>,
}

/// One setting's text.
pub(crate) struct Given {
    pub(crate) text: Zeroizing<String>,
    pub(crate) origin: Origin,
}

impl Layers {
    pub(crate) fn read(flags: Flags, env: impl Fn(&str) -> Option<OsString>) -> Result<Self, ConfigError> {
        // Variables are asked for by name. Others that begin with GATEPOST_ are no mistake: Kubernetes sets
        // GATEPOST_SERVICE_HOST, GATEPOST_PORT and more beside a service that is named gatepost.
        let mut given = BTreeMap::new();
        let mut flags = flags;
        for setting in SETTINGS {
            let flag = flags.remove(setting.name).map(|value| (value, Origin::Flag(setting.flag())));
            let variable = || {
                let value = env(&setting.variable()).filter(|value| !value.is_empty())?;
                Some((value, Origin::Environment(setting.variable())))
            };
            if let Some((value, origin)) = flag.or_else(variable) {
                given.insert(setting.name, Given { text: utf8(setting, value, &origin)?, origin });
            }
        }
        if let Some(config) = given.get("config") {
            let path = PathBuf::from(config.text.as_str());
            let text = read_file(setting("config"), &path, &config.origin)?;
            let table = text.parse().map_err(|error| not_toml(&path, &text, &error))?;
            merge(&mut given, table, &Origin::File(path))?;
        }
        merge(&mut given, default_table(), &Origin::Default)?;
        Ok(Layers { given, derived: BTreeMap::new() })
    }

    /// What a setting is given as, the default included.
    pub(crate) fn given(&self, name: &str) -> Option<&Given> {
        self.given.get(name)
    }

    /// The same, leaving out the default: what an operator has said.
    pub(crate) fn asked(&self, name: &str) -> Option<&Given> {
        self.given(name).filter(|given| given.origin != Origin::Default)
    }

    /// The value of a setting that may be absent.
    pub(crate) fn optional<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Wrong>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(given) = self.given(name) else { return Ok(None) };
        parse(&given.text).map(Some).map_err(|wrong| given.refused(name, wrong))
    }

    /// The value of a setting that has a default.
    pub(crate) fn value<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Wrong>,
    ) -> Result<T, ConfigError> {
        Ok(self.optional(name, parse)?.expect("defaults.toml has it"))
    }

    /// The content of the file that a setting names, with its path.
    pub(crate) fn file(&self, name: &str) -> Result<Option<(PathBuf, Zeroizing<String>)>, ConfigError> {
        let Some(given) = self.given(name) else { return Ok(None) };
        let path = PathBuf::from(given.text.as_str());
        let text = read_file(setting(name), &path, &given.origin)?;
        if text.trim().is_empty() {
            let wrong =
                Wrong { problem: "is an empty file", allowed: "a file that holds the value".to_owned() };
            return Err(given.refused(name, wrong));
        }
        Ok(Some((path, text)))
    }

    /// Refuses two settings that say the same thing.
    pub(crate) fn not_both(&self, what: &'static str, one: &str, other: &str) -> Result<(), ConfigError> {
        match (self.asked(one), self.asked(other)) {
            (Some(first), Some(second)) => {
                Err(ConfigError::Both { setting: what, first: first.named(one), second: second.named(other) })
            }
            (Some(_), None) | (None, Some(_)) | (None, None) => Ok(()),
        }
    }

    /// Notes what a setting that nobody gave amounts to, for [`Layers::render`].
    pub(crate) fn derive(&mut self, name: &'static str, value: String, reason: &'static str) {
        self.derived.insert(name, (value, reason));
    }

    pub(crate) fn render(&self) -> String {
        let mut out = String::new();
        for setting in SETTINGS {
            let (value, why) = match (self.derived.get(setting.name), self.given(setting.name)) {
                (Some((value, reason)), _) => (value.clone(), (*reason).to_owned()),
                (None, Some(given)) => (setting.shown(&given.text), given.origin.to_string()),
                (None, None) => ("none".to_owned(), Origin::Default.to_string()),
            };
            writeln!(out, "{:<28} {value:<24} ({why})", setting.name).expect("a String takes every write");
        }
        out
    }
}

impl Given {
    pub(crate) fn refused(&self, name: &str, wrong: Wrong) -> ConfigError {
        refused(setting(name), &self.text, &self.origin, wrong)
    }

    /// How to point at it: a key of a file needs its name, a flag or a variable has it.
    fn named(&self, name: &str) -> String {
        match &self.origin {
            Origin::File(path) => format!("{name} in {}", path.display()),
            Origin::Default | Origin::Environment(_) | Origin::Flag(_) => self.origin.to_string(),
        }
    }
}

pub(crate) fn refused(setting: &'static Setting, text: &str, origin: &Origin, wrong: Wrong) -> ConfigError {
    ConfigError::Refused {
        setting: setting.name,
        value: setting.shown(text),
        origin: origin.clone(),
        problem: wrong.problem,
        allowed: wrong.allowed,
    }
}

/// The defaults as texts.
pub(crate) fn defaults() -> BTreeMap<&'static str, String> {
    let table = default_table();
    let text =
        |setting: &'static Setting| table.get(setting.name).and_then(|value| written(value, setting.kind));
    SETTINGS.iter().filter_map(|setting| Some((setting.name, text(setting)?))).collect()
}

pub(crate) const DEFAULTS: &str = include_str!("defaults.toml");

fn default_table() -> Table {
    DEFAULTS.parse().expect("the tests parse it")
}

/// Takes from a file what no higher layer gives, and checks the rest of it too.
fn merge(
    given: &mut BTreeMap<&'static str, Given>,
    table: Table,
    origin: &Origin,
) -> Result<(), ConfigError> {
    let path = || match origin {
        Origin::File(path) => path.clone(),
        Origin::Default | Origin::Environment(_) | Origin::Flag(_) => PathBuf::new(),
    };
    for (key, value) in table {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.name == key) else {
            let key = key.chars().take(60).collect::<String>().escape_debug().to_string();
            return Err(ConfigError::UnknownKey { key, path: path() });
        };
        let allowed = match setting.places {
            Places::Everywhere => None,
            Places::FlagAndEnvironment => Some(format!("{} or {}", setting.flag(), setting.variable())),
            Places::Environment => Some(setting.variable()),
        };
        if let Some(allowed) = allowed {
            return Err(ConfigError::NotInFile { setting: setting.name, path: path(), allowed });
        }
        let Some(text) = written(&value, setting.kind) else {
            let problem =
                Wrong { problem: "has the wrong type", allowed: toml_type(setting.kind).to_owned() };
            return Err(refused(setting, &briefly(&value), origin, problem));
        };
        let text = Zeroizing::new(text);
        given.entry(setting.name).or_insert_with(|| Given { text, origin: origin.clone() });
    }
    Ok(())
}

/// A TOML value as the text that a flag would have, if it has the setting's type.
fn written(value: &Value, kind: Kind) -> Option<String> {
    match (value, kind) {
        (Value::String(text), Kind::Text | Kind::Size | Kind::Duration) => Some(text.clone()),
        (Value::Integer(number), Kind::Whole | Kind::Decimal | Kind::Size) => Some(number.to_string()),
        (Value::Float(number), Kind::Decimal) => Some(number.to_string()),
        (Value::Boolean(switch), Kind::Switch) => Some(switch.to_string()),
        _ => None,
    }
}

fn toml_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "a string",
        Kind::Whole => "a whole number",
        Kind::Decimal => "a number",
        Kind::Size => "a number of bytes, or a string such as \"256MiB\"",
        Kind::Duration => "a string such as \"10s\"",
        Kind::Switch => "true or false",
    }
}

fn briefly(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(switch) => switch.to_string(),
        Value::Datetime(time) => time.to_string(),
        Value::Array(_) => "an array".to_owned(),
        Value::Table(_) => "a table".to_owned(),
    }
}

fn utf8(
    setting: &'static Setting,
    value: OsString,
    origin: &Origin,
) -> Result<Zeroizing<String>, ConfigError> {
    value.into_string().map(Zeroizing::new).map_err(|value| {
        let wrong = Wrong { problem: "is not UTF-8", allowed: "text".to_owned() };
        refused(setting, &value.to_string_lossy(), origin, wrong)
    })
}

fn read_file(
    setting: &'static Setting,
    path: &Path,
    origin: &Origin,
) -> Result<Zeroizing<String>, ConfigError> {
    fs::read_to_string(path).map(Zeroizing::new).map_err(|reason| ConfigError::Unreadable {
        setting: setting.name,
        path: path.to_owned(),
        origin: origin.clone(),
        reason,
    })
}

fn not_toml(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let at = error.span().map_or(0, |span| span.start).min(text.len());
    ConfigError::NotToml {
        path: path.to_owned(),
        line: text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1,
        reason: error.message().lines().next().unwrap_or("not understood").to_owned(),
    }
}
