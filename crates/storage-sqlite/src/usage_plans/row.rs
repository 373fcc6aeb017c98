//! Plans as rows, and back.

use crate::api_keys::row;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::usage_plans::{UsagePlan, UsagePlanId};
use gatepost_domain::{Timestamp, Version};
use gatepost_storage::{StorageError, UsagePlanDocument};
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, Type};

/// The columns that every statement reads, in this order.
const COLUMNS: [&str; 5] = ["place", "id", "created", "version", "document"];

/// A plan, and what its keys name it by.
pub(super) struct Kept {
    pub(super) place: i64,
    pub(super) plan: UsagePlan,
}

/// The plan that a row of [`COLUMNS`] holds.
pub(super) fn kept(row: &SqliteRow) -> Result<Kept, StorageError> {
    let id = plan_id("usage_plan", cell(row, 1)?)?;
    let created = Timestamp::from_micros(cell(row, 2)?);
    let version = Version(cell::<i64>(row, 3)?.cast_unsigned());
    let plan = UsagePlanDocument::parse(cell(row, 4)?)
        .and_then(|document| document.into_plan(id, created, version))
        .map_err(|_| corrupt_cell(row, 4))?;
    Ok(Kept { place: cell(row, 0)?, plan })
}

/// The id of a plan that stands in a column of its own.
pub(crate) fn plan_id(table: &str, text: &str) -> Result<UsagePlanId, StorageError> {
    UsagePlanId::parse(text).ok_or_else(|| {
        let column = if table == "usage_plan" { "id" } else { "plan" };
        corrupt(table, column, text)
    })
}

/// Names the cell by the id of a plan, which is no secret; a broken one may be of any length.
pub(crate) fn corrupt(table: &str, column: &str, id: &str) -> StorageError {
    StorageError::Corrupt(format!("table {table}, column {column}, id {id:.128}"))
}

/// The id of a key beside that of a plan.
pub(crate) fn key_id(table: &str, text: &str) -> Result<ApiKeyId, StorageError> {
    ApiKeyId::parse(text).ok_or_else(|| row::corrupt(table, "key", text))
}

fn cell<'r, T: Decode<'r, Sqlite> + Type<Sqlite>>(
    row: &'r SqliteRow,
    column: usize,
) -> Result<T, StorageError> {
    row.try_get(column).map_err(|_| corrupt_cell(row, column))
}

fn corrupt_cell(row: &SqliteRow, column: usize) -> StorageError {
    corrupt("usage_plan", COLUMNS[column], row.try_get(1).unwrap_or_default())
}
