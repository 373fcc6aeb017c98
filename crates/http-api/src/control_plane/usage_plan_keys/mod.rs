//! The operations on the keys of usage plans, each translating a request into a call and its result into a document.
//!
//! AWS shows the value of a plan's key without being asked. Here it is shown to those who may be told it, and left out
//! of the answer for all others.

pub(super) mod create;
pub(super) mod delete;
pub(super) mod get;
pub(super) mod list;

use super::Asked;
use gatepost_policy::Action;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What is escaped in a segment of a path; ids need none of it.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

impl Asked<'_> {
    /// Whether the answer carries values of keys.
    fn may_be_told_values(&self) -> bool {
        self.permissions.allow(Action::RevealValue, self.resource)
    }
}

/// A plan's id as a segment of a path.
fn segment(plan: &str) -> String {
    utf8_percent_encode(plan, SEGMENT).to_string()
}
