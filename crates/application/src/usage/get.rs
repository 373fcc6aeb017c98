//! GetUsage.

use super::{ShownUsage, no_such_key_of_plan};
use crate::{AppError, Application, Caller};
use gatepost_domain::api_keys::{ApiKeyId, ApiKeyPosition};
use gatepost_domain::usage::{UsageDays, usage_by_day};
use gatepost_domain::usage_plans::UsagePlanId;
use gatepost_domain::{Page, PageRequest};
use gatepost_storage::UsagePlanKey;

/// Usage asked for.
pub struct GetUsage<'a> {
    /// The id of the plan.
    pub plan: &'a str,
    /// Which days.
    pub days: UsageDays,
    /// The id of the only key that is of interest, where one is.
    pub key: Option<&'a str>,
    /// Which page of the plan's keys.
    pub page: PageRequest<ApiKeyPosition>,
}

impl Application {
    /// Shows what the keys of a plan used, newest key first, each with all the days.
    pub async fn get_usage(&self, caller: Caller, input: GetUsage<'_>) -> Result<ShownUsage, AppError> {
        let GetUsage { plan, days, key, page } = input;
        let id = UsagePlanId::parse(plan).ok_or_else(AppError::no_such_plan)?;
        let reader = self.storage.reader();
        let plan = reader.find_usage_plan(caller.account, &id).await?.ok_or_else(AppError::no_such_plan)?;
        let Page { items: keys, next } = match key {
            Some(key) => Page { items: vec![self.key_of_plan(caller, &id, key).await?], next: None },
            None => {
                let page = reader.list_usage_plan_keys(caller.account, &id, None, page).await?;
                let ids = page.items.into_iter().map(|stored| stored.key.id);
                Page { items: ids.collect(), next: page.next }
            }
        };
        let needed = (days.counted_from(&plan.quotas), days.last());
        let counted = reader.find_usage(caller.account, &id, &keys, needed).await?;
        let shown = move || {
            let shown = counted.iter().map(|one| usage_by_day(&plan.quotas, one, days.first(), days.last()));
            keys.into_iter().zip(shown).collect()
        };
        // A page of many keys takes a processor for a while.
        Ok(ShownUsage { plan: id, days, keys: self.cpu.run(shown).await, next })
    }

    /// The id of a key, if it is in this plan.
    async fn key_of_plan(&self, caller: Caller, plan: &UsagePlanId, key: &str) -> Result<ApiKeyId, AppError> {
        let key = ApiKeyId::parse(key).ok_or_else(no_such_key_of_plan)?;
        let link = UsagePlanKey { plan: plan.clone(), key };
        let found = self.storage.reader().find_usage_plan_key(caller.account, &link).await?;
        Ok(found.ok_or_else(no_such_key_of_plan)?.key.id)
    }
}
