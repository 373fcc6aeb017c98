//! First answers, by account and token.

use crate::SqliteStorage;
use crate::api_keys::row::{id, number};
use crate::error::failed;
use crate::snapshot::SqliteSnapshot;
use crate::unit_of_work::SqliteUnit;
use crate::usage_plans::row::plan_id;
use async_trait::async_trait;
use gatepost_domain::AccountId;
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
    let query = sqlx::query_as(include_str!("../queries/retry/recall.sql"));
    let found: Option<(Option<String>, Option<String>)> =
        query.bind(number(account)).bind(token.0.as_slice()).fetch_optional(conn).await.map_err(failed)?;
    let Some(found) = found else { return Ok(None) };
    Ok(Some(match found {
        (_, Some(plan)) => FirstAnswer::UsagePlan(plan_id("retry", &plan)?),
        (Some(key), None) => FirstAnswer::ApiKey(id("retry", &key)?),
        (None, None) => FirstAnswer::Import,
    }))
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
