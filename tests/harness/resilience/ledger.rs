//! What a client knows of its keys. Nobody else writes them, so what it was told must be what is there.
//!
//! A write without an answer leaves two possibilities for each of its keys, and for an import that must be whole the
//! same one for all. A client does not touch a key again of which it knows no better.

use std::collections::{HashMap, HashSet};

use super::caller::Kept;

/// What is kept under a value: nothing, or a content by number.
pub(super) type Content = Option<u32>;

/// One row of a write: a value, and what is kept under it before and after.
pub(super) struct Row {
    pub(super) value: String,
    pub(super) before: Content,
    pub(super) after: Content,
}

#[derive(Default)]
pub(super) struct Ledger {
    settled: HashMap<String, Content>,
    open: Vec<Open>,
}

/// A write without an answer.
struct Open {
    rows: Vec<Row>,
    /// Done as a whole, or not at all.
    whole: bool,
}

impl Ledger {
    /// A write was answered with success.
    pub(super) fn acknowledged(&mut self, rows: Vec<Row>) {
        self.settled.extend(rows.into_iter().map(|row| (row.value, row.after)));
    }

    /// A write was not answered.
    pub(super) fn unanswered(&mut self, rows: Vec<Row>, whole: bool) {
        for row in &rows {
            self.settled.remove(&row.value);
        }
        self.open.push(Open { rows, whole });
    }

    /// Holds it against what is kept, and gives the values that it explains.
    pub(super) fn check(&self, kept: &HashMap<String, Kept>) -> HashSet<&str> {
        let found = |value: &str| kept.get(value).map(|key| key.content);
        for (value, content) in &self.settled {
            assert_eq!(found(value), *content, "what was acknowledged of {value:.6}... is not there");
        }
        for open in &self.open {
            let done: Vec<bool> = open.rows.iter().map(|row| row.is_done(found(&row.value))).collect();
            let part = done.iter().filter(|done| **done).count();
            assert!(
                !open.whole || part == 0 || part == done.len(),
                "{part} of {} rows of an import that was to be whole are there",
                done.len()
            );
        }
        let open = self.open.iter().flat_map(|open| &open.rows).map(|row| row.value.as_str());
        self.settled.keys().map(String::as_str).chain(open).collect()
    }

    /// Nothing can happen any more to what was not answered: what is there now must stay.
    pub(super) fn settle(&mut self, kept: &HashMap<String, Kept>) {
        for row in self.open.drain(..).flat_map(|open| open.rows) {
            let content = kept.get(&row.value).map(|key| key.content);
            self.settled.insert(row.value, content);
        }
    }
}

impl Row {
    fn is_done(&self, found: Content) -> bool {
        let Self { value, before, after } = self;
        assert!(
            found == *before || found == *after,
            "{value:.6}...: {found:?} is neither {before:?} nor {after:?}"
        );
        found == *after
    }
}
