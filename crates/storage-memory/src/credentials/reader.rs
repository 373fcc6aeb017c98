//! Reads, of what is committed and of what a unit of work sees.

use super::{Credentials, NOTHING, Written};
use crate::unit_of_work::MemoryUnit;
use crate::{MemorySnapshot, MemoryStorage};
use async_trait::async_trait;
use gatepost_domain::credentials::AccessKeyId;
use gatepost_domain::{Page, PageRequest};
use gatepost_storage::{CredentialReader, StorageError, StoredCredential};
use std::ops::Bound;

/// The same reads for every reader; the orphan rule forbids one generic implementation.
macro_rules! answer_reads {
    ($reader:ty, $reading:ident => $written:expr) => {
        #[async_trait]
        impl CredentialReader for $reader {
            async fn find_credential(
                &self,
                id: &AccessKeyId,
            ) -> Result<Option<StoredCredential>, StorageError> {
                let $reading = self;
                Ok($reading.shared.credentials().find($written, id).cloned())
            }

            async fn list_credentials(
                &self,
                page: PageRequest<AccessKeyId>,
            ) -> Result<Page<StoredCredential, AccessKeyId>, StorageError> {
                let $reading = self;
                Ok($reading.shared.credentials().list($written, &page))
            }
        }
    };
}

answer_reads!(MemoryStorage, storage => &NOTHING);
answer_reads!(MemorySnapshot, snapshot => &NOTHING);
answer_reads!(MemoryUnit, unit => &unit.credentials);

impl Credentials {
    pub(super) fn find<'c>(&'c self, written: &'c Written, id: &AccessKeyId) -> Option<&'c StoredCredential> {
        match written.0.get(id) {
            Some(own) => own.as_ref(),
            None => self.0.get(id),
        }
    }

    fn list(
        &self,
        written: &Written,
        page: &PageRequest<AccessKeyId>,
    ) -> Page<StoredCredential, AccessKeyId> {
        let limit = page.limit.get();
        let above = (page.after.as_ref().map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let committed = self.0.range::<AccessKeyId, _>(above);
        let untouched = committed
            .filter(|(id, _)| !written.0.contains_key(*id))
            .map(|(_, stored)| stored)
            .take(limit + 1);
        let own = written.0.range::<AccessKeyId, _>(above).filter_map(|(_, own)| own.as_ref());
        let mut found: Vec<&StoredCredential> = untouched.chain(own).collect();
        found.sort_unstable_by(|a, b| a.credential.id.cmp(&b.credential.id));
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|last| last.credential.id.clone());
        Page { items: found.into_iter().cloned().collect(), next }
    }
}
