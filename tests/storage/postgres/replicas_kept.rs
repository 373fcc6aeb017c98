//! What is kept of the dead.

use super::samples::connection;
use super::storage;
use gatepost_storage::{Incarnation, Keep, Life, Storage};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_is_forgotten_a_day_after_its_last_beat_and_not_before() {
    let storage = storage().await;
    for number in 1..=3 {
        storage.replicas().beat(Incarnation([number; 16]), LONG).await.unwrap();
    }
    storage.replicas().leave(Incarnation([1; 16])).await.unwrap();
    storage.replicas().leave(Incarnation([2; 16])).await.unwrap();
    storage.sql("UPDATE replica SET beat = beat - interval '25 hours' WHERE incarnation < '\\x02'").await;
    storage.sql("UPDATE replica SET beat = beat - interval '23 hours' WHERE incarnation > '\\x02'").await;
    storage.prune(Keep::default()).await.unwrap();
    let mut beside = connection(&storage.database).await;
    let left = "SELECT count(*) FROM replica";
    assert_eq!(sqlx::query_scalar::<_, i64>(left).fetch_one(&mut beside).await.unwrap(), 2);
    assert_eq!(storage.replicas().beat(Incarnation([2; 16]), LONG).await.unwrap(), Life::Dead);
}
