//! Whether what clients saw of one key can have happened in some order: the linearizability of a register.
//!
//! Clients note each call with the moments before it was sent and after it was answered ([`History`]). A history is
//! linearizable when every call can be given one moment within its own span at which it took effect, so that every
//! answer is the one that a single, unreplicated key would have given. A call whose answer never came, or that was
//! answered 503, may have taken effect at any moment after it was sent, or never.
//!
//! The search is that of Wing and Gong (1993) with the memory of Lowe (2017): of all calls that may come next, try
//! each; a set of calls that was tried before in the same state is not tried again.

use std::collections::HashSet;
use std::fmt;

/// What a key holds: nothing, or the content that a client gave it, by number.
pub type State = Option<u32>;

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Make the key with this content.
    Create(u32),
    /// Give it this content.
    Update(u32),
    /// Take it away.
    Delete,
    /// Read it.
    Get,
}

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done; a read answered this.
    Done(State),
    /// There is no such key.
    Missing,
    /// There is one already.
    Exists,
    /// Others were in the way: nothing was done.
    Overtaken,
    /// Nobody knows: cut, timed out or answered 503.
    Unknown,
}

/// One call of one client, by a clock that all clients share.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// What was asked.
    pub call: Call,
    /// What was answered.
    pub outcome: Outcome,
    /// Before it was sent.
    pub sent: u64,
    /// After it was answered.
    pub answered: u64,
}

/// Everything that happened to one key, at most [`History::MOST`] calls.
#[derive(Clone, Debug, Default)]
pub struct History(Vec<Event>);

/// The calls that no order explains.
#[derive(Debug)]
pub struct Violation {
    events: Vec<Event>,
    explained: usize,
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "no order explains these calls; the best explains {} of them:", self.explained)?;
        for event in &self.events {
            let Event { call, outcome, sent, answered } = event;
            writeln!(out, "{sent:>12} - {answered:>12}  {call:?} -> {outcome:?}")?;
        }
        Ok(())
    }
}

impl History {
    /// A set of calls is a bit for each.
    pub const MOST: usize = 128;

    /// Notes a call.
    ///
    /// # Panics
    /// Beyond [`History::MOST`] calls.
    pub fn note(&mut self, event: Event) {
        assert!(self.0.len() < Self::MOST, "a history holds at most {} calls", Self::MOST);
        self.0.push(event);
    }

    /// What was noted.
    pub fn events(&self) -> &[Event] {
        &self.0
    }

    /// How many calls were noted.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Looks for an order that explains every answer, of a key that was missing at first.
    pub fn check(&self) -> Result<(), Box<Violation>> {
        let events = self.telling();
        let mut search = Search { events: &events, tried: HashSet::new(), explained: 0 };
        if search.explains(0, None) {
            return Ok(());
        }
        let mut events = self.0.clone();
        events.sort_by_key(|event| event.sent);
        Err(Box::new(Violation { events, explained: search.explained }))
    }

    /// Without the calls of which nobody knows what became of them and which no order needs: reads, and updates whose
    /// content nobody saw. Take such an update out of an order, and all other answers stay explained.
    fn telling(&self) -> Vec<Event> {
        let seen: HashSet<State> = self
            .0
            .iter()
            .map(|event| match event.outcome {
                Outcome::Done(seen) => seen,
                Outcome::Missing | Outcome::Exists | Outcome::Overtaken | Outcome::Unknown => None,
            })
            .collect();
        let tells = |event: &&Event| match (event.outcome, event.call) {
            (Outcome::Unknown, Call::Get) => false,
            (Outcome::Unknown, Call::Update(content)) => seen.contains(&Some(content)),
            (Outcome::Unknown, Call::Create(_) | Call::Delete) => true,
            (Outcome::Done(_) | Outcome::Missing | Outcome::Exists | Outcome::Overtaken, _) => true,
        };
        self.0.iter().filter(tells).copied().collect()
    }
}

struct Search<'h> {
    events: &'h [Event],
    /// Sets of calls, and the state they led to, from which nothing was found.
    tried: HashSet<(u128, State)>,
    explained: usize,
}

impl Search<'_> {
    /// Whether the calls that are not in `done` can follow in some order.
    fn explains(&mut self, done: u128, state: State) -> bool {
        self.explained = self.explained.max(done.count_ones() as usize);
        let open = |place: &usize| done & (1 << place) == 0;
        // Nothing that was sent after another call was answered can come before that call.
        let certain = (0..self.events.len()).filter(open).filter(|place| self.is_certain(*place));
        let Some(horizon) = certain.map(|place| self.events[place].answered).min() else {
            // What is left has unknown outcomes, and need not have happened.
            return true;
        };
        if !self.tried.insert((done, state)) {
            return false;
        }
        (0..self.events.len()).filter(open).filter(|place| self.events[*place].sent <= horizon).any(|place| {
            let next = after(&self.events[place], state);
            next.is_some_and(|next| self.explains(done | (1 << place), next))
        })
    }

    fn is_certain(&self, place: usize) -> bool {
        self.events[place].outcome != Outcome::Unknown
    }
}

/// The state after a call, if its outcome is one that this state gives.
fn after(event: &Event, state: State) -> Option<State> {
    match (event.call, event.outcome) {
        (Call::Create(content), Outcome::Done(_)) => state.is_none().then_some(Some(content)),
        (Call::Update(content), Outcome::Done(_)) => state.is_some().then_some(Some(content)),
        (Call::Delete, Outcome::Done(_)) => state.is_some().then_some(None),
        (Call::Get, Outcome::Done(seen)) => (seen.is_some() && seen == state).then_some(state),
        (Call::Create(_), Outcome::Exists) => state.is_some().then_some(state),
        (Call::Update(_) | Call::Delete | Call::Get, Outcome::Missing) => state.is_none().then_some(state),
        (Call::Update(_) | Call::Delete, Outcome::Overtaken) => Some(state),
        // If it took effect here, it did what it does; that it never did is the caller's to try.
        (Call::Create(content), Outcome::Unknown) => Some(state.or(Some(content))),
        (Call::Update(content), Outcome::Unknown) => Some(state.map(|_| content)),
        (Call::Delete, Outcome::Unknown) => Some(None),
        (Call::Get, Outcome::Unknown) => Some(state),
        (Call::Create(_), Outcome::Missing | Outcome::Overtaken)
        | (Call::Update(_) | Call::Delete | Call::Get, Outcome::Exists)
        | (Call::Get, Outcome::Overtaken) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(events: &[(Call, Outcome, u64, u64)]) -> History {
        let events =
            events.iter().map(|&(call, outcome, sent, answered)| Event { call, outcome, sent, answered });
        History(events.collect())
    }

    const DONE: Outcome = Outcome::Done(None);

    fn saw(content: u32) -> Outcome {
        Outcome::Done(Some(content))
    }

    #[test]
    fn calls_one_after_the_other_explain_themselves() {
        let calls = [
            (Call::Get, Outcome::Missing, 0, 1),
            (Call::Create(1), DONE, 2, 3),
            (Call::Create(2), Outcome::Exists, 4, 5),
            (Call::Update(3), DONE, 6, 7),
            (Call::Get, saw(3), 8, 9),
            (Call::Delete, DONE, 10, 11),
            (Call::Delete, Outcome::Missing, 12, 13),
        ];
        history(&calls).check().unwrap();
    }

    #[test]
    fn calls_at_once_may_take_effect_in_any_order() {
        for (first, second) in [(1, 2), (2, 1)] {
            let calls = [
                (Call::Create(0), DONE, 0, 1),
                (Call::Update(1), DONE, 2, 9),
                (Call::Update(2), DONE, 2, 9),
                (Call::Get, saw(first), 3, 5),
                (Call::Get, saw(second), 6, 8),
            ];
            history(&calls).check().unwrap();
        }
    }

    #[test]
    fn a_stale_read_is_found() {
        let calls = [(Call::Create(1), DONE, 0, 1), (Call::Update(2), DONE, 2, 3), (Call::Get, saw(1), 4, 5)];
        history(&calls).check().unwrap_err();
    }

    #[test]
    fn a_lost_update_is_found() {
        let calls = [
            (Call::Create(0), DONE, 0, 1),
            (Call::Update(1), DONE, 2, 3),
            (Call::Update(2), DONE, 2, 3),
            (Call::Get, saw(0), 4, 5),
        ];
        history(&calls).check().unwrap_err();
    }

    #[test]
    fn a_resurrected_key_is_found() {
        let calls = [
            (Call::Create(1), DONE, 0, 1),
            (Call::Delete, DONE, 2, 3),
            (Call::Get, Outcome::Missing, 4, 5),
            (Call::Get, saw(1), 6, 7),
        ];
        history(&calls).check().unwrap_err();
    }

    #[test]
    fn a_value_that_was_made_twice_is_found() {
        let calls = [(Call::Create(1), DONE, 0, 5), (Call::Create(2), DONE, 1, 6)];
        history(&calls).check().unwrap_err();
    }

    #[test]
    fn an_unanswered_call_may_have_happened_later_or_never_but_not_before() {
        let late = |seen: u32| {
            let calls = [
                (Call::Create(1), DONE, 0, 1),
                (Call::Update(2), Outcome::Unknown, 2, 3),
                (Call::Get, saw(1), 4, 5),
                (Call::Get, saw(seen), 6, 7),
            ];
            history(&calls).check()
        };
        late(1).unwrap();
        late(2).unwrap();
        let before = [
            (Call::Create(1), DONE, 0, 1),
            (Call::Get, saw(2), 2, 3),
            (Call::Update(2), Outcome::Unknown, 4, 5),
        ];
        history(&before).check().unwrap_err();
        // Once it was seen, it cannot be undone.
        let undone = [
            (Call::Create(1), DONE, 0, 1),
            (Call::Update(2), Outcome::Unknown, 2, 3),
            (Call::Get, saw(2), 4, 5),
            (Call::Get, saw(1), 6, 7),
        ];
        history(&undone).check().unwrap_err();
    }

    #[test]
    fn long_histories_of_many_clients_are_checked_in_time() {
        let mut calls = vec![(Call::Create(0), DONE, 0, 1)];
        for round in 0..15 {
            let at = 10 + round * 10;
            for client in 0..8 {
                let content = u32::try_from(round * 8 + client).unwrap();
                calls.push((Call::Update(content), DONE, at, at + 9));
            }
        }
        calls.push((Call::Get, saw(14 * 8 + 3), 200, 201));
        history(&calls).check().unwrap();
        calls.last_mut().unwrap().1 = saw(13 * 8 + 3);
        history(&calls).check().unwrap_err();
    }
}
