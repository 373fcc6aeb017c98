//! Who is alive: this process alone can be, but the promise is the same.

use crate::MemoryStorage;
use async_trait::async_trait;
use gatepost_domain::Timestamp;
use gatepost_storage::{Incarnation, Life, Replicas, StorageError};
use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

/// When each incarnation was last heard of; `None` for the dead.
pub(crate) type Beats = BTreeMap<Incarnation, Option<Timestamp>>;

#[async_trait]
impl Replicas for MemoryStorage {
    async fn beat(&self, incarnation: Incarnation, dead_after: Duration) -> Result<Life, StorageError> {
        let now = self.shared.clock.now();
        let silent_since = before(now, dead_after);
        let mut beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
        for (other, heard) in &mut *beats {
            if *other != incarnation && heard.is_some_and(|heard| heard <= silent_since) {
                *heard = None;
            }
        }
        let heard = beats.entry(incarnation).or_insert(Some(now));
        match heard {
            Some(heard) => {
                *heard = now;
                Ok(Life::Alive)
            }
            None => Ok(Life::Dead),
        }
    }

    async fn alive(&self) -> Result<Vec<Incarnation>, StorageError> {
        let beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(beats.iter().filter(|(_, heard)| heard.is_some()).map(|(incarnation, _)| *incarnation).collect())
    }

    async fn leave(&self, incarnation: Incarnation) -> Result<(), StorageError> {
        self.beats.lock().unwrap_or_else(PoisonError::into_inner).insert(incarnation, None);
        Ok(())
    }
}

/// The moment so long before another.
pub(crate) fn before(moment: Timestamp, span: Duration) -> Timestamp {
    Timestamp::from_micros(
        moment.micros().saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)),
    )
}
