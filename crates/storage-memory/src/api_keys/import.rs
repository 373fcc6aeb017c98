//! Rows of an imported file, in portions: each is packed before the lock is taken, and the lock is given back after
//! each, so that readers wait for one portion at most.

use super::links::{Judged, judge};
use super::{ApiKeys, Record, Touched};
use crate::changes::Pending;
use crate::slab::View;
use crate::unit_of_work::MemoryUnit;
use crate::usage_plans::KeptPlan;
use gatepost_domain::AccountId;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::usage_plans::{Attachment, UsagePlanId};
use gatepost_storage::{Entity, ImportedApiKey, RowOutcome, StorageError};
use std::collections::{HashMap, HashSet};
use std::hint::black_box;
use std::sync::Arc;

/// What is done about a row, said while the lock is held; what it says to the caller is put together later.
enum Decision {
    Added(Refused),
    Applied(ApiKeyId, Refused),
    IdTaken,
}

type Refused = Vec<(UsagePlanId, Attachment)>;

/// The plans that rows name, where they are there.
type Named<'r> = HashMap<&'r UsagePlanId, Option<Arc<KeptPlan>>>;

/// A row, and what it makes if its value is new.
struct Packed<'r> {
    row: &'r ImportedApiKey,
    record: Record,
    judged: Judged,
}

impl MemoryUnit {
    pub(super) async fn import(
        &mut self,
        account: AccountId,
        rows: Vec<ImportedApiKey>,
        most: Option<u64>,
        most_plans: usize,
    ) -> Result<Vec<RowOutcome>, StorageError> {
        self.check_limit(account, &rows, most)?;
        let mut outcomes = Vec::with_capacity(rows.len());
        let mut slots = Vec::with_capacity(rows.len());
        let mut rows = rows.into_iter();
        while rows.len() > 0 {
            let portion: Vec<ImportedApiKey> = rows.by_ref().take(ApiKeys::PORTION).collect();
            let decisions = self.store(account, &portion, most_plans, &mut slots)?;
            outcomes.extend(portion.into_iter().zip(decisions).map(|(row, decision)| match decision {
                Decision::Added(refused) => RowOutcome::Stored { id: row.id, refused },
                Decision::Applied(id, refused) => RowOutcome::Stored { id, refused },
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
        most_plans: usize,
        slots: &mut Vec<u32>,
    ) -> Result<Vec<Decision>, StorageError> {
        let named = self.named_plans(account, rows);
        let packed: Vec<_> = rows.iter().map(|row| Packed::new(account, row, &named, most_plans)).collect();
        let mut decisions = Vec::with_capacity(rows.len());
        let mut keys = self.shared.write()?;
        let plans = self.shared.plans_with(&self.plans);
        keys.foresee(account, rows);
        for one in packed {
            let decision = match keys.find_digest(View::Unit, account, &one.row.digest) {
                Some(slot) => {
                    let judged = judge(keys.plans_of(&plans, slot), &asked(one.row, &named), most_plans);
                    keys.apply(&mut self.touched, slot, one.row, judged)?
                }
                None => keys.import(&mut self.touched, account, one),
            };
            match decision {
                Decision::Added(_) | Decision::Applied(..) => slots.extend(self.touched.latest()),
                Decision::IdTaken => {}
            }
            decisions.push(decision);
        }
        Ok(decisions)
    }

    /// The plans that these rows name.
    fn named_plans<'r>(&self, account: AccountId, rows: &'r [ImportedApiKey]) -> Named<'r> {
        let plans = self.shared.plans_with(&self.plans);
        let mut named = Named::new();
        for id in rows.iter().flat_map(|row| &row.plans) {
            named.entry(id).or_insert_with(|| plans.find(account, id).cloned());
        }
        named
    }
}

impl<'r> Packed<'r> {
    fn new(account: AccountId, row: &'r ImportedApiKey, named: &Named<'r>, most_plans: usize) -> Self {
        let judged = judge(Vec::new(), &asked(row, named), most_plans);
        Self { row, record: Record::pack_imported(account, row, &judged.plans), judged }
    }
}

/// The plans that a row names, in its order.
fn asked<'n>(
    row: &'n ImportedApiKey,
    named: &'n Named<'_>,
) -> Vec<(&'n UsagePlanId, Option<&'n Arc<KeptPlan>>)> {
    row.plans.iter().map(|id| (id, named.get(id).and_then(Option::as_ref))).collect()
}

impl ApiKeys {
    /// Looks every row up and forgets the answers. Look-ups with nothing in between wait for main memory together;
    /// those that follow, which need the same cache lines, would wait one after the other.
    fn foresee(&self, account: AccountId, rows: &[ImportedApiKey]) {
        for row in rows {
            black_box(self.find_digest(View::Unit, account, &row.digest));
        }
        for row in rows {
            black_box(self.find(View::Unit, account, &row.id));
        }
    }

    /// Brings the key that has the row's value up to date.
    fn apply(
        &mut self,
        touched: &mut Touched,
        slot: u32,
        row: &ImportedApiKey,
        judged: Judged,
    ) -> Result<Decision, StorageError> {
        let mut key = self.record(slot).unpack()?.key;
        key.name = row.fields.name.clone().or(key.name);
        key.description = row.fields.description.clone().or(key.description);
        key.enabled = row.fields.enabled.unwrap_or(key.enabled);
        key.updated = row.at;
        key.version = key.version.next();
        let record = self.record(slot).replaced(&key, &judged.plans);
        self.expect_keys_in(&judged.plans);
        self.replace(touched, slot, record);
        Ok(Decision::Applied(key.id, judged.refused))
    }

    /// Adds the key of a row whose value is new.
    fn import(&mut self, touched: &mut Touched, account: AccountId, packed: Packed<'_>) -> Decision {
        if self.find(View::Unit, account, &packed.row.id).is_some() {
            return Decision::IdTaken;
        }
        self.expect_keys_in(&packed.judged.plans);
        self.add(touched, packed.record);
        Decision::Added(packed.judged.refused)
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
