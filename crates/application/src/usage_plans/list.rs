//! GetUsagePlans.

use crate::{AppError, Application, Caller};
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::usage_plans::{UsagePlan, UsagePlanPosition};
use gatepost_domain::{Page, PageRequest};

/// A page of plans asked for.
pub struct ListUsagePlans {
    /// Only those that this key is in; one that is not there is in none.
    pub of_key: Option<String>,
    /// Which page.
    pub page: PageRequest<UsagePlanPosition>,
}

impl Application {
    /// Shows a page of plans, newest first.
    pub async fn list_usage_plans(
        &self,
        caller: Caller,
        input: ListUsagePlans,
    ) -> Result<Page<UsagePlan, UsagePlanPosition>, AppError> {
        let ListUsagePlans { of_key, page } = input;
        let of_key = match of_key.as_deref().map(ApiKeyId::parse) {
            None => None,
            Some(Some(key)) => Some(key),
            Some(None) => return Ok(Page { items: Vec::new(), next: None }),
        };
        Ok(self.storage.reader().list_usage_plans(caller.account, of_key.as_ref(), page).await?)
    }
}
