//! Slots in the order of their keys, for listings.
//!
//! A key is a byte string that the caller can write for a slot at any time; the index does not keep it. It keeps
//! chunks of at most 256 entries, each the slot and eight bytes of its key: those after a prefix that all keys of
//! the chunk share. Neighbours share long prefixes, so eight bytes nearly always decide, and a search touches no
//! record but the few that they cannot tell apart. The chunks are found in the same way, by their floors.
//!
//! A new entry is put behind its chunk's others, and up to [`LOOSE`] of them are brought into order at once: so most
//! insertions touch a few cache lines, where moving half a chunk would touch thirty. Readers put a chunk that has
//! loose entries in order for themselves.
//!
//! Keys must be distinct. Why not a B-tree of keys: it would keep every name twice. Why not one of slots with a
//! comparison through the record: each insertion would wait for about ten records, one after the other, to come
//! from main memory.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

const MOST: usize = 256;
/// So many entries of a chunk are brought into order at once.
const LOOSE: usize = 32;
/// A chunk that falls below this joins its neighbour where both fit.
const FEW: usize = 32;

/// Eight bytes of a key, after so many that are shared; zeros where it is shorter. They sort as the keys do.
type Head = u64;

/// An ordered set of slots.
pub(crate) struct OrderedSlots {
    chunks: Vec<Chunk>,
    /// Of each chunk's floor, after the prefix that all floors share.
    heads: Vec<Head>,
    shared: usize,
    scratch: Vec<u8>,
}

/// Keys from `floor` on, below the floor of the next chunk.
#[derive(Clone)]
struct Chunk {
    floor: Box<[u8]>,
    /// So many first bytes are the same in the floor and in every key of the chunk.
    shared: usize,
    heads: Vec<Head>,
    slots: Vec<u32>,
    /// So many first entries are in order; the loose ones behind them came later.
    sorted: usize,
}

/// Between two entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    chunk: usize,
    entry: usize,
}

impl OrderedSlots {
    pub(crate) fn new() -> Self {
        Self { chunks: Vec::new(), heads: Vec::new(), shared: 0, scratch: Vec::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.iter().all(|chunk| chunk.slots.is_empty())
    }

    /// How many slots are in the set.
    pub(crate) fn len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.slots.len()).sum()
    }

    /// Adds a slot under its key. `write` appends the key of any slot that is in the set.
    pub(crate) fn insert(&mut self, key: &[u8], slot: u32, write: &impl Fn(u32, &mut Vec<u8>)) {
        if self.chunks.is_empty() {
            self.add_chunk(0, Chunk::starting_at(key));
        }
        let last = self.chunks.len() - 1;
        let at = self.chunk_of(key);
        if at == 0 && *key < *self.chunks[0].floor {
            self.chunks[0].lower_floor(key, &mut self.scratch, write);
            self.read_floors();
        }
        let belongs = self.has_prefix_of(key, at);
        let chunk = &mut self.chunks[at];
        if !belongs {
            chunk.share(shared_prefix(&chunk.floor, key), &mut self.scratch, write);
        }
        if chunk.slots.len() < MOST {
            chunk.add(key, slot, &mut self.scratch, write);
        } else if at == last && chunk.lower_bound(key, &mut self.scratch, write) == MOST {
            // Keys that only ever grow fill every chunk to the brim.
            self.add_chunk(at + 1, Chunk::starting_at(key));
            self.insert(key, slot, write);
        } else {
            let upper = chunk.split(&mut self.scratch, write);
            self.add_chunk(at + 1, upper);
            self.insert(key, slot, write);
        }
    }

    /// Removes a slot that was added under this key.
    pub(crate) fn remove(&mut self, key: &[u8], slot: u32, write: &impl Fn(u32, &mut Vec<u8>)) {
        if self.chunks.is_empty() {
            return;
        }
        let at = self.chunk_of(key);
        let chunk = &mut self.chunks[at];
        let is_there = chunk.remove(key, slot, &mut self.scratch, write);
        debug_assert!(is_there, "a slot is removed under the key that it was added with");
        if chunk.slots.len() < FEW && self.chunks.len() > 1 {
            self.join(at.max(1), write);
        }
    }

    /// Before the first slot whose key is at least `key`.
    pub(crate) fn lower_bound(&self, key: &[u8], write: &impl Fn(u32, &mut Vec<u8>)) -> Place {
        if self.chunks.is_empty() {
            return Place { chunk: 0, entry: 0 };
        }
        let at = self.chunk_of(key);
        let chunk = &self.chunks[at];
        let entry = if self.has_prefix_of(key, at) {
            chunk.lower_bound(key, &mut Vec::new(), write)
        } else {
            match key.cmp(&chunk.floor) {
                Ordering::Less | Ordering::Equal => 0,
                Ordering::Greater => chunk.slots.len(),
            }
        };
        Place { chunk: at, entry }
    }

    /// The slots between two places, of which the first is not behind the second.
    pub(crate) fn between(
        &self,
        from: Place,
        to: Place,
        write: &impl Fn(u32, &mut Vec<u8>),
    ) -> impl DoubleEndedIterator<Item = u32> {
        let last = self.chunks.len().min(to.chunk + 1);
        (from.chunk..last).flat_map(move |chunk| {
            let slots = self.chunks[chunk].in_order(write);
            let begin = if chunk == from.chunk { from.entry } else { 0 };
            let end = if chunk == to.chunk { to.entry } else { slots.len() };
            (begin..end).map(move |entry| slots[entry])
        })
    }

    /// The chunk in whose range the key lies. There must be one.
    fn chunk_of(&self, key: &[u8]) -> usize {
        let last = self.chunks.len() - 1;
        match key[..key.len().min(self.shared)].cmp(&self.chunks[0].floor[..self.shared]) {
            Ordering::Less => return 0,
            Ordering::Greater => return last,
            Ordering::Equal => {}
        }
        let head = head(key, self.shared);
        if self.heads[last] < head {
            return last;
        }
        let low = self.heads.partition_point(|floor| *floor < head);
        // Nearly always none or one; where many names begin alike, too many to count.
        let same = match self.heads.get(low..low + 2) {
            Some([first, second]) if *first == head && *second == head => {
                self.heads[low..].partition_point(|floor| *floor == head)
            }
            Some(_) | None => usize::from(self.heads.get(low) == Some(&head)),
        };
        let same = self.chunks[low..low + same].partition_point(|chunk| *chunk.floor <= *key);
        (low + same).saturating_sub(1)
    }

    /// Whether a key in the range of this chunk has the prefix that its keys share. Where all floors share that much
    /// but eight bytes, their heads tell, without a look at the floor; and what lies between two floors has the prefix
    /// of both.
    fn has_prefix_of(&self, key: &[u8], at: usize) -> bool {
        let chunk = &self.chunks[at];
        match chunk.shared.checked_sub(self.shared) {
            Some(more @ 0..=8) => {
                let differences = self.heads[at] ^ head(key, self.shared);
                key.len() >= chunk.shared
                    && differences.checked_shr(64 - 8 * more as u32).unwrap_or(0) == 0
                    && ((1..self.chunks.len() - 1).contains(&at)
                        || key.starts_with(&self.chunks[0].floor[..self.shared]))
            }
            Some(_) | None => key.starts_with(&chunk.floor[..chunk.shared]),
        }
    }

    fn add_chunk(&mut self, at: usize, chunk: Chunk) {
        self.heads.insert(at, head(&chunk.floor, self.shared));
        self.chunks.insert(at, chunk);
        self.read_floors();
    }

    /// Brings the heads up to date with the first and the last floor, whose shared prefix is that of all floors.
    fn read_floors(&mut self) {
        let (Some(first), Some(last)) = (self.chunks.first(), self.chunks.last()) else { return };
        let shared = shared_prefix(&first.floor, &last.floor);
        if shared != self.shared {
            self.shared = shared;
            self.heads.clear();
            self.heads.extend(self.chunks.iter().map(|chunk| head(&chunk.floor, shared)));
        } else {
            self.heads[0] = head(&first.floor, shared);
        }
    }

    /// Moves a chunk's entries to the one before it, if they fit there with room to spare.
    fn join(&mut self, at: usize, write: &impl Fn(u32, &mut Vec<u8>)) {
        if self.chunks[at - 1].slots.len() + self.chunks[at].slots.len() > MOST * 3 / 4 {
            return;
        }
        let mut upper = self.chunks.remove(at);
        self.heads.remove(at);
        let lower = &mut self.chunks[at - 1];
        upper.sort(&mut self.scratch, write);
        lower.sort(&mut self.scratch, write);
        lower.sorted += upper.sorted;
        lower.slots.extend_from_slice(&upper.slots);
        lower.heads.extend_from_slice(&upper.heads);
        let shared = shared_prefix(&lower.floor, &upper.floor).min(lower.shared).min(upper.shared);
        lower.share(shared, &mut self.scratch, write);
        self.read_floors();
    }
}

impl Chunk {
    fn starting_at(key: &[u8]) -> Self {
        Self {
            floor: key.into(),
            shared: key.len(),
            heads: Vec::with_capacity(MOST),
            slots: Vec::with_capacity(MOST),
            sorted: 0,
        }
    }

    /// Adds an entry, whose key has the shared prefix. There must be room.
    fn add(&mut self, key: &[u8], slot: u32, scratch: &mut Vec<u8>, write: &impl Fn(u32, &mut Vec<u8>)) {
        let head = head(key, self.shared);
        let is_next =
            self.sorted == self.slots.len() && self.heads.last().is_none_or(|greatest| *greatest < head);
        self.heads.push(head);
        self.slots.push(slot);
        if is_next {
            self.sorted += 1;
        } else if self.slots.len() - self.sorted == LOOSE {
            self.sort(scratch, write);
        }
    }

    /// Removes an entry; whether it was there.
    fn remove(
        &mut self,
        key: &[u8],
        slot: u32,
        scratch: &mut Vec<u8>,
        write: &impl Fn(u32, &mut Vec<u8>),
    ) -> bool {
        if let Some(loose) = self.slots[self.sorted..].iter().position(|other| *other == slot) {
            self.heads.swap_remove(self.sorted + loose);
            self.slots.swap_remove(self.sorted + loose);
            return true;
        }
        let same = self.with_head(head(key, self.shared), self.sorted);
        let entry = self.narrowed(same, key, scratch, write);
        let is_there = entry < self.sorted && self.slots[entry] == slot;
        if is_there {
            self.heads.remove(entry);
            self.slots.remove(entry);
            self.sorted -= 1;
        }
        is_there
    }

    /// How many entries have keys below `key`, which has the shared prefix.
    fn lower_bound(&self, key: &[u8], scratch: &mut Vec<u8>, write: &impl Fn(u32, &mut Vec<u8>)) -> usize {
        let head = head(key, self.shared);
        let sorted = self.narrowed(self.with_head(head, self.sorted), key, scratch, write);
        let loose = (self.sorted..self.slots.len()).filter(|entry| match self.heads[*entry].cmp(&head) {
            Ordering::Less => true,
            Ordering::Equal => self.key_of(*entry, scratch, write) < key,
            Ordering::Greater => false,
        });
        sorted + loose.count()
    }

    /// The slots in the order of their keys.
    fn in_order(&self, write: &impl Fn(u32, &mut Vec<u8>)) -> Cow<'_, [u32]> {
        if self.sorted == self.slots.len() {
            return Cow::Borrowed(&self.slots);
        }
        let mut chunk = self.clone();
        chunk.sort(&mut Vec::new(), write);
        Cow::Owned(chunk.slots)
    }

    /// Brings the loose entries into order, beginning with the greatest: each is put at its place with one move of
    /// what lies between it and the one before.
    fn sort(&mut self, scratch: &mut Vec<u8>, write: &impl Fn(u32, &mut Vec<u8>)) {
        let mut loose: Vec<(Head, u32)> = self.heads[self.sorted..]
            .iter()
            .copied()
            .zip(self.slots[self.sorted..].iter().copied())
            .collect();
        let key_of = |slot| {
            let mut key = Vec::new();
            write(slot, &mut key);
            key
        };
        loose.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| key_of(a.1).cmp(&key_of(b.1))));
        let mut end = self.sorted;
        for (below, (head, slot)) in loose.into_iter().enumerate().rev() {
            let same = self.with_head(head, end);
            let entry =
                if same.is_empty() { same.start } else { self.narrowed(same, &key_of(slot), scratch, write) };
            self.heads.copy_within(entry..end, entry + below + 1);
            self.slots.copy_within(entry..end, entry + below + 1);
            self.heads[entry + below] = head;
            self.slots[entry + below] = slot;
            end = entry;
        }
        self.sorted = self.slots.len();
    }

    /// Those of so many sorted entries that have this head; where there are none, the place for one.
    fn with_head(&self, head: Head, sorted: usize) -> Range<usize> {
        let heads = &self.heads[..sorted];
        let low = count_below(heads, head);
        let same = match heads.get(low) {
            Some(first) if *first == head => heads[low..].partition_point(|other| *other == head),
            Some(_) | None => 0,
        };
        low..low + same
    }

    /// The first of these sorted entries whose key is at least `key`, or the end of them.
    fn narrowed(
        &self,
        Range { start: mut low, end: mut high }: Range<usize>,
        key: &[u8],
        scratch: &mut Vec<u8>,
        write: &impl Fn(u32, &mut Vec<u8>),
    ) -> usize {
        while low < high {
            let middle = low.midpoint(high);
            if self.key_of(middle, scratch, write) < key { low = middle + 1 } else { high = middle }
        }
        low
    }

    fn key_of<'s>(
        &self,
        entry: usize,
        scratch: &'s mut Vec<u8>,
        write: &impl Fn(u32, &mut Vec<u8>),
    ) -> &'s [u8] {
        scratch.clear();
        write(self.slots[entry], scratch);
        scratch
    }

    /// Makes room for keys below the floor.
    fn lower_floor(&mut self, floor: &[u8], scratch: &mut Vec<u8>, write: &impl Fn(u32, &mut Vec<u8>)) {
        let shared = shared_prefix(&self.floor, floor);
        if shared < self.shared {
            self.share(shared, scratch, write);
        }
        self.floor = floor.into();
    }

    /// Takes so many first bytes as shared and reads all heads anew.
    fn share(&mut self, shared: usize, scratch: &mut Vec<u8>, write: &impl Fn(u32, &mut Vec<u8>)) {
        self.shared = shared;
        for (one, slot) in self.heads.iter_mut().zip(&self.slots) {
            scratch.clear();
            write(*slot, scratch);
            *one = head(scratch, shared);
        }
    }

    /// Gives the upper half away.
    fn split(&mut self, scratch: &mut Vec<u8>, write: &impl Fn(u32, &mut Vec<u8>)) -> Chunk {
        self.sort(scratch, write);
        let middle = self.slots.len() / 2;
        let key_of = |slot: u32| {
            let mut key = Vec::new();
            write(slot, &mut key);
            key
        };
        let below = key_of(self.slots[middle - 1]);
        let floor = key_of(self.slots[middle]);
        let last = key_of(self.slots[self.slots.len() - 1]);
        let mut upper = Chunk { shared: self.shared, ..Chunk::starting_at(&floor) };
        upper.heads.extend(self.heads.drain(middle..));
        upper.slots.extend(self.slots.drain(middle..));
        (self.sorted, upper.sorted) = (middle, upper.slots.len());
        upper.share_more(shared_prefix(&floor, &last), scratch, write);
        self.share_more(shared_prefix(&self.floor, &below), scratch, write);
        upper
    }

    /// Takes up a longer shared prefix once so much of the heads says nothing that it is worth reading all keys.
    fn share_more(&mut self, shared: usize, scratch: &mut Vec<u8>, write: &impl Fn(u32, &mut Vec<u8>)) {
        if shared >= self.shared + 4 {
            self.share(shared, scratch, write);
        }
    }
}

/// How many of these ascending heads are below one. Looking at every sixteenth first lets the processor fetch them
/// all at once from memory, where a binary search would wait for one after the other.
fn count_below(heads: &[Head], head: Head) -> usize {
    let coarse = heads.iter().step_by(16).filter(|other| **other < head).count();
    let start = coarse.saturating_sub(1) * 16;
    let fine = heads[start..].iter().take(16).filter(|other| **other < head).count();
    start + fine
}

fn head(key: &[u8], shared: usize) -> Head {
    let rest = &key[shared.min(key.len())..];
    Head::from_be_bytes(match rest.first_chunk() {
        Some(head) => *head,
        None => {
            let mut head = [0; 8];
            head[..rest.len()].copy_from_slice(rest);
            head
        }
    })
}

fn shared_prefix(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// The index beside what it must equal.
    #[derive(Default)]
    struct Pair {
        keys: Vec<Vec<u8>>,
        model: BTreeSet<(Vec<u8>, u32)>,
    }

    impl Pair {
        fn insert(&mut self, index: &mut OrderedSlots, key: &[u8]) {
            let from = self.model.range((key.to_vec(), 0)..).next();
            if from.is_none_or(|(known, _)| known != key) {
                self.insert_new(index, key);
            }
        }

        fn insert_new(&mut self, index: &mut OrderedSlots, key: &[u8]) {
            let slot = u32::try_from(self.keys.len()).unwrap();
            self.keys.push(key.to_vec());
            let keys = &self.keys;
            index.insert(key, slot, &|slot, out| out.extend_from_slice(&keys[slot as usize]));
            self.model.insert((key.to_vec(), slot));
        }

        fn remove(&mut self, index: &mut OrderedSlots, nth: usize) {
            if self.model.is_empty() {
                return;
            }
            let (key, slot) = self.model.iter().nth(nth % self.model.len()).unwrap().clone();
            let keys = &self.keys;
            index.remove(&key, slot, &|slot, out| out.extend_from_slice(&keys[slot as usize]));
            self.model.remove(&(key, slot));
        }

        fn range(&self, index: &OrderedSlots, from: &[u8], to: &[u8]) -> Vec<u32> {
            let write = |slot: u32, out: &mut Vec<u8>| out.extend_from_slice(&self.keys[slot as usize]);
            index.between(index.lower_bound(from, &write), index.lower_bound(to, &write), &write).collect()
        }

        fn check(&self, index: &OrderedSlots) {
            let whole = self.range(index, b"", &[255; 40]);
            assert_eq!(whole, self.model.iter().map(|(_, slot)| *slot).collect::<Vec<_>>());
            for (key, slot) in self.model.iter().step_by(97) {
                let from = self.range(index, key, &[255; 40]);
                assert_eq!(from.first(), Some(slot));
                assert_eq!(from.len(), self.model.range((key.clone(), 0)..).count());
            }
        }
    }

    #[test]
    fn ascending_descending_and_shuffled_keys_come_out_in_order() {
        // 3,331 has no factor in common with 5,000, so that each number comes once.
        for step in [1, 4_999, 3_331] {
            let mut index = OrderedSlots::new();
            let mut pair = Pair::default();
            for n in 0..5_000 {
                let number = n * step % 5_000;
                pair.insert_new(&mut index, format!("account/name-{number:08}/tail").as_bytes());
            }
            pair.check(&index);
            while pair.model.len() > 3 {
                for nth in 0..97 {
                    pair.remove(&mut index, nth * 31);
                }
                pair.check(&index);
            }
        }
    }

    #[test]
    fn ascending_keys_fill_every_chunk() {
        let mut index = OrderedSlots::new();
        let mut pair = Pair::default();
        for n in 0..10_240_u32 {
            pair.insert_new(&mut index, &n.to_be_bytes());
        }
        assert_eq!(index.chunks.len(), 40);
    }

    #[test]
    fn an_emptied_index_takes_keys_again() {
        let mut index = OrderedSlots::new();
        let mut pair = Pair::default();
        for _ in 0..3 {
            for n in (0..1_000_u32).rev() {
                pair.insert_new(&mut index, &n.to_be_bytes());
            }
            while !pair.model.is_empty() {
                pair.remove(&mut index, 0);
            }
            assert_eq!(pair.range(&index, b"", &[255; 8]), Vec::<u32>::new());
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(Vec<u8>),
        Remove(usize),
        /// Many keys under one prefix, so that chunks split and then join.
        Burst(Vec<u8>, u16),
        Prune(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        // Few different bytes, so that keys are prefixes of one another and end within a head.
        let byte = prop_oneof![Just(0_u8), Just(1), Just(97), Just(98), Just(255)];
        let key = proptest::collection::vec(byte, 0..12);
        prop_oneof![
            4 => key.clone().prop_map(Step::Insert),
            3 => any::<usize>().prop_map(Step::Remove),
            1 => (key, 1..700_u16).prop_map(|(prefix, count)| Step::Burst(prefix, count)),
            1 => (1..40_usize).prop_map(Step::Prune),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_sequence_of_changes_leaves_the_order_of_an_ordered_set(
            steps in proptest::collection::vec(step(), 1..40),
            bounds in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..4), 2..6),
        ) {
            let mut index = OrderedSlots::new();
            let mut pair = Pair::default();
            for step in steps {
                match step {
                    Step::Insert(key) => pair.insert(&mut index, &key),
                    Step::Remove(nth) => pair.remove(&mut index, nth),
                    Step::Burst(prefix, count) => {
                        for n in 0..count {
                            let number = n.wrapping_mul(7_919).to_be_bytes();
                            pair.insert(&mut index, &[&prefix[..], &number].concat());
                        }
                    }
                    Step::Prune(step) => {
                        for nth in 0..pair.model.len() * 9 / 10 {
                            pair.remove(&mut index, nth * step);
                        }
                    }
                }
            }
            pair.check(&index);
            for bound in &bounds {
                let expected: Vec<u32> =
                    pair.model.iter().filter(|(key, _)| key >= bound).map(|(_, slot)| *slot).collect();
                prop_assert_eq!(pair.range(&index, bound, &[255; 40]), expected);
            }
        }
    }
}
