use integration_tests::resilience::faults;
use integration_tests::resilience::place::Kind;

use super::{brief, run};

#[test]
fn while_postgresql_restarts_calls_fail_in_time_and_afterwards_succeed() {
    faults::postgres_restarts(&run(1));
}

#[test]
fn connections_that_are_cut_in_the_middle_of_a_request_lose_nothing() {
    let counts = faults::cut_connections(&run(20));
    assert!(counts.rounds >= 20, "{counts}");
}

#[test]
fn while_nothing_gets_through_to_postgresql_no_call_hangs() {
    faults::stalled(&run(1));
}

#[test]
fn after_sessions_were_read_only_new_ones_write_without_a_restart() {
    faults::read_only(&brief(1));
}

#[test]
fn while_the_server_is_read_only_writes_are_unavailable_and_reads_succeed() {
    faults::read_only_server(&brief(1));
}

#[test]
fn while_somebody_locks_the_table_no_call_hangs() {
    faults::held_lock(&run(1), Kind::Postgres);
}

#[test]
fn while_somebody_locks_the_file_no_call_hangs() {
    faults::held_lock(&run(1), Kind::Sqlite);
}

#[test]
fn a_replica_that_stands_still_holds_up_nobody_else_and_goes_on() {
    faults::paused_replica(&brief(1));
}

#[test]
fn a_full_disk_under_sqlite_passes_without_a_restart() {
    if faults::full_disk(&brief(1), Kind::Sqlite).is_none() {
        eprintln!("skipped: a full disk, because this process may not mount a file system");
    }
}

#[test]
fn a_full_disk_under_postgresql_passes_without_a_restart() {
    if faults::full_disk(&brief(1), Kind::Postgres).is_none() {
        eprintln!("skipped: a full disk, because this process may not mount a file system");
    }
}
