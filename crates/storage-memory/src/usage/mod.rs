//! What keys used of their plans: the days of each plan and key, in order.
//!
//! A unit of work keeps what it writes to itself, all days of a plan and key at once, and lays it over this when it
//! commits. Counting takes the turn of a unit, so that it neither comes between nor moves what a snapshot sees.

mod meter;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use meter::Batches;

use crate::Shared;
use gatepost_domain::AccountId;
use gatepost_domain::usage::{Day, UsageOfDay};
use gatepost_storage::UsagePlanKey;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{PoisonError, RwLockReadGuard, RwLockWriteGuard};

/// So many plans and keys are pruned under the lock at once: about a millisecond's worth.
const PORTION: usize = 10_000;

/// What is committed, or what a unit of work has written.
#[derive(Default)]
pub(crate) struct Usage(BTreeMap<AccountId, BTreeMap<UsagePlanKey, Days>>);

/// The days of one plan and key of which anything is kept, ascending.
#[derive(Clone, Default)]
struct Days(Vec<UsageOfDay>);

/// What is seen by whoever has written nothing.
static NOTHING: Usage = Usage(BTreeMap::new());

impl Usage {
    /// Commits what a unit of work has written.
    pub(crate) fn settle(&mut self, written: Usage) {
        for (account, links) in written.0 {
            self.0.entry(account).or_default().extend(links);
        }
    }

    fn days(&self, account: AccountId, link: &UsagePlanKey) -> Option<&Days> {
        self.0.get(&account)?.get(link)
    }

    /// Adds requests to a day.
    fn count(&mut self, account: AccountId, link: &UsagePlanKey, day: Day, requests: u64) {
        let links = self.0.entry(account).or_default();
        let days = match links.get_mut(link) {
            Some(days) => days,
            None => links.entry(link.clone()).or_default(),
        };
        let kept = days.of_day(day);
        kept.used = kept.used.saturating_add(requests);
    }

    /// The plans and keys of an account in their order.
    fn links_from(
        &self,
        account: AccountId,
        from: Bound<&UsagePlanKey>,
    ) -> impl Iterator<Item = (&UsagePlanKey, &Days)> {
        let links = self.0.get(&account).into_iter();
        links.flat_map(move |links| links.range::<UsagePlanKey, _>((from, Bound::Unbounded)))
    }

    /// Forgets the days before `since` of an account's next [`PORTION`] plans and keys; which one to go on from.
    fn prune(&mut self, account: AccountId, from: Option<UsagePlanKey>, since: Day) -> Option<UsagePlanKey> {
        let links = self.0.get_mut(&account)?;
        let from = from.map_or(Bound::Unbounded, Bound::Included);
        let next = links.range((from.as_ref(), Bound::Unbounded)).nth(PORTION).map(|(link, _)| link.clone());
        let portion = (from, next.clone().map_or(Bound::Unbounded, Bound::Excluded));
        let emptied = links.extract_if(portion, |_, days| {
            days.0.retain(|kept| kept.day >= since);
            days.0.is_empty()
        });
        emptied.for_each(drop);
        if links.is_empty() {
            self.0.remove(&account);
        }
        next
    }
}

impl Days {
    fn find(&self, day: Day) -> Result<usize, usize> {
        self.0.binary_search_by_key(&day, |kept| kept.day)
    }

    /// What is kept of a day, from now on if it was not before.
    fn of_day(&mut self, day: Day) -> &mut UsageOfDay {
        let at = self.find(day).unwrap_or_else(|at| {
            self.0.insert(at, UsageOfDay { day, used: 0, adjustment: None });
            at
        });
        &mut self.0[at]
    }

    /// Those from one day to another, both included.
    fn between(&self, (first, last): (Day, Day)) -> Vec<UsageOfDay> {
        let from = self.0.partition_point(|kept| kept.day < first);
        self.0[from..].iter().take_while(|kept| kept.day <= last).copied().collect()
    }
}

// Nothing that can panic leaves it half changed.
impl Shared {
    fn usage(&self) -> RwLockReadGuard<'_, Usage> {
        self.usage.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn usage_mut(&self) -> RwLockWriteGuard<'_, Usage> {
        self.usage.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Under the turn: forgets the days before this one.
    pub(crate) fn prune_usage(&self, since: Day) {
        let accounts: Vec<AccountId> = self.usage().0.keys().copied().collect();
        for account in accounts {
            let mut from = None;
            loop {
                from = self.usage_mut().prune(account, from, since);
                if from.is_none() {
                    break;
                }
            }
        }
    }
}
