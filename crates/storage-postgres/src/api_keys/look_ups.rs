//! Look-ups of keys by id, [gathered](crate::gathering) into one statement.

use super::reader::{find, finding};
use super::row::{key, number};
use crate::error::{late, passes, storage_error};
use crate::gathering::{Gathering, Reply, Together};
use crate::pool::{Lent, Pool, now};
use gatepost_domain::AccountId;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_storage::{StorageError, StoredApiKey};
use sqlx::postgres::PgRow;
use sqlx::{Error, Row as _, query};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

/// Where the statement answers the place of a look-up, from 1: after the columns of a key.
const PLACE: usize = 12;

/// Whose key, and which.
pub(crate) struct LookUp {
    account: AccountId,
    id: ApiKeyId,
}

/// See the module.
pub(crate) struct LookUps;

/// Looks a key up together with others.
pub(super) async fn find_gathered(
    look_ups: &Arc<Gathering<LookUps>>,
    pool: &Pool,
    account: AccountId,
    id: &ApiKeyId,
) -> Result<Option<StoredApiKey>, StorageError> {
    let deadline = now() + pool.limits().call;
    match look_ups.ask(LookUp { account, id: id.clone() }, deadline).await? {
        Reply::Answer(row) => row.map(|row| key(account, &row)).transpose(),
        Reply::Alone => {
            timeout_at(deadline, find(pool, account, id)).await.unwrap_or_else(|_| Err(storage_error(late())))
        }
    }
}

impl Together for LookUps {
    /// As many as there are connections.
    const AT_ONCE: usize = Semaphore::MAX_PERMITS;

    type Question = LookUp;
    /// A row, which the caller reads: what is wrong with it concerns nobody else.
    type Answer = Option<PgRow>;

    fn fit(_: &LookUp, _: &LookUp) -> bool {
        true
    }

    async fn send(
        &self,
        lent: &mut Lent,
        look_ups: &[LookUp],
        deadline: Instant,
    ) -> Result<Vec<Reply<Option<PgRow>>>, Error> {
        if let [LookUp { account, id }] = look_ups {
            let mut rows = lent.rows(finding(*account, id), deadline).await?;
            return Ok(vec![Reply::Answer(rows.pop())]);
        }
        let accounts: Vec<i64> = look_ups.iter().map(|look_up| number(look_up.account)).collect();
        let ids: Vec<&str> = look_ups.iter().map(|look_up| look_up.id.as_str()).collect();
        let find = query(include_str!("../../queries/api_keys/find_many.sql")).bind(accounts).bind(ids);
        let rows = match lent.rows(find, deadline).await {
            Ok(rows) => rows,
            Err(error) if passes(&error) => return Err(error),
            // A page that cannot be read, say, which only one of them needs.
            Err(_) => return Ok(look_ups.iter().map(|_| Reply::Alone).collect()),
        };
        let mut replies: Vec<_> = look_ups.iter().map(|_| Reply::Answer(None)).collect();
        for row in rows {
            let place: i64 = row.try_get(PLACE)?;
            if let Some(reply) = usize::try_from(place - 1).ok().and_then(|place| replies.get_mut(place)) {
                *reply = Reply::Answer(Some(row));
            }
        }
        Ok(replies)
    }
}
