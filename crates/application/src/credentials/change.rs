//! Switching credentials on and off, and deleting them.

use crate::{AppError, Application, ErrorKind};
use gatepost_domain::credentials::{AccessKeyId, Credential};
use gatepost_storage::StorageError;

/// Another operator at the same moment is rare; three in a row are not tried.
const ATTEMPTS: usize = 3;

impl Application {
    /// Switches a credential on or off, for every replica within a second.
    pub async fn switch_credential(&self, id: &AccessKeyId, enabled: bool) -> Result<Credential, AppError> {
        for _ in 0..ATTEMPTS {
            let stored = self.storage.reader().find_credential(id).await?;
            let mut credential = stored.ok_or_else(|| no_such_credential(id))?.credential;
            if credential.enabled == enabled {
                return Ok(credential);
            }
            let expected = credential.version;
            credential.enabled = enabled;
            credential.version = expected.next();
            match self.storage.writer().update_credential(&credential, expected).await {
                Ok(()) => return Ok(credential),
                Err(StorageError::Stale(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(AppError::concurrent_modification())
    }

    /// Deletes a credential, for every replica within a second.
    pub async fn delete_credential(&self, id: &AccessKeyId) -> Result<(), AppError> {
        if self.storage.writer().delete_credential(id).await? { Ok(()) } else { Err(no_such_credential(id)) }
    }
}

fn no_such_credential(id: &AccessKeyId) -> AppError {
    AppError::new(
        ErrorKind::NotFound,
        format!("there is no credential {id}: see `gatepost credentials list`"),
    )
}
