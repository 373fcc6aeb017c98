use integration_tests::linearizable::History;
use integration_tests::resilience::histories;
use integration_tests::resilience::place::Kind;

use super::run;

#[test]
fn what_clients_of_two_replicas_see_of_a_key_has_an_order_through_cuts_and_kills() {
    histories::linearizable(&run(3), Kind::Postgres);
}

#[test]
fn what_clients_of_a_server_on_sqlite_see_of_a_key_has_an_order_through_kills() {
    histories::linearizable(&run(4), Kind::Sqlite);
}

#[test]
fn faults_planted_into_real_histories_are_found() {
    let recorded = histories::undisturbed(&run(2), Kind::Sqlite);
    let found = |name: &str, plant: fn(&History) -> Option<History>| {
        let planted: Vec<History> = recorded.iter().filter_map(plant).collect();
        assert!(!planted.is_empty(), "no history has a place for a {name}");
        planted.iter().for_each(|history| assert!(history.check().is_err(), "a {name} is not found"));
    };
    recorded.iter().for_each(|history| history.check().unwrap_or_else(|violation| panic!("{violation}")));
    found("stale read", histories::with_stale_read);
    found("lost update", histories::with_lost_update);
    found("resurrected key", histories::with_resurrected_key);
}
