//! API keys: the records, the indexes over them, and what may be done to them.
//!
//! A key that is changed gets a new record; the old one is hidden from the unit of work and still seen by everybody
//! else. So for a while two records may have one id and one digest, in every index, and each look-up asks which of
//! them its [`View`] sees. What no view sees any more is garbage, which [`ApiKeys::sweep`] takes out in small
//! portions.
//!
//! A new index is a field of [`ApiKeys`], a line in `index` and one in `unindex`.

mod import;
mod links;
mod listing;
mod reader;
mod record;
mod restore;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use links::SharedKey;
pub(crate) use record::Record;

use crate::ordered_slots::OrderedSlots;
use crate::slab::{Slab, View};
use crate::slot_table::SlotTable;
use crate::usage_plans::PlanNumber;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::{AccountId, Digest};
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

/// All keys of all accounts.
pub(crate) struct ApiKeys {
    records: Slab<Record>,
    by_id: SlotTable,
    by_digest: SlotTable,
    /// By creation.
    by_age: OrderedSlots,
    /// By name, then creation; only keys that have one.
    by_name: OrderedSlots,
    /// By customer id, then creation; only keys that have one.
    by_customer: OrderedSlots,
    /// The keys of each plan by creation. A plan whose number is not here has none, or is no more.
    by_plan: HashMap<PlanNumber, OrderedSlots>,
    counts: HashMap<AccountId, Count>,
    garbage: Vec<u32>,
    /// Ids can be chosen by callers, so their hash must not be foreseen.
    id_hash: RandomState,
    scratch: Vec<u8>,
}

#[derive(Clone, Copy, Default)]
struct Count {
    committed: u64,
    unit: u64,
}

/// What the open unit of work has touched.
#[derive(Default)]
pub(crate) struct Touched {
    slots: Vec<u32>,
    accounts: Vec<AccountId>,
}

impl Touched {
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The slot that was filled last.
    fn latest(&self) -> Option<u32> {
        self.slots.last().copied()
    }

    fn account(&mut self, account: AccountId) {
        if !self.accounts.contains(&account) {
            self.accounts.push(account);
        }
    }
}

impl ApiKeys {
    /// So many rows are written, or swept, under the lock at once: about a millisecond's worth.
    pub(crate) const PORTION: usize = 1_000;

    pub(crate) fn new() -> Self {
        Self {
            records: Slab::new(),
            by_id: SlotTable::new(),
            by_digest: SlotTable::new(),
            by_age: OrderedSlots::new(),
            by_name: OrderedSlots::new(),
            by_customer: OrderedSlots::new(),
            by_plan: HashMap::new(),
            counts: HashMap::new(),
            garbage: Vec::new(),
            id_hash: RandomState::new(),
            scratch: Vec::new(),
        }
    }

    fn record(&self, slot: u32) -> &Record {
        self.records.get(slot)
    }

    fn find(&self, view: View, account: AccountId, id: &ApiKeyId) -> Option<u32> {
        let id = id.as_str().as_bytes();
        self.by_id.find(hash_id(&self.id_hash, account, id), |slot| {
            self.records.is_seen(slot, view) && self.record(slot).has_id(account, id)
        })
    }

    fn find_digest(&self, view: View, account: AccountId, digest: &Digest) -> Option<u32> {
        self.by_digest.find(hash_digest(&digest.0), |slot| {
            self.records.is_seen(slot, view) && self.record(slot).has_digest(account, digest)
        })
    }

    fn count(&self, view: View, account: AccountId) -> u64 {
        let count = self.counts.get(&account).copied().unwrap_or_default();
        match view {
            View::Committed => count.committed,
            View::Unit => count.unit,
        }
    }

    /// Adds a key of which the unit of work knows neither id nor digest.
    fn add(&mut self, touched: &mut Touched, record: Record) {
        let account = record.account();
        touched.account(account);
        self.counts.entry(account).or_default().unit += 1;
        let slot = self.records.add(record);
        touched.slots.push(slot);
        self.index(slot);
    }

    /// Puts a record in the place of another with the same account, creation, id and digest.
    fn replace(&mut self, touched: &mut Touched, old: u32, record: Record) {
        self.hide(touched, old);
        let slot = self.records.add(record);
        touched.slots.push(slot);
        self.index(slot);
    }

    /// Takes a key away.
    fn remove(&mut self, touched: &mut Touched, slot: u32) {
        let account = self.record(slot).account();
        touched.account(account);
        self.counts.entry(account).or_default().unit -= 1;
        self.hide(touched, slot);
    }

    fn hide(&mut self, touched: &mut Touched, slot: u32) {
        if self.records.is_seen(slot, View::Committed) {
            touched.slots.push(slot);
        }
        // Otherwise it was added by the same unit of work, and is among the touched slots already.
        self.records.hide(slot);
    }

    /// Ends a unit of work: from now on both views see what `view` saw.
    pub(crate) fn settle(&mut self, touched: &mut Touched, view: View) {
        for slot in touched.slots.drain(..) {
            if !self.records.settle(slot, view) {
                self.garbage.push(slot);
            }
        }
        for account in touched.accounts.drain(..) {
            let Some(count) = self.counts.get_mut(&account) else { continue };
            match view {
                View::Committed => count.unit = count.committed,
                View::Unit => count.committed = count.unit,
            }
            if count.unit == 0 {
                self.counts.remove(&account);
            }
        }
    }

    /// Takes out at most so many records that nobody sees; whether there are more.
    pub(crate) fn sweep(&mut self, most: usize) -> bool {
        for _ in 0..most {
            let Some(slot) = self.garbage.pop() else {
                self.garbage = Vec::new();
                return false;
            };
            self.unindex(slot);
            drop(self.records.take(slot));
        }
        !self.garbage.is_empty()
    }

    fn index(&mut self, slot: u32) {
        let Self { records, id_hash, scratch, .. } = self;
        let record = records.get(slot);
        self.by_id.insert(hash_record_id(id_hash, record), slot);
        self.by_digest.insert(hash_digest(record.digest()), slot);

        let age = |slot, out: &mut Vec<u8>| write_age(records, slot, out);
        self.by_age.insert(written(scratch, slot, &age), slot, &age);
        for plan in record.plans() {
            if let Some(keys) = self.by_plan.get_mut(&plan) {
                keys.insert(written(scratch, slot, &age), slot, &age);
            }
        }
        if !record.name().is_empty() {
            let name = |slot, out: &mut Vec<u8>| write_name(records, slot, out);
            self.by_name.insert(written(scratch, slot, &name), slot, &name);
        }
        if !record.customer_id().is_empty() {
            let customer = |slot, out: &mut Vec<u8>| write_customer(records, slot, out);
            self.by_customer.insert(written(scratch, slot, &customer), slot, &customer);
        }
    }

    fn unindex(&mut self, slot: u32) {
        let Self { records, id_hash, scratch, .. } = self;
        let record = records.get(slot);
        self.by_id.remove(hash_record_id(id_hash, record), slot);
        self.by_digest.remove(hash_digest(record.digest()), slot);

        let age = |slot, out: &mut Vec<u8>| write_age(records, slot, out);
        self.by_age.remove(written(scratch, slot, &age), slot, &age);
        for plan in record.plans() {
            let Some(keys) = self.by_plan.get_mut(&plan) else { continue };
            keys.remove(written(scratch, slot, &age), slot, &age);
            if keys.is_empty() {
                self.by_plan.remove(&plan);
            }
        }
        if !record.name().is_empty() {
            let name = |slot, out: &mut Vec<u8>| write_name(records, slot, out);
            self.by_name.remove(written(scratch, slot, &name), slot, &name);
        }
        if !record.customer_id().is_empty() {
            let customer = |slot, out: &mut Vec<u8>| write_customer(records, slot, out);
            self.by_customer.remove(written(scratch, slot, &customer), slot, &customer);
        }
    }
}

fn written<'s>(scratch: &'s mut Vec<u8>, slot: u32, write: &impl Fn(u32, &mut Vec<u8>)) -> &'s [u8] {
    scratch.clear();
    write(slot, scratch);
    scratch
}

fn write_age(records: &Slab<Record>, slot: u32, out: &mut Vec<u8>) {
    records.get(slot).write_place(out);
    write_slot(slot, out);
}

fn write_name(records: &Slab<Record>, slot: u32, out: &mut Vec<u8>) {
    let record = records.get(slot);
    record.write_place_under(record.name(), out);
    write_slot(slot, out);
}

fn write_customer(records: &Slab<Record>, slot: u32, out: &mut Vec<u8>) {
    let record = records.get(slot);
    record.write_place_under(record.customer_id(), out);
    write_slot(slot, out);
}

/// Ends an ordered key, so that the records of one key differ. Ids do not hold NUL.
fn write_slot(slot: u32, out: &mut Vec<u8>) {
    out.push(0);
    out.extend_from_slice(&slot.to_be_bytes());
}

/// A digest is as good as random, and nobody can foresee it.
fn hash_digest(digest: &[u8; 32]) -> u32 {
    u32::from_le_bytes(*digest.first_chunk().expect("a digest has 32 bytes"))
}

fn hash_record_id(id_hash: &RandomState, record: &Record) -> u32 {
    hash_id(id_hash, record.account(), record.id())
}

fn hash_id(id_hash: &RandomState, account: AccountId, id: &[u8]) -> u32 {
    let mut hasher = id_hash.build_hasher();
    hasher.write_u64(account.number());
    hasher.write(id);
    hasher.finish() as u32
}
