//! Credentials in a file: what a restart leaves of them, and rows that nobody of ours wrote.

use gatepost_domain::credentials::{AccessKeyId, Credential, CredentialName};
use gatepost_domain::{AccountId, PageLimit, PageRequest, Sealed, Timestamp, Version};
use gatepost_storage::{Change, News, Storage, StorageError, StoredCredential};
use gatepost_storage_sqlite::{SqliteOptions, SqliteStorage};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use std::path::Path;
use std::time::Duration;

async fn open(path: &Path) -> SqliteStorage {
    SqliteStorage::open(SqliteOptions { path: path.to_owned(), migrate: true, serve: true })
        .await
        .expect("opens")
}

async fn execute(path: &Path, sql: &str) {
    let url = format!("sqlite:{}", path.display());
    let mut conn = SqliteConnection::connect(&url).await.expect("connects");
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut conn).await.expect("runs");
    conn.close().await.expect("closes");
}

fn credential(id: &str) -> StoredCredential {
    let credential = Credential {
        id: AccessKeyId::parse(id).expect("an id"),
        account: AccountId::from_number(7).expect("an account"),
        name: Some(CredentialName::parse("Ключ").expect("a name")),
        enabled: true,
        policy: "{\"Statement\": []}\n".repeat(1_000).into(),
        created: Timestamp::from_micros(1),
        last_used: None,
        version: Version::FIRST,
    };
    StoredCredential { credential, sealed: Sealed([5; 75].into()) }
}

#[tokio::test]
async fn credentials_and_their_changes_outlive_the_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gatepost.db");
    let first = open(&path).await;
    let cursor = first.snapshot().await.unwrap().cursor();
    let mut kept = credential("AKIA000000000001");
    let mut writer = first.writer();
    writer.insert_credential(&kept).await.unwrap();
    writer.insert_credential(&credential("AKIA000000000002")).await.unwrap();
    kept.credential.enabled = false;
    kept.credential.version = Version(2);
    writer.update_credential(&kept.credential, Version::FIRST).await.unwrap();
    let at = Timestamp::from_micros(9);
    writer.note_use(&[(kept.credential.id.clone(), at)]).await.unwrap();
    kept.credential.last_used = Some(at);
    assert!(writer.delete_credential(&credential("AKIA000000000002").credential.id).await.unwrap());
    drop(writer);
    first.close().await;

    let second = open(&path).await;
    let request = PageRequest { after: None, limit: PageLimit::DEFAULT };
    assert_eq!(second.reader().list_credentials(request).await.unwrap().items, [kept]);
    let mut feed = second.changes(cursor).await.unwrap();
    let told = |id: &str, version| {
        let id = AccessKeyId::parse(id).expect("an id");
        Change::Credential { id, version: Version(version) }
    };
    let expected = [
        told("AKIA000000000001", 1),
        told("AKIA000000000002", 1),
        told("AKIA000000000001", 2),
        told("AKIA000000000002", 2),
    ];
    assert_eq!(feed.next(Duration::ZERO).await.unwrap(), News::Changes(expected.into()));
}

#[tokio::test]
async fn a_corrupt_credential_is_named_by_table_column_and_id() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gatepost.db");
    let storage = open(&path).await;
    let good = credential("AKIA000000000001");
    for (column, value, id) in [
        ("account", "1000000000000", "AKIA000000000001"),
        ("account", "-1", "AKIA000000000001"),
        ("version", "-1", "AKIA000000000001"),
        ("name", "''", "AKIA000000000001"),
        ("name", "'two' || char(10) || 'lines'", "AKIA000000000001"),
        ("id", "'AKIA-and-no-more'", "AKIA-and-no-more"),
        ("id", "'AKI A'", "AKI A"),
    ] {
        storage.writer().insert_credential(&good).await.unwrap();
        execute(&path, &format!("UPDATE credential SET {column} = {value}")).await;
        let request = PageRequest { after: None, limit: PageLimit::DEFAULT };
        let listed = storage.reader().list_credentials(request).await;
        let Err(StorageError::Corrupt(what)) = listed else { panic!("{column} = {value}: {listed:?}") };
        assert_eq!(what, format!("table credential, column {column}, id {id}"));
        if column != "id" {
            let found = storage.reader().find_credential(&good.credential.id).await;
            assert!(matches!(&found, Err(StorageError::Corrupt(again)) if *again == what), "{found:?}");
            // The way out: a feed that follows is not stopped by it.
            let mut feed = storage.changes(storage.snapshot().await.unwrap().cursor()).await.unwrap();
            assert!(storage.writer().delete_credential(&good.credential.id).await.unwrap());
            let news = feed.next(Duration::ZERO).await.unwrap();
            assert!(matches!(&news, News::Changes(changes) if changes.len() == 1), "{news:?}");
        }
        execute(&path, "DELETE FROM credential").await;
    }
}
