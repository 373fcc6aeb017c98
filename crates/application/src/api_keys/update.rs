//! UpdateApiKey.

use super::ShownApiKey;
use crate::{AppError, Application, Caller, RETRIES};
use gatepost_domain::api_keys::{ApiKey, ApiKeyId, ApiKeyPatch, PatchOperation};
use gatepost_storage::{StorageError, StoredApiKey};

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
        let patched = |found: Option<StoredApiKey>| {
            let before = found.ok_or_else(AppError::no_such_key)?.key;
            let after = before.patched(changes.clone(), self.clock.now())?;
            Ok::<_, AppError>((before.version, after))
        };
        let (expected, key) = patched(self.storage.reader().find_api_key(caller.account, &id).await?)?;
        if key.version == expected {
            return Ok(shown(key));
        }
        match self.storage.writer().update_api_key(caller.account, &key, expected).await {
            Ok(()) => return Ok(shown(key)),
            Err(StorageError::Stale(_)) => {}
            Err(error) => return Err(error.into()),
        }
        // Read again within a unit: where it is the only writer, nobody overtakes it twice.
        let mut unit = self.storage.begin().await?;
        for _ in 0..RETRIES {
            let (expected, key) = patched(unit.find_api_key(caller.account, &id).await?)?;
            if key.version == expected {
                return Ok(shown(key));
            }
            match unit.update_api_key(caller.account, &key, expected).await {
                Ok(()) => {
                    unit.commit().await?;
                    return Ok(shown(key));
                }
                Err(StorageError::Stale(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(AppError::concurrent_modification())
    }
}

fn shown(key: ApiKey) -> ShownApiKey {
    ShownApiKey { key, value: None }
}
