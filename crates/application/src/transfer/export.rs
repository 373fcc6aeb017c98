//! Out of an account.

use super::{KeySink, TransferError, TransferredKey};
use crate::{AppError, Application, Caller};
use gatepost_domain::api_keys::ApiKeyFilter;
use gatepost_domain::{PageLimit, PageRequest};

impl Application {
    /// Hands every key of the account to `sink`, newest first, as they all were at one moment, and answers how many.
    /// `progress` hears of each page.
    pub async fn export_account(
        &self,
        caller: Caller,
        sink: &mut dyn KeySink,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<u64, TransferError> {
        let custody = self.custody.account(caller.account);
        let snapshot = self.storage.snapshot().await?;
        let everything = ApiKeyFilter::default();
        let (mut count, mut after) = (0, None);
        loop {
            let request = PageRequest { after, limit: PageLimit::MAX };
            let page = snapshot.list_api_keys(caller.account, &everything, request).await?;
            for stored in page.items {
                let value = custody.open(&stored.key.id, &stored.sealed).map_err(|error| {
                    AppError::internal(format!("sealed value of the api key {}: {error}", stored.key.id))
                })?;
                sink.take(&TransferredKey { key: stored.key, value }).map_err(TransferError::Write)?;
                count += 1;
            }
            progress(count);
            after = page.next;
            if after.is_none() {
                return Ok(count);
            }
        }
    }
}
