//! Reads, of what is committed and of what a unit of work sees.

use super::{NOTHING, Plans};
use crate::Shared;
use crate::api_keys::ApiKeys;
use crate::slab::View;
use crate::unit_of_work::MemoryUnit;
use crate::{MemorySnapshot, MemoryStorage};
use async_trait::async_trait;
use gatepost_domain::api_keys::{ApiKeyId, ApiKeyPosition};
use gatepost_domain::usage_plans::{UsagePlan, UsagePlanId, UsagePlanPosition};
use gatepost_domain::{AccountId, Page, PageRequest};
use gatepost_storage::{StorageError, StoredApiKey, UsagePlanKey, UsagePlanReader};

/// The same reads for every reader; the orphan rule forbids one generic implementation.
macro_rules! answer_reads {
    ($reader:ty, $reading:ident => $seeing:expr) => {
        #[async_trait]
        impl UsagePlanReader for $reader {
            async fn find_usage_plan(
                &self,
                account: AccountId,
                id: &UsagePlanId,
            ) -> Result<Option<UsagePlan>, StorageError> {
                let $reading = self;
                Ok($seeing.find(account, id))
            }

            async fn list_usage_plans(
                &self,
                account: AccountId,
                of_key: Option<&ApiKeyId>,
                page: PageRequest<UsagePlanPosition>,
            ) -> Result<Page<UsagePlan, UsagePlanPosition>, StorageError> {
                let $reading = self;
                $seeing.list(account, of_key, &page)
            }

            async fn find_usage_plan_key(
                &self,
                account: AccountId,
                link: &UsagePlanKey,
            ) -> Result<Option<StoredApiKey>, StorageError> {
                let $reading = self;
                $seeing.find_key(account, link)
            }

            async fn list_usage_plan_keys(
                &self,
                account: AccountId,
                plan: &UsagePlanId,
                name_prefix: Option<&str>,
                page: PageRequest<ApiKeyPosition>,
            ) -> Result<Page<StoredApiKey, ApiKeyPosition>, StorageError> {
                let $reading = self;
                $seeing.list_keys(account, plan, name_prefix, &page)
            }

            async fn find_plans_of_keys(
                &self,
                account: AccountId,
                keys: &[ApiKeyId],
            ) -> Result<Vec<Vec<UsagePlanId>>, StorageError> {
                let $reading = self;
                $seeing.find_plans_of(account, keys)
            }
        }
    };
}

answer_reads!(MemoryStorage, storage => Seeing::committed(&storage.shared));
answer_reads!(MemorySnapshot, snapshot => Seeing::committed(&snapshot.shared));
answer_reads!(MemoryUnit, unit => Seeing { shared: &unit.shared, own: &unit.plans, view: View::Unit });

/// Who reads.
struct Seeing<'s> {
    shared: &'s Shared,
    own: &'s Plans,
    view: View,
}

impl<'s> Seeing<'s> {
    fn committed(shared: &'s Shared) -> Self {
        Self { shared, own: &NOTHING, view: View::Committed }
    }

    fn find(&self, account: AccountId, id: &UsagePlanId) -> Option<UsagePlan> {
        self.shared.plans_with(self.own).find(account, id).map(|kept| kept.plan.clone())
    }

    fn list(
        &self,
        account: AccountId,
        of_key: Option<&ApiKeyId>,
        page: &PageRequest<UsagePlanPosition>,
    ) -> Result<Page<UsagePlan, UsagePlanPosition>, StorageError> {
        let keys = self.shared.read()?;
        let plans = self.shared.plans_with(self.own);
        let found = match of_key {
            None => plans.of(account).cloned().collect(),
            Some(key) => keys.plans_of_key(self.view, &plans, account, key),
        };
        drop(keys);
        let below = |plan: &UsagePlan| page.after.as_ref().is_none_or(|after| plan.position() < *after);
        let mut found: Vec<_> = found.iter().map(|kept| &kept.plan).filter(|plan| below(plan)).collect();
        found.sort_unstable_by(|a, b| (b.created, &b.id).cmp(&(a.created, &a.id)));
        let more = found.len() > page.limit.get();
        found.truncate(page.limit.get());
        let next = found.last().filter(|_| more).map(|last| last.position());
        Ok(Page { items: found.into_iter().cloned().collect(), next })
    }

    fn find_key(
        &self,
        account: AccountId,
        link: &UsagePlanKey,
    ) -> Result<Option<StoredApiKey>, StorageError> {
        let keys = self.shared.read()?;
        let plans = self.shared.plans_with(self.own);
        match plans.find(account, &link.plan) {
            Some(plan) => keys.find_in_plan(self.view, account, &link.key, plan.number),
            None => Ok(None),
        }
    }

    fn list_keys(
        &self,
        account: AccountId,
        plan: &UsagePlanId,
        name_prefix: Option<&str>,
        page: &PageRequest<ApiKeyPosition>,
    ) -> Result<Page<StoredApiKey, ApiKeyPosition>, StorageError> {
        let keys = self.shared.read()?;
        let number = self.shared.plans_with(self.own).find(account, plan).map(|plan| plan.number);
        match number {
            Some(number) => keys.list_in_plan(self.view, account, number, name_prefix, page),
            None => Ok(Page { items: Vec::new(), next: None }),
        }
    }

    fn find_plans_of(
        &self,
        account: AccountId,
        asked: &[ApiKeyId],
    ) -> Result<Vec<Vec<UsagePlanId>>, StorageError> {
        let mut found = Vec::with_capacity(asked.len());
        // In portions, so that a long list does not keep a writer waiting.
        for asked in asked.chunks(ApiKeys::PORTION) {
            let keys = self.shared.read()?;
            let plans = self.shared.plans_with(self.own);
            found.extend(asked.iter().map(|key| {
                let in_them = keys.plans_of_key(self.view, &plans, account, key);
                in_them.iter().map(|kept| kept.plan.id.clone()).collect::<Vec<_>>()
            }));
        }
        Ok(found)
    }
}
