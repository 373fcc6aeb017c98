//! GetUsagePlanKeys.

use crate::api_keys::ShownApiKey;
use crate::{AppError, Application, Caller};
use gatepost_domain::api_keys::ApiKeyPosition;
use gatepost_domain::usage_plans::UsagePlanId;
use gatepost_domain::{Page, PageRequest};

/// A page of the keys of a plan asked for.
pub struct ListUsagePlanKeys {
    /// The plan; one that is not there has no keys.
    pub plan: String,
    /// Only keys whose name begins with it.
    pub name_prefix: Option<String>,
    /// Whether to show their values.
    pub include_values: bool,
    /// Which page.
    pub page: PageRequest<ApiKeyPosition>,
}

impl Application {
    /// Shows a page of the keys of a plan, newest first.
    pub async fn list_usage_plan_keys(
        &self,
        caller: Caller,
        input: ListUsagePlanKeys,
    ) -> Result<Page<ShownApiKey, ApiKeyPosition>, AppError> {
        let ListUsagePlanKeys { plan, name_prefix, include_values, page } = input;
        let Some(plan) = UsagePlanId::parse(&plan) else {
            return Ok(Page { items: Vec::new(), next: None });
        };
        let reader = self.storage.reader();
        let page = reader.list_usage_plan_keys(caller.account, &plan, name_prefix.as_deref(), page).await?;
        let opener = include_values.then(|| self.custody.account(caller.account));
        let items = page.items.into_iter().map(|stored| ShownApiKey::new(stored, opener.as_ref()));
        Ok(Page { items: items.collect::<Result<_, _>>()?, next: page.next })
    }
}
