//! Who gets in, and how far: `signatures` of requests, `credentials` and the command that manages them, `permissions`,
//! `accounts` that see nothing of each other, and the `audit` log.

mod accounts;
mod audit;
mod credentials;
mod permissions;
mod signatures;

use integration_tests::server::{Credential, Server, ServerOptions, run};
use std::path::PathBuf;
use tempfile::TempDir;

use crate::BINARY;

/// A folder with a database, its server that asks for signatures, and an administrator.
pub(crate) struct Place {
    folder: TempDir,
    pub(crate) server: Server,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    fn with(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let storage = format!("--storage=sqlite:{}", folder.path().join("gatepost.db").display());
        let options = ServerOptions::new(BINARY).args(&[&storage]).args(args).signed();
        Self { server: Server::start(&options), folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `gatepost credentials …`: its exit code and what it wrote.
    fn credentials(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let storage = format!("--storage=sqlite:{}", self.path("gatepost.db").display());
        run(BINARY, &[&["credentials"], args, &[storage.as_str()]].concat(), &[])
    }

    /// A credential that may do what this policy says: a ready-made one's name, or a document.
    pub(crate) fn credential(&self, policy: &str, account: &str) -> Credential {
        let policy = if policy.starts_with('{') {
            let path = self.path("policy.json");
            std::fs::write(&path, policy).unwrap();
            path.display().to_string()
        } else {
            policy.to_owned()
        };
        let made = self.credentials(&["create", "--policy", &policy, "--account", account]);
        assert_eq!(made.0, Some(0), "{}", made.2);
        let credential = exported(&made.1);
        self.server.secrets().note(&credential.secret);
        credential
    }
}

/// The credential that two `export` lines hold.
fn exported(lines: &str) -> Credential {
    let value = |name: &str| {
        let mark = format!("export {name}=");
        let line = lines.lines().find_map(|line| line.strip_prefix(&mark));
        line.unwrap_or_else(|| panic!("no {mark} in {lines:?}")).to_owned()
    };
    Credential { access_key_id: value("AWS_ACCESS_KEY_ID"), secret: value("AWS_SECRET_ACCESS_KEY") }
}
