//! UpdateApiKey.

use super::ShownApiKey;
use crate::{AppError, Application, Caller};
use gatepost_domain::api_keys::{ApiKeyId, ApiKeyPatch, PatchOperation};
use gatepost_storage::StorageError;

/// How often a change is tried again when another one came between its read and its write.
const RETRIES: usize = 3;

impl Application {
    /// Changes a key by the operations, in their order: all or none.
    pub async fn update_api_key(
        &self,
        caller: Caller,
        id: &str,
        operations: &[PatchOperation<'_>],
    ) -> Result<ShownApiKey, AppError> {
        let id = ApiKeyId::parse(id).ok_or_else(AppError::no_such_key)?;
        let changes = operations.iter().copied().map(ApiKeyPatch::parse).collect::<Result<Vec<_>, _>>()?;
        for _ in 0..=RETRIES {
            let found = self.storage.reader().find_api_key(caller.account, &id).await?;
            let before = found.ok_or_else(AppError::no_such_key)?.key;
            let key = before.patched(changes.clone(), self.clock.now())?;
            if key.version == before.version {
                return Ok(ShownApiKey { key, value: None });
            }
            let mut unit = self.storage.begin().await?;
            match unit.update_api_key(caller.account, &key, before.version).await {
                Ok(()) => {
                    unit.commit().await?;
                    return Ok(ShownApiKey { key, value: None });
                }
                Err(StorageError::Stale(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(AppError::concurrent_modification())
    }
}
