//! Into an account, exactly as everything was.

use super::restorer::{From, Restorer, Tell};
use super::{AccountItem, AccountReader, TransferError, TransferredKey};
use crate::{Application, Caller};
use gatepost_storage::KeptUsage;
use std::io::Read;

/// What the texts of a batch may take, but for its last key.
const MOST_BATCH_BYTES: usize = 1024 * 1024;
/// Days of usage that are stored at once.
const USAGE_BATCH: usize = 5_000;

/// What was read and is still to be stored.
#[derive(Default)]
struct Waiting {
    keys: Vec<(u64, TransferredKey)>,
    bytes: usize,
    usage: Vec<KeptUsage>,
}

impl Application {
    /// Stores what a file holds, whole as it was, in batches that each last once stored; with `dry_run` it only looks.
    /// What is there already stays as it is. `tell` hears what became of each plan, key and link. When this fails, what
    /// it was told so far is done; the same file again goes on from there.
    pub async fn restore_account(
        &self,
        caller: Caller,
        file: &mut AccountReader<impl Read + Send>,
        dry_run: bool,
        tell: Tell<'_>,
    ) -> Result<(), TransferError> {
        let mut restorer = Restorer::new(self, caller, From::Export, dry_run).await?;
        let most_keys = self.storage.import_rows_per_unit();
        let mut waiting = Waiting::default();
        while let Some(item) = file.next_item().map_err(TransferError::Read)? {
            match item {
                AccountItem::Plan(_, Ok(plan)) => restorer.plan(*plan, tell).await?,
                AccountItem::Plan(id, Err(why)) => restorer.invalid_plan(id, why, tell),
                AccountItem::Key(number, Ok(key)) => {
                    waiting.bytes += key.bytes();
                    waiting.keys.push((number, *key));
                    if waiting.keys.len() >= most_keys || waiting.bytes >= MOST_BATCH_BYTES {
                        waiting.store_keys(&mut restorer, tell).await?;
                    }
                }
                AccountItem::Key(number, Err((id, why))) => restorer.invalid_key(number, id, why, tell),
                AccountItem::Usage(usage) => {
                    // Which keys are refused is known when they were offered.
                    waiting.store_keys(&mut restorer, tell).await?;
                    waiting.usage.extend(usage);
                    if waiting.usage.len() >= USAGE_BATCH {
                        restorer.usage(std::mem::take(&mut waiting.usage), tell).await?;
                    }
                }
            }
        }
        waiting.store_keys(&mut restorer, tell).await?;
        if !waiting.usage.is_empty() {
            restorer.usage(waiting.usage, tell).await?;
        }
        restorer.finish().await;
        Ok(())
    }
}

impl Waiting {
    async fn store_keys(&mut self, restorer: &mut Restorer<'_>, tell: Tell<'_>) -> Result<(), TransferError> {
        self.bytes = 0;
        if self.keys.is_empty() {
            return Ok(());
        }
        restorer.keys(std::mem::take(&mut self.keys), tell).await
    }
}
