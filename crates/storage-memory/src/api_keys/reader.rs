//! Reads, of what is committed and of what a unit of work sees.

use super::ApiKeys;
use crate::slab::View;
use crate::unit_of_work::MemoryUnit;
use crate::{MemorySnapshot, MemoryStorage};
use async_trait::async_trait;
use gatepost_domain::api_keys::{ApiKeyFilter, ApiKeyId, ApiKeyPosition};
use gatepost_domain::{AccountId, Digest, Page, PageRequest};
use gatepost_storage::{ApiKeyReader, ImportId, StorageError, StoredApiKey};

/// The same reads for every reader; the orphan rule forbids one generic implementation.
macro_rules! answer_reads {
    ($reader:ty, $view:expr) => {
        #[async_trait]
        impl ApiKeyReader for $reader {
            async fn find_api_key(
                &self,
                account: AccountId,
                id: &ApiKeyId,
            ) -> Result<Option<StoredApiKey>, StorageError> {
                self.shared.read()?.read($view, account, id)
            }

            async fn list_api_keys(
                &self,
                account: AccountId,
                filter: &ApiKeyFilter,
                page: PageRequest<ApiKeyPosition>,
            ) -> Result<Page<StoredApiKey, ApiKeyPosition>, StorageError> {
                self.shared.read()?.list($view, account, filter, &page)
            }

            async fn count_api_keys(&self, account: AccountId) -> Result<u64, StorageError> {
                Ok(self.shared.read()?.count($view, account))
            }

            async fn find_ids_by_digest(
                &self,
                account: AccountId,
                digests: &[Digest],
            ) -> Result<Vec<Option<ApiKeyId>>, StorageError> {
                let mut ids = Vec::with_capacity(digests.len());
                // In portions, so that a long list does not keep a writer waiting.
                for digests in digests.chunks(ApiKeys::PORTION) {
                    self.shared.read()?.find_ids($view, account, digests, &mut ids)?;
                }
                Ok(ids)
            }

            async fn list_imported_api_keys(
                &self,
                account: AccountId,
                import: ImportId,
                page: PageRequest<ApiKeyId>,
            ) -> Result<Page<StoredApiKey, ApiKeyId>, StorageError> {
                let slots = self.shared.changes.imported(import);
                self.shared.read()?.list_imported($view, account, &slots, &page)
            }
        }
    };
}

answer_reads!(MemoryStorage, View::Committed);
answer_reads!(MemorySnapshot, View::Committed);
answer_reads!(MemoryUnit, View::Unit);

impl ApiKeys {
    fn read(
        &self,
        view: View,
        account: AccountId,
        id: &ApiKeyId,
    ) -> Result<Option<StoredApiKey>, StorageError> {
        self.find(view, account, id).map(|slot| self.record(slot).unpack()).transpose()
    }

    fn find_ids(
        &self,
        view: View,
        account: AccountId,
        digests: &[Digest],
        ids: &mut Vec<Option<ApiKeyId>>,
    ) -> Result<(), StorageError> {
        for digest in digests {
            let slot = self.find_digest(view, account, digest);
            ids.push(slot.map(|slot| self.record(slot).parsed_id()).transpose()?);
        }
        Ok(())
    }

    fn list_imported(
        &self,
        view: View,
        account: AccountId,
        slots: &[u32],
        page: &PageRequest<ApiKeyId>,
    ) -> Result<Page<StoredApiKey, ApiKeyId>, StorageError> {
        let above = page.after.as_ref().map_or("", ApiKeyId::as_str).as_bytes();
        let mut found: Vec<u32> = slots
            .iter()
            .copied()
            .filter(|slot| self.records.is_seen(*slot, view))
            .filter(|slot| self.record(*slot).account() == account && self.record(*slot).id() > above)
            .collect();
        found.sort_unstable_by_key(|slot| self.record(*slot).id());
        found.dedup();
        let more = found.len() > page.limit.get();
        found.truncate(page.limit.get());
        let items: Vec<StoredApiKey> =
            found.into_iter().map(|slot| self.record(slot).unpack()).collect::<Result<_, _>>()?;
        let next = items.last().filter(|_| more).map(|last| last.key.id.clone());
        Ok(Page { items, next })
    }
}
