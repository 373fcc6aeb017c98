//! Reads, of what is committed and of what a unit of work sees.

use super::ApiKeys;
use crate::MemoryStorage;
use crate::slab::View;
use crate::unit_of_work::MemoryUnit;
use async_trait::async_trait;
use gatepost_domain::api_keys::{ApiKeyFilter, ApiKeyId, ApiKeyPosition};
use gatepost_domain::{AccountId, Digest, Page, PageRequest};
use gatepost_storage::{ApiKeyReader, StorageError, StoredApiKey};

/// The same reads for two readers; the orphan rule forbids one generic implementation.
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

            async fn count_known_digests(
                &self,
                account: AccountId,
                digests: &[Digest],
            ) -> Result<u64, StorageError> {
                // In portions, so that a long list does not keep a writer waiting.
                digests.chunks(ApiKeys::PORTION).try_fold(0, |known, digests| {
                    Ok(known + self.shared.read()?.count_known($view, account, digests))
                })
            }
        }
    };
}

answer_reads!(MemoryStorage, View::Committed);
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

    fn count_known(&self, view: View, account: AccountId, digests: &[Digest]) -> u64 {
        digests.iter().filter(|digest| self.find_digest(view, account, digest).is_some()).count() as u64
    }
}
