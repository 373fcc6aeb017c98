//! Usage plans: a few hundred an account, each known by its id and by a number that no other plan ever had.
//!
//! The number is what the records of keys hold, see [`crate::api_keys`]: so a key's plans cost four bytes each, and
//! change, are committed and are undone together with the key. A deleted plan stays here without being seen, until
//! [`prune`] drops it and the index of its keys at once; its number may stand in records for longer, and says nothing.
//!
//! A unit of work keeps the plans that it writes to itself and lays them over these when it commits.
//!
//! [`prune`]: gatepost_storage::Storage::prune

mod reader;
#[cfg(test)]
mod tests;
mod writer;

use crate::Shared;
use gatepost_domain::AccountId;
use gatepost_domain::usage_plans::{PlanOnKey, UsagePlan, UsagePlanId};
use gatepost_storage::StorageError;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLockReadGuard, RwLockWriteGuard};

/// What a plan is called by the records of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PlanNumber(pub(crate) u32);

/// Gives every plan a number of its own.
#[derive(Default)]
pub(crate) struct PlanNumbers(AtomicU32);

/// A plan and its number.
#[derive(Debug)]
pub(crate) struct KeptPlan {
    pub(crate) number: PlanNumber,
    account: AccountId,
    pub(crate) plan: UsagePlan,
    /// Only its id is still taken.
    deleted: bool,
}

/// What is committed, or what a unit of work has written.
#[derive(Default)]
pub(crate) struct Plans {
    by_id: BTreeMap<AccountId, BTreeMap<UsagePlanId, Arc<KeptPlan>>>,
    by_number: BTreeMap<PlanNumber, Arc<KeptPlan>>,
}

/// What is seen by whoever has written nothing.
static NOTHING: Plans = Plans { by_id: BTreeMap::new(), by_number: BTreeMap::new() };

/// The plans as a reader sees them.
pub(crate) struct SeenPlans<'p> {
    committed: RwLockReadGuard<'p, Plans>,
    own: &'p Plans,
}

impl PlanNumbers {
    fn next(&self) -> PlanNumber {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        assert!(number < u32::MAX, "four thousand million plans were made by this process");
        PlanNumber(number)
    }
}

impl KeptPlan {
    /// What it means to a key that is in it.
    pub(crate) fn on_key(&self) -> PlanOnKey<'_> {
        PlanOnKey { id: &self.plan.id, stages: &self.plan.stages }
    }
}

impl Plans {
    fn put(&mut self, kept: Arc<KeptPlan>) {
        self.by_number.insert(kept.number, Arc::clone(&kept));
        self.by_id.entry(kept.account).or_default().insert(kept.plan.id.clone(), kept);
    }

    /// Commits what a unit of work has written.
    pub(crate) fn settle(&mut self, written: Plans) {
        written.by_number.into_values().for_each(|kept| self.put(kept));
    }

    fn of(&self, account: AccountId) -> impl Iterator<Item = &Arc<KeptPlan>> {
        self.by_id.get(&account).into_iter().flat_map(BTreeMap::values)
    }

    fn by_id(&self, account: AccountId, id: &UsagePlanId) -> Option<&Arc<KeptPlan>> {
        self.by_id.get(&account)?.get(id)
    }

    /// Forgets the deleted ones; their numbers.
    fn forget_deleted(&mut self) -> Vec<PlanNumber> {
        let deleted: Vec<_> = self.by_number.extract_if(.., |_, kept| kept.deleted).collect();
        for (_, kept) in &deleted {
            if let Some(plans) = self.by_id.get_mut(&kept.account) {
                plans.remove(&kept.plan.id);
                if plans.is_empty() {
                    self.by_id.remove(&kept.account);
                }
            }
        }
        deleted.into_iter().map(|(number, _)| number).collect()
    }
}

impl SeenPlans<'_> {
    /// The plan that has this id, deleted or not.
    fn with_id(&self, account: AccountId, id: &UsagePlanId) -> Option<&Arc<KeptPlan>> {
        self.own.by_id(account, id).or_else(|| self.committed.by_id(account, id))
    }

    pub(crate) fn find(&self, account: AccountId, id: &UsagePlanId) -> Option<&Arc<KeptPlan>> {
        self.with_id(account, id).filter(|kept| !kept.deleted)
    }

    pub(crate) fn numbered(&self, number: PlanNumber) -> Option<&Arc<KeptPlan>> {
        let kept = self.own.by_number.get(&number).or_else(|| self.committed.by_number.get(&number));
        kept.filter(|kept| !kept.deleted)
    }

    /// All of an account, in no order.
    fn of(&self, account: AccountId) -> impl Iterator<Item = &Arc<KeptPlan>> {
        let untouched =
            self.committed.of(account).filter(|kept| !self.own.by_number.contains_key(&kept.number));
        untouched.chain(self.own.of(account)).filter(|kept| !kept.deleted)
    }
}

impl Shared {
    /// The plans as they are seen by who has written `own`.
    pub(crate) fn plans_with<'p>(&'p self, own: &'p Plans) -> SeenPlans<'p> {
        SeenPlans { committed: self.plans.read().unwrap_or_else(PoisonError::into_inner), own }
    }

    pub(crate) fn plans_mut(&self) -> RwLockWriteGuard<'_, Plans> {
        // Nothing that can panic leaves them half changed.
        self.plans.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Under the turn: clears what deleted plans left.
    pub(crate) fn clear_deleted_plans(&self) -> Result<(), StorageError> {
        let mut keys = self.write()?;
        let numbers = self.plans_mut().forget_deleted();
        let indexes: Vec<_> = numbers.into_iter().filter_map(|number| keys.forget_plan(number)).collect();
        // A million keys' worth is given back without anybody waiting.
        drop(keys);
        drop(indexes);
        Ok(())
    }
}
