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
        let mut found = self.storage.reader().find_api_key(caller.account, &id).await?;
        let mut overtaken = None;
        for _ in 0..=RETRIES {
            let before = found.ok_or_else(AppError::no_such_key)?.key;
            let key = before.patched(changes.clone(), self.clock.now())?;
            if key.version == before.version {
                return Ok(ShownApiKey { key, value: None });
            }
            let mut unit = match overtaken.take() {
                Some(unit) => unit,
                None => self.storage.begin().await?,
            };
            match unit.update_api_key(caller.account, &key, before.version).await {
                Ok(()) => {
                    unit.commit().await?;
                    return Ok(ShownApiKey { key, value: None });
                }
                // Read again within the unit: where it is the only writer, nobody overtakes it twice.
                Err(StorageError::Stale(_)) => {
                    found = unit.find_api_key(caller.account, &id).await?;
                    overtaken = Some(unit);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(AppError::concurrent_modification())
    }
}
