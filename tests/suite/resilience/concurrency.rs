use integration_tests::resilience::concurrency;

use super::run;

#[test]
fn of_creates_with_one_value_through_two_replicas_one_succeeds() {
    concurrency::creates_of_one_value(&run(10));
}

#[test]
fn imports_of_one_file_through_two_replicas_both_succeed_and_name_the_same_keys() {
    concurrency::imports_of_one_file(&run(4));
}

#[test]
fn changes_of_one_key_through_two_replicas_both_apply() {
    concurrency::patches_of_one_key(&run(10));
}

#[test]
fn a_change_comes_before_a_deletion_or_finds_nothing() {
    concurrency::delete_against_patch(&run(10));
}
