//! Credentials: the table `credential`, and what may be done to it.
//!
//! The SQL is in `queries/credentials`, a file for each statement. Reads are written once over
//! [`Source`](crate::source::Source), writes once over [`Session`](crate::session::Session).

mod reader;
mod row;
mod writer;

pub(crate) use writer::{delete, insert, note_use, update};
