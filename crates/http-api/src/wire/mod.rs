//! The wire: what lies between a socket and a request that has been understood.
//!
//! | file | what it does |
//! |---|---|
//! | [`connection`] | accepts, caps and serves connections (HTTP/1.1 and HTTP/2), and drains them at the end |
//! | [`socket`] | a socket whose first bytes can be looked at, and whose client must take what it is sent |
//! | [`opening`] | what comes before HTTP: the PROXY protocol and TLS |
//! | [`proxy`] | reads PROXY headers |
//! | [`peer`] | who sent a request, as far as it can be believed |
//! | [`framing`] | refuses HTTP/1 that others may read in another way |
//! | [`refusal`] | gives what hyper refuses by itself a body, a request id and a log line |
//! | [`body`] | reads a request body within its bounds of size and time |
//! | [`answer_body`] | the body of an answer: none, whole, or a stream |
//! | `traffic` | whether anything moves on an HTTP/2 connection |
//!
//! It guarantees that whoever sends something that is not an acceptable request is told so in one JSON error,
//! and that nobody can hold a connection for longer than the settings say. It knows nothing of operations:
//! what to answer is decided by the service and the [`refusal::Refuse`] it is given.

pub mod answer_body;
pub mod body;
pub mod connection;
pub mod framing;
pub mod opening;
pub mod peer;
pub mod proxy;
pub mod refusal;
pub mod socket;

mod traffic;
