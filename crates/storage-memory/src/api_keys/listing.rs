//! Listings: which index a page comes from.
//!
//! | filter | index | cost of a page |
//! |---|---|---|
//! | none | age, backwards | its items |
//! | customer | customer, backwards | its items |
//! | name | name, all matches, while there are at most [`EXAMINED`]; age first where they lie close | its matches |
//! | name, of more keys than that | age, backwards, at most [`EXAMINED`] keys | those |
//! | both | customer, backwards, at most [`EXAMINED`] keys; if that was not all, name as above | those |
//! | plan | plan, backwards | its items |
//! | plan and name | plan, backwards, at most [`EXAMINED`] keys | those |
//!
//! Records that the view does not see are passed over. There are many of them only while a large unit of work is
//! open.

use super::record::{Record, account_bytes, sortable};
use super::{ApiKeys, write_age, write_customer, write_name};
use crate::ordered_slots::OrderedSlots;
use crate::slab::View;
use crate::usage_plans::PlanNumber;
use gatepost_domain::api_keys::{ApiKeyFilter, ApiKeyPosition};
use gatepost_domain::{AccountId, Page, PageRequest};
use gatepost_storage::{StorageError, StoredApiKey};

/// So many keys are looked at for one page of a filtered listing.
const EXAMINED: usize = 10_000;

type Listing = Page<StoredApiKey, ApiKeyPosition>;

/// Slots of a page in order, one more than asked for where there is one.
struct Found {
    slots: Vec<u32>,
    /// The last key that was looked at, where there may be more behind it.
    stopped_at: Option<u32>,
}

impl ApiKeys {
    pub(super) fn list(
        &self,
        view: View,
        account: AccountId,
        filter: &ApiKeyFilter,
        page: &PageRequest<ApiKeyPosition>,
    ) -> Result<Listing, StorageError> {
        let seek = Seek { view, account, after: page.after.as_ref(), wanted: page.limit.get() + 1 };
        let found = match (filter.name_prefix.as_deref(), &filter.customer_id) {
            (None, None) => self.walk_all(seek, None, usize::MAX),
            (None, Some(customer)) => self.walk_customer(seek, customer.as_str(), None, usize::MAX),
            (Some(prefix), None) => self.list_named(seek, prefix),
            (Some(prefix), Some(customer)) => {
                let walked = self.walk_customer(seek, customer.as_str(), Some(prefix), EXAMINED);
                match walked.stopped_at {
                    None => walked,
                    Some(_) => match self.matches(seek, prefix) {
                        Some(matches) => self.gather(seek, matches, prefix, Some(customer.as_str())),
                        None => walked,
                    },
                }
            }
        };
        self.page(found, page.limit.get())
    }

    /// The keys that are in a plan.
    pub(crate) fn list_in_plan(
        &self,
        view: View,
        account: AccountId,
        plan: PlanNumber,
        name_prefix: Option<&str>,
        page: &PageRequest<ApiKeyPosition>,
    ) -> Result<Listing, StorageError> {
        let Some(keys) = self.by_plan.get(&plan) else { return Ok(Page { items: Vec::new(), next: None }) };
        let seek = Seek { view, account, after: page.after.as_ref(), wanted: page.limit.get() + 1 };
        let start = account_bytes(account).to_vec();
        let write = |slot, out: &mut Vec<u8>| write_age(&self.records, slot, out);
        let most = if name_prefix.is_some() { EXAMINED } else { usize::MAX };
        self.page(self.walk(seek, keys, start, name_prefix, most, &write), page.limit.get())
    }

    fn list_named(&self, seek: Seek<'_>, prefix: &str) -> Found {
        let Some(matches) = self.matches(seek, prefix) else {
            return self.walk_all(seek, Some(prefix), EXAMINED);
        };
        // Where matches lie close in age, a walk comes to a full page sooner than all of them are gathered.
        let expected = seek.wanted as u64 * self.count(seek.view, seek.account);
        if expected < matches.len() as u64 * matches.len() as u64 {
            let walked = self.walk_all(seek, Some(prefix), matches.len());
            if walked.stopped_at.is_none() {
                return walked;
            }
        }
        self.gather(seek, matches, prefix, None)
    }

    fn walk_all(&self, seek: Seek<'_>, prefix: Option<&str>, most: usize) -> Found {
        let below = account_bytes(seek.account).to_vec();
        let write = |slot, out: &mut Vec<u8>| write_age(&self.records, slot, out);
        self.walk(seek, &self.by_age, below, prefix, most, &write)
    }

    fn walk_customer(&self, seek: Seek<'_>, customer: &str, prefix: Option<&str>, most: usize) -> Found {
        let mut below = account_bytes(seek.account).to_vec();
        below.extend_from_slice(customer.as_bytes());
        below.push(0);
        let write = |slot, out: &mut Vec<u8>| write_customer(&self.records, slot, out);
        self.walk(seek, &self.by_customer, below, prefix, most, &write)
    }

    /// Goes backwards through the part of an index whose keys are `start`, creation, id.
    fn walk(
        &self,
        seek: Seek<'_>,
        index: &OrderedSlots,
        start: Vec<u8>,
        prefix: Option<&str>,
        most: usize,
        write: &impl Fn(u32, &mut Vec<u8>),
    ) -> Found {
        let from = index.lower_bound(&start, write);
        let mut end = start;
        match seek.after {
            Some(after) => {
                end.extend_from_slice(&sortable(after.created));
                end.extend_from_slice(after.id.as_str().as_bytes());
            }
            None => increment(&mut end),
        }
        let to = index.lower_bound(&end, write);
        let mut found = Found { slots: Vec::new(), stopped_at: None };
        let mut examined = 0;
        for slot in index.between(from, to, write).rev().filter(|slot| self.records.is_seen(*slot, seek.view))
        {
            if prefix.is_none_or(|prefix| has_prefix(self.record(slot), prefix)) {
                found.slots.push(slot);
                if found.slots.len() == seek.wanted {
                    break;
                }
            }
            examined += 1;
            if examined == most {
                found.stopped_at = Some(slot);
                break;
            }
        }
        found
    }

    /// All keys with this prefix, by name; `None` when there are too many of them.
    fn matches(&self, seek: Seek<'_>, prefix: &str) -> Option<Vec<u32>> {
        let mut bound = account_bytes(seek.account).to_vec();
        bound.extend_from_slice(prefix.as_bytes());
        let write = |slot, out: &mut Vec<u8>| write_name(&self.records, slot, out);
        let from = self.by_name.lower_bound(&bound, &write);
        increment(&mut bound);
        let to = self.by_name.lower_bound(&bound, &write);
        let seen =
            self.by_name.between(from, to, &write).filter(|slot| self.records.is_seen(*slot, seek.view));
        let matches: Vec<u32> = seen.take(EXAMINED + 1).collect();
        (matches.len() <= EXAMINED).then_some(matches)
    }

    /// The page out of all keys with a prefix.
    fn gather(&self, seek: Seek<'_>, matches: Vec<u32>, prefix: &str, customer: Option<&str>) -> Found {
        let mut matches: Vec<_> = matches
            .into_iter()
            .map(|slot| (self.record(slot), slot))
            // A prefix that holds NUL reaches into what follows the name.
            .filter(|(record, _)| has_prefix(record, prefix))
            .filter(|(record, _)| customer.is_none_or(|customer| record.customer_id() == customer.as_bytes()))
            .map(|(record, slot)| (record.created(), record.id(), slot))
            .filter(|(created, id, _)| {
                seek.after.is_none_or(|after| (*created, *id) < (after.created, after.id.as_str().as_bytes()))
            })
            .collect();
        if matches.len() > seek.wanted {
            matches.select_nth_unstable_by(seek.wanted - 1, |a, b| b.cmp(a));
            matches.truncate(seek.wanted);
        }
        matches.sort_unstable_by(|a, b| b.cmp(a));
        Found { slots: matches.into_iter().map(|(_, _, slot)| slot).collect(), stopped_at: None }
    }

    fn page(&self, mut found: Found, limit: usize) -> Result<Listing, StorageError> {
        let more = found.slots.len() > limit;
        found.slots.truncate(limit);
        let next = if more { found.slots.last().copied() } else { found.stopped_at };
        Ok(Page {
            items: found.slots.iter().map(|slot| self.record(*slot).unpack()).collect::<Result<_, _>>()?,
            next: next.map(|slot| self.record(slot).position()).transpose()?,
        })
    }
}

#[derive(Clone, Copy)]
struct Seek<'p> {
    view: View,
    account: AccountId,
    after: Option<&'p ApiKeyPosition>,
    wanted: usize,
}

fn has_prefix(record: &Record, prefix: &str) -> bool {
    !record.name().is_empty() && record.name().starts_with(prefix.as_bytes())
}

/// Turns a beginning into the least byte string above everything that begins so. Accounts begin below 255.
fn increment(start: &mut Vec<u8>) {
    while let Some(last) = start.pop() {
        if last < u8::MAX {
            start.push(last + 1);
            return;
        }
    }
}
