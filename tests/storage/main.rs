//! The storage backends against real databases, and the harness that gives them those.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]
#![expect(
    clippy::disallowed_methods,
    reason = "the clock and the sleep of a test that waits for another process"
)]

mod agreement;
mod harness;
mod postgres;
