//! Reads, of what is committed and of what a unit of work sees.

use super::listing;
use super::row::{id, number, stored};
use crate::SqliteStorage;
use crate::error::failed;
use crate::snapshot::SqliteSnapshot;
use crate::sql::hex_list;
use crate::unit_of_work::SqliteUnit;
use async_trait::async_trait;
use gatepost_domain::api_keys::{ApiKeyFilter, ApiKeyId, ApiKeyPosition};
use gatepost_domain::{AccountId, Digest, Page, PageRequest};
use gatepost_storage::{ApiKeyReader, ImportId, StorageError, StoredApiKey};
use sqlx::SqliteConnection;

#[async_trait]
impl ApiKeyReader for SqliteStorage {
    async fn find_api_key(
        &self,
        account: AccountId,
        id: &ApiKeyId,
    ) -> Result<Option<StoredApiKey>, StorageError> {
        let mut lent = self.readers.lend().await?;
        let answer = find(lent.conn(), account, id).await;
        lent.answered(answer)
    }

    async fn list_api_keys(
        &self,
        account: AccountId,
        filter: &ApiKeyFilter,
        page: PageRequest<ApiKeyPosition>,
    ) -> Result<Page<StoredApiKey, ApiKeyPosition>, StorageError> {
        let mut lent = self.readers.lend().await?;
        let answer = listing::list_in_one_view(lent.conn(), account, filter, &page).await;
        lent.answered(answer)
    }

    async fn count_api_keys(&self, account: AccountId) -> Result<u64, StorageError> {
        let mut lent = self.readers.lend().await?;
        let answer = count(lent.conn(), account).await;
        lent.answered(answer)
    }

    async fn find_ids_by_digest(
        &self,
        account: AccountId,
        digests: &[Digest],
    ) -> Result<Vec<Option<ApiKeyId>>, StorageError> {
        let mut lent = self.readers.lend().await?;
        let answer = find_ids(lent.conn(), account, digests).await;
        lent.answered(answer)
    }

    async fn list_imported_api_keys(
        &self,
        account: AccountId,
        import: ImportId,
        page: PageRequest<ApiKeyId>,
    ) -> Result<Page<StoredApiKey, ApiKeyId>, StorageError> {
        let mut lent = self.readers.lend().await?;
        let answer = list_imported(lent.conn(), account, import, &page).await;
        lent.answered(answer)
    }
}

/// The same reads on a connection that is held; the orphan rule forbids one generic implementation.
macro_rules! answer_reads {
    ($reader:ty) => {
        #[async_trait]
        impl ApiKeyReader for $reader {
            async fn find_api_key(
                &self,
                account: AccountId,
                id: &ApiKeyId,
            ) -> Result<Option<StoredApiKey>, StorageError> {
                let mut held = self.read().await?;
                let answer = find(held.conn(), account, id).await;
                held.answered(answer)
            }

            async fn list_api_keys(
                &self,
                account: AccountId,
                filter: &ApiKeyFilter,
                page: PageRequest<ApiKeyPosition>,
            ) -> Result<Page<StoredApiKey, ApiKeyPosition>, StorageError> {
                let mut held = self.read().await?;
                let answer = listing::list(held.conn(), account, filter, &page).await;
                held.answered(answer)
            }

            async fn count_api_keys(&self, account: AccountId) -> Result<u64, StorageError> {
                let mut held = self.read().await?;
                let answer = count(held.conn(), account).await;
                held.answered(answer)
            }

            async fn find_ids_by_digest(
                &self,
                account: AccountId,
                digests: &[Digest],
            ) -> Result<Vec<Option<ApiKeyId>>, StorageError> {
                let mut held = self.read().await?;
                let answer = find_ids(held.conn(), account, digests).await;
                held.answered(answer)
            }

            async fn list_imported_api_keys(
                &self,
                account: AccountId,
                import: ImportId,
                page: PageRequest<ApiKeyId>,
            ) -> Result<Page<StoredApiKey, ApiKeyId>, StorageError> {
                let mut held = self.read().await?;
                let answer = list_imported(held.conn(), account, import, &page).await;
                held.answered(answer)
            }
        }
    };
}

answer_reads!(SqliteSnapshot);
answer_reads!(SqliteUnit);

async fn find(
    conn: &mut SqliteConnection,
    account: AccountId,
    id: &ApiKeyId,
) -> Result<Option<StoredApiKey>, StorageError> {
    let query = sqlx::query(include_str!("../../queries/api_key/find.sql"));
    let row = query.bind(number(account)).bind(id.as_str()).fetch_optional(conn).await.map_err(failed)?;
    row.as_ref().map(stored).transpose()
}

pub(super) async fn count(conn: &mut SqliteConnection, account: AccountId) -> Result<u64, StorageError> {
    let query = sqlx::query_scalar(include_str!("../../queries/api_key/count.sql"));
    let keys: Option<i64> = query.bind(number(account)).fetch_optional(conn).await.map_err(failed)?;
    Ok(keys.unwrap_or(0).cast_unsigned())
}

async fn find_ids(
    conn: &mut SqliteConnection,
    account: AccountId,
    digests: &[Digest],
) -> Result<Vec<Option<ApiKeyId>>, StorageError> {
    let query = sqlx::query_scalar(include_str!("../../queries/api_key/find_ids.sql"));
    let list = hex_list(digests.iter().map(|digest| digest.0.as_slice()));
    let ids: Vec<Option<String>> =
        query.bind(number(account)).bind(list).fetch_all(conn).await.map_err(failed)?;
    ids.into_iter().map(|text| text.map(|text| id("api_key", &text)).transpose()).collect()
}

async fn list_imported(
    conn: &mut SqliteConnection,
    account: AccountId,
    import: ImportId,
    page: &PageRequest<ApiKeyId>,
) -> Result<Page<StoredApiKey, ApiKeyId>, StorageError> {
    let limit = page.limit.get();
    let rows = sqlx::query(include_str!("../../queries/api_key/list_imported.sql"))
        .bind(import.0.cast_signed())
        .bind(page.after.as_ref().map_or("", ApiKeyId::as_str))
        .bind(number(account))
        .bind(limit as i64 + 1)
        .fetch_all(conn)
        .await
        .map_err(failed)?;
    let items: Vec<StoredApiKey> = rows.iter().take(limit).map(stored).collect::<Result<_, _>>()?;
    let next = items.last().filter(|_| rows.len() > limit).map(|last| last.key.id.clone());
    Ok(Page { items, next })
}
