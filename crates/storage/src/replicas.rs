//! The serving processes that share a storage.

use crate::error::StorageError;
use async_trait::async_trait;
use std::fmt;
use std::time::Duration;

/// One life of one serving process: sixteen random bytes. A process that was taken for dead takes a new one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub [u8; 16]);

impl fmt::Display for Incarnation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for Incarnation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Incarnation({self})")
    }
}

/// What a heartbeat learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// This incarnation counts as alive.
    Alive,
    /// It was declared dead, for at least a day: what it held is given to others. Take a new one and load anew.
    Dead,
}

/// Who is alive, by the storage's own clock.
#[async_trait]
pub trait Replicas: Send + Sync {
    /// Says that an incarnation is alive, for the first time too, and declares dead every other one that was silent
    /// for `dead_after` or longer.
    async fn beat(&self, incarnation: Incarnation, dead_after: Duration) -> Result<Life, StorageError>;

    /// The incarnations that are not dead, in their order.
    async fn alive(&self) -> Result<Vec<Incarnation>, StorageError>;

    /// Ends an incarnation at once: a process that stops in order need not be waited for.
    async fn leave(&self, incarnation: Incarnation) -> Result<(), StorageError>;
}
