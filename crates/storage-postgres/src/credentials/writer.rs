//! Writes: each one statement, with its change.

use crate::api_keys::{number, signed};
use crate::session::{Session, written};
use gatepost_domain::credentials::{AccessKeyId, Credential, CredentialName};
use gatepost_domain::{Timestamp, Version};
use gatepost_storage::{Entity, StorageError, StoredCredential};
use sqlx::query;

pub(crate) async fn insert<S: Session>(session: &mut S, new: &StoredCredential) -> Result<(), StorageError> {
    let StoredCredential { credential, sealed } = new;
    let insert = || {
        query(include_str!("../../queries/credentials/insert.sql"))
            .bind(credential.id.as_str())
            .bind(number(credential.account))
            .bind(credential.enabled)
            .bind(credential.created.micros())
            .bind(credential.last_used.map(Timestamp::micros))
            .bind(signed(credential.version.0))
            .bind(&*sealed.0)
            .bind(credential.name.as_ref().map(CredentialName::as_str))
            .bind(&*credential.policy)
    };
    if written(session, insert).await? {
        Ok(())
    } else {
        Err(StorageError::AlreadyExists(Entity::Credential))
    }
}

pub(crate) async fn update<S: Session>(
    session: &mut S,
    credential: &Credential,
    expected: Version,
) -> Result<(), StorageError> {
    let update = || {
        query(include_str!("../../queries/credentials/update.sql"))
            .bind(credential.id.as_str())
            .bind(signed(expected.0))
            .bind(credential.enabled)
            .bind(signed(credential.version.0))
            .bind(credential.name.as_ref().map(CredentialName::as_str))
            .bind(&*credential.policy)
    };
    if written(session, update).await? { Ok(()) } else { Err(StorageError::Stale(Entity::Credential)) }
}

pub(crate) async fn delete<S: Session>(session: &mut S, id: &AccessKeyId) -> Result<bool, StorageError> {
    let delete = || query(include_str!("../../queries/credentials/delete.sql")).bind(id.as_str());
    written(session, delete).await
}

pub(crate) async fn note_use<S: Session>(
    session: &mut S,
    used: &[(AccessKeyId, Timestamp)],
) -> Result<(), StorageError> {
    let note = || {
        let (ids, moments): (Vec<&str>, Vec<i64>) =
            used.iter().map(|(id, at)| (id.as_str(), at.micros())).unzip();
        query(include_str!("../../queries/credentials/note_use.sql")).bind(ids).bind(moments)
    };
    written(session, note).await.map(drop)
}
