//! Opening a database: new, shared, ahead, behind, or none.

use gatepost_storage_postgres::{Migrated, OpenError, PostgresOptions, PostgresStorage, migrate};
use integration_tests::database::Database;

async fn refusal(options: PostgresOptions) -> OpenError {
    match PostgresStorage::connect(options).await {
        Ok(_) => panic!("it opened"),
        Err(error) => error,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_eight_that_migrate_at_once_one_does_it() {
    let database = Database::fresh().await;
    let migrations: Vec<_> = (0..8).map(|_| tokio::spawn(migrate_at(database.url().to_owned()))).collect();
    let mut done = Vec::new();
    for migration in migrations {
        done.push(migration.await.unwrap());
    }
    let newest = done[0].to;
    assert_eq!(
        done.iter().filter(|migrated| **migrated == Migrated { from: 0, to: newest }).count(),
        1,
        "{done:?}"
    );
    assert!(done.iter().all(|migrated| migrated.to == newest), "{done:?}");
    PostgresStorage::connect(PostgresOptions { migrate: false, ..PostgresOptions::new(database.url()) })
        .await
        .unwrap();
}

async fn migrate_at(url: String) -> Migrated {
    migrate(&url).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unmigrated_database_is_refused_where_migrating_is_not_allowed() {
    let database = Database::fresh().await;
    let options = PostgresOptions { migrate: false, ..PostgresOptions::new(database.url()) };
    let error = refusal(options).await;
    assert!(matches!(error, OpenError::NotMigrated { found: 0, .. }));
    assert!(error.to_string().ends_with("run `gatepost migrate`"), "{error}");
}

/// A rolling upgrade leaves releases of both sides of a migration running; only one that says so ends that.
#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused_only_when_it_says_so() {
    let storage = super::storage().await;
    storage.sql("INSERT INTO schema_migration (version, name) VALUES (99, '0099_later')").await;
    storage.replica().await;
    storage.sql("UPDATE installation SET oldest_schema = 99").await;
    let error = refusal(PostgresOptions::new(storage.database.url())).await;
    assert!(matches!(error, OpenError::TooNew { oldest: 99, .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_named_without_the_password() {
    let error = refusal(PostgresOptions::new("postgres://keeper:s3cret@127.0.0.1:1/keys")).await;
    let text = format!("{error} {error:?}");
    assert!(matches!(error, OpenError::Connect { .. }));
    assert!(text.contains("127.0.0.1:1, user keeper, database keys") && !text.contains("s3cret"), "{text}");
    let error = refusal(PostgresOptions::new("postgres://keeper:s3cret@127.0.0.1:port/keys")).await;
    assert!(matches!(error, OpenError::Url) && !format!("{error} {error:?}").contains("s3cret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_database_is_refused() {
    let storage = super::storage().await;
    storage
        .sql("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$")
        .await;
    let error = refusal(PostgresOptions::new(storage.database.url())).await;
    assert!(matches!(error, OpenError::ReadOnly), "{error}");
}
