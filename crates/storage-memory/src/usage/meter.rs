//! Counting, by numbered batches.

use crate::MemoryStorage;
use async_trait::async_trait;
use gatepost_storage::{Entity, Incarnation, Metered, StorageError, UsageCount, UsageMeter};
use std::collections::HashMap;
use std::sync::PoisonError;

/// The number of the last batch of each incarnation.
pub(crate) type Batches = HashMap<Incarnation, u64>;

#[async_trait]
impl UsageMeter for MemoryStorage {
    async fn count(
        &self,
        incarnation: Incarnation,
        number: u64,
        counts: &[UsageCount],
    ) -> Result<Metered, StorageError> {
        let _turn = self.turn().await?;
        let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        let last = batches.entry(incarnation).or_default();
        if number <= *last {
            return Ok(Metered::Before);
        }
        if number > *last + 1 {
            return Err(StorageError::Stale(Entity::UsageBatch));
        }
        let mut usage = self.shared.usage_mut();
        for one in counts {
            usage.count(one.account, &one.link, one.day, one.requests);
        }
        *last = number;
        Ok(Metered::Now)
    }
}
