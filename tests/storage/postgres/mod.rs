//! The PostgreSQL backend: every promise of the traits, and then what only a database that is shared, restarted and
//! cut off can break.

mod credentials_shared;
mod faults;
mod feed;
mod gathering;
mod imports;
mod limits;
mod listing;
mod opening;
mod replicas_kept;
mod samples;
mod usage_plans_shared;

use gatepost_storage_postgres::{PostgresOptions, PostgresStorage};
use integration_tests::database::Database;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A storage on a database of its own, which goes with it.
struct Opened {
    storage: PostgresStorage,
    database: Database,
}

impl Deref for Opened {
    type Target = PostgresStorage;

    fn deref(&self) -> &PostgresStorage {
        &self.storage
    }
}

impl Opened {
    /// Another replica on the same database.
    async fn replica(&self) -> PostgresStorage {
        connect(&self.database).await
    }

    /// Runs statements beside the storage.
    async fn sql(&self, sql: &'static str) {
        let mut connection = samples::connection(&self.database).await;
        sqlx::Executor::execute(&mut connection, sqlx::raw_sql(sql)).await.unwrap();
    }
}

async fn connect(database: &Database) -> PostgresStorage {
    let options = PostgresOptions { migrate: false, ..PostgresOptions::new(database.url()) };
    PostgresStorage::connect(options).await.unwrap()
}

/// How often a template was made.
pub(crate) static MIGRATED: AtomicUsize = AtomicUsize::new(0);

/// A migrated database of its own.
pub(crate) async fn database() -> Database {
    let migrate = |url: String| async move {
        MIGRATED.fetch_add(1, Ordering::SeqCst);
        gatepost_storage_postgres::migrate(&url).await.unwrap();
        // A connection that is left open must not keep the template from being copied.
        std::mem::forget(PgConnection::connect(&url).await.unwrap());
    };
    Database::migrated(migrate).await
}

async fn storage() -> Opened {
    let database = database().await;
    Opened { storage: connect(&database).await, database }
}

gatepost_storage::conformance::cases!(storage);
