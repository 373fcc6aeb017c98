//! Where records lie: each at a slot, a `u32` that every index holds instead of the record.
//!
//! There are two views of a slot: what is [`View::Committed`], and what the one open unit of work sees
//! ([`View::Unit`]). A unit writes into the slab at once, into slots that the committed view does not see; to commit
//! or to roll back is then to make one view follow the other, slot by slot, which costs a byte each. That is why a
//! million rows can be committed at once while readers wait for a few milliseconds only.
//!
//! Slots come in segments, so that growing never copies what is there.

const SEGMENT: usize = 4096;

/// A reader's standpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// What every unit of work so far has committed.
    Committed,
    /// That, and the writes of the open unit of work.
    Unit,
}

impl View {
    fn bit(self) -> u8 {
        match self {
            Self::Committed => 1,
            Self::Unit => 2,
        }
    }
}

/// Records by slot.
pub(crate) struct Slab<R> {
    segments: Vec<Segment<R>>,
    free: Vec<u32>,
}

struct Segment<R> {
    records: Vec<R>,
    /// A bit for each view that does not see the record.
    hidden: Vec<u8>,
}

impl<R: Default> Slab<R> {
    pub(crate) fn new() -> Self {
        Self { segments: Vec::new(), free: Vec::new() }
    }

    /// Adds a record that only the open unit of work sees.
    pub(crate) fn add(&mut self, record: R) -> u32 {
        let hidden = View::Committed.bit();
        if let Some(slot) = self.free.pop() {
            let (segment, at) = self.split(slot);
            segment.records[at] = record;
            segment.hidden[at] = hidden;
            return slot;
        }
        if self.segments.last().is_none_or(|last| last.records.len() == SEGMENT) {
            self.segments
                .push(Segment { records: Vec::with_capacity(SEGMENT), hidden: Vec::with_capacity(SEGMENT) });
        }
        let before = self.segments.len() - 1;
        let last = &mut self.segments[before];
        let slot = before * SEGMENT + last.records.len();
        last.records.push(record);
        last.hidden.push(hidden);
        u32::try_from(slot).expect("four thousand million records would not fit into memory")
    }

    /// Takes a record out; its slot will be used again, so no index may hold it any longer.
    pub(crate) fn take(&mut self, slot: u32) -> R {
        let (segment, at) = self.split(slot);
        segment.hidden[at] = View::Committed.bit() | View::Unit.bit();
        let record = std::mem::take(&mut segment.records[at]);
        self.free.push(slot);
        record
    }

    pub(crate) fn get(&self, slot: u32) -> &R {
        let (segment, at) = place(slot);
        &self.segments[segment].records[at]
    }

    pub(crate) fn is_seen(&self, slot: u32, view: View) -> bool {
        let (segment, at) = place(slot);
        self.segments[segment].hidden[at] & view.bit() == 0
    }

    /// Hides a record from the open unit of work. It is still there for the committed view, if it ever was.
    pub(crate) fn hide(&mut self, slot: u32) {
        let (segment, at) = self.split(slot);
        segment.hidden[at] |= View::Unit.bit();
    }

    /// Lets the other view see of this slot what `view` sees; whether either still does.
    pub(crate) fn settle(&mut self, slot: u32, view: View) -> bool {
        let (segment, at) = self.split(slot);
        let seen = segment.hidden[at] & view.bit() == 0;
        segment.hidden[at] = if seen { 0 } else { View::Committed.bit() | View::Unit.bit() };
        seen
    }

    fn split(&mut self, slot: u32) -> (&mut Segment<R>, usize) {
        let (segment, at) = place(slot);
        (&mut self.segments[segment], at)
    }
}

fn place(slot: u32) -> (usize, usize) {
    (slot as usize / SEGMENT, slot as usize % SEGMENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_record_is_the_units_alone_until_it_is_committed() {
        let mut slab = Slab::new();
        let slot = slab.add("a");
        assert!(slab.is_seen(slot, View::Unit) && !slab.is_seen(slot, View::Committed));
        assert!(slab.settle(slot, View::Unit));
        assert!(slab.is_seen(slot, View::Unit) && slab.is_seen(slot, View::Committed));
    }

    #[test]
    fn a_record_hidden_by_the_unit_is_gone_at_commit_and_back_at_rollback() {
        let mut slab = Slab::new();
        let slot = slab.add("a");
        slab.settle(slot, View::Unit);
        slab.hide(slot);
        assert!(slab.is_seen(slot, View::Committed) && !slab.is_seen(slot, View::Unit));
        assert!(slab.settle(slot, View::Committed));
        assert!(slab.is_seen(slot, View::Unit));
        slab.hide(slot);
        assert!(!slab.settle(slot, View::Unit));
        assert!(!slab.is_seen(slot, View::Committed));
    }

    #[test]
    fn slots_are_used_again_and_segments_never_move() {
        let mut slab = Slab::new();
        let slots: Vec<u32> = (0..10_000_u32).map(|n| slab.add(n)).collect();
        assert_eq!(slots, (0..10_000).collect::<Vec<_>>());
        assert_eq!(slab.take(5_000), 5_000);
        assert_eq!(slab.add(7), 5_000);
        assert_eq!((*slab.get(5_000), *slab.get(9_999)), (7, 9_999));
    }
}
