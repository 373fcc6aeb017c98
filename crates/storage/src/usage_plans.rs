//! Usage plans and the keys in them, as they are kept.

use crate::api_keys::StoredApiKey;
use crate::error::StorageError;
use crate::retries::RetryToken;
use async_trait::async_trait;
use gatepost_domain::api_keys::{ApiKeyId, ApiKeyPosition};
use gatepost_domain::usage_plans::{Attachment, StageId, UsagePlan, UsagePlanId, UsagePlanPosition};
use gatepost_domain::{AccountId, Page, PageRequest, Version};

/// A plan to be inserted.
#[derive(Clone, Debug)]
pub struct NewUsagePlan {
    /// The plan.
    pub plan: UsagePlan,
    /// What its making is remembered by.
    pub retry: Option<RetryToken>,
}

/// A key in a plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsagePlanKey {
    /// The plan.
    pub plan: UsagePlanId,
    /// The key.
    pub key: ApiKeyId,
}

/// What became of changing a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanChanged {
    /// It is as given now.
    Done,
    /// Nothing was changed: this key of the plan is also in another one that has this stage.
    StageShared {
        /// A stage that the plan has not had before.
        stage: StageId,
        /// One of the keys that are in both.
        key: ApiKeyId,
    },
}

/// Reads.
#[async_trait]
pub trait UsagePlanReader: Send + Sync {
    /// The plan of this account with this id.
    async fn find_usage_plan(
        &self,
        account: AccountId,
        id: &UsagePlanId,
    ) -> Result<Option<UsagePlan>, StorageError>;

    /// The account's plans, or those of them that this key is in; greatest [`UsagePlanPosition`] first, strictly below
    /// `page.after`. A key that is not there is in none.
    async fn list_usage_plans(
        &self,
        account: AccountId,
        of_key: Option<&ApiKeyId>,
        page: PageRequest<UsagePlanPosition>,
    ) -> Result<Page<UsagePlan, UsagePlanPosition>, StorageError>;

    /// This key, if it is in this plan.
    async fn find_usage_plan_key(
        &self,
        account: AccountId,
        link: &UsagePlanKey,
    ) -> Result<Option<StoredApiKey>, StorageError>;

    /// The keys in this plan whose name begins with the prefix, greatest [`ApiKeyPosition`] first, strictly below
    /// `page.after`; of a plan that is not there, none. As in
    /// [`list_api_keys`](crate::ApiKeyReader::list_api_keys), a page with a prefix may look at 10,000 keys and answer
    /// those that match with the position it came to. Without a prefix, a page costs the same however many keys are in
    /// the plan, and however many others the account has.
    async fn list_usage_plan_keys(
        &self,
        account: AccountId,
        plan: &UsagePlanId,
        name_prefix: Option<&str>,
        page: PageRequest<ApiKeyPosition>,
    ) -> Result<Page<StoredApiKey, ApiKeyPosition>, StorageError>;

    /// The plans that each of these keys is in, in the order of the keys, those of one key by id; at most 10,000 keys
    /// a call. A key that is not there is in none.
    async fn find_plans_of_keys(
        &self,
        account: AccountId,
        keys: &[ApiKeyId],
    ) -> Result<Vec<Vec<UsagePlanId>>, StorageError>;
}

/// Writes. Those of plans tell a [`Change::UsagePlan`](crate::Change::UsagePlan); putting a key into a plan or taking
/// it out gives the key its next version and tells a [`Change::ApiKey`](crate::Change::ApiKey).
///
/// However many replicas write: no key is ever in two plans that share a stage, nor in a plan that is gone.
#[async_trait]
pub trait UsagePlanWriter: Send {
    /// Adds a plan. Of several things that are taken, [`StorageError::AlreadyExists`] names the retry token before the
    /// id. An id is taken, too, while the keys of a deleted plan are still being taken out of it. `most` is the
    /// greatest number of plans that the account may have after the call; beyond it: [`StorageError::LimitReached`].
    async fn insert_usage_plan(
        &mut self,
        account: AccountId,
        new: &NewUsagePlan,
        most: Option<u64>,
    ) -> Result<(), StorageError>;

    /// Replaces all of a plan but its `created`. [`StorageError::Stale`] unless the stored version is `expected`.
    /// Whether a stage is shared is asked for those only that the stored plan does not have.
    async fn update_usage_plan(
        &mut self,
        account: AccountId,
        plan: &UsagePlan,
        expected: Version,
    ) -> Result<PlanChanged, StorageError>;

    /// Removes a plan, and its keys from it: in no answer is anything to be seen of it from then on, whatever the
    /// number of its keys; what they left is cleared by [`prune`](crate::Storage::prune). Its usage is kept.
    /// [`StorageError::Stale`] unless the stored version is `expected`.
    async fn delete_usage_plan(
        &mut self,
        account: AccountId,
        id: &UsagePlanId,
        expected: Version,
    ) -> Result<(), StorageError>;

    /// Puts keys into plans, at most 10,000 a call, and answers what became of each, in their order: as
    /// [`attach`](gatepost_domain::usage_plans::attach) has it, with `most` plans a key; of a plan and a key that are
    /// both missing, the plan is named. An earlier one of the call counts for a later one.
    async fn attach_api_keys(
        &mut self,
        account: AccountId,
        links: &[UsagePlanKey],
        most: usize,
    ) -> Result<Vec<Attachment>, StorageError>;

    /// Takes a key out of a plan; false when it was not in it.
    async fn detach_api_key(&mut self, account: AccountId, link: &UsagePlanKey)
    -> Result<bool, StorageError>;
}
