//! Rows, as plans and back.

use crate::api_keys::{column, unsigned};
use gatepost_domain::usage_plans::{UsagePlan, UsagePlanId};
use gatepost_domain::{AccountId, Timestamp, Version};
use gatepost_storage::{StorageError, UsagePlanDocument};
use sqlx::postgres::PgRow;

/// The plan in the columns of `queries/usage_plans/find.sql`.
pub(super) fn plan(account: AccountId, row: &PgRow) -> Result<UsagePlan, StorageError> {
    let text: &str = column(row, 0)?;
    let cell = |column: &str| corrupt("usage_plan", account, "id", text, column);
    let id = UsagePlanId::parse(text).ok_or_else(|| cell("id"))?;
    let created = Timestamp::from_micros(column(row, 1)?);
    let version = unsigned(column(row, 2)?).map(Version).ok_or_else(|| cell("version"))?;
    let document = UsagePlanDocument::parse(column(row, 3)?);
    document.and_then(|document| document.into_plan(id, created, version)).map_err(|why| {
        StorageError::Corrupt(format!("{}: {why}", place("usage_plan", account, "id", text, "document")))
    })
}

/// The plan of a link, in a column.
pub(super) fn linked_plan(
    account: AccountId,
    key: &str,
    row: &PgRow,
    index: usize,
) -> Result<UsagePlanId, StorageError> {
    UsagePlanId::parse(column(row, index)?)
        .ok_or_else(|| corrupt("usage_plan_key", account, "api_key", &format!("{key:.4}..."), "plan"))
}

fn corrupt(table: &str, account: AccountId, by: &str, id: &str, column: &str) -> StorageError {
    StorageError::Corrupt(place(table, account, by, id, column))
}

/// A broken id may be of any length.
fn place(table: &str, account: AccountId, by: &str, id: &str, column: &str) -> String {
    format!("table {table}, account {account}, {by} {id:.128}, column {column}")
}
