//! First answers, by account and token.

use crate::SqliteStorage;
use crate::api_keys::row::{corrupt, number};
use crate::error::failed;
use crate::snapshot::SqliteSnapshot;
use crate::unit_of_work::SqliteUnit;
use async_trait::async_trait;
use gatepost_domain::AccountId;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_storage::{FirstAnswer, RetryReader, RetryToken, StorageError};
use sqlx::SqliteConnection;

#[async_trait]
impl RetryReader for SqliteStorage {
    async fn recall(
        &self,
        account: AccountId,
        token: &RetryToken,
    ) -> Result<Option<FirstAnswer>, StorageError> {
        let mut lent = self.readers.lend().await?;
        let answer = recall(lent.conn(), account, token).await;
        lent.answered(answer)
    }
}

#[async_trait]
impl RetryReader for SqliteSnapshot {
    async fn recall(
        &self,
        account: AccountId,
        token: &RetryToken,
    ) -> Result<Option<FirstAnswer>, StorageError> {
        let mut held = self.read().await?;
        let answer = recall(held.conn(), account, token).await;
        held.answered(answer)
    }
}

#[async_trait]
impl RetryReader for SqliteUnit {
    async fn recall(
        &self,
        account: AccountId,
        token: &RetryToken,
    ) -> Result<Option<FirstAnswer>, StorageError> {
        let mut held = self.read().await?;
        let answer = recall(held.conn(), account, token).await;
        held.answered(answer)
    }
}

async fn recall(
    conn: &mut SqliteConnection,
    account: AccountId,
    token: &RetryToken,
) -> Result<Option<FirstAnswer>, StorageError> {
    let query = sqlx::query_scalar(include_str!("../queries/retry/recall.sql"));
    let found: Option<Option<String>> =
        query.bind(number(account)).bind(token.0.as_slice()).fetch_optional(conn).await.map_err(failed)?;
    match found {
        Some(Some(id)) => match ApiKeyId::parse(&id) {
            Some(id) => Ok(Some(FirstAnswer::ApiKey(id))),
            None => Err(corrupt("retry", "id", &id)),
        },
        Some(None) => Ok(Some(FirstAnswer::Import)),
        None => Ok(None),
    }
}

pub(crate) async fn remember_import(
    conn: &mut SqliteConnection,
    account: AccountId,
    token: &RetryToken,
) -> Result<(), StorageError> {
    let query = sqlx::query(include_str!("../queries/retry/remember_import.sql"));
    query.bind(number(account)).bind(token.0.as_slice()).execute(conn).await.map_err(failed)?;
    Ok(())
}
