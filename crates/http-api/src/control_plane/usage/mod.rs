//! The operations on usage, each translating a request into a call and its result into a document.

pub(super) mod get;
pub(super) mod update;
