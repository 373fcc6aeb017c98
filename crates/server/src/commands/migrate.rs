//! `gatepost migrate`: the schema, as a step of its own before servers with `--no-migrate` start.

use super::command::{self, CommandError};
use crate::compose::StartError;
use gatepost_config::{Settings, StorageChoice};
use std::process::ExitCode;

pub(crate) fn run(settings: &Settings) -> ExitCode {
    command::run(migrate(settings))
}

#[expect(clippy::print_stdout, reason = "what was done is what the command answers")]
async fn migrate(settings: &Settings) -> Result<ExitCode, CommandError> {
    let (from, to) = match &settings.storage.choice {
        StorageChoice::Memory => return Err(CommandError::NothingToMigrate),
        StorageChoice::Sqlite { path } => {
            let done = gatepost_storage_sqlite::migrate(path).await.map_err(StartError::storage)?;
            (done.from, done.to)
        }
        StorageChoice::Postgres { url } => {
            let done = gatepost_storage_postgres::migrate(url.expose()).await.map_err(StartError::storage)?;
            (i64::from(done.from), i64::from(done.to))
        }
    };
    if from == to {
        println!("the schema is at version {to} already");
    } else {
        println!("migrated the schema from version {from} to version {to}");
    }
    Ok(ExitCode::SUCCESS)
}
