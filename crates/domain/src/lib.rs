//! What is true, whoever asks and wherever it is kept: the nouns of API keys and their rules.
//!
//! A type here can only be made by its `parse` (or a constructor that cannot break its rule), so every other
//! floor may rely on what it holds and never validates again. There is no I/O, no async and no wire format;
//! time and randomness come in through [`Clock`] and [`Ids`].
//!
//! A new noun gets a folder or file with the name that it has on every other floor, its rules beside it, and
//! one enum of what can be wrong with it. Messages are AWS's own words where those are known, because callers
//! match on them.

pub mod api_keys;
pub mod credentials;
pub mod usage;
pub mod usage_plans;

mod account;
mod arn;
mod clock;
mod ids;
mod page;
mod secret;
mod tags;
mod text;

pub use account::{AccountId, InvalidAccountId};
pub use arn::{InvalidArn, ResourceArn};
pub use clock::{Clock, Timestamp};
pub use ids::Ids;
pub use page::{Page, PageLimit, PageRequest};
pub use secret::{Digest, Sealed};
pub use tags::{InvalidTag, Tags};

/// How often an aggregate has been written, counted from 1. A write that states the version it read is refused
/// when another came between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

impl Version {
    /// The version of an aggregate that was just made.
    pub const FIRST: Version = Version(1);

    /// The version after this one.
    #[must_use]
    pub fn next(self) -> Version {
        Version(self.0 + 1)
    }
}
