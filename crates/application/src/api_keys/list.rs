//! GetApiKeys.

use super::ShownApiKey;
use crate::{AppError, Application, Caller};
use gatepost_domain::api_keys::{ApiKeyFilter, ApiKeyPosition};
use gatepost_domain::{Page, PageRequest};

/// A page of keys asked for.
pub struct ListApiKeys {
    /// Which keys.
    pub filter: ApiKeyFilter,
    /// Whether to show their values.
    pub include_values: bool,
    /// Which page.
    pub page: PageRequest<ApiKeyPosition>,
}

impl Application {
    /// Shows a page of keys, newest first.
    pub async fn list_api_keys(
        &self,
        caller: Caller,
        input: ListApiKeys,
    ) -> Result<Page<ShownApiKey, ApiKeyPosition>, AppError> {
        let page = self.storage.reader().list_api_keys(caller.account, &input.filter, input.page).await?;
        let opener = input.include_values.then(|| self.custody.account(caller.account));
        let items = page.items.into_iter().map(|stored| ShownApiKey::new(stored, opener.as_ref()));
        Ok(Page { items: items.collect::<Result<_, _>>()?, next: page.next })
    }
}
