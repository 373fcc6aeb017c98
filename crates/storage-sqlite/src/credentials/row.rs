//! Credentials as rows, and back.

use crate::api_keys::row::account;
use gatepost_domain::credentials::{AccessKeyId, Credential, CredentialName};
use gatepost_domain::{Sealed, Timestamp, Version};
use gatepost_storage::{StorageError, StoredCredential};
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, Type};

/// The columns that every statement reads, in this order.
const COLUMNS: [&str; 9] =
    ["id", "account", "enabled", "created", "last_used", "version", "sealed", "name", "policy"];

/// The credential that a row of [`COLUMNS`] holds.
pub(super) fn stored(row: &SqliteRow) -> Result<StoredCredential, StorageError> {
    let corrupt = |column| corrupt(row, column);
    let version: i64 = cell(row, 5)?;
    let credential = Credential {
        id: AccessKeyId::parse(cell(row, 0)?).map_err(|_| corrupt(0))?,
        account: account(cell(row, 1)?).ok_or_else(|| corrupt(1))?,
        name: cell::<Option<&str>>(row, 7)?.map(CredentialName::parse).transpose().map_err(|_| corrupt(7))?,
        enabled: cell(row, 2)?,
        policy: cell::<&str>(row, 8)?.into(),
        created: Timestamp::from_micros(cell(row, 3)?),
        last_used: cell::<Option<i64>>(row, 4)?.map(Timestamp::from_micros),
        version: u64::try_from(version).map(Version).map_err(|_| corrupt(5))?,
    };
    Ok(StoredCredential { credential, sealed: Sealed(cell::<&[u8]>(row, 6)?.into()) })
}

fn cell<'r, T: Decode<'r, Sqlite> + Type<Sqlite>>(
    row: &'r SqliteRow,
    column: usize,
) -> Result<T, StorageError> {
    row.try_get(column).map_err(|_| corrupt(row, column))
}

/// Names the cell. The id is no secret; a broken one may be of any length.
fn corrupt(row: &SqliteRow, column: usize) -> StorageError {
    let id: &str = row.try_get(0).unwrap_or_default();
    StorageError::Corrupt(format!("table credential, column {}, id {id:.128}", COLUMNS[column]))
}
