//! API keys. Every function here works on one connection and the transaction that is open on it; who opens and ends
//! that is [`crate::writer`] for writes and [`reader`] for reads.

pub(crate) mod import;
pub(crate) mod listing;
pub(crate) mod reader;
pub(crate) mod restore;
pub(crate) mod row;
pub(crate) mod writer;
