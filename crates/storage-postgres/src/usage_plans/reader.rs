//! Reads, of what is committed, of what a unit of work sees, and of what a snapshot holds.

use super::{keys, row};
use crate::PostgresStorage;
use crate::api_keys::{number, signed};
use crate::error::storage_error;
use crate::snapshot::PostgresSnapshot;
use crate::source::Source;
use crate::unit_of_work::PostgresUnit;
use async_trait::async_trait;
use gatepost_domain::api_keys::{ApiKeyId, ApiKeyPosition};
use gatepost_domain::usage_plans::{UsagePlan, UsagePlanId, UsagePlanPosition};
use gatepost_domain::{AccountId, Page, PageRequest};
use gatepost_storage::{StorageError, StoredApiKey, UsagePlanKey, UsagePlanReader};
use sqlx::query;

/// The same reads for every reader; the orphan rule forbids one generic implementation.
macro_rules! answer_reads {
    ($reader:ty, $reading:ident => $source:expr) => {
        #[async_trait]
        impl UsagePlanReader for $reader {
            async fn find_usage_plan(
                &self,
                account: AccountId,
                id: &UsagePlanId,
            ) -> Result<Option<UsagePlan>, StorageError> {
                let $reading = self;
                find($source, account, id).await
            }

            async fn list_usage_plans(
                &self,
                account: AccountId,
                of_key: Option<&ApiKeyId>,
                page: PageRequest<UsagePlanPosition>,
            ) -> Result<Page<UsagePlan, UsagePlanPosition>, StorageError> {
                let $reading = self;
                list($source, account, of_key, &page).await
            }

            async fn find_usage_plan_key(
                &self,
                account: AccountId,
                link: &UsagePlanKey,
            ) -> Result<Option<StoredApiKey>, StorageError> {
                let $reading = self;
                keys::find($source, account, link).await
            }

            async fn list_usage_plan_keys(
                &self,
                account: AccountId,
                plan: &UsagePlanId,
                name_prefix: Option<&str>,
                page: PageRequest<ApiKeyPosition>,
            ) -> Result<Page<StoredApiKey, ApiKeyPosition>, StorageError> {
                let $reading = self;
                keys::list($source, account, plan, name_prefix, &page).await
            }

            async fn find_plans_of_keys(
                &self,
                account: AccountId,
                keys: &[ApiKeyId],
            ) -> Result<Vec<Vec<UsagePlanId>>, StorageError> {
                let $reading = self;
                keys::find_plans($source, account, keys).await
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
    id: &UsagePlanId,
) -> Result<Option<UsagePlan>, StorageError> {
    let find =
        query(include_str!("../../queries/usage_plans/find.sql")).bind(number(account)).bind(id.as_str());
    let rows = source.fetch(find).await.map_err(storage_error)?;
    rows.first().map(|row| row::plan(account, row)).transpose()
}

async fn list<S: Source>(
    source: &S,
    account: AccountId,
    of_key: Option<&ApiKeyId>,
    page: &PageRequest<UsagePlanPosition>,
) -> Result<Page<UsagePlan, UsagePlanPosition>, StorageError> {
    // No plan is as young as the end of time.
    let (created, id) =
        page.after.as_ref().map_or((i64::MAX, ""), |after| (after.created.micros(), after.id.as_str()));
    let limit = page.limit.get();
    let list = match of_key {
        None => query(include_str!("../../queries/usage_plans/list.sql")),
        Some(_) => query(include_str!("../../queries/usage_plans/list_of_key.sql")),
    };
    let list = list.bind(number(account)).bind(created).bind(id).bind(signed(limit as u64 + 1));
    let list = match of_key {
        None => list,
        Some(key) => list.bind(key.as_str()),
    };
    let rows = source.fetch(list).await.map_err(storage_error)?;
    let items: Vec<UsagePlan> =
        rows.iter().take(limit).map(|row| row::plan(account, row)).collect::<Result<_, _>>()?;
    let next = items.last().filter(|_| rows.len() > limit).map(UsagePlan::position);
    Ok(Page { items, next })
}
