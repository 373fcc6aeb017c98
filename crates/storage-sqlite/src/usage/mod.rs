//! What was used of plans. Every function here works on one connection and the transaction that is open on it, as in
//! [`crate::api_keys`].

mod meter;
mod reader;
pub(crate) mod writer;
