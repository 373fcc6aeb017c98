//! Credentials that several replicas read, use and change, and rows that nobody of ours wrote.

use super::storage;
use gatepost_domain::credentials::{AccessKeyId, Credential, CredentialName};
use gatepost_domain::{AccountId, PageLimit, PageRequest, Sealed, Timestamp, Version};
use gatepost_storage::{Change, News, Storage, StorageError, StoredCredential};
use std::time::Duration;

fn id(n: u32) -> AccessKeyId {
    AccessKeyId::parse(&format!("AKIA{n:012}")).unwrap()
}

fn credential(n: u32) -> StoredCredential {
    let credential = Credential {
        id: id(n),
        account: AccountId::from_number(7).unwrap(),
        name: Some(CredentialName::parse("Ключ").unwrap()),
        enabled: true,
        policy: "{\"Statement\": []}\n".repeat(1_000).into(),
        created: Timestamp::from_micros(1),
        last_used: None,
        version: Version::FIRST,
    };
    StoredCredential { credential, sealed: Sealed([5; 75].into()) }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_and_their_changes_are_there_for_a_replica_that_comes_later() {
    let first = storage().await;
    let cursor = first.snapshot().await.unwrap().cursor();
    let mut kept = credential(1);
    let mut writer = first.writer();
    writer.insert_credential(&kept).await.unwrap();
    writer.insert_credential(&credential(2)).await.unwrap();
    kept.credential.enabled = false;
    kept.credential.version = Version(2);
    writer.update_credential(&kept.credential, Version::FIRST).await.unwrap();
    let at = Timestamp::from_micros(9);
    writer.note_use(&[(id(1), at)]).await.unwrap();
    kept.credential.last_used = Some(at);
    assert!(writer.delete_credential(&id(2)).await.unwrap());
    drop(writer);
    first.close().await;

    let second = first.replica().await;
    let request = PageRequest { after: None, limit: PageLimit::DEFAULT };
    assert_eq!(second.reader().list_credentials(request).await.unwrap().items, [kept]);
    let mut feed = second.changes(cursor).await.unwrap();
    let News::Changes(changes) = feed.next(Duration::ZERO).await.unwrap() else { panic!("a resync") };
    let mut told: Vec<(AccessKeyId, u64)> = changes
        .into_iter()
        .map(|change| match change {
            Change::Credential { id, version } => (id, version.0),
            other => panic!("{other:?}"),
        })
        .collect();
    told.sort();
    assert_eq!(told, [(id(1), 1), (id(1), 2), (id(2), 1), (id(2), 2)]);
}

/// Each replica has its own order, and no note may fail, wait for long, or take a change back.
#[tokio::test(flavor = "multi_thread")]
async fn replicas_note_the_use_of_the_same_credentials_at_once() {
    const CREDENTIALS: u32 = 300;
    const ROUNDS: i64 = 12;
    let first = storage().await;
    let replicas = [first.replica().await, first.replica().await, first.replica().await];
    let mut unit = first.begin().await.unwrap();
    for n in 0..CREDENTIALS {
        unit.insert_credential(&credential(n)).await.unwrap();
    }
    unit.commit().await.unwrap();
    let note = async |which: usize| {
        for round in 0..ROUNDS {
            let mut used: Vec<_> =
                (0..CREDENTIALS).map(|n| (id(n), Timestamp::from_micros(round * 3 + which as i64))).collect();
            match which {
                0 => used.reverse(),
                1 => used.rotate_left(CREDENTIALS as usize / 2),
                _ => {}
            }
            // In a transaction of its own, which is not tried again where it lost a race.
            let mut unit = replicas[which].begin().await.unwrap();
            unit.note_use(&used).await.unwrap();
            unit.commit().await.unwrap();
        }
    };
    let edit = async {
        for version in 1..=20 {
            let mut next = credential(7).credential;
            next.version = Version(version + 1);
            first.writer().update_credential(&next, Version(version)).await.unwrap();
        }
    };
    tokio::join!(note(0), note(1), note(2), edit);
    let last = Some(Timestamp::from_micros((ROUNDS - 1) * 3 + 2));
    let request = PageRequest { after: None, limit: PageLimit::MAX };
    let all = first.reader().list_credentials(request).await.unwrap().items;
    assert_eq!(all.len(), CREDENTIALS as usize);
    for stored in all {
        let Credential { id: of, last_used, version, .. } = stored.credential;
        assert_eq!((last_used, version), (last, Version(if of == id(7) { 21 } else { 1 })), "{of}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_credential_is_named_by_table_id_and_column() {
    let storage = storage().await;
    let whole = id(1);
    for (column, damage, id) in [
        ("account", "UPDATE credential SET account = 1000000000000", whole.as_str()),
        ("account", "UPDATE credential SET account = -1", whole.as_str()),
        ("version", "UPDATE credential SET version = -1", whole.as_str()),
        ("name", "UPDATE credential SET name = ''", whole.as_str()),
        ("name", "UPDATE credential SET name = E'two\\nlines'", whole.as_str()),
        ("id", "UPDATE credential SET id = 'AKIA-and-no-more'", "AKIA-and-no-more"),
        ("id", "UPDATE credential SET id = 'AKI A'", "AKI A"),
    ] {
        storage.writer().insert_credential(&credential(1)).await.unwrap();
        storage.sql(damage).await;
        let request = PageRequest { after: None, limit: PageLimit::DEFAULT };
        let listed = storage.reader().list_credentials(request).await;
        let Err(StorageError::Corrupt(what)) = listed else { panic!("{damage}: {listed:?}") };
        assert_eq!(what, format!("table credential, id {id}, column {column}"));
        if column != "id" {
            let found = storage.reader().find_credential(&whole).await;
            assert!(matches!(&found, Err(StorageError::Corrupt(again)) if *again == what), "{found:?}");
            // The way out: a feed that follows is not stopped by it.
            let mut feed = storage.changes(storage.snapshot().await.unwrap().cursor()).await.unwrap();
            assert!(storage.writer().delete_credential(&whole).await.unwrap());
            let news = feed.next(Duration::ZERO).await.unwrap();
            assert!(matches!(&news, News::Changes(changes) if changes.len() == 1), "{news:?}");
        }
        storage.sql("DELETE FROM credential").await;
    }
}
