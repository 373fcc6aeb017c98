//! Keys in plans, read from either side.

use super::row::linked_plan;
use crate::api_keys::{EXAMINED, Seek, column, full, key, number, walked};
use crate::error::storage_error;
use crate::source::Source;
use gatepost_domain::api_keys::{ApiKeyId, ApiKeyPosition};
use gatepost_domain::usage_plans::UsagePlanId;
use gatepost_domain::{AccountId, Page, PageRequest};
use gatepost_storage::{StorageError, StoredApiKey, UsagePlanKey};
use sqlx::query;

pub(super) async fn find<S: Source>(
    source: &S,
    account: AccountId,
    link: &UsagePlanKey,
) -> Result<Option<StoredApiKey>, StorageError> {
    let find = query(include_str!("../../queries/usage_plan_keys/find.sql"))
        .bind(number(account))
        .bind(link.key.as_str())
        .bind(link.plan.as_str());
    let rows = source.fetch(find).await.map_err(storage_error)?;
    rows.first().map(|row| key(account, row)).transpose()
}

pub(super) async fn list<S: Source>(
    source: &S,
    account: AccountId,
    plan: &UsagePlanId,
    name_prefix: Option<&str>,
    page: &PageRequest<ApiKeyPosition>,
) -> Result<Page<StoredApiKey, ApiKeyPosition>, StorageError> {
    let seek = Seek::new(account, page);
    match name_prefix {
        None => {
            let list = seek.bind(include_str!("../../queries/usage_plan_keys/list.sql")).bind(plan.as_str());
            let rows = source.fetch(list).await.map_err(storage_error)?;
            let keys = rows.iter().map(|row| key(account, row)).collect::<Result<_, _>>()?;
            Ok(full(keys, page.limit.get()))
        }
        // No name has it, and the database cannot be asked for it.
        Some(prefix) if prefix.contains('\0') => Ok(Page { items: Vec::new(), next: None }),
        Some(prefix) => {
            let walk = seek.bind(include_str!("../../queries/usage_plan_keys/walk_named.sql"));
            let walk = walk.bind(prefix).bind(EXAMINED).bind(plan.as_str());
            walked(source, &seek, walk).await.map(|(page, _)| page)
        }
    }
}

pub(super) async fn find_plans<S: Source>(
    source: &S,
    account: AccountId,
    keys: &[ApiKeyId],
) -> Result<Vec<Vec<UsagePlanId>>, StorageError> {
    let ids: Vec<&str> = keys.iter().map(ApiKeyId::as_str).collect();
    let find = query(include_str!("../../queries/usage_plan_keys/plans_of_keys.sql"))
        .bind(number(account))
        .bind(&ids);
    let mut plans = vec![Vec::new(); keys.len()];
    for row in source.fetch(find).await.map_err(storage_error)? {
        let place: i64 = column(&row, 0)?;
        let place = usize::try_from(place - 1).unwrap_or(usize::MAX);
        if let (Some(key), Some(plans)) = (ids.get(place), plans.get_mut(place)) {
            plans.push(linked_plan(account, key, &row, 1)?);
        }
    }
    Ok(plans)
}
