//! The memory of first answers: a caller who lost an answer and asks again gets it, not a second key.

use crate::error::StorageError;
use async_trait::async_trait;
use gatepost_domain::AccountId;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::usage_plans::UsagePlanId;

/// What a request and its retries have in common: a hash over its operation, its invocation id and its body. It is
/// remembered for one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RetryToken(pub [u8; 32]);

/// What the first request did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirstAnswer {
    /// It made this key.
    ApiKey(ApiKeyId),
    /// It made this plan.
    UsagePlan(UsagePlanId),
    /// It imported the file that the retry carries too.
    Import,
}

/// Reads.
#[async_trait]
pub trait RetryReader: Send + Sync {
    /// What the first request with this token did, if it is remembered.
    async fn recall(
        &self,
        account: AccountId,
        token: &RetryToken,
    ) -> Result<Option<FirstAnswer>, StorageError>;
}

/// Writes. A key is remembered by [`NewApiKey::retry`](crate::NewApiKey::retry), a plan by
/// [`NewUsagePlan::retry`](crate::NewUsagePlan::retry).
#[async_trait]
pub trait RetryWriter: Send {
    /// Remembers that an import was done to its end; a token that is known already stays as it is.
    async fn remember_import(&mut self, account: AccountId, token: &RetryToken) -> Result<(), StorageError>;
}
