//! Who is alive.

use super::samples::*;
use crate::{Incarnation, Life, Storage};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(600);

fn incarnation(n: u8) -> Incarnation {
    Incarnation([n; 16])
}

async fn beat(storage: &dyn Storage, n: u8, dead_after: Duration) -> Life {
    storage.replicas().beat(incarnation(n), dead_after).await.expect("answers")
}

async fn alive(storage: &dyn Storage) -> Vec<Incarnation> {
    storage.replicas().alive().await.expect("answers")
}

/// Whoever serves is known by the time it holds anything.
pub async fn a_replica_is_alive_from_its_first_beat(storage: &dyn Storage) {
    assert_eq!(alive(storage).await, []);
    assert_eq!(beat(storage, 2, LONG).await, Life::Alive);
    assert_eq!(beat(storage, 1, LONG).await, Life::Alive);
    assert_eq!(alive(storage).await, [incarnation(1), incarnation(2)]);
}

/// What it held was given to others: it must not come back with it.
pub async fn a_silent_replica_is_declared_dead_for_ever(storage: &dyn Storage) {
    assert_eq!(beat(storage, 1, LONG).await, Life::Alive);
    later(storage).await;
    assert_eq!(beat(storage, 2, Duration::ZERO).await, Life::Alive);
    assert_eq!(alive(storage).await, [incarnation(2)]);
    for _ in 0..3 {
        assert_eq!(beat(storage, 1, LONG).await, Life::Dead);
    }
    assert_eq!(alive(storage).await, [incarnation(2)]);
    assert_eq!(beat(storage, 3, LONG).await, Life::Alive);
}

/// Only silence kills, one's own beats never.
pub async fn a_beating_replica_stays_alive(storage: &dyn Storage) {
    for _ in 0..3 {
        assert_eq!(beat(storage, 1, Duration::ZERO).await, Life::Alive);
        assert_eq!(beat(storage, 1, LONG).await, Life::Alive);
        later(storage).await;
    }
    assert_eq!(alive(storage).await, [incarnation(1)]);
}

/// A restart in order is not ten seconds of waiting.
pub async fn a_replica_that_leaves_is_dead_at_once(storage: &dyn Storage) {
    assert_eq!(beat(storage, 1, LONG).await, Life::Alive);
    assert_eq!(beat(storage, 2, LONG).await, Life::Alive);
    storage.replicas().leave(incarnation(1)).await.expect("leaves");
    assert_eq!(alive(storage).await, [incarnation(2)]);
    assert_eq!(beat(storage, 1, LONG).await, Life::Dead);
}
