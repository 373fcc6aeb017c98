//! What a storage offers beside its aggregates.

use super::samples::*;
use crate::Storage;
use futures_util::future;
use gatepost_domain::Sealed;
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(20);

/// Every digest depends on the secret: a second one would make all keys unknown.
pub async fn the_first_secret_offered_stays(storage: &dyn Storage) {
    let first = Sealed(Box::new([1; 60]));
    assert_eq!(storage.installation_secret(first.clone()).await.expect("answers"), first);
    for other in [sealed(2), Sealed(Box::new([])), first.clone()] {
        assert_eq!(storage.installation_secret(other).await.expect("answers"), first);
    }
}

/// Replicas start together, each with a candidate of its own.
pub async fn of_many_secrets_offered_at_once_one_stays(storage: &dyn Storage) {
    let answers = future::join_all((0..16).map(|n| storage.installation_secret(sealed(n)))).await;
    let answers: Vec<Sealed> = answers.into_iter().map(|answer| answer.expect("answers")).collect();
    assert!((0..16).any(|n| sealed(n) == answers[0]));
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(storage.installation_secret(sealed(99)).await.expect("answers"), answers[0]);
}

/// Two imports of one account would interleave their rows.
pub async fn a_second_import_of_an_account_waits_its_patience(storage: &dyn Storage) {
    let first = storage.import_turn(account(), SHORT).await.expect("answers");
    assert!(first.is_some());
    assert!(storage.import_turn(account(), SHORT).await.expect("answers").is_none());
    assert!(storage.import_turn(account(), Duration::ZERO).await.expect("answers").is_none());
    drop(first);
}

/// An import that failed, or whose client left, must not lock its account out.
pub async fn an_import_turn_ends_when_it_is_dropped(storage: &dyn Storage) {
    for _ in 0..3 {
        let turn = storage.import_turn(account(), LONG).await.expect("answers");
        assert!(turn.is_some());
    }
}

/// Patience is for being served, not only for being refused later.
pub async fn a_waiting_import_gets_the_turn_that_ends(storage: &dyn Storage) {
    let first = storage.import_turn(account(), LONG).await.expect("answers");
    assert!(first.is_some());
    let waiting = storage.import_turn(account(), LONG);
    let ending = async move {
        // Asked for first, so that the other one waits by now.
        assert!(storage.import_turn(account(), SHORT).await.expect("answers").is_none());
        drop(first);
    };
    let (turn, ()) = future::join(waiting, ending).await;
    assert!(turn.expect("answers").is_some());
}

/// One customer's large file is not another's wait.
pub async fn accounts_do_not_wait_for_each_others_imports(storage: &dyn Storage) {
    let mine = storage.import_turn(account(), SHORT).await.expect("answers");
    let theirs = storage.import_turn(other_account(), SHORT).await.expect("answers");
    assert!(mine.is_some() && theirs.is_some());
    let mut unit = begin(storage).await;
    unit.insert_api_key(account(), key(1), None).await.expect("single writes do not wait for turns");
    commit(unit).await;
}

/// Above 10,000 rows, locks would be held for long; none at all would never end.
pub async fn a_unit_of_work_holds_a_sensible_number_of_rows(storage: &dyn Storage) {
    assert!((1..=10_000).contains(&storage.import_rows_per_unit()));
}

/// Readiness is asked for every second: it answers, and changes nothing.
pub async fn an_idle_storage_takes_writes(storage: &dyn Storage) {
    storage.probe().await.expect("it is ready");
    insert(storage, [key(1)]).await;
    storage.probe().await.expect("it is ready");
    assert_eq!(listed(storage.reader(), account(), &all(), 25).await, [1]);
}
