//! Rows, as credentials.

use crate::api_keys::{column, unsigned};
use gatepost_domain::credentials::{AccessKeyId, Credential, CredentialName};
use gatepost_domain::{AccountId, Sealed, Timestamp, Version};
use gatepost_storage::{StorageError, StoredCredential};
use sqlx::postgres::PgRow;

/// The credential in the columns of `queries/credentials/find.sql`.
pub(super) fn stored(row: &PgRow) -> Result<StoredCredential, StorageError> {
    let id: &str = column(row, 0)?;
    let account = unsigned(column(row, 1)?).and_then(|number| AccountId::from_number(number).ok());
    let name: Option<&str> = column(row, 7)?;
    let credential = Credential {
        id: AccessKeyId::parse(id).map_err(|_| corrupt(id, "id"))?,
        account: account.ok_or_else(|| corrupt(id, "account"))?,
        name: name.map(CredentialName::parse).transpose().map_err(|_| corrupt(id, "name"))?,
        enabled: column(row, 2)?,
        policy: column::<&str>(row, 8)?.into(),
        created: Timestamp::from_micros(column(row, 3)?),
        last_used: column::<Option<i64>>(row, 4)?.map(Timestamp::from_micros),
        version: unsigned(column(row, 5)?).map(Version).ok_or_else(|| corrupt(id, "version"))?,
    };
    Ok(StoredCredential { credential, sealed: Sealed(column::<&[u8]>(row, 6)?.into()) })
}

/// The id is no secret; a broken one may be of any length.
fn corrupt(id: &str, column: &str) -> StorageError {
    StorageError::Corrupt(format!("table credential, id {id:.128}, column {column}"))
}
