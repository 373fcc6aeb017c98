//! Reads, of what is committed and of what a unit of work sees.

use super::keys::{find_key, list_keys, list_keys_in_one_view};
use super::row::{Kept, kept, plan_id};
use crate::SqliteStorage;
use crate::api_keys::row::number;
use crate::error::failed;
use crate::snapshot::SqliteSnapshot;
use crate::unit_of_work::SqliteUnit;
use async_trait::async_trait;
use gatepost_domain::api_keys::{ApiKeyId, ApiKeyPosition};
use gatepost_domain::usage_plans::{UsagePlan, UsagePlanId, UsagePlanPosition};
use gatepost_domain::{AccountId, Page, PageRequest};
use gatepost_storage::{StorageError, StoredApiKey, UsagePlanKey, UsagePlanReader};
use sqlx::{Row, SqliteConnection};

/// The reads on whatever lends a connection; the orphan rule forbids one generic implementation. Listings of several
/// statements need a view that only the lone connections of the storage do not have.
macro_rules! answer_reads {
    ($reader:ty, $list_keys:path) => {
        #[async_trait]
        impl UsagePlanReader for $reader {
            async fn find_usage_plan(
                &self,
                account: AccountId,
                id: &UsagePlanId,
            ) -> Result<Option<UsagePlan>, StorageError> {
                let mut held = self.read().await?;
                let answer = find(held.conn(), account, id).await;
                held.answered(answer.map(|found| found.map(|kept| kept.plan)))
            }

            async fn list_usage_plans(
                &self,
                account: AccountId,
                of_key: Option<&ApiKeyId>,
                page: PageRequest<UsagePlanPosition>,
            ) -> Result<Page<UsagePlan, UsagePlanPosition>, StorageError> {
                let mut held = self.read().await?;
                let answer = list(held.conn(), account, of_key, &page).await;
                held.answered(answer)
            }

            async fn find_usage_plan_key(
                &self,
                account: AccountId,
                link: &UsagePlanKey,
            ) -> Result<Option<StoredApiKey>, StorageError> {
                let mut held = self.read().await?;
                let answer = find_key(held.conn(), account, link).await;
                held.answered(answer)
            }

            async fn list_usage_plan_keys(
                &self,
                account: AccountId,
                plan: &UsagePlanId,
                name_prefix: Option<&str>,
                page: PageRequest<ApiKeyPosition>,
            ) -> Result<Page<StoredApiKey, ApiKeyPosition>, StorageError> {
                let mut held = self.read().await?;
                let answer = $list_keys(held.conn(), account, plan, name_prefix, &page).await;
                held.answered(answer)
            }

            async fn find_plans_of_keys(
                &self,
                account: AccountId,
                keys: &[ApiKeyId],
            ) -> Result<Vec<Vec<UsagePlanId>>, StorageError> {
                let mut held = self.read().await?;
                let answer = of_keys(held.conn(), account, keys).await;
                held.answered(answer)
            }
        }
    };
}

answer_reads!(SqliteStorage, list_keys_in_one_view);
answer_reads!(SqliteSnapshot, list_keys);
answer_reads!(SqliteUnit, list_keys);

pub(super) async fn find(
    conn: &mut SqliteConnection,
    account: AccountId,
    id: &UsagePlanId,
) -> Result<Option<Kept>, StorageError> {
    let query = sqlx::query(include_str!("../../queries/usage_plan/find.sql"));
    let row = query.bind(number(account)).bind(id.as_str()).fetch_optional(conn).await.map_err(failed)?;
    row.as_ref().map(kept).transpose()
}

async fn list(
    conn: &mut SqliteConnection,
    account: AccountId,
    of_key: Option<&ApiKeyId>,
    page: &PageRequest<UsagePlanPosition>,
) -> Result<Page<UsagePlan, UsagePlanPosition>, StorageError> {
    let limit = page.limit.get();
    let query = match of_key {
        None => sqlx::query(include_str!("../../queries/usage_plan/list.sql")),
        Some(_) => sqlx::query(include_str!("../../queries/usage_plan/list_of_key.sql")),
    };
    let after = page.after.as_ref();
    let query = query
        .bind(number(account))
        .bind(after.map_or(i64::MAX, |after| after.created.micros()))
        // No id has a character as high as this.
        .bind(after.map_or("~", |after| after.id.as_str()))
        .bind(limit as i64 + 1);
    let query = match of_key {
        None => query,
        Some(key) => query.bind(key.as_str()),
    };
    let rows = query.fetch_all(conn).await.map_err(failed)?;
    let one = |row| kept(row).map(|kept| kept.plan);
    let items: Vec<UsagePlan> = rows.iter().take(limit).map(one).collect::<Result<_, _>>()?;
    let next = items.last().filter(|_| rows.len() > limit).map(UsagePlan::position);
    Ok(Page { items, next })
}

async fn of_keys(
    conn: &mut SqliteConnection,
    account: AccountId,
    keys: &[ApiKeyId],
) -> Result<Vec<Vec<UsagePlanId>>, StorageError> {
    let query = sqlx::query(include_str!("../../queries/usage_plan/of_keys.sql"));
    let list = id_list(keys.iter().map(ApiKeyId::as_str));
    let rows = query.bind(number(account)).bind(list).fetch_all(conn).await.map_err(failed)?;
    let mut plans = vec![Vec::new(); keys.len()];
    for row in &rows {
        let index: i64 = row.try_get(0).map_err(failed)?;
        plans[index.cast_unsigned() as usize].push(plan_id("usage_plan", row.try_get(1).map_err(failed)?)?);
    }
    Ok(plans)
}

/// Ids as one parameter.
pub(crate) fn id_list<'i>(ids: impl Iterator<Item = &'i str>) -> String {
    let ids: Vec<&str> = ids.collect();
    serde_json::to_string(&ids).expect("texts are JSON")
}
