//! The operations on API keys.

mod create;
mod delete;
mod get;
pub mod import;
mod list;
mod update;

pub use create::CreateApiKey;
pub use import::{ImportApiKeys, ImportedApiKeys};
pub use list::ListApiKeys;

use crate::AppError;
use gatepost_custody::AccountCustody;
use gatepost_domain::api_keys::{ApiKey, ApiKeyValue};
use gatepost_storage::StoredApiKey;

/// A key as it is shown: with its value where that was asked for.
pub struct ShownApiKey {
    /// The key.
    pub key: ApiKey,
    /// Its value.
    pub value: Option<ApiKeyValue>,
}

impl ShownApiKey {
    /// With the value, when there is somebody to open it.
    pub(crate) fn new(stored: StoredApiKey, opener: Option<&AccountCustody>) -> Result<Self, AppError> {
        let StoredApiKey { key, sealed } = stored;
        let value = opener.map(|custody| custody.open(&key.id, &sealed)).transpose();
        let value = value.map_err(|error| {
            AppError::internal(format!("sealed value of the api key {:.4}...: {error}", key.id.as_str()))
        })?;
        Ok(Self { key, value })
    }
}
