//! What is forgotten after a while, and what others left to be cleared: in portions, so that nobody waits for long.
//! Several replicas may do it at once.

use crate::error::storage_error;
use crate::pool::Statement;
use crate::replicas::micros;
use crate::session::Session;
use crate::{ADOPT, usage_plans};
use gatepost_storage::{Keep, StorageError};
use sqlx::query;

/// So much is pruned by one statement.
const PORTION: usize = 10_000;

pub(crate) async fn prune<S: Session>(session: &mut S, keep: Keep) -> Result<(), StorageError> {
    // Servers that ran while the database was restored elsewhere find out here.
    session.rows(query(ADOPT)).await.map_err(storage_error)?;
    let replicas = query(include_str!("../queries/replicas/prune.sql"));
    session.rows(replicas).await.map_err(storage_error)?;
    let mark = query(include_str!("../queries/changes/mark.sql")).bind(micros(keep.changes));
    session.rows(mark).await.map_err(storage_error)?;
    clear(session, |portion| query(include_str!("../queries/changes/prune.sql")).bind(portion)).await?;
    let retries = micros(keep.retries);
    clear(session, |portion| query(include_str!("../queries/retries/prune.sql")).bind(retries).bind(portion))
        .await?;
    let usage = micros(keep.usage);
    clear(session, |portion| query(include_str!("../queries/usage/prune.sql")).bind(usage).bind(portion))
        .await?;
    usage_plans::prune(session).await
}

/// Sends a statement that removes as much as it is told and answers a row for each, until there is less.
pub(crate) async fn clear<'q, S: Session>(
    session: &mut S,
    portion: impl Fn(i64) -> Statement<'q> + Send + Sync,
) -> Result<(), StorageError> {
    let full = i64::try_from(PORTION).expect("a small number");
    while session.rows(portion(full)).await.map_err(storage_error)?.len() >= PORTION {}
    Ok(())
}
