//! API keys: the table `api_key`, its indexes, and what may be done to it.
//!
//! The SQL is in `queries/api_keys`, a file for each statement. Reads are written once over [`Source`], writes once
//! over [`Session`](crate::session::Session); `reader` and `writer` give them to whoever has either.

mod creations;
mod import;
mod listing;
mod look_ups;
mod reader;
mod restore;
mod row;
mod writer;

pub(crate) use creations::{Creations, insert_gathered};
pub(crate) use import::import;
pub(crate) use listing::{EXAMINED, Seek, full, walked};
pub(crate) use look_ups::LookUps;
pub(crate) use restore::restore;
pub(crate) use row::{column, id, key, number, signed, unsigned};
pub(crate) use writer::{delete, insert, update};
