//! What was used of plans, as it is kept: per account, plan, key and UTC day. Past days are added to, never worked out
//! anew; what they left is told by [`gatepost_domain::usage`].

use crate::error::StorageError;
use crate::replicas::Incarnation;
use crate::usage_plans::UsagePlanKey;
use async_trait::async_trait;
use gatepost_domain::AccountId;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::usage::{Day, UsageOfDay};
use gatepost_domain::usage_plans::UsagePlanId;

/// Requests to be counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageCount {
    /// Whose.
    pub account: AccountId,
    /// Of which plan, by which key. Neither needs to be there any more.
    pub link: UsagePlanKey,
    /// On which day.
    pub day: Day,
    /// How many, on top of what is counted already.
    pub requests: u64,
}

/// What one key used of one plan on one day, told for moving an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptUsage {
    /// Of which plan, by which key.
    pub link: UsagePlanKey,
    /// What, on which day.
    pub usage: UsageOfDay,
}

/// Where a listing of all usage stands: by plan, key and day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsagePosition {
    /// Of which plan, by which key.
    pub link: UsagePlanKey,
    /// On which day.
    pub day: Day,
}

/// What became of a batch of counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metered {
    /// It is counted now.
    Now,
    /// It was counted before; nothing was added.
    Before,
}

/// Reads.
#[async_trait]
pub trait UsageReader: Send + Sync {
    /// What each of these keys used of a plan from one day to another, both included; in the order of the keys, each
    /// with the days of which anything is kept, ascending. At most 500 keys and 130 days a call.
    async fn find_usage(
        &self,
        account: AccountId,
        plan: &UsagePlanId,
        keys: &[ApiKeyId],
        days: (Day, Day),
    ) -> Result<Vec<Vec<UsageOfDay>>, StorageError>;

    /// All usage of an account that is kept, smallest position first, strictly above `after`, at most `limit` of it;
    /// that of keys and plans which are gone too.
    async fn list_usage(
        &self,
        account: AccountId,
        after: Option<&UsagePosition>,
        limit: usize,
    ) -> Result<Vec<KeptUsage>, StorageError>;
}

/// Writes.
#[async_trait]
pub trait UsageWriter: Send {
    /// Says what an operator gave a key on a day, instead of what was said on it before, and tells a
    /// [`Change::Usage`](crate::Change::Usage). Neither plan nor key needs to be there.
    async fn adjust_usage(
        &mut self,
        account: AccountId,
        link: &UsagePlanKey,
        day: Day,
        adjustment: i64,
    ) -> Result<(), StorageError>;

    /// Stores usage as it was kept elsewhere, at most 10,000 of it a call; of a plan, key and day of which anything is
    /// kept here, what is here stays.
    async fn restore_usage(&mut self, account: AccountId, usage: &[KeptUsage]) -> Result<(), StorageError>;
}

/// Counting, by the batches of the replicas. Outside of units of work: each call is one atomic step. It tells no change.
#[async_trait]
pub trait UsageMeter: Send + Sync {
    /// Counts a batch of at most 10,000, the `number`th of this incarnation, from 1: once, however often it is offered.
    /// Counts of one plan, key and day are added up. A batch with a gap before it is [`StorageError::Stale`]: the ones
    /// between must be offered first. Whether the incarnation is alive does not matter: what it counted did happen.
    async fn count(
        &self,
        incarnation: Incarnation,
        number: u64,
        counts: &[UsageCount],
    ) -> Result<Metered, StorageError>;
}
