//! Putting keys into plans, and taking them out.

use super::row::{self, linked_plan};
use crate::api_keys::{column, id, number};
use crate::error::storage_error;
use crate::session::{Session, written};
use gatepost_domain::AccountId;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::usage_plans::{Attachment, PlanOnKey, Stages, UsagePlanId};
use gatepost_storage::{StorageError, UsagePlanKey};
use sqlx::query;
use std::collections::{BTreeSet, HashMap};

/// What keys that are locked may be put into.
pub(crate) struct Attaching {
    /// Of those asked for and of those that the keys are in, all that are there; locked.
    plans: HashMap<UsagePlanId, Stages>,
    /// The plans of each key.
    present: HashMap<ApiKeyId, BTreeSet<UsagePlanId>>,
    most: usize,
}

impl Attaching {
    /// Reads what these keys are in, and locks that and what is asked for. All keys that are to be put into plans are
    /// locked already; those that are new need not be given.
    pub(crate) async fn begin<S: Session>(
        session: &mut S,
        account: AccountId,
        keys: &[&ApiKeyId],
        asked: BTreeSet<&UsagePlanId>,
        most: usize,
    ) -> Result<Self, StorageError> {
        let mut present = present(session, account, keys).await?;
        let both = asked.into_iter().chain(present.values().flatten());
        let wanted: BTreeSet<&str> = both.map(UsagePlanId::as_str).collect();
        let lock = query(include_str!("../../queries/usage_plans/lock_shared.sql"))
            .bind(number(account))
            .bind(Vec::from_iter(wanted));
        let mut plans = HashMap::new();
        for row in session.rows(lock).await.map_err(storage_error)? {
            let plan = row::plan(account, &row)?;
            plans.insert(plan.id, plan.stages);
        }
        for of_key in present.values_mut() {
            of_key.retain(|plan| plans.contains_key(plan));
        }
        Ok(Self { plans, present, most })
    }

    /// Puts a key that is there into a plan, if it may; storing that is the caller's.
    pub(crate) fn put(&mut self, key: &ApiKeyId, plan: &UsagePlanId) -> Attachment {
        let Some(stages) = self.plans.get(plan) else { return Attachment::NoSuchPlan };
        let present = self.present.entry(key.clone()).or_default();
        let on_key: Vec<PlanOnKey<'_>> = present
            .iter()
            .filter_map(|id| self.plans.get(id).map(|stages| PlanOnKey { id, stages }))
            .collect();
        let attachment =
            gatepost_domain::usage_plans::attach(&on_key, PlanOnKey { id: plan, stages }, self.most);
        if attachment == Attachment::Done {
            present.insert(plan.clone());
        }
        attachment
    }
}

/// The plans of each key, also those that are deleted and not cleared yet.
async fn present<S: Session>(
    session: &mut S,
    account: AccountId,
    keys: &[&ApiKeyId],
) -> Result<HashMap<ApiKeyId, BTreeSet<UsagePlanId>>, StorageError> {
    let mut present: HashMap<ApiKeyId, BTreeSet<UsagePlanId>> = HashMap::new();
    if keys.is_empty() {
        return Ok(present);
    }
    let links = query(include_str!("../../queries/usage_plan_keys/links.sql"))
        .bind(number(account))
        .bind(keys.iter().map(|key| key.as_str()).collect::<Vec<_>>());
    for row in session.rows(links).await.map_err(storage_error)? {
        let key: &str = column(&row, 0)?;
        let plan = linked_plan(account, key, &row, 1)?;
        present.entry(id(account, key)?).or_default().insert(plan);
    }
    Ok(present)
}

/// Puts keys into plans, in a transaction.
pub(crate) async fn attach<S: Session>(
    session: &mut S,
    account: AccountId,
    links: &[UsagePlanKey],
    most: usize,
) -> Result<Vec<Attachment>, StorageError> {
    let created = lock_keys(session, account, links).await?;
    let keys: Vec<&ApiKeyId> = created.keys().collect();
    let asked = links.iter().map(|link| &link.plan).collect();
    let mut attaching = Attaching::begin(session, account, &keys, asked, most).await?;
    let outcomes: Vec<Attachment> = links
        .iter()
        .map(|link| match created.contains_key(&link.key) {
            true => attaching.put(&link.key, &link.plan),
            false if attaching.plans.contains_key(&link.plan) => Attachment::NoSuchKey,
            false => Attachment::NoSuchPlan,
        })
        .collect();
    let done = links.iter().zip(&outcomes).filter(|(_, outcome)| **outcome == Attachment::Done);
    let done: Vec<(&UsagePlanKey, i64)> =
        done.filter_map(|(link, _)| created.get(&link.key).map(|created| (link, *created))).collect();
    if !done.is_empty() {
        store(session, account, &done).await?;
    }
    Ok(outcomes)
}

/// Those of the keys that are there, and when they were made.
async fn lock_keys<S: Session>(
    session: &mut S,
    account: AccountId,
    links: &[UsagePlanKey],
) -> Result<HashMap<ApiKeyId, i64>, StorageError> {
    let keys: BTreeSet<&str> = links.iter().map(|link| link.key.as_str()).collect();
    let lock = query(include_str!("../../queries/usage_plan_keys/lock_keys.sql"))
        .bind(number(account))
        .bind(Vec::from_iter(keys));
    let rows = session.rows(lock).await.map_err(storage_error)?;
    rows.iter().map(|row| Ok((id(account, column(row, 0)?)?, column(row, 1)?))).collect()
}

async fn store<S: Session>(
    session: &mut S,
    account: AccountId,
    links: &[(&UsagePlanKey, i64)],
) -> Result<(), StorageError> {
    let mut plans_of_key: HashMap<&str, i64> = HashMap::new();
    for (link, _) in links {
        *plans_of_key.entry(link.key.as_str()).or_default() += 1;
    }
    let (keys, plans): (Vec<&str>, Vec<i64>) = plans_of_key.into_iter().unzip();
    let attach = query(include_str!("../../queries/usage_plan_keys/attach.sql"))
        .bind(number(account))
        .bind(links.iter().map(|(_, created)| *created).collect::<Vec<_>>())
        .bind(links.iter().map(|(link, _)| link.key.as_str()).collect::<Vec<_>>())
        .bind(links.iter().map(|(link, _)| link.plan.as_str()).collect::<Vec<_>>())
        .bind(keys)
        .bind(plans);
    session.rows(attach).await.map(drop).map_err(storage_error)
}

/// Puts the keys of an import into plans, each as it was stored: its id, its plan, and when it was made.
pub(crate) async fn store_imported<S: Session>(
    session: &mut S,
    account: AccountId,
    links: &[(&ApiKeyId, &UsagePlanId, i64)],
) -> Result<(), StorageError> {
    let import = query(include_str!("../../queries/usage_plan_keys/import.sql"))
        .bind(number(account))
        .bind(links.iter().map(|(_, _, created)| *created).collect::<Vec<_>>())
        .bind(links.iter().map(|(key, _, _)| key.as_str()).collect::<Vec<_>>())
        .bind(links.iter().map(|(_, plan, _)| plan.as_str()).collect::<Vec<_>>());
    session.rows(import).await.map(drop).map_err(storage_error)
}

pub(crate) async fn detach<S: Session>(
    session: &mut S,
    account: AccountId,
    link: &UsagePlanKey,
) -> Result<bool, StorageError> {
    let detach = || {
        query(include_str!("../../queries/usage_plan_keys/detach.sql"))
            .bind(number(account))
            .bind(link.key.as_str())
            .bind(link.plan.as_str())
    };
    written(session, detach).await
}
