use std::sync::atomic::Ordering;

use integration_tests::database::Database;
use sqlx::{Connection as _, PgConnection};

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap()
}

async fn rows(database: &Database, count: &'static str) -> i64 {
    sqlx::query_scalar(count).fetch_one(&mut connect(database.url()).await).await.unwrap()
}

#[tokio::test]
async fn fresh_databases_are_empty_and_share_nothing() {
    let (one, other) = (Database::fresh().await, Database::fresh().await);
    sqlx::raw_sql("CREATE TABLE note (); INSERT INTO note DEFAULT VALUES")
        .execute(&mut connect(one.url()).await)
        .await
        .unwrap();
    let absent = sqlx::raw_sql("SELECT FROM note").execute(&mut connect(other.url()).await).await;
    assert_eq!(rows(&one, "SELECT count(*) FROM note").await, 1);
    assert_eq!(absent.unwrap_err().as_database_error().unwrap().code().unwrap(), "42P01");
}

#[tokio::test]
async fn migrated_databases_are_migrated_once_and_share_nothing() {
    let (one, other) = tokio::join!(crate::postgres::database(), crate::postgres::database());
    let beat = "INSERT INTO probe VALUES (now())";
    sqlx::raw_sql(beat).execute(&mut connect(one.url()).await).await.unwrap();
    let count = "SELECT count(*) FROM probe";
    assert_eq!((rows(&one, count).await, rows(&other, count).await), (2, 1));
    assert_eq!(crate::postgres::MIGRATED.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_dropped_database_is_gone_although_somebody_is_connected() {
    let database = Database::fresh().await;
    let (url, admin_url) = (database.url().to_owned(), database.admin_url().to_owned());
    let mut connected = connect(&url).await;
    drop(database);
    assert!(connected.ping().await.is_err());
    let refused = PgConnection::connect(&url).await.unwrap_err();
    assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "3D000");
    connect(&admin_url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_connections_are_not_too_many() {
    let database = Database::fresh().await;
    let mut open = Vec::new();
    for _ in 0..200 {
        open.push(connect(database.url()).await);
    }
    assert_eq!(open.len(), 200);
}
