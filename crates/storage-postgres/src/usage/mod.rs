//! What was used of plans: the tables `usage_day` and `usage_meter`, and what may be done to them.
//!
//! The SQL is in `queries/usage`, a file for each statement. Reads are written once over
//! [`Source`](crate::source::Source), writes once over [`Session`](crate::session::Session).

mod meter;
mod reader;
mod row;
mod writer;

pub(crate) use writer::{adjust, restore};
