//! Reads, of what is committed, of what a unit of work sees, and of what a snapshot holds.

use super::listing;
use super::look_ups::find_gathered;
use super::row::{self, column, number, signed};
use crate::PostgresStorage;
use crate::error::storage_error;
use crate::pool::Statement;
use crate::snapshot::PostgresSnapshot;
use crate::source::Source;
use crate::unit_of_work::PostgresUnit;
use async_trait::async_trait;
use gatepost_domain::api_keys::{ApiKeyFilter, ApiKeyId, ApiKeyPosition};
use gatepost_domain::{AccountId, Digest, Page, PageRequest};
use gatepost_storage::{ApiKeyReader, ImportId, StorageError, StoredApiKey};
use sqlx::query;

/// So many digests are sent at once.
const PORTION: usize = 10_000;

/// The same reads for every reader; the orphan rule forbids one generic implementation.
macro_rules! answer_reads {
    ($reader:ty, $reading:ident => $source:expr, $find:path) => {
        #[async_trait]
        impl ApiKeyReader for $reader {
            async fn find_api_key(
                &self,
                account: AccountId,
                id: &ApiKeyId,
            ) -> Result<Option<StoredApiKey>, StorageError> {
                $find(self, account, id).await
            }

            async fn list_api_keys(
                &self,
                account: AccountId,
                filter: &ApiKeyFilter,
                page: PageRequest<ApiKeyPosition>,
            ) -> Result<Page<StoredApiKey, ApiKeyPosition>, StorageError> {
                let $reading = self;
                listing::list($source, account, filter, &page).await
            }

            async fn count_api_keys(&self, account: AccountId) -> Result<u64, StorageError> {
                let $reading = self;
                count($source, account).await
            }

            async fn find_ids_by_digest(
                &self,
                account: AccountId,
                digests: &[Digest],
            ) -> Result<Vec<Option<ApiKeyId>>, StorageError> {
                let $reading = self;
                find_ids($source, account, digests).await
            }

            async fn list_imported_api_keys(
                &self,
                account: AccountId,
                import: ImportId,
                page: PageRequest<ApiKeyId>,
            ) -> Result<Page<StoredApiKey, ApiKeyId>, StorageError> {
                let $reading = self;
                list_imported($source, account, import, &page).await
            }
        }
    };
}

answer_reads!(PostgresStorage, storage => storage.requests(), find_committed);
answer_reads!(PostgresSnapshot, snapshot => snapshot, find);
answer_reads!(PostgresUnit, unit => unit, find);

async fn find_committed(
    storage: &PostgresStorage,
    account: AccountId,
    id: &ApiKeyId,
) -> Result<Option<StoredApiKey>, StorageError> {
    let (requests, look_ups) = (storage.requests(), storage.look_ups());
    if look_ups.has_company() {
        // In a box: the future of every look-up would be as large.
        return Box::pin(find_gathered(look_ups, requests, account, id)).await;
    }
    find(requests, account, id).await
}

pub(super) async fn find<S: Source>(
    source: &S,
    account: AccountId,
    id: &ApiKeyId,
) -> Result<Option<StoredApiKey>, StorageError> {
    let rows = source.fetch(finding(account, id)).await.map_err(storage_error)?;
    rows.first().map(|row| row::key(account, row)).transpose()
}

pub(super) fn finding(account: AccountId, id: &ApiKeyId) -> Statement<'_> {
    query(include_str!("../../queries/api_keys/find.sql")).bind(number(account)).bind(id.as_str())
}

async fn count<S: Source>(source: &S, account: AccountId) -> Result<u64, StorageError> {
    let count = query(include_str!("../../queries/api_keys/count.sql")).bind(number(account));
    let rows = source.fetch(count).await.map_err(storage_error)?;
    let keys: i64 = rows.first().map_or(Ok(0), |row| column(row, 0))?;
    Ok(u64::try_from(keys).unwrap_or_default())
}

async fn find_ids<S: Source>(
    source: &S,
    account: AccountId,
    digests: &[Digest],
) -> Result<Vec<Option<ApiKeyId>>, StorageError> {
    let mut ids = vec![None; digests.len()];
    for (digests, ids) in digests.chunks(PORTION).zip(ids.chunks_mut(PORTION)) {
        let digests: Vec<&[u8]> = digests.iter().map(|digest| &digest.0[..]).collect();
        let find_ids =
            query(include_str!("../../queries/api_keys/find_ids.sql")).bind(number(account)).bind(digests);
        for row in source.fetch(find_ids).await.map_err(storage_error)? {
            let place: i64 = column(&row, 0)?;
            let place = usize::try_from(place - 1).ok().and_then(|place| ids.get_mut(place));
            if let Some(place) = place {
                *place = Some(row::id(account, column(&row, 1)?)?);
            }
        }
    }
    Ok(ids)
}

async fn list_imported<S: Source>(
    source: &S,
    account: AccountId,
    import: ImportId,
    page: &PageRequest<ApiKeyId>,
) -> Result<Page<StoredApiKey, ApiKeyId>, StorageError> {
    let limit = page.limit.get();
    let list = query(include_str!("../../queries/api_keys/list_imported.sql"))
        .bind(number(account))
        .bind(signed(import.0))
        .bind(page.after.as_ref().map_or("", ApiKeyId::as_str))
        .bind(signed(limit as u64 + 1));
    let rows = source.fetch(list).await.map_err(storage_error)?;
    let more = rows.len() > limit;
    let items: Vec<StoredApiKey> =
        rows.iter().take(limit).map(|row| row::key(account, row)).collect::<Result<_, _>>()?;
    let next = items.last().filter(|_| more).map(|last| last.key.id.clone());
    Ok(Page { items, next })
}
