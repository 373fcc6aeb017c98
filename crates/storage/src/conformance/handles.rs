//! Single writes, and views that stay.

use super::samples::*;
use crate::{Entity, Storage, StorageError};
use futures_util::future;
use gatepost_domain::Version;

/// Whoever has one write to do need not open and commit anything.
pub async fn a_single_write_is_a_unit_of_its_own(storage: &dyn Storage) {
    let mut new = key(1);
    storage.writer().insert_api_key(account(), new.clone(), None).await.expect("inserts");
    assert_eq!(find(storage, 1).await, Some(as_stored(&new)));
    fill(&mut new.key);
    new.key.version = Version(2);
    storage.writer().update_api_key(account(), &new.key, Version::FIRST).await.expect("updates");
    assert_eq!(find(storage, 1).await, Some(as_stored(&new)));
    assert!(storage.writer().delete_api_key(account(), &nth_id(1)).await.expect("deletes"));
    assert!(!storage.writer().delete_api_key(account(), &nth_id(1)).await.expect("answers"));
    assert_eq!(find(storage, 1).await, None);
}

/// The outcomes are those of the same write in a unit of work.
pub async fn a_refused_single_write_leaves_no_trace(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    let mut same_value = key(2);
    same_value.digest = digest(1);
    let mut same_id = key(1);
    same_id.digest = digest(2);
    let mut writer = storage.writer();
    let refused = writer.insert_api_key(account(), same_value, None).await;
    assert!(matches!(refused, Err(StorageError::AlreadyExists(Entity::ApiKeyValue))), "{refused:?}");
    let refused = writer.insert_api_key(account(), same_id, None).await;
    assert!(matches!(refused, Err(StorageError::AlreadyExists(Entity::ApiKey))), "{refused:?}");
    let refused = writer.insert_api_key(account(), key(2), Some(1)).await;
    assert!(matches!(refused, Err(StorageError::LimitReached(Entity::ApiKey))), "{refused:?}");
    let refused = writer.update_api_key(account(), &key(1).key, Version(2)).await;
    assert!(matches!(refused, Err(StorageError::Stale(Entity::ApiKey))), "{refused:?}");
    writer.insert_api_key(account(), key(3), Some(2)).await.expect("the writer can still be used");
    drop(writer);
    assert_eq!(find(storage, 1).await, Some(as_stored(&key(1))));
    assert_eq!(listed(storage.reader(), account(), &all(), 25).await, [3, 1]);
}

/// A backend may commit the writes of many callers together; none may answer for another.
pub async fn single_writes_of_many_callers_each_have_their_own_outcome(storage: &dyn Storage) {
    let writes = (0..200).map(|n| async move {
        // Every value is offered twice, so that each second insert is refused.
        let mut new = key(n);
        new.digest = digest(n / 2);
        storage.writer().insert_api_key(account(), new, None).await
    });
    let outcomes = future::join_all(writes).await;
    let mut stored = Vec::new();
    for (n, pair) in (0..).step_by(2).zip(outcomes.chunks(2)) {
        let winner = pair.iter().position(Result::is_ok).expect("one of two is stored");
        let loser = &pair[1 - winner];
        assert!(matches!(loser, Err(StorageError::AlreadyExists(Entity::ApiKeyValue))), "{loser:?}");
        stored.push(n + u32::try_from(winner).expect("0 or 1"));
    }
    stored.reverse();
    assert_eq!(listed(storage.reader(), account(), &all(), 500).await, stored);
}

/// An import in many units needs none of them open.
pub async fn a_single_import_is_a_unit_of_its_own(storage: &dyn Storage) {
    let rows = (0..3).map(row).collect();
    let outcomes = storage.writer().import_api_keys(account(), rows, None, MOST_PLANS).await;
    assert_eq!(stored(outcomes), [nth_id(0), nth_id(1), nth_id(2)]);
    let refused = storage.writer().import_api_keys(account(), vec![row(3)], Some(3), MOST_PLANS).await;
    assert!(matches!(refused, Err(StorageError::LimitReached(Entity::ApiKey))), "{refused:?}");
    storage.writer().restore_api_keys(account(), vec![key(4)], None).await.expect("restores");
    assert_eq!(listed(storage.reader(), account(), &all(), 25).await, [4, 2, 1, 0]);
}

/// A load that sees one page before a change and the next one after it would be of no moment at all.
pub async fn a_snapshot_is_one_view_over_several_calls(storage: &dyn Storage) {
    insert(storage, [named(1, "a"), named(2, "b")]).await;
    let snapshot = storage.snapshot().await.expect("a snapshot");
    assert_eq!(listed(&*snapshot, account(), &all(), 25).await, [2, 1]);
    let changing = async {
        storage.writer().insert_api_key(account(), named(3, "a"), None).await.expect("inserts");
        storage.writer().delete_api_key(account(), &nth_id(1)).await.expect("deletes");
    };
    let reading = async {
        // Whether the writes wait for the snapshot or pass by it: it does not see them.
        for _ in 0..5 {
            assert_eq!(listed(&*snapshot, account(), &all(), 1).await, [2, 1]);
            assert_eq!(listed(&*snapshot, account(), &prefixed("a"), 1).await, [1]);
            assert!(snapshot.find_api_key(account(), &nth_id(3)).await.expect("finds").is_none());
            assert_eq!(snapshot.count_api_keys(account()).await.expect("counts"), 2);
            let found = with_digests(&*snapshot, account(), &[1, 3]).await;
            assert_eq!(found, [Some(nth_id(1)), None]);
        }
        drop(snapshot);
    };
    future::join(reading, changing).await;
    assert_eq!(listed(storage.reader(), account(), &all(), 25).await, [3, 2]);
}

/// An export that failed must not stop the server's writes.
pub async fn a_dropped_snapshot_is_in_nobodys_way(storage: &dyn Storage) {
    for n in 0..20 {
        let snapshot = storage.snapshot().await.expect("a snapshot");
        assert_eq!(snapshot.count_api_keys(account()).await.expect("counts"), u64::from(n));
        drop(snapshot);
        insert(storage, [key(n)]).await;
    }
}
