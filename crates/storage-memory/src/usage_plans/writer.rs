//! Writes.

use super::KeptPlan;
use crate::api_keys::{ApiKeys, SharedKey};
use crate::changes::Pending;
use crate::unit_of_work::MemoryUnit;
use async_trait::async_trait;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::usage_plans::{Attachment, StageId, UsagePlan, UsagePlanId};
use gatepost_domain::{AccountId, Version};
use gatepost_storage::{
    Change, Entity, FirstAnswer, NewUsagePlan, PlanChanged, StorageError, UsagePlanKey, UsagePlanWriter,
};
use std::sync::Arc;

#[async_trait]
impl UsagePlanWriter for MemoryUnit {
    async fn insert_usage_plan(
        &mut self,
        account: AccountId,
        new: &NewUsagePlan,
        most: Option<u64>,
    ) -> Result<(), StorageError> {
        if new.retry.is_some_and(|token| self.recalled(account, &token).is_some()) {
            return Err(StorageError::AlreadyExists(Entity::Retry));
        }
        let plans = self.shared.plans_with(&self.plans);
        if plans.with_id(account, &new.plan.id).is_some() {
            return Err(StorageError::AlreadyExists(Entity::UsagePlan));
        }
        if most.is_some_and(|most| plans.of(account).count() as u64 >= most) {
            return Err(StorageError::LimitReached(Entity::UsagePlan));
        }
        drop(plans);
        let number = self.shared.plan_numbers.next();
        self.tell_plan(account, &new.plan.id, new.plan.version);
        self.plans.put(Arc::new(KeptPlan { number, account, plan: new.plan.clone(), deleted: false }));
        if let Some(token) = new.retry {
            self.answers.push((account, token, FirstAnswer::UsagePlan(new.plan.id.clone())));
        }
        Ok(())
    }

    async fn update_usage_plan(
        &mut self,
        account: AccountId,
        plan: &UsagePlan,
        expected: Version,
    ) -> Result<PlanChanged, StorageError> {
        let stored = self.plan_with_version(account, &plan.id, expected)?;
        if let Some(shared) = self.find_shared_stage(account, &stored, plan).await? {
            return Ok(shared);
        }
        self.tell_plan(account, &plan.id, plan.version);
        let plan = UsagePlan { created: stored.plan.created, ..plan.clone() };
        self.plans.put(Arc::new(KeptPlan { number: stored.number, account, plan, deleted: false }));
        Ok(PlanChanged::Done)
    }

    async fn delete_usage_plan(
        &mut self,
        account: AccountId,
        id: &UsagePlanId,
        expected: Version,
    ) -> Result<(), StorageError> {
        let stored = self.plan_with_version(account, id, expected)?;
        self.tell_plan(account, id, expected.next());
        let (number, plan) = (stored.number, stored.plan.clone());
        self.plans.put(Arc::new(KeptPlan { number, account, plan, deleted: true }));
        Ok(())
    }

    async fn attach_api_keys(
        &mut self,
        account: AccountId,
        links: &[UsagePlanKey],
        most: usize,
    ) -> Result<Vec<Attachment>, StorageError> {
        let mut outcomes = Vec::with_capacity(links.len());
        for portion in links.chunks(ApiKeys::PORTION) {
            if !outcomes.is_empty() {
                tokio::task::yield_now().await;
            }
            self.attach(account, portion, most, &mut outcomes)?;
        }
        Ok(outcomes)
    }

    async fn detach_api_key(
        &mut self,
        account: AccountId,
        link: &UsagePlanKey,
    ) -> Result<bool, StorageError> {
        let mut keys = self.shared.write()?;
        let plans = self.shared.plans_with(&self.plans);
        let Some(plan) = plans.find(account, &link.plan) else { return Ok(false) };
        let detached = keys.detach(&mut self.touched, &plans, account, &link.key, plan.number);
        if let Some(version) = detached {
            let change = Change::ApiKey { account, id: link.key.clone(), version };
            self.changes.push(Pending::Told(change));
        }
        Ok(detached.is_some())
    }
}

impl MemoryUnit {
    fn plan_with_version(
        &self,
        account: AccountId,
        id: &UsagePlanId,
        expected: Version,
    ) -> Result<Arc<KeptPlan>, StorageError> {
        let plans = self.shared.plans_with(&self.plans);
        let stored = plans.find(account, id).filter(|stored| stored.plan.version == expected);
        stored.cloned().ok_or(StorageError::Stale(Entity::UsagePlan))
    }

    fn tell_plan(&mut self, account: AccountId, id: &UsagePlanId, version: Version) {
        self.changes.push(Pending::Told(Change::UsagePlan { account, id: id.clone(), version }));
    }

    fn attach(
        &mut self,
        account: AccountId,
        links: &[UsagePlanKey],
        most: usize,
        outcomes: &mut Vec<Attachment>,
    ) -> Result<(), StorageError> {
        let mut keys = self.shared.write()?;
        let plans = self.shared.plans_with(&self.plans);
        for link in links {
            let Some(plan) = plans.find(account, &link.plan) else {
                outcomes.push(Attachment::NoSuchPlan);
                continue;
            };
            let attached = keys.attach(&mut self.touched, &plans, account, &link.key, plan, most);
            outcomes.push(match attached {
                Ok(version) => {
                    let change = Change::ApiKey { account, id: link.key.clone(), version };
                    self.changes.push(Pending::Told(change));
                    Attachment::Done
                }
                Err(why) => why,
            });
        }
        Ok(())
    }

    /// A stage that a plan gets, and a key of it that is in another plan with this stage.
    async fn find_shared_stage(
        &self,
        account: AccountId,
        stored: &KeptPlan,
        plan: &UsagePlan,
    ) -> Result<Option<PlanChanged>, StorageError> {
        let added: Vec<&StageId> = plan
            .stages
            .iter()
            .map(|stage| &stage.id)
            .filter(|id| stored.plan.stages.find(id).is_none())
            .collect();
        let others = self.plans_with_any(account, stored, &added);
        let Some((key, other)) = self.find_key_in_both(stored, &others).await? else { return Ok(None) };
        let stage = added.into_iter().find(|stage| other.plan.stages.find(stage).is_some());
        Ok(stage.map(|stage| PlanChanged::StageShared { stage: stage.clone(), key }))
    }

    /// The account's other plans that have one of these stages.
    fn plans_with_any(&self, account: AccountId, but: &KeptPlan, stages: &[&StageId]) -> Vec<Arc<KeptPlan>> {
        if stages.is_empty() {
            return Vec::new();
        }
        let plans = self.shared.plans_with(&self.plans);
        let others = plans.of(account).filter(|other| other.number != but.number);
        others
            .filter(|other| stages.iter().any(|stage| other.plan.stages.find(stage).is_some()))
            .cloned()
            .collect()
    }

    /// A key that is in a plan and in one of the others, and that other one. It goes through the keys of whichever has
    /// fewer, in portions: nobody else writes meanwhile.
    async fn find_key_in_both(
        &self,
        plan: &KeptPlan,
        others: &[Arc<KeptPlan>],
    ) -> Result<Option<(ApiKeyId, Arc<KeptPlan>)>, StorageError> {
        for other in others {
            let (few, many) = {
                let keys = self.shared.read()?;
                let mut both = [plan.number, other.number];
                both.sort_by_key(|number| keys.about_in_plan(*number));
                (both[0], both[1])
            };
            let mut below = None;
            loop {
                let found = self.shared.read()?.find_shared(few, many, below)?;
                match found {
                    SharedKey::Found(key) => return Ok(Some((key, Arc::clone(other)))),
                    SharedKey::NotAbove(place) => below = Some(place),
                    SharedKey::None => break,
                }
                tokio::task::yield_now().await;
            }
        }
        Ok(None)
    }
}
