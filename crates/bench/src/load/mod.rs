//! Everything that makes work for a contestant: a cheap HTTP/1.1 connection, and two ways to drive it.
//!
//! [`closed`] keeps a fixed number of requests in flight and so finds how much a server can do; [`open`] sends at fixed
//! times whatever the server does and so finds how long a caller waits. [`csv`] writes the files that are imported.

pub(crate) mod closed;
pub(crate) mod connection;
pub(crate) mod csv;
pub(crate) mod open;
