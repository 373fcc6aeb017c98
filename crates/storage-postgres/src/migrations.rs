//! The schema: `migrations/postgres`, in order, each once.
//!
//! All that is missing is run in one transaction, under a lock that ends with it: of replicas that start together one
//! migrates, the others wait and find it done. A lock of the session's would get lost in a pooler.
//!
//! A new migration is a file there and a line in [`MIGRATIONS`]. One that an older binary could not live with also
//! raises `installation.oldest_schema`: the schema that a binary must have been made for, or a later one.

use crate::OpenError;
use crate::error::{LOCK_NOT_AVAILABLE, UNDEFINED_TABLE, is_code};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Error, Executor as _, query, query_as, query_scalar};

const MIGRATIONS: &[(&str, &str)] = &[
    ("0001_initial", include_str!("../../../migrations/postgres/0001_initial.sql")),
    ("0002_usage_plans", include_str!("../../../migrations/postgres/0002_usage_plans.sql")),
];

/// "migrate"
const LOCK: i64 = 0x006d_6967_7261_7465;

/// What was done to a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The version before; 0 is an empty database.
    pub from: u32,
    /// The version now.
    pub to: u32,
}

/// The schema that this binary was made for.
fn newest() -> u32 {
    u32::try_from(MIGRATIONS.len()).expect("a few files")
}

/// Whether this binary may use the database as it is.
pub(crate) async fn check(connection: &mut PgConnection) -> Result<(), OpenError> {
    let found = version(connection).await.map_err(OpenError::Failed)?;
    if found < newest() {
        return Err(OpenError::NotMigrated { found, wanted: newest() });
    }
    let oldest: i64 = query_scalar("SELECT oldest_schema FROM installation")
        .fetch_one(&mut *connection)
        .await
        .map_err(OpenError::Failed)?;
    if oldest > i64::from(newest()) {
        return Err(OpenError::TooNew { oldest, known: newest() });
    }
    Ok(())
}

/// Runs what is missing.
pub(crate) async fn run(connection: &mut PgConnection) -> Result<Migrated, OpenError> {
    let from = version(connection).await.map_err(OpenError::Failed)?;
    if from >= newest() {
        return Ok(Migrated { from, to: from });
    }
    locked(connection).await.map_err(|error| {
        if is_code(&error, LOCK_NOT_AVAILABLE) {
            OpenError::Migrating(error)
        } else {
            OpenError::Migrate(error)
        }
    })
}

async fn locked(connection: &mut PgConnection) -> Result<Migrated, Error> {
    send(connection, "BEGIN ISOLATION LEVEL READ COMMITTED").await?;
    send(connection, "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s'").await?;
    query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *connection).await?;
    send(
        connection,
        "CREATE TABLE IF NOT EXISTS schema_migration (
             version bigint PRIMARY KEY, name text NOT NULL, at timestamptz NOT NULL DEFAULT now()
         )",
    )
    .await?;
    let from = version(connection).await?;
    for (number, (name, sql)) in (1..).zip(MIGRATIONS) {
        if number > from {
            send(connection, sql).await?;
            query("INSERT INTO schema_migration (version, name) VALUES ($1, $2)")
                .bind(i64::from(number))
                .bind(name)
                .execute(&mut *connection)
                .await?;
        }
    }
    send(connection, "COMMIT").await?;
    Ok(Migrated { from, to: from.max(newest()) })
}

async fn version(connection: &mut PgConnection) -> Result<u32, Error> {
    let answer =
        query_as("SELECT coalesce(max(version), 0) FROM schema_migration").fetch_one(&mut *connection).await;
    match answer {
        Ok((version,)) => {
            let version: i64 = version;
            Ok(u32::try_from(version).unwrap_or(u32::MAX))
        }
        Err(error) if is_code(&error, UNDEFINED_TABLE) => Ok(0),
        Err(error) => Err(error),
    }
}

async fn send(connection: &mut PgConnection, sql: &str) -> Result<(), Error> {
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_migration() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/postgres");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let listed: Vec<String> = MIGRATIONS.iter().map(|(name, _)| format!("{name}.sql")).collect();
        assert_eq!(files, listed);
    }

    #[test]
    fn migrations_are_numbered_from_one() {
        for (number, (name, _)) in (1..).zip(MIGRATIONS) {
            assert!(name.starts_with(&format!("{number:04}_")), "{name}");
        }
    }
}
