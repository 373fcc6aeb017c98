//! Settings as a start of the program finds them. A file for each file of the crate whose rules are tested.

mod auth;
mod commands;
mod custody;
mod layers;
mod limits;
mod listeners;
mod storage;
mod table;
mod values;

use super::*;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// A start of the program with its own flags, variables and files.
struct Start {
    args: Vec<String>,
    env: Vec<(String, OsString)>,
    files: TempDir,
    terminal: bool,
}

fn start(args: &[&str]) -> Start {
    let args = args.iter().map(|arg| (*arg).to_owned()).collect();
    Start { args, env: Vec::new(), files: TempDir::new().unwrap(), terminal: false }
}

impl Start {
    fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Writes a file and gives its path to a variable.
    fn file(self, variable: &str, text: &str) -> Self {
        let path = self.path(variable);
        fs::write(&path, text).unwrap();
        self.env(variable, path)
    }

    fn toml(self, text: &str) -> Self {
        self.file("GATEPOST_CONFIG", text)
    }

    fn path(&self, variable: &str) -> PathBuf {
        self.files.path().join(variable)
    }

    fn load(&self) -> Result<Invocation, ConfigError> {
        let args = ["gatepost"].into_iter().chain(self.args.iter().map(String::as_str)).map(OsString::from);
        let env =
            |name: &str| self.env.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        load(args, env, self.terminal)
    }

    fn settings(&self) -> Settings {
        match self.load() {
            Ok(invocation) => invocation.settings,
            Err(error) => panic!("{error}"),
        }
    }

    /// The one line of the refusal, with the test's own folder as `DIR`.
    fn refusal(&self) -> String {
        let error = self.load().err().expect("these settings should be refused");
        assert!(!matches!(error, ConfigError::Help(_)));
        let line = error.to_string().replace(self.files.path().to_str().unwrap(), "DIR");
        assert_eq!(line.lines().count(), 1, "{line}");
        line
    }
}

/// The database file, where that is where keys are kept.
fn sqlite(settings: &Settings) -> Option<&str> {
    match &settings.storage.choice {
        StorageChoice::Sqlite { path } => path.to_str(),
        StorageChoice::Memory | StorageChoice::Postgres { .. } => None,
    }
}

fn port(settings: &Settings) -> u16 {
    settings.listeners.admin.port()
}
