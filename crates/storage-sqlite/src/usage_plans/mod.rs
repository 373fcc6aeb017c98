//! Usage plans and the keys in them. Every function here works on one connection and the transaction that is open on
//! it, as in [`crate::api_keys`].

pub(crate) mod attach;
mod keys;
pub(crate) mod reader;
pub(crate) mod row;
mod stages;
pub(crate) mod writer;
