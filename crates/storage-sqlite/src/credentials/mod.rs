//! Credentials. Every function here works on one connection and the transaction that is open on it, as in
//! [`crate::api_keys`].

mod reader;
mod row;
pub(crate) mod writer;
