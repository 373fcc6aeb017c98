//! The operations on API keys, each translating a request into a call and its result into a document.

pub(super) mod create;
pub(super) mod delete;
pub(super) mod get;
pub(super) mod import;
pub(super) mod list;
pub(super) mod update;
