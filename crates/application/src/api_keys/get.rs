//! GetApiKey.

use super::ShownApiKey;
use crate::{AppError, Application, Caller};
use gatepost_domain::api_keys::ApiKeyId;

impl Application {
    /// Shows one key; with its value if asked.
    pub async fn get_api_key(
        &self,
        caller: Caller,
        id: &str,
        include_value: bool,
    ) -> Result<ShownApiKey, AppError> {
        let id = ApiKeyId::parse(id).ok_or_else(AppError::no_such_key)?;
        let stored = self.storage.reader().find_api_key(caller.account, &id).await?;
        let opener = include_value.then(|| self.custody.account(caller.account));
        ShownApiKey::new(stored.ok_or_else(AppError::no_such_key)?, opener.as_ref())
    }
}
