//! UpdateUsage.

use super::{ShownUsage, no_such_key_of_plan};
use crate::{AppError, Application, Caller};
use gatepost_domain::api_keys::{ApiKeyId, PatchOperation};
use gatepost_domain::usage::{
    Day, InvalidUsagePatch, UsageDays, UsageOfDay, UsagePatch, adjustment_for, usage_by_day,
};
use gatepost_domain::usage_plans::UsagePlanId;
use gatepost_storage::UsagePlanKey;

impl Application {
    /// Sets what a key has left of the running period of its plan's quota, and shows the usage of today. Of several
    /// changes, in one request or in many at once, the last stays.
    pub async fn update_usage(
        &self,
        caller: Caller,
        plan: &str,
        key: &str,
        operations: &[PatchOperation<'_>],
    ) -> Result<ShownUsage, AppError> {
        let plan = UsagePlanId::parse(plan).ok_or_else(AppError::no_such_plan)?;
        let key = ApiKeyId::parse(key).ok_or_else(no_such_key_of_plan)?;
        let changes = operations.iter().copied().map(UsagePatch::parse).collect::<Result<Vec<_>, _>>()?;
        let (account, link) = (caller.account, UsagePlanKey { plan, key });
        let reader = self.storage.reader();
        let plan = reader.find_usage_plan(account, &link.plan).await?.ok_or_else(AppError::no_such_plan)?;
        reader.find_usage_plan_key(account, &link).await?.ok_or_else(no_such_key_of_plan)?;
        let today = UsageDays::only(Day::of(self.clock.now()));
        let needed = (today.counted_from(&plan.quotas), today.last());
        let mut counted = reader
            .find_usage(account, &link.plan, std::slice::from_ref(&link.key), needed)
            .await?
            .pop()
            .unwrap_or_default();
        if let Some(UsagePatch::Remaining(remaining)) = changes.last() {
            let adjustment = adjustment_for(&plan.quotas, &counted, today.last(), *remaining)
                .ok_or(InvalidUsagePatch::NoQuota)?;
            // Nothing read above needs to be as it was: a change of it in between is one that came after this one.
            self.storage.writer().adjust_usage(account, &link, today.last(), adjustment).await?;
            adjust(&mut counted, today.last(), adjustment);
        }
        let shown = usage_by_day(&plan.quotas, &counted, today.first(), today.last());
        Ok(ShownUsage { plan: link.plan, days: today, keys: vec![(link.key, shown)], next: None })
    }
}

/// Notes an adjustment among the days that were counted, of which none is later.
fn adjust(counted: &mut Vec<UsageOfDay>, today: Day, adjustment: i64) {
    match counted.last_mut().filter(|last| last.day == today) {
        Some(last) => last.adjustment = Some(adjustment),
        None => counted.push(UsageOfDay { day: today, used: 0, adjustment: Some(adjustment) }),
    }
}
