//! Which keys are in which plans: a property of a key's record, with an index for each plan.

use super::record::Record;
use super::{ApiKeys, Touched, write_age};
use crate::ordered_slots::OrderedSlots;
use crate::slab::View;
use crate::usage_plans::{KeptPlan, PlanNumber, SeenPlans};
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::usage_plans::{Attachment, PlanOnKey, UsagePlanId, attach};
use gatepost_domain::{AccountId, Version};
use gatepost_storage::{StorageError, StoredApiKey};
use std::sync::Arc;

/// What became of putting a key into several plans.
#[derive(Default)]
pub(super) struct Judged {
    /// All plans that the key is in afterwards.
    pub(super) plans: Vec<PlanNumber>,
    /// As [`gatepost_storage::RowOutcome::Stored`] has them.
    pub(super) refused: Vec<(UsagePlanId, Attachment)>,
}

/// Puts a key that is in `present` plans into the asked ones, as far as that may be.
pub(super) fn judge(
    mut present: Vec<Arc<KeptPlan>>,
    asked: &[(&UsagePlanId, Option<&Arc<KeptPlan>>)],
    most: usize,
) -> Judged {
    let mut refused = Vec::new();
    for (id, found) in asked {
        let Some(plan) = found else {
            refused.push(((*id).clone(), Attachment::NoSuchPlan));
            continue;
        };
        match attach(&on_key(&present), plan.on_key(), most) {
            Attachment::Done => present.push(Arc::clone(plan)),
            Attachment::AlreadyThere => {}
            why => refused.push(((*id).clone(), why)),
        }
    }
    Judged { plans: numbers(&present), refused }
}

impl ApiKeys {
    /// The plans that a key is in, by id.
    pub(super) fn plans_of(&self, plans: &SeenPlans<'_>, slot: u32) -> Vec<Arc<KeptPlan>> {
        let mut found: Vec<_> =
            self.record(slot).plans().filter_map(|number| plans.numbered(number).cloned()).collect();
        found.sort_unstable_by(|a, b| a.plan.id.cmp(&b.plan.id));
        found
    }

    /// The plans that the key with this id is in, by id; none where there is no such key.
    pub(crate) fn plans_of_key(
        &self,
        view: View,
        plans: &SeenPlans<'_>,
        account: AccountId,
        key: &ApiKeyId,
    ) -> Vec<Arc<KeptPlan>> {
        self.find(view, account, key).map_or_else(Vec::new, |slot| self.plans_of(plans, slot))
    }

    /// The key with this id, if it is in this plan.
    pub(crate) fn find_in_plan(
        &self,
        view: View,
        account: AccountId,
        key: &ApiKeyId,
        plan: PlanNumber,
    ) -> Result<Option<StoredApiKey>, StorageError> {
        let slot = self.find(view, account, key).filter(|slot| self.record(*slot).is_in(plan));
        slot.map(|slot| self.record(slot).unpack()).transpose()
    }

    /// Puts a key into a plan that is there; its next version.
    pub(crate) fn attach(
        &mut self,
        touched: &mut Touched,
        plans: &SeenPlans<'_>,
        account: AccountId,
        key: &ApiKeyId,
        plan: &Arc<KeptPlan>,
        most: usize,
    ) -> Result<Version, Attachment> {
        let slot = self.find(View::Unit, account, key).ok_or(Attachment::NoSuchKey)?;
        let mut present = self.plans_of(plans, slot);
        match attach(&on_key(&present), plan.on_key(), most) {
            Attachment::Done => {
                present.push(Arc::clone(plan));
                Ok(self.move_to(touched, slot, &numbers(&present)))
            }
            why => Err(why),
        }
    }

    /// Takes a key out of a plan; its next version, or nothing where it was not in it.
    pub(crate) fn detach(
        &mut self,
        touched: &mut Touched,
        plans: &SeenPlans<'_>,
        account: AccountId,
        key: &ApiKeyId,
        plan: PlanNumber,
    ) -> Option<Version> {
        let slot = self.find(View::Unit, account, key)?;
        let mut numbers = numbers(&self.plans_of(plans, slot));
        let at = numbers.iter().position(|number| *number == plan)?;
        numbers.remove(at);
        Some(self.move_to(touched, slot, &numbers))
    }

    fn move_to(&mut self, touched: &mut Touched, slot: u32, plans: &[PlanNumber]) -> Version {
        let record = self.record(slot).moved_to(plans);
        let version = record.version();
        self.expect_keys_in(plans);
        self.replace(touched, slot, record);
        version
    }

    /// Makes the indexes that a record in these plans will be in.
    pub(super) fn expect_keys_in(&mut self, plans: &[PlanNumber]) {
        for plan in plans {
            self.by_plan.entry(*plan).or_insert_with(OrderedSlots::new);
        }
    }

    /// Takes a plan's index away.
    pub(crate) fn forget_plan(&mut self, plan: PlanNumber) -> Option<OrderedSlots> {
        self.by_plan.remove(&plan)
    }

    /// How many records are in a plan, those that nobody sees included.
    pub(crate) fn about_in_plan(&self, plan: PlanNumber) -> usize {
        self.by_plan.get(&plan).map_or(0, OrderedSlots::len)
    }

    /// A key that is in both plans, of the next [`ApiKeys::PORTION`] of the first one's; `below` is the place that the
    /// portion before came to.
    pub(crate) fn find_shared(
        &self,
        plan: PlanNumber,
        other: PlanNumber,
        below: Option<Vec<u8>>,
    ) -> Result<SharedKey, StorageError> {
        let Some(keys) = self.by_plan.get(&plan) else { return Ok(SharedKey::None) };
        let write = |slot, out: &mut Vec<u8>| write_age(&self.records, slot, out);
        let first = keys.lower_bound(&[], &write);
        let end = keys.lower_bound(&below.unwrap_or_else(|| vec![u8::MAX]), &write);
        let slots: Vec<u32> = keys.between(first, end, &write).rev().take(Self::PORTION).collect();
        let in_both =
            |slot: &&u32| self.records.is_seen(**slot, View::Unit) && self.record(**slot).is_in(other);
        if let Some(slot) = slots.iter().find(in_both) {
            return Ok(SharedKey::Found(self.record(*slot).parsed_id()?));
        }
        let Some(last) = slots.last() else { return Ok(SharedKey::None) };
        let mut place = Vec::new();
        write(*last, &mut place);
        Ok(SharedKey::NotAbove(place))
    }
}

/// What a search for a key in two plans came to.
pub(crate) enum SharedKey {
    /// This one is in both.
    Found(ApiKeyId),
    /// None so far; the search goes on below this place.
    NotAbove(Vec<u8>),
    /// None at all.
    None,
}

impl Record {
    /// Whether the key was put into this plan and not taken out of it.
    pub(super) fn is_in(&self, plan: PlanNumber) -> bool {
        self.plans().any(|number| number == plan)
    }
}

fn on_key(plans: &[Arc<KeptPlan>]) -> Vec<PlanOnKey<'_>> {
    plans.iter().map(|kept| kept.on_key()).collect()
}

fn numbers(plans: &[Arc<KeptPlan>]) -> Vec<PlanNumber> {
    plans.iter().map(|kept| kept.number).collect()
}

#[cfg(test)]
impl ApiKeys {
    /// How many plans have an index.
    pub(crate) fn indexed_plans(&self) -> usize {
        self.by_plan.len()
    }

    /// How many plans the record of a key names, those that are gone included.
    pub(crate) fn plan_numbers_of(&self, account: AccountId, key: &ApiKeyId) -> usize {
        let slot = self.find(View::Committed, account, key).expect("the key is there");
        self.record(slot).plans().count()
    }
}
