//! The plans of an account, which are few, all at once: for what judges many keys against them.

use gatepost_domain::usage_plans::{Attachment, PlanOnKey, UsagePlan, UsagePlanId, attach};
use gatepost_domain::{AccountId, PageLimit, PageRequest};
use gatepost_storage::{StorageError, UsagePlanReader};
use std::collections::HashMap;

/// Plans by their ids.
#[derive(Default)]
pub(crate) struct PlansOfAccount(HashMap<UsagePlanId, UsagePlan>);

impl PlansOfAccount {
    pub(crate) async fn read(
        reader: &(impl UsagePlanReader + ?Sized),
        account: AccountId,
    ) -> Result<Self, StorageError> {
        let (mut plans, mut after) = (Self::default(), None);
        loop {
            let page = PageRequest { after, limit: PageLimit::MAX };
            let page = reader.list_usage_plans(account, None, page).await?;
            page.items.into_iter().for_each(|plan| plans.add(plan));
            after = page.next;
            if after.is_none() {
                return Ok(plans);
            }
        }
    }

    pub(crate) fn add(&mut self, plan: UsagePlan) {
        self.0.insert(plan.id.clone(), plan);
    }

    pub(crate) fn find(&self, id: &UsagePlanId) -> Option<&UsagePlan> {
        self.0.get(id)
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len() as u64
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = UsagePlanId> {
        self.0.keys().cloned()
    }

    /// What putting a key into a plan would come to, for a key that is in `present` ones and may be in `most`.
    pub(crate) fn judge(&self, present: &[UsagePlanId], asked: &UsagePlanId, most: usize) -> Attachment {
        let Some(asked) = self.find(asked) else { return Attachment::NoSuchPlan };
        let present: Vec<_> = present.iter().filter_map(|id| self.find(id)).map(on_key).collect();
        attach(&present, on_key(asked), most)
    }
}

fn on_key(plan: &UsagePlan) -> PlanOnKey<'_> {
    PlanOnKey { id: &plan.id, stages: &plan.stages }
}
