//! DeleteApiKey.

use crate::{AppError, Application, Caller};
use gatepost_domain::api_keys::ApiKeyId;

impl Application {
    /// Removes a key for good.
    pub async fn delete_api_key(&self, caller: Caller, id: &str) -> Result<(), AppError> {
        let id = ApiKeyId::parse(id).ok_or_else(AppError::no_such_key)?;
        match self.storage.writer().delete_api_key(caller.account, &id).await? {
            true => Ok(()),
            false => Err(AppError::no_such_key()),
        }
    }
}
