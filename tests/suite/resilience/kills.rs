use integration_tests::resilience::kills;
use integration_tests::resilience::place::Kind;

use super::run;

#[test]
fn a_server_on_sqlite_that_is_killed_loses_nothing_it_acknowledged() {
    let counts = kills::of_gatepost(&run(8), Kind::Sqlite);
    assert!(counts.acknowledged > 50 && counts.cut > 0, "{counts}");
}

#[test]
fn a_server_on_postgresql_that_is_killed_loses_nothing_it_acknowledged() {
    let counts = kills::of_gatepost(&run(8), Kind::Postgres);
    assert!(counts.acknowledged > 50 && counts.cut > 0, "{counts}");
}

#[test]
fn when_postgresql_is_killed_nothing_is_lost_and_the_server_goes_on() {
    let counts = kills::of_postgres(&run(2));
    assert!(counts.acknowledged > 10 && counts.unavailable > 0, "{counts}");
}
