//! Writes, each with its change.

use crate::api_keys::row::number;
use crate::error::failed;
use gatepost_domain::credentials::{AccessKeyId, Credential, CredentialName};
use gatepost_domain::{Timestamp, Version};
use gatepost_storage::{Entity, StorageError, StoredCredential};
use sqlx::SqliteConnection;

pub(crate) async fn insert(conn: &mut SqliteConnection, new: &StoredCredential) -> Result<(), StorageError> {
    let StoredCredential { credential, sealed } = new;
    let query = sqlx::query(include_str!("../../queries/credential/insert.sql"))
        .bind(credential.id.as_str())
        .bind(number(credential.account))
        .bind(credential.enabled)
        .bind(credential.created.micros())
        .bind(credential.last_used.map(Timestamp::micros))
        .bind(credential.version.0.cast_signed())
        .bind(&*sealed.0)
        .bind(credential.name.as_ref().map(CredentialName::as_str))
        .bind(&*credential.policy);
    match query.execute(conn).await.map_err(failed)?.rows_affected() {
        0 => Err(StorageError::AlreadyExists(Entity::Credential)),
        _inserted => Ok(()),
    }
}

pub(crate) async fn update(
    conn: &mut SqliteConnection,
    credential: &Credential,
    expected: Version,
) -> Result<(), StorageError> {
    let query = sqlx::query(include_str!("../../queries/credential/update.sql"))
        .bind(credential.id.as_str())
        .bind(expected.0.cast_signed())
        .bind(credential.enabled)
        .bind(credential.version.0.cast_signed())
        .bind(credential.name.as_ref().map(CredentialName::as_str))
        .bind(&*credential.policy);
    match query.execute(conn).await.map_err(failed)?.rows_affected() {
        0 => Err(StorageError::Stale(Entity::Credential)),
        _updated => Ok(()),
    }
}

pub(crate) async fn delete(conn: &mut SqliteConnection, id: &AccessKeyId) -> Result<bool, StorageError> {
    let query = sqlx::query(include_str!("../../queries/credential/delete.sql")).bind(id.as_str());
    Ok(query.execute(conn).await.map_err(failed)?.rows_affected() > 0)
}

pub(crate) async fn note_use(
    conn: &mut SqliteConnection,
    used: &[(AccessKeyId, Timestamp)],
) -> Result<(), StorageError> {
    let used: Vec<(&str, i64)> = used.iter().map(|(id, at)| (id.as_str(), at.micros())).collect();
    let list = serde_json::to_string(&used).expect("texts and numbers are JSON");
    let query = sqlx::query(include_str!("../../queries/credential/note_use.sql")).bind(list);
    query.execute(conn).await.map(drop).map_err(failed)
}
