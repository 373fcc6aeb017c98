//! What deleted plans left behind.

use crate::api_keys::column;
use crate::error::storage_error;
use crate::prune::clear;
use crate::session::Session;
use gatepost_storage::StorageError;
use sqlx::query;

/// Clears one deleted plan after the other: its links in portions, then itself.
pub(crate) async fn prune<S: Session>(session: &mut S) -> Result<(), StorageError> {
    let (mut account, mut id) = (-1_i64, String::new());
    loop {
        let next = query(include_str!("../../queries/usage_plans/deleted.sql")).bind(account).bind(&id);
        let rows = session.rows(next).await.map_err(storage_error)?;
        let Some(row) = rows.first() else { return Ok(()) };
        (account, id) = (column(row, 0)?, column(row, 1)?);
        let links = |portion| {
            query(include_str!("../../queries/usage_plans/prune_links.sql"))
                .bind(account)
                .bind(&id)
                .bind(portion)
        };
        clear(session, links).await?;
        let plan = query(include_str!("../../queries/usage_plans/prune.sql")).bind(account).bind(&id);
        session.rows(plan).await.map_err(storage_error)?;
    }
}
