//! `gatepost credentials`: what callers sign with, made and managed beside whatever server runs.

use super::command::{self, CommandError, Opened};
use super::progress::Progress;
use crate::storage::Purpose;
use gatepost_application::credentials::NewCredential;
use gatepost_config::{Credentials, Settings, StorageChoice};
use gatepost_domain::credentials::{Credential, SecretAccessKey};
use gatepost_policy::ReadyMade;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(crate) fn run(settings: &Settings, credentials: &Credentials) -> ExitCode {
    command::run(self::credentials(settings, credentials))
}

async fn credentials(settings: &Settings, asked: &Credentials) -> Result<ExitCode, CommandError> {
    if let StorageChoice::Memory = settings.storage.choice {
        return Err(CommandError::MemoryCredentials);
    }
    let purpose = if matches!(asked, Credentials::List { .. }) { Purpose::Read } else { Purpose::Write };
    let Opened { backend, application, caller } =
        Opened::new(settings, None, purpose, Progress::new()).await?;
    let mut made = None;
    let told = match asked {
        Credentials::Create { name, policy, account } => {
            let account = account.unwrap_or(caller.account);
            let new = NewCredential { account, name: name.clone(), policy: policy_document(policy)? };
            let (credential, secret) = application.create_credential(new).await?;
            let exports = exports(&credential, &secret);
            made = Some(credential);
            exports
        }
        Credentials::List { account } => table(&application.list_credentials(*account).await?),
        Credentials::Switch { id, enabled } => {
            let credential = application.switch_credential(id, *enabled).await?;
            format!("{} is {}\n", credential.id, if *enabled { "enabled" } else { "disabled" })
        }
        Credentials::Delete { id } => {
            application.delete_credential(id).await?;
            format!("{id} is deleted\n")
        }
    };
    let written = stdout().lock().write_all(told.as_bytes()).and_then(|()| stdout().flush());
    if let (Err(_), Some(credential)) = (&written, &made) {
        // Nobody has its secret.
        application.delete_credential(&credential.id).await?;
    }
    backend.close().await;
    written.map_err(|why| CommandError::File { path: PathBuf::from("stdout"), why })?;
    Ok(ExitCode::SUCCESS)
}

/// The lines that a shell takes a credential from.
pub(crate) fn exports(credential: &Credential, secret: &SecretAccessKey) -> String {
    format!("export AWS_ACCESS_KEY_ID={}\nexport AWS_SECRET_ACCESS_KEY={}\n", credential.id, secret.reveal())
}

/// A ready-made policy by its name, or the text of a file.
fn policy_document(named: &str) -> Result<String, CommandError> {
    if let Some(ready_made) = ReadyMade::parse(named) {
        return Ok(ready_made.document().to_owned());
    }
    let path = Path::new(named);
    std::fs::read_to_string(path).map_err(|why| CommandError::Policy { path: path.to_owned(), why })
}

/// A line each, its columns parted by tabs, so that both people and scripts can read it.
fn table(credentials: &[Credential]) -> String {
    let mut table = "ACCESS_KEY_ID\tACCOUNT\tSTATE\tPOLICY\tCREATED\tLAST_USED\tNAME\n".to_owned();
    for credential in credentials {
        let columns = [
            credential.id.to_string(),
            credential.account.to_string(),
            if credential.enabled { "enabled" } else { "disabled" }.to_owned(),
            policy_name(&credential.policy).to_owned(),
            credential.created.to_string(),
            credential.last_used.map_or_else(|| "-".to_owned(), |at| at.to_string()),
            credential.name.as_ref().map_or("-", |name| name.as_str()).to_owned(),
        ];
        table.push_str(&columns.join("\t"));
        table.push('\n');
    }
    table
}

fn policy_name(document: &str) -> &'static str {
    let ready_made = ReadyMade::ALL.into_iter().find(|ready_made| ready_made.document() == document);
    ready_made.map_or("custom", ReadyMade::name)
}
