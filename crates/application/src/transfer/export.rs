//! Out of an account.

use super::{AccountSink, Exported, TransferError, TransferredKey};
use crate::{AppError, Application, Caller};
use gatepost_domain::api_keys::ApiKeyFilter;
use gatepost_domain::{PageLimit, PageRequest};
use gatepost_storage::{Snapshot, UsagePosition};

/// Days of usage that are read at once.
const USAGE_PAGE: usize = 5_000;

impl Application {
    /// Hands every plan, every key and all usage of the account to `sink`, plans and keys newest first, as they all
    /// were at one moment, and answers how much there was. `progress` hears after each page how many keys and days of
    /// usage are done.
    pub async fn export_account(
        &self,
        caller: Caller,
        sink: &mut dyn AccountSink,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Exported, TransferError> {
        let snapshot = self.storage.snapshot().await?;
        let plans = export_plans(&*snapshot, caller, sink).await?;
        let keys = self.export_keys(&*snapshot, caller, sink, progress).await?;
        let days = export_usage(&*snapshot, caller, sink, &mut |days| progress(keys + days)).await?;
        Ok(Exported { plans, keys, days })
    }

    async fn export_keys(
        &self,
        snapshot: &dyn Snapshot,
        caller: Caller,
        sink: &mut dyn AccountSink,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<u64, TransferError> {
        let custody = self.custody.account(caller.account);
        let everything = ApiKeyFilter::default();
        let (mut count, mut after) = (0, None);
        loop {
            let request = PageRequest { after, limit: PageLimit::MAX };
            let page = snapshot.list_api_keys(caller.account, &everything, request).await?;
            let ids: Vec<_> = page.items.iter().map(|stored| stored.key.id.clone()).collect();
            let plans = snapshot.find_plans_of_keys(caller.account, &ids).await?;
            for (stored, plans) in page.items.into_iter().zip(plans) {
                let value = custody.open(&stored.key.id, &stored.sealed).map_err(|error| {
                    AppError::internal(format!("sealed value of the api key {}: {error}", stored.key.id))
                })?;
                let key = TransferredKey { key: stored.key, value, plans };
                sink.key(&key).map_err(TransferError::Write)?;
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

async fn export_plans(
    snapshot: &dyn Snapshot,
    caller: Caller,
    sink: &mut dyn AccountSink,
) -> Result<u64, TransferError> {
    let (mut count, mut after) = (0, None);
    loop {
        let request = PageRequest { after, limit: PageLimit::MAX };
        let page = snapshot.list_usage_plans(caller.account, None, request).await?;
        for plan in &page.items {
            sink.plan(plan).map_err(TransferError::Write)?;
            count += 1;
        }
        after = page.next;
        if after.is_none() {
            return Ok(count);
        }
    }
}

async fn export_usage(
    snapshot: &dyn Snapshot,
    caller: Caller,
    sink: &mut dyn AccountSink,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<u64, TransferError> {
    let (mut count, mut after) = (0, None::<UsagePosition>);
    loop {
        let page = snapshot.list_usage(caller.account, after.as_ref(), USAGE_PAGE).await?;
        let Some(last) = page.last() else { return Ok(count) };
        after = Some(UsagePosition { link: last.link.clone(), day: last.usage.day });
        sink.usage(&page).map_err(TransferError::Write)?;
        count += page.len() as u64;
        progress(count);
    }
}
