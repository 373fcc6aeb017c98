//! Rows of an imported file, in portions: each is packed before the lock is taken, and the lock is given back after
//! each, so that readers wait for one portion at most.

use super::{ApiKeys, Record, Touched};
use crate::changes::Pending;
use crate::slab::View;
use crate::unit_of_work::MemoryUnit;
use gatepost_domain::AccountId;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_storage::{Entity, ImportedApiKey, RowOutcome, StorageError};
use std::collections::HashSet;
use std::hint::black_box;

/// What is done about a row, said while the lock is held; what it says to the caller is put together later.
enum Decision {
    Added,
    Applied(ApiKeyId),
    IdTaken,
}

impl MemoryUnit {
    pub(super) async fn import(
        &mut self,
        account: AccountId,
        rows: Vec<ImportedApiKey>,
        most: Option<u64>,
    ) -> Result<Vec<RowOutcome>, StorageError> {
        self.check_limit(account, &rows, most)?;
        let mut outcomes = Vec::with_capacity(rows.len());
        let mut slots = Vec::with_capacity(rows.len());
        let mut rows = rows.into_iter();
        while rows.len() > 0 {
            let portion: Vec<ImportedApiKey> = rows.by_ref().take(ApiKeys::PORTION).collect();
            let decisions = self.store(account, &portion, &mut slots)?;
            outcomes.extend(portion.into_iter().zip(decisions).map(|(row, decision)| match decision {
                Decision::Added => RowOutcome::Stored(row.id),
                Decision::Applied(id) => RowOutcome::Stored(id),
                Decision::IdTaken => RowOutcome::IdTaken(Box::new(row)),
            }));
            if rows.len() > 0 {
                tokio::task::yield_now().await;
            }
        }
        if !slots.is_empty() {
            self.changes.push(Pending::Import(account, slots));
        }
        Ok(outcomes)
    }

    /// Refuses rows that would pass the limit, before the first of them is stored.
    fn check_limit(
        &self,
        account: AccountId,
        rows: &[ImportedApiKey],
        most: Option<u64>,
    ) -> Result<(), StorageError> {
        let Some(most) = most else { return Ok(()) };
        let keys = self.shared.read()?;
        let free = most.saturating_sub(keys.count(View::Unit, account));
        if rows.len() as u64 <= free || keys.count_new(account, rows) <= free {
            return Ok(());
        }
        Err(StorageError::LimitReached(Entity::ApiKey))
    }

    fn store(
        &mut self,
        account: AccountId,
        rows: &[ImportedApiKey],
        slots: &mut Vec<u32>,
    ) -> Result<Vec<Decision>, StorageError> {
        let records: Vec<Record> = rows.iter().map(|row| Record::pack_imported(account, row)).collect();
        let mut decisions = Vec::with_capacity(rows.len());
        let mut keys = self.shared.write()?;
        keys.foresee(account, rows);
        for (row, record) in rows.iter().zip(records) {
            let decision = keys.import(&mut self.touched, account, row, record)?;
            match decision {
                Decision::Added | Decision::Applied(_) => slots.extend(self.touched.latest()),
                Decision::IdTaken => {}
            }
            decisions.push(decision);
        }
        Ok(decisions)
    }
}

impl ApiKeys {
    /// Looks every row up and forgets the answers. Look-ups with nothing in between wait for main memory together;
    /// those of [`ApiKeys::import`], which need the same cache lines, would wait one after the other.
    fn foresee(&self, account: AccountId, rows: &[ImportedApiKey]) {
        for row in rows {
            black_box(self.find_digest(View::Unit, account, &row.digest));
        }
        for row in rows {
            black_box(self.find(View::Unit, account, &row.id));
        }
    }

    fn import(
        &mut self,
        touched: &mut Touched,
        account: AccountId,
        row: &ImportedApiKey,
        record: Record,
    ) -> Result<Decision, StorageError> {
        if let Some(slot) = self.find_digest(View::Unit, account, &row.digest) {
            let mut key = self.record(slot).unpack()?.key;
            key.name = row.fields.name.clone().or(key.name);
            key.description = row.fields.description.clone().or(key.description);
            key.enabled = row.fields.enabled.unwrap_or(key.enabled);
            key.updated = row.at;
            key.version = key.version.next();
            let record = self.record(slot).replaced(&key);
            self.replace(touched, slot, record);
            return Ok(Decision::Applied(key.id));
        }
        if self.find(View::Unit, account, &row.id).is_some() {
            return Ok(Decision::IdTaken);
        }
        self.add(touched, record);
        Ok(Decision::Added)
    }

    /// How many keys these rows would add.
    fn count_new(&self, account: AccountId, rows: &[ImportedApiKey]) -> u64 {
        let mut digests = HashSet::new();
        let mut ids = HashSet::new();
        for row in rows {
            let is_known = digests.contains(&row.digest)
                || self.find_digest(View::Unit, account, &row.digest).is_some()
                || ids.contains(&row.id)
                || self.find(View::Unit, account, &row.id).is_some();
            if !is_known {
                digests.insert(row.digest);
                ids.insert(&row.id);
            }
        }
        digests.len() as u64
    }
}
