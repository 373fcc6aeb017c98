//! First answers: the table `retry`. That a key or a plan was made is remembered by the statement that makes it.

use crate::PostgresStorage;
use crate::api_keys::{column, number};
use crate::error::storage_error;
use crate::session::Session;
use crate::snapshot::PostgresSnapshot;
use crate::source::Source;
use crate::unit_of_work::PostgresUnit;
use async_trait::async_trait;
use gatepost_domain::AccountId;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::usage_plans::UsagePlanId;
use gatepost_storage::{FirstAnswer, RetryReader, RetryToken, StorageError};
use sqlx::query;

#[async_trait]
impl RetryReader for PostgresStorage {
    async fn recall(
        &self,
        account: AccountId,
        token: &RetryToken,
    ) -> Result<Option<FirstAnswer>, StorageError> {
        recall(self.requests(), account, token).await
    }
}

#[async_trait]
impl RetryReader for PostgresSnapshot {
    async fn recall(
        &self,
        account: AccountId,
        token: &RetryToken,
    ) -> Result<Option<FirstAnswer>, StorageError> {
        recall(self, account, token).await
    }
}

#[async_trait]
impl RetryReader for PostgresUnit {
    async fn recall(
        &self,
        account: AccountId,
        token: &RetryToken,
    ) -> Result<Option<FirstAnswer>, StorageError> {
        recall(self, account, token).await
    }
}

async fn recall<S: Source>(
    source: &S,
    account: AccountId,
    token: &RetryToken,
) -> Result<Option<FirstAnswer>, StorageError> {
    let recall =
        query(include_str!("../queries/retries/recall.sql")).bind(number(account)).bind(&token.0[..]);
    let rows = source.fetch(recall).await.map_err(storage_error)?;
    let Some(row) = rows.first() else { return Ok(None) };
    let unreadable = |column: &str| {
        let [first, second, ..] = token.0;
        let place =
            format!("table retry, account {account}, token {first:02x}{second:02x}..., column {column}");
        StorageError::Corrupt(place)
    };
    if let Some(key) = column::<Option<&str>>(row, 0)? {
        let id = ApiKeyId::parse(key).ok_or_else(|| unreadable("api_key"))?;
        return Ok(Some(FirstAnswer::ApiKey(id)));
    }
    if let Some(plan) = column::<Option<&str>>(row, 1)? {
        let id = UsagePlanId::parse(plan).ok_or_else(|| unreadable("usage_plan"))?;
        return Ok(Some(FirstAnswer::UsagePlan(id)));
    }
    Ok(Some(FirstAnswer::Import))
}

pub(crate) async fn remember_import<S: Session>(
    session: &mut S,
    account: AccountId,
    token: &RetryToken,
) -> Result<(), StorageError> {
    let remember = query(include_str!("../queries/retries/remember_import.sql"))
        .bind(number(account))
        .bind(&token.0[..]);
    session.rows(remember).await.map(drop).map_err(storage_error)
}
