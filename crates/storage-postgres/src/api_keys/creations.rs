//! Inserts of keys, [gathered](crate::gathering) into one statement.
//!
//! The statement stores each key that nothing stands against, and says which. A key that it did not store is inserted
//! alone afterwards, which tells what is taken, or that the limit is reached, as ever. So are all where the statement
//! failed and the connection lives, since nothing was stored then. Where the connection is lost, nobody knows what was
//! stored, no more than of an insert that went alone.

use super::row::{bind_keys, signed};
use super::writer::{insert, insertion};
use crate::error::{ends_connection, late, storage_error};
use crate::gathering::{Gathering, Reply, Together};
use crate::pool::{Lent, Pool, now};
use crate::session::Alone;
use gatepost_domain::AccountId;
use gatepost_storage::{NewApiKey, StorageError};
use sqlx::{Error, Row as _, query};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::time::{Instant, timeout_at};

/// A key to be inserted, and how many its account may have then.
pub(crate) struct Creation {
    account: AccountId,
    new: Arc<NewApiKey>,
    most: Option<u64>,
}

/// See the module.
pub(crate) struct Creations(pub(crate) Pool);

/// Inserts a key together with others.
pub(crate) async fn insert_gathered(
    creations: &Arc<Gathering<Creations>>,
    pool: &Pool,
    account: AccountId,
    new: NewApiKey,
    most: Option<u64>,
) -> Result<(), StorageError> {
    let deadline = now() + pool.limits().call;
    let new = Arc::new(new);
    match creations.ask(Creation { account, new: Arc::clone(&new), most }, deadline).await? {
        Reply::Answer(()) => Ok(()),
        Reply::Alone => timeout_at(deadline, insert(&mut Alone(pool), account, &new, most))
            .await
            .unwrap_or_else(|_| Err(storage_error(late()))),
    }
}

impl Together for Creations {
    /// While one waits for the disk, the next is prepared. More would wait for the same disk, and each be smaller.
    const AT_ONCE: usize = 2;

    type Question = Creation;
    type Answer = ();

    fn fit(one: &Creation, other: &Creation) -> bool {
        (one.account, one.most) == (other.account, other.most)
    }

    async fn send(
        &self,
        lent: &mut Lent,
        creations: &[Creation],
        deadline: Instant,
    ) -> Result<Vec<Reply<()>>, Error> {
        let Some(Creation { account, new, most }) = creations.first() else { return Ok(Vec::new()) };
        if creations.len() == 1 {
            let answer = Alone(&self.0).rows_on(lent, insertion(*account, new, *most), deadline).await;
            return match answer {
                Ok(rows) if rows.is_empty() => Ok(vec![Reply::Alone]),
                Ok(_) => Ok(vec![Reply::Answer(())]),
                Err(error) if ends_connection(&error) => Err(error),
                Err(_) => Ok(vec![Reply::Alone]),
            };
        }
        let offered = offered(creations);
        let keys: Vec<&NewApiKey> = offered.iter().map(|place| &*creations[*place].new).collect();
        let tokens: Vec<Option<&[u8]>> =
            keys.iter().map(|new| new.retry.as_ref().map(|token| &token.0[..])).collect();
        let insert =
            bind_keys(query(include_str!("../../queries/api_keys/insert_many.sql")), *account, &keys)
                .bind(tokens)
                .bind(most.map(signed));
        let stored: HashSet<Vec<u8>> = match Alone(&self.0).rows_on(lent, insert, deadline).await {
            Ok(rows) => match rows.first() {
                Some(row) => row.try_get::<Vec<Vec<u8>>, _>(0)?.into_iter().collect(),
                None => HashSet::new(),
            },
            Err(error) if ends_connection(&error) => return Err(error),
            Err(_) => HashSet::new(),
        };
        let mut replies: Vec<_> = creations.iter().map(|_| Reply::Alone).collect();
        for place in offered {
            if stored.contains(&creations[place].new.digest.0[..]) {
                replies[place] = Reply::Answer(());
            }
        }
        Ok(replies)
    }
}

/// The places of the keys that the statement is given, in the order of their digests: of those with one value the first,
/// so that the answer tells which was stored, and likewise of those with one token.
fn offered(creations: &[Creation]) -> Vec<usize> {
    let (mut digests, mut tokens) = (HashSet::new(), HashSet::new());
    let mut is_first =
        |new: &NewApiKey| digests.insert(new.digest) && new.retry.is_none_or(|token| tokens.insert(token));
    let mut places: Vec<usize> =
        (0..creations.len()).filter(|place| is_first(&creations[*place].new)).collect();
    places.sort_unstable_by_key(|place| creations[*place].new.digest);
    places
}
