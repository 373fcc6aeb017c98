//! Reads, of what is committed and of what a unit of work sees.

use super::row::stored;
use crate::SqliteStorage;
use crate::error::failed;
use crate::snapshot::SqliteSnapshot;
use crate::unit_of_work::SqliteUnit;
use async_trait::async_trait;
use gatepost_domain::credentials::AccessKeyId;
use gatepost_domain::{Page, PageRequest};
use gatepost_storage::{CredentialReader, StorageError, StoredCredential};
use sqlx::SqliteConnection;

#[async_trait]
impl CredentialReader for SqliteStorage {
    async fn find_credential(&self, id: &AccessKeyId) -> Result<Option<StoredCredential>, StorageError> {
        let mut lent = self.readers.lend().await?;
        let answer = find(lent.conn(), id).await;
        lent.answered(answer)
    }

    async fn list_credentials(
        &self,
        page: PageRequest<AccessKeyId>,
    ) -> Result<Page<StoredCredential, AccessKeyId>, StorageError> {
        let mut lent = self.readers.lend().await?;
        let answer = list(lent.conn(), &page).await;
        lent.answered(answer)
    }
}

/// The same reads on a connection that is held; the orphan rule forbids one generic implementation.
macro_rules! answer_reads {
    ($reader:ty) => {
        #[async_trait]
        impl CredentialReader for $reader {
            async fn find_credential(
                &self,
                id: &AccessKeyId,
            ) -> Result<Option<StoredCredential>, StorageError> {
                let mut held = self.read().await?;
                let answer = find(held.conn(), id).await;
                held.answered(answer)
            }

            async fn list_credentials(
                &self,
                page: PageRequest<AccessKeyId>,
            ) -> Result<Page<StoredCredential, AccessKeyId>, StorageError> {
                let mut held = self.read().await?;
                let answer = list(held.conn(), &page).await;
                held.answered(answer)
            }
        }
    };
}

answer_reads!(SqliteSnapshot);
answer_reads!(SqliteUnit);

async fn find(
    conn: &mut SqliteConnection,
    id: &AccessKeyId,
) -> Result<Option<StoredCredential>, StorageError> {
    let query = sqlx::query(include_str!("../../queries/credential/find.sql")).bind(id.as_str());
    let row = query.fetch_optional(conn).await.map_err(failed)?;
    row.as_ref().map(stored).transpose()
}

async fn list(
    conn: &mut SqliteConnection,
    page: &PageRequest<AccessKeyId>,
) -> Result<Page<StoredCredential, AccessKeyId>, StorageError> {
    let limit = page.limit.get();
    let rows = sqlx::query(include_str!("../../queries/credential/list.sql"))
        .bind(page.after.as_ref().map_or("", AccessKeyId::as_str))
        .bind(limit as i64 + 1)
        .fetch_all(conn)
        .await
        .map_err(failed)?;
    let items: Vec<StoredCredential> = rows.iter().take(limit).map(stored).collect::<Result<_, _>>()?;
    let next = items.last().filter(|_| rows.len() > limit).map(|last| last.credential.id.clone());
    Ok(Page { items, next })
}
