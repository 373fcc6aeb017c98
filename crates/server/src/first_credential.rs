//! The first start: a new installation gets one administrator, so that somebody can come in.
//!
//! Its secret is told once: on a terminal, or in a file that only this user can read. It is told before the credential is
//! kept, so however a start ends, the credential that was told last is the one that there is, or there is none and the
//! next start tells another.

use crate::commands::credentials::exports;
use crate::compose::StartError;
use crate::key_file::folder_of;
use gatepost_application::Application;
use gatepost_application::credentials::FirstCredential;
use gatepost_config::{Settings, StorageChoice};
use std::fs::File;
use std::io::{self, IsTerminal, Write, stderr};
use std::path::{Path, PathBuf};

const FILE: &str = "gatepost-first-credential";

/// Makes the first credential where one is due, and tells it. Where several servers share a storage none is made: each
/// would tell another one.
pub(crate) async fn make_if_due(settings: &Settings, application: &Application) -> Result<(), StartError> {
    if settings.auth.root.is_some() {
        return Ok(());
    }
    let folder = match &settings.storage.choice {
        StorageChoice::Postgres { .. } => return warn_if_nobody_can_call(application).await,
        StorageChoice::Sqlite { path } => folder_of(path),
        StorageChoice::Memory => Path::new("."),
    };
    let account = settings.auth.default_account;
    let FirstCredential::Due(first) = application.first_credential(account).await? else {
        return warn_if_nobody_can_call(application).await;
    };
    tell(&exports(first.credential(), first.secret()), folder)
        .map_err(|why| StartError::File { path: folder.join(FILE), why })?;
    Ok(application.keep_first_credential(&first).await?)
}

async fn warn_if_nobody_can_call(application: &Application) -> Result<(), StartError> {
    if !application.has_credentials().await? {
        tracing::warn!(
            "there is no credential, so nobody can call the control plane: make one with `gatepost credentials create \
             --policy administrator`"
        );
    }
    Ok(())
}

fn tell(exports: &str, folder: &Path) -> io::Result<()> {
    let mut terminal = stderr().lock();
    if terminal.is_terminal() {
        return write!(
            terminal,
            "The first credential, an administrator's. It is shown only now:\n{exports}"
        );
    }
    let path = write_file(exports, folder)?;
    tracing::info!(path = %path.display(), "the first credential, an administrator's, is in this file: move it to a safe place");
    Ok(())
}

/// Under its name only when it is whole, and never readable by others.
fn write_file(exports: &str, folder: &Path) -> io::Result<PathBuf> {
    let path = folder.join(FILE);
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(exports.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_file_is_its_owners_only_and_takes_the_place_of_an_older_one() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "an older one").unwrap();
        let path = write_file("export A=b\n", folder.path()).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "export A=b\n");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
