//! Writes.

use super::Days;
use crate::changes::Pending;
use crate::unit_of_work::MemoryUnit;
use async_trait::async_trait;
use gatepost_domain::AccountId;
use gatepost_domain::usage::Day;
use gatepost_storage::{Change, KeptUsage, StorageError, UsagePlanKey, UsageWriter};

#[async_trait]
impl UsageWriter for MemoryUnit {
    async fn adjust_usage(
        &mut self,
        account: AccountId,
        link: &UsagePlanKey,
        day: Day,
        adjustment: i64,
    ) -> Result<(), StorageError> {
        self.own_days(account, link).of_day(day).adjustment = Some(adjustment);
        self.changes.push(Pending::Told(Change::Usage { account, link: link.clone() }));
        Ok(())
    }

    async fn restore_usage(&mut self, account: AccountId, usage: &[KeptUsage]) -> Result<(), StorageError> {
        for one in usage {
            let days = self.own_days(account, &one.link);
            if let Err(at) = days.find(one.usage.day) {
                days.0.insert(at, one.usage);
            }
        }
        Ok(())
    }
}

impl MemoryUnit {
    /// The days of a plan and key as this unit will leave them.
    fn own_days(&mut self, account: AccountId, link: &UsagePlanKey) -> &mut Days {
        let Self { shared, usage, .. } = self;
        let days = usage.0.entry(account).or_default().entry(link.clone());
        days.or_insert_with(|| shared.usage().days(account, link).cloned().unwrap_or_default())
    }
}
