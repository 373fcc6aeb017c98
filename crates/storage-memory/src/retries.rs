//! First answers, by account and token.

use crate::unit_of_work::MemoryUnit;
use crate::{MemorySnapshot, MemoryStorage, Shared};
use async_trait::async_trait;
use gatepost_domain::{AccountId, Timestamp};
use gatepost_storage::{FirstAnswer, RetryReader, RetryToken, RetryWriter, StorageError};
use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};

/// What is remembered, and since when.
#[derive(Default)]
pub(crate) struct Retries(HashMap<(AccountId, RetryToken), (FirstAnswer, Timestamp)>);

impl Retries {
    pub(crate) fn remember(
        &mut self,
        account: AccountId,
        token: RetryToken,
        answer: FirstAnswer,
        at: Timestamp,
    ) {
        self.0.entry((account, token)).or_insert((answer, at));
    }

    pub(crate) fn prune(&mut self, since: Timestamp) {
        self.0.retain(|_, (_, at)| *at >= since);
    }
}

impl Shared {
    pub(crate) fn retries(&self) -> MutexGuard<'_, Retries> {
        // Nothing that can panic leaves it half changed.
        self.retries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recall(&self, account: AccountId, token: &RetryToken) -> Option<FirstAnswer> {
        self.retries().0.get(&(account, *token)).map(|(answer, _)| answer.clone())
    }
}

#[async_trait]
impl RetryReader for MemoryStorage {
    async fn recall(
        &self,
        account: AccountId,
        token: &RetryToken,
    ) -> Result<Option<FirstAnswer>, StorageError> {
        Ok(self.shared.recall(account, token))
    }
}

#[async_trait]
impl RetryReader for MemorySnapshot {
    async fn recall(
        &self,
        account: AccountId,
        token: &RetryToken,
    ) -> Result<Option<FirstAnswer>, StorageError> {
        Ok(self.shared.recall(account, token))
    }
}

#[async_trait]
impl RetryReader for MemoryUnit {
    async fn recall(
        &self,
        account: AccountId,
        token: &RetryToken,
    ) -> Result<Option<FirstAnswer>, StorageError> {
        Ok(self.recalled(account, token))
    }
}

#[async_trait]
impl RetryWriter for MemoryUnit {
    async fn remember_import(&mut self, account: AccountId, token: &RetryToken) -> Result<(), StorageError> {
        self.answers.push((account, *token, FirstAnswer::Import));
        Ok(())
    }
}

impl MemoryUnit {
    pub(crate) fn recalled(&self, account: AccountId, token: &RetryToken) -> Option<FirstAnswer> {
        let own = self.answers.iter().find(|(of, known, _)| *of == account && known == token);
        own.map(|(_, _, answer)| answer.clone()).or_else(|| self.shared.recall(account, token))
    }
}
