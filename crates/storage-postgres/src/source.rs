//! Where reads come from.

use crate::pool::{Pool, Statement};
use sqlx::Error;
use sqlx::postgres::PgRow;
use std::future::Future;

/// Something that answers reads: what is committed, what a unit of work sees, what a snapshot holds.
pub(crate) trait Source: Send + Sync {
    fn fetch(&self, statement: Statement<'_>) -> impl Future<Output = Result<Vec<PgRow>, Error>> + Send;
}

impl Source for Pool {
    async fn fetch(&self, statement: Statement<'_>) -> Result<Vec<PgRow>, Error> {
        self.rows(statement).await
    }
}
