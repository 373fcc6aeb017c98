//! Reads, of what is committed, of what a unit of work sees, and of what a snapshot holds.

use super::row::stored;
use crate::PostgresStorage;
use crate::api_keys::signed;
use crate::error::storage_error;
use crate::snapshot::PostgresSnapshot;
use crate::source::Source;
use crate::unit_of_work::PostgresUnit;
use async_trait::async_trait;
use gatepost_domain::credentials::AccessKeyId;
use gatepost_domain::{Page, PageRequest};
use gatepost_storage::{CredentialReader, StorageError, StoredCredential};
use sqlx::query;

/// The same reads for every reader; the orphan rule forbids one generic implementation.
macro_rules! answer_reads {
    ($reader:ty, $reading:ident => $source:expr) => {
        #[async_trait]
        impl CredentialReader for $reader {
            async fn find_credential(
                &self,
                id: &AccessKeyId,
            ) -> Result<Option<StoredCredential>, StorageError> {
                let $reading = self;
                find($source, id).await
            }

            async fn list_credentials(
                &self,
                page: PageRequest<AccessKeyId>,
            ) -> Result<Page<StoredCredential, AccessKeyId>, StorageError> {
                let $reading = self;
                list($source, &page).await
            }
        }
    };
}

answer_reads!(PostgresStorage, storage => storage.requests());
answer_reads!(PostgresSnapshot, snapshot => snapshot);
answer_reads!(PostgresUnit, unit => unit);

async fn find<S: Source>(source: &S, id: &AccessKeyId) -> Result<Option<StoredCredential>, StorageError> {
    let find = query(include_str!("../../queries/credentials/find.sql")).bind(id.as_str());
    let rows = source.fetch(find).await.map_err(storage_error)?;
    rows.first().map(stored).transpose()
}

async fn list<S: Source>(
    source: &S,
    page: &PageRequest<AccessKeyId>,
) -> Result<Page<StoredCredential, AccessKeyId>, StorageError> {
    let limit = page.limit.get();
    let list = query(include_str!("../../queries/credentials/list.sql"))
        .bind(page.after.as_ref().map_or("", AccessKeyId::as_str))
        .bind(signed(limit as u64 + 1));
    let rows = source.fetch(list).await.map_err(storage_error)?;
    let items: Vec<StoredCredential> = rows.iter().take(limit).map(stored).collect::<Result<_, _>>()?;
    let next = items.last().filter(|_| rows.len() > limit).map(|last| last.credential.id.clone());
    Ok(Page { items, next })
}
