//! Reads, of what is committed, of what a unit of work sees, and of what a snapshot holds.

use super::row::{Place, kept};
use crate::PostgresStorage;
use crate::api_keys::{column, number, signed};
use crate::error::storage_error;
use crate::snapshot::PostgresSnapshot;
use crate::source::Source;
use crate::unit_of_work::PostgresUnit;
use async_trait::async_trait;
use gatepost_domain::AccountId;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::usage::{Day, UsageOfDay};
use gatepost_domain::usage_plans::UsagePlanId;
use gatepost_storage::{KeptUsage, StorageError, UsagePosition, UsageReader};
use sqlx::query;

/// The same reads for every reader; the orphan rule forbids one generic implementation.
macro_rules! answer_reads {
    ($reader:ty, $reading:ident => $source:expr) => {
        #[async_trait]
        impl UsageReader for $reader {
            async fn find_usage(
                &self,
                account: AccountId,
                plan: &UsagePlanId,
                keys: &[ApiKeyId],
                days: (Day, Day),
            ) -> Result<Vec<Vec<UsageOfDay>>, StorageError> {
                let $reading = self;
                find($source, account, plan, keys, days).await
            }

            async fn list_usage(
                &self,
                account: AccountId,
                after: Option<&UsagePosition>,
                limit: usize,
            ) -> Result<Vec<KeptUsage>, StorageError> {
                let $reading = self;
                list($source, account, after, limit).await
            }
        }
    };
}

answer_reads!(PostgresStorage, storage => storage.requests());
answer_reads!(PostgresSnapshot, snapshot => snapshot);
answer_reads!(PostgresUnit, unit => unit);

async fn find<S: Source>(
    source: &S,
    account: AccountId,
    plan: &UsagePlanId,
    keys: &[ApiKeyId],
    (first, last): (Day, Day),
) -> Result<Vec<Vec<UsageOfDay>>, StorageError> {
    let ids: Vec<&str> = keys.iter().map(ApiKeyId::as_str).collect();
    let find = query(include_str!("../../queries/usage/find.sql"))
        .bind(number(account))
        .bind(plan.as_str())
        .bind(&ids)
        .bind(first.number())
        .bind(last.number());
    let mut usage = vec![Vec::new(); keys.len()];
    for row in source.fetch(find).await.map_err(storage_error)? {
        let place: i64 = column(&row, 0)?;
        let place = usize::try_from(place - 1).unwrap_or(usize::MAX);
        if let (Some(key), Some(usage)) = (ids.get(place), usage.get_mut(place)) {
            usage.push(Place { account, plan: plan.as_str(), key }.usage(&row, 1)?);
        }
    }
    Ok(usage)
}

async fn list<S: Source>(
    source: &S,
    account: AccountId,
    after: Option<&UsagePosition>,
    limit: usize,
) -> Result<Vec<KeptUsage>, StorageError> {
    // No plan has the empty id.
    let (plan, key, day) = after
        .map_or(("", "", 0), |after| (after.link.plan.as_str(), after.link.key.as_str(), after.day.number()));
    let list = query(include_str!("../../queries/usage/list.sql"))
        .bind(number(account))
        .bind(plan)
        .bind(key)
        .bind(day)
        .bind(signed(limit as u64));
    let rows = source.fetch(list).await.map_err(storage_error)?;
    rows.iter().map(|row| kept(account, row)).collect()
}
