//! Slots by the hash of something in their records.
//!
//! An entry is the slot and the 32 bits of its hash, so that neither a search that ends at nothing nor growth looks
//! at a record; where hashes agree, the caller says whether a slot is the one that is meant. The table is cut into
//! shards, so that it grows by a small part at a time: nobody waits for a million entries to be placed anew, and
//! the old and the new space of all of them never exist together.

use hashbrown::HashTable;

/// At a million entries a shard has about four thousand, which are placed anew in a fraction of a millisecond.
const SHARDS: usize = 256;

/// A multiset of slots, each under a hash.
pub(crate) struct SlotTable {
    shards: Box<[HashTable<Entry>]>,
}

struct Entry {
    hash: u32,
    slot: u32,
}

impl SlotTable {
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| HashTable::new()).collect() }
    }

    /// The slot under this hash that `is_meant`.
    pub(crate) fn find(&self, hash: u32, is_meant: impl Fn(u32) -> bool) -> Option<u32> {
        let found = |entry: &Entry| entry.hash == hash && is_meant(entry.slot);
        self.shards[shard(hash)].find(spread(hash), found).map(|entry| entry.slot)
    }

    /// Adds a slot.
    pub(crate) fn insert(&mut self, hash: u32, slot: u32) {
        self.shards[shard(hash)]
            .insert_unique(spread(hash), Entry { hash, slot }, |entry| spread(entry.hash));
    }

    /// Removes a slot that was added under this hash.
    pub(crate) fn remove(&mut self, hash: u32, slot: u32) {
        if let Ok(entry) = self.shards[shard(hash)].find_entry(spread(hash), |entry| entry.slot == slot) {
            entry.remove();
        }
    }
}

fn shard(hash: u32) -> usize {
    hash as usize % SHARDS
}

/// The table within a shard needs all 64 bits, of which those that chose the shard must not be the only ones.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(slot: u32) -> u32 {
        (slot / 2).wrapping_mul(0x9e37_79b9)
    }

    #[test]
    fn two_slots_may_share_a_hash_and_leave_one_by_one() {
        let mut table = SlotTable::new();
        for slot in 0..10_000 {
            table.insert(hash(slot), slot);
        }
        for slot in 0..10_000 {
            assert_eq!(table.find(hash(slot), |other| other == slot), Some(slot));
        }
        table.remove(hash(42), 42);
        assert_eq!(table.find(hash(42), |_| true), Some(43));
        table.remove(hash(43), 43);
        assert_eq!(table.find(hash(42), |_| true), None);
    }
}
