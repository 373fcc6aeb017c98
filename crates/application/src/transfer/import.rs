//! Into an account, exactly as the keys were.

use super::{AccountReader, CannotReadAccount, InvalidKey, TransferError, TransferredKey};
use crate::{AppError, Application, Caller};
use gatepost_domain::Digest;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_storage::{Entity, NewApiKey, Restored};
use std::io::Read;
use std::time::Duration;

/// How long another import of the account is waited for.
const PATIENCE: Duration = Duration::from_secs(4);
/// What the texts of a batch may take, but for its last key.
const MOST_BATCH_BYTES: usize = 1024 * 1024;

/// What became of one key of a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is there now, or would be.
    Restored,
    /// It was there already: the same id with the same value.
    Present,
    /// It is not there, and why.
    Refused(Refusal),
}

/// Why a key stays out. An id may be a value (`generateDistinctId: false`), so messages show its beginning only.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another key of the account has its value.
    #[error("its value already belongs to the key {:.4}...", .0.as_str())]
    ValueTaken(ApiKeyId),
    /// Another key of the account has its id.
    #[error("its id {:.4}... already belongs to a key with another value", .0.as_str())]
    IdTaken(ApiKeyId),
    /// It cannot be a key here.
    #[error(transparent)]
    Invalid(InvalidKey),
    /// A server that was asked to make it says this.
    #[error("{0}")]
    Elsewhere(String),
}

/// Keys of one batch that could be stored, each with its number in the file.
struct Batch {
    numbers: Vec<u64>,
    keys: Vec<NewApiKey>,
}

impl Application {
    /// Stores the keys of a file, whole as they were, in batches that each last once stored; with `dry_run` it only
    /// looks. Keys that are there already stay as they are. `tell` hears what became of each by its number in the file,
    /// from 1. When this fails, what it was told so far is done.
    pub async fn restore_account(
        &self,
        caller: Caller,
        file: &mut AccountReader<impl Read + Send>,
        dry_run: bool,
        tell: &mut (dyn FnMut(u64, Fate) + Send),
    ) -> Result<(), TransferError> {
        let turn = self.storage.import_turn(caller.account, PATIENCE).await?;
        let _turn = turn.ok_or_else(AppError::concurrent_modification)?;
        let mut restored = false;
        while let Some(keys) = self.next_keys(file, tell).map_err(TransferError::Read)? {
            let batch = self.sealed(caller, keys).await;
            restored |= self.restore_batch(caller, batch, dry_run, tell).await?;
        }
        if restored && let Err(error) = self.storage.settle_after_import().await {
            tracing::warn!(?error, "the storage was not settled after an import");
        }
        Ok(())
    }

    /// The next keys that are well-formed; `None` at the end.
    fn next_keys(
        &self,
        file: &mut AccountReader<impl Read>,
        tell: &mut (dyn FnMut(u64, Fate) + Send),
    ) -> Result<Option<Vec<(u64, TransferredKey)>>, CannotReadAccount> {
        let most = self.storage.import_rows_per_unit();
        let (mut keys, mut bytes, mut ended) = (Vec::new(), 0, true);
        while keys.len() < most && bytes < MOST_BATCH_BYTES {
            let Some((number, key)) = file.next_key()? else { break };
            ended = false;
            match key {
                Ok(key) => {
                    bytes += key.bytes();
                    keys.push((number, key));
                }
                Err(invalid) => tell(number, Fate::Refused(Refusal::Invalid(invalid))),
            }
        }
        Ok((!ended).then_some(keys))
    }

    async fn sealed(&self, caller: Caller, keys: Vec<(u64, TransferredKey)>) -> Batch {
        let custody = self.custody.account(caller.account);
        let seal = move || {
            let seal = |(number, TransferredKey { key, value })| {
                let (digest, sealed) = (custody.digest(&value), custody.seal(&key.id, &value));
                (number, NewApiKey { key, digest, sealed, retry: None })
            };
            let (numbers, keys) = keys.into_iter().map(seal).unzip();
            Batch { numbers, keys }
        };
        self.cpu.run(seal).await
    }

    /// Whether anything was stored.
    async fn restore_batch(
        &self,
        caller: Caller,
        batch: Batch,
        dry_run: bool,
        tell: &mut (dyn FnMut(u64, Fate) + Send),
    ) -> Result<bool, TransferError> {
        let digests: Vec<Digest> = batch.keys.iter().map(|new| new.digest).collect();
        let owners = self.storage.reader().find_ids_by_digest(caller.account, &digests).await?;
        let (mut numbers, mut keys) = (Vec::new(), Vec::new());
        for ((number, new), owner) in batch.numbers.into_iter().zip(batch.keys).zip(owners) {
            match owner {
                Some(owner) => tell(number, already_there(&new.key.id, owner)),
                None => {
                    numbers.push(number);
                    keys.push(new);
                }
            }
        }
        if dry_run {
            for (number, new) in numbers.into_iter().zip(keys) {
                let taken = self.storage.reader().find_api_key(caller.account, &new.key.id).await?;
                let id = new.key.id;
                tell(number, taken.map_or(Fate::Restored, |_| Fate::Refused(Refusal::IdTaken(id))));
            }
            return Ok(false);
        }
        if keys.is_empty() {
            return Ok(false);
        }
        let offered: Vec<(ApiKeyId, Digest)> =
            keys.iter().map(|new| (new.key.id.clone(), new.digest)).collect();
        let most = self.limits.most_keys;
        let outcomes = self.storage.writer().restore_api_keys(caller.account, keys, most).await?;
        let mut stored = false;
        for ((number, (id, digest)), outcome) in numbers.into_iter().zip(offered).zip(outcomes) {
            let fate = match outcome {
                Restored::Stored => {
                    stored = true;
                    Fate::Restored
                }
                Restored::Taken(
                    Entity::ApiKey
                    | Entity::UsagePlan
                    | Entity::UsageBatch
                    | Entity::Credential
                    | Entity::Retry,
                ) => Fate::Refused(Refusal::IdTaken(id)),
                // An earlier key of the file, or somebody else's since the look.
                Restored::Taken(Entity::ApiKeyValue) => {
                    let owner = self.storage.reader().find_ids_by_digest(caller.account, &[digest]).await?;
                    match owner.into_iter().next().flatten() {
                        Some(owner) => already_there(&id, owner),
                        None => return Err(AppError::concurrent_modification().into()),
                    }
                }
            };
            tell(number, fate);
        }
        Ok(stored)
    }
}

fn already_there(id: &ApiKeyId, owner: ApiKeyId) -> Fate {
    if *id == owner { Fate::Present } else { Fate::Refused(Refusal::ValueTaken(owner)) }
}
