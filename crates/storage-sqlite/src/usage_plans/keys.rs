//! The keys of a plan, from the index of links by age; with a prefix as
//! [`api_keys::listing`](crate::api_keys::listing) has it for the keys of a customer.

use crate::api_keys::listing::{EXAMINED, Found, Listing, Names, Seek};
use crate::api_keys::row::{number, stored};
use crate::error::failed;
use gatepost_domain::api_keys::ApiKeyPosition;
use gatepost_domain::usage_plans::UsagePlanId;
use gatepost_domain::{AccountId, PageRequest};
use gatepost_storage::{StorageError, StoredApiKey, UsagePlanKey};
use sqlx::SqliteConnection;

pub(super) async fn find_key(
    conn: &mut SqliteConnection,
    account: AccountId,
    link: &UsagePlanKey,
) -> Result<Option<StoredApiKey>, StorageError> {
    let query = sqlx::query(include_str!("../../queries/usage_plan/find_key.sql"));
    let query = query.bind(number(account)).bind(link.plan.as_str()).bind(link.key.as_str());
    let row = query.fetch_optional(conn).await.map_err(failed)?;
    row.as_ref().map(stored).transpose()
}

/// [`list_keys`], all of its statements in one view.
pub(super) async fn list_keys_in_one_view(
    conn: &mut SqliteConnection,
    account: AccountId,
    plan: &UsagePlanId,
    name_prefix: Option<&str>,
    page: &PageRequest<ApiKeyPosition>,
) -> Result<Listing, StorageError> {
    if name_prefix.is_none() {
        return list_keys(conn, account, plan, None, page).await;
    }
    sqlx::query("BEGIN").execute(&mut *conn).await.map_err(failed)?;
    let listing = list_keys(conn, account, plan, name_prefix, page).await?;
    sqlx::query("COMMIT").execute(conn).await.map_err(failed)?;
    Ok(listing)
}

pub(super) async fn list_keys(
    conn: &mut SqliteConnection,
    account: AccountId,
    plan: &UsagePlanId,
    name_prefix: Option<&str>,
    page: &PageRequest<ApiKeyPosition>,
) -> Result<Listing, StorageError> {
    let seek = Seek::new(account, page);
    let found = match name_prefix.map(Names::new) {
        None => {
            let query = seek.bind(sqlx::query(include_str!("../../queries/usage_plan/list_keys.sql")));
            let rows = query.bind(plan.as_str()).fetch_all(conn).await.map_err(failed)?;
            Found { rows, stopped_at: None }
        }
        Some(names) => list_named(conn, &seek, &names, plan).await?,
    };
    found.page(page.limit.get())
}

async fn list_named(
    conn: &mut SqliteConnection,
    seek: &Seek<'_>,
    names: &Names<'_>,
    plan: &UsagePlanId,
) -> Result<Found, StorageError> {
    let walked = walk(conn, seek, names, plan).await?;
    if walked.stopped_at.is_none() || seek.count_named(conn, names).await?.is_none() {
        return Ok(walked);
    }
    let query = sqlx::query(include_str!("../../queries/usage_plan/gather_keys.sql"));
    let query = names.bind(seek.bind(query)).bind(plan.as_str());
    Ok(Found { rows: query.fetch_all(conn).await.map_err(failed)?, stopped_at: None })
}

async fn walk(
    conn: &mut SqliteConnection,
    seek: &Seek<'_>,
    names: &Names<'_>,
    plan: &UsagePlanId,
) -> Result<Found, StorageError> {
    let query = sqlx::query(include_str!("../../queries/usage_plan/walk_keys.sql"));
    let query = names.bind(seek.bind(query)).bind(EXAMINED as i64).bind(plan.as_str());
    let rows = query.fetch_all(&mut *conn).await.map_err(failed)?;
    let end = sqlx::query(include_str!("../../queries/usage_plan/walk_keys_end.sql"));
    seek.walked(conn, rows, seek.bind_with(end, EXAMINED).bind(plan.as_str())).await
}
