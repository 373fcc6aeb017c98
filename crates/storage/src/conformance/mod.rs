//! The promises of the storage traits, each a function that any backend must survive.
//!
//! A backend's tests expand all of them, each to one test with its name:
//!
//! ```text
//! async fn storage() -> Box<dyn Storage> { … }    // empty, its own for each test
//! gatepost_storage::conformance::cases!(storage);
//! ```
//! What the function answers must dereference to a [`Storage`] and is dropped after the test. The expanding crate
//! needs tokio with its macros and threads.
//!
//! A new case is a `pub async fn` in the file of its aggregate, with one sentence of why, and its name in `list!`
//! below; a test here compares the two. Cases never have two units of work open in one task, because a backend may
//! have only one at a time.
//!
//! [`Storage`]: crate::Storage

pub mod api_key_imports;
pub mod api_key_pages;
pub mod api_key_restores;
pub mod api_keys;
pub mod changes;
pub mod credentials;
pub mod handles;
pub mod installation;
pub mod replicas;
pub mod retries;
mod samples;
pub mod usage;
pub mod usage_plan_keys;
pub mod usage_plans;

/// Hands every case, by file, to the macro `$then`.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_list {
    ($then:ident $($arguments:tt)*) => {
        $crate::$then! {
            ($($arguments)*)
            api_keys {
                a_key_is_found_with_every_property_it_was_inserted_with
                a_key_that_was_never_inserted_is_none
                a_taken_value_is_refused
                a_taken_id_is_refused
                of_a_taken_value_and_a_taken_id_the_value_is_named
                a_refused_insert_leaves_the_other_key_as_it_was
                an_update_replaces_every_property
                an_update_keeps_value_and_creation
                an_update_of_another_version_is_stale
                an_update_of_a_missing_key_is_stale
                of_two_writers_of_one_version_one_wins
                of_two_inserts_of_one_value_one_wins
                a_deleted_key_is_gone
                deleting_a_missing_key_answers_false
                a_deleted_key_can_be_made_again
                a_key_can_be_deleted_and_made_again_within_a_unit
                a_dropped_insert_leaves_no_trace
                a_dropped_update_leaves_no_trace
                a_dropped_delete_leaves_no_trace
                a_unit_after_a_dropped_one_commits_only_its_own
                a_unit_sees_its_own_writes
                nobody_else_sees_writes_before_the_commit
                an_insert_beyond_the_limit_is_refused
                a_delete_makes_room_under_the_limit
                one_value_and_one_id_may_be_used_in_two_accounts
                look_ups_do_not_see_other_accounts
                writes_do_not_reach_other_accounts
                the_limit_of_an_account_does_not_count_others
                ids_are_found_by_digest_in_the_order_asked
            }
            api_key_pages {
                keys_are_listed_newest_first
                keys_of_one_moment_are_listed_by_id_from_high_to_low
                a_page_holds_at_most_its_limit_and_says_where_it_ended
                the_last_page_has_no_next
                an_account_without_keys_has_one_empty_page
                a_position_need_not_be_that_of_a_key
                each_key_is_listed_once_while_others_come_and_go
                an_update_does_not_move_a_key
                a_prefix_finds_names_by_their_beginning_and_case
                a_prefix_is_taken_literally
                a_prefix_never_finds_a_key_without_name
                a_customer_finds_exactly_its_keys
                prefix_and_customer_must_both_match
                filtered_pages_are_newest_first_and_complete
                filters_follow_updates_and_deletes
                more_than_ten_thousand_matches_are_all_found
                few_matches_among_many_keys_are_one_page
                a_unit_lists_its_own_writes
            }
            api_key_imports {
                a_new_value_makes_a_key
                what_a_row_does_not_say_has_a_default_in_a_new_key
                a_known_value_changes_the_key_that_has_it
                what_a_row_does_not_say_stays_in_a_known_key
                a_known_value_is_not_sealed_again
                outcomes_come_in_the_order_of_the_rows
                a_later_row_of_one_value_applies_on_top_of_an_earlier_one
                a_later_call_of_one_unit_sees_the_rows_of_an_earlier_one
                a_taken_id_gives_the_row_back
                of_two_rows_with_one_id_the_second_is_given_back
                an_import_of_nothing_does_nothing
                an_import_beyond_the_limit_is_refused_whole
                known_values_do_not_count_against_the_limit
                a_dropped_import_leaves_no_trace
                a_dropped_large_import_leaves_no_trace
                imported_rows_are_the_units_own_until_the_commit
                a_value_known_to_another_account_is_new
                imported_keys_are_found_by_filters
                a_row_puts_a_new_key_into_its_plans
                a_row_puts_a_known_key_into_its_plans_too
                a_row_with_an_unknown_plan_is_stored_and_says_so
                a_row_with_plans_that_share_a_stage_is_in_the_first
                a_row_with_a_plan_that_its_key_is_in_already_says_nothing
                a_row_with_more_plans_than_a_key_may_have_is_in_the_first
                a_later_row_of_one_value_adds_its_plans
                a_row_that_is_given_back_is_in_no_plan
                an_import_that_is_refused_or_dropped_attaches_nothing
                a_large_import_puts_every_key_into_its_plans
            }
            api_key_restores {
                a_restored_key_is_exactly_as_given
                a_key_that_is_there_stays_as_it_is
                of_two_restored_keys_with_one_value_the_first_is_stored
                a_restore_beyond_the_limit_is_refused_whole
                what_adds_no_key_passes_whatever_the_limit
                a_dropped_restore_leaves_no_trace
            }
            usage_plans {
                a_plan_is_found_with_every_property_it_was_inserted_with
                a_plan_that_was_never_inserted_is_none
                a_taken_plan_id_is_refused
                of_two_inserts_of_one_plan_id_one_wins
                an_update_replaces_every_property_of_a_plan
                an_update_keeps_the_creation_of_a_plan
                an_update_of_another_version_of_a_plan_is_stale
                of_two_updates_of_one_version_of_a_plan_one_wins
                a_deleted_plan_is_gone
                deleting_another_version_of_a_plan_is_stale
                plans_are_listed_newest_first
                plans_of_one_moment_are_listed_by_id_from_high_to_low
                a_position_need_not_be_that_of_a_plan
                a_plan_beyond_the_limit_is_refused
                many_inserts_at_once_keep_the_limit_of_plans
                a_dropped_unit_leaves_no_trace_in_plans
                a_unit_sees_its_own_plans_and_nobody_else_does
                plans_of_accounts_are_apart
                a_snapshot_is_one_view_of_plans
            }
            usage_plan_keys {
                a_key_that_is_put_into_a_plan_is_in_it
                a_key_that_is_not_there_is_in_no_plan
                a_plan_that_is_not_there_has_no_keys
                what_became_of_each_link_is_told_in_their_order
                a_key_is_not_put_into_two_plans_that_share_a_stage
                a_key_is_put_into_so_many_plans
                a_key_that_joins_or_leaves_a_plan_gets_its_next_version
                refused_links_leave_no_trace
                a_key_that_is_taken_out_of_a_plan_is_in_it_no_more
                taking_out_what_is_not_there_answers_false
                a_plan_gets_no_stage_that_another_plan_of_a_key_has
                a_plan_gets_a_stage_where_no_key_is_in_the_way
                a_stage_that_a_plan_gives_up_is_free
                deleting_a_key_takes_it_out_of_its_plans
                deleting_a_plan_takes_its_keys_out_of_it
                the_id_of_a_deleted_plan_is_taken_until_its_keys_are_cleared
                a_deleted_plan_with_many_keys_is_gone_at_once
                the_keys_of_a_plan_are_listed_newest_first
                a_plans_keys_of_one_moment_are_listed_by_id_from_high_to_low
                a_page_of_a_plans_keys_says_where_it_ended
                a_prefix_finds_a_plans_keys_by_name
                a_prefix_among_more_than_ten_thousand_keys_of_a_plan_misses_none
                the_plans_of_a_key_are_listed_newest_first
                the_plans_of_many_keys_are_told_in_their_order
                a_changed_key_stays_in_its_plans
                a_unit_sees_its_own_links_and_nobody_else_does
                a_dropped_unit_leaves_no_trace_in_links
                links_of_accounts_are_apart
                ten_thousand_links_are_made_in_one_call
                of_two_attachments_at_once_that_share_a_stage_one_is_done
                many_attachments_at_once_keep_the_limit_of_a_key
                an_attachment_and_a_new_stage_at_once_are_not_both_done
                of_two_new_stages_at_once_that_a_key_would_share_one_is_done
                a_key_deleted_while_it_is_attached_is_in_no_plan
                a_plan_deleted_while_a_key_is_attached_has_no_keys
                batches_at_once_in_any_order_all_come_to_an_end
            }
            usage {
                requests_are_counted_by_plan_key_and_day
                counts_of_one_plan_key_and_day_are_added_up
                a_batch_is_counted_once_however_often_it_is_offered
                of_one_batch_offered_many_times_at_once_one_is_counted
                batches_of_many_replicas_at_once_are_all_counted
                a_batch_with_a_gap_before_it_is_stale
                batches_of_incarnations_are_apart
                a_batch_holds_ten_thousand_counts
                usage_of_accounts_is_apart
                usage_needs_neither_plan_nor_key
                usage_is_found_for_each_key_between_two_days
                usage_of_five_hundred_keys_is_found_in_one_call
                an_adjustment_replaces_the_one_of_its_day
                restored_usage_does_not_replace_what_is_there
                ten_thousand_days_are_restored_in_one_call
                all_usage_is_listed_by_plan_key_and_day
                a_unit_sees_its_own_usage_and_nobody_else_does
                a_dropped_unit_leaves_no_trace_in_usage
                a_snapshot_is_one_view_of_usage
                old_usage_is_pruned
                much_old_usage_is_pruned
            }
            credentials {
                a_credential_is_found_whatever_its_account
                a_credential_that_was_never_inserted_is_none
                long_names_and_policies_are_kept_whole
                a_policy_is_any_text
                a_taken_credential_id_is_refused
                of_two_inserts_of_one_id_one_wins
                an_update_replaces_name_state_and_policy
                an_update_keeps_account_creation_use_and_secret
                a_stale_update_leaves_everything
                an_update_of_a_missing_credential_is_stale
                of_two_updates_of_one_version_one_wins
                a_deleted_credential_is_gone
                a_deleted_credential_can_be_made_again
                credentials_are_listed_by_id
                a_page_of_credentials_says_where_it_ended
                use_is_noted_forward_only
                the_use_of_missing_credentials_is_passed_over
                noting_use_is_no_new_version
                noting_use_is_not_told
                writes_of_credentials_are_told
                refused_writes_of_credentials_are_not_told
                a_dropped_unit_leaves_no_trace_in_credentials
                a_unit_sees_its_own_credentials_and_nobody_else_does
                a_snapshot_is_one_view_of_credentials
                keys_and_credentials_are_committed_together
                single_writes_of_credentials_each_have_their_own_outcome
            }
            handles {
                a_single_write_is_a_unit_of_its_own
                a_refused_single_write_leaves_no_trace
                single_writes_of_many_callers_each_have_their_own_outcome
                a_single_import_is_a_unit_of_its_own
                a_snapshot_is_one_view_over_several_calls
                a_dropped_snapshot_is_in_nobodys_way
            }
            changes {
                every_committed_write_is_told
                nothing_is_told_of_a_dropped_unit
                nothing_is_told_before_the_commit
                single_writes_are_told
                refused_writes_are_not_told
                an_import_is_told_as_a_range
                a_range_holds_what_an_import_changed_too
                a_range_is_read_in_pages
                a_restore_is_told_as_a_range
                what_is_remembered_is_not_told
                a_feed_waits_for_the_next_change
                a_feed_without_news_answers_within_its_patience
                every_feed_is_told_everything
                a_feed_goes_on_at_a_kept_position
                a_position_moves_on_without_news
                a_snapshot_and_the_feed_from_its_cursor_miss_nothing
                a_pruned_position_must_resync
                an_up_to_date_position_survives_pruning
                a_foreign_position_must_resync
                writes_of_plans_are_told
                putting_a_key_into_a_plan_and_taking_it_out_is_told_of_the_key
                deleting_a_plan_is_told_of_the_plan_alone
                deleting_a_key_in_plans_is_told_of_the_key_alone
                refused_writes_of_plans_and_links_are_not_told
                nothing_is_told_of_plans_in_a_dropped_unit
                an_import_with_plans_is_told_as_a_range_alone
                adjustments_are_told_and_counts_are_not
            }
            retries {
                a_made_key_is_remembered_by_its_token
                a_repeated_token_is_refused_before_the_value_and_the_id
                a_dropped_insert_is_not_remembered
                a_refused_insert_is_not_remembered
                of_two_inserts_with_one_token_one_wins
                an_import_is_remembered
                tokens_of_accounts_are_apart
                a_token_outlives_its_key
                pruned_tokens_are_forgotten
                a_made_plan_is_remembered_by_its_token
                a_repeated_token_of_a_plan_is_refused_before_its_id
                a_plan_that_was_not_made_is_not_remembered
                of_two_plans_with_one_token_one_is_made
            }
            replicas {
                a_replica_is_alive_from_its_first_beat
                a_silent_replica_is_declared_dead_for_ever
                a_beating_replica_stays_alive
                a_replica_that_leaves_is_dead_at_once
            }
            installation {
                the_first_secret_offered_stays
                of_many_secrets_offered_at_once_one_stays
                a_second_import_of_an_account_waits_its_patience
                an_import_turn_ends_when_it_is_dropped
                a_waiting_import_gets_the_turn_that_ends
                accounts_do_not_wait_for_each_others_imports
                a_unit_of_work_holds_a_sensible_number_of_rows
                an_idle_storage_takes_writes
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    (($storage:ident) $($file:ident { $($case:ident)* })*) => {
        $(
            mod $file {
                use super::*;

                $(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $case() {
                        let storage = $storage().await;
                        $crate::conformance::$file::$case(&*storage).await;
                    }
                )*
            }
        )*
    };
}

/// Expands to one test for each case. The argument is an async function, in scope, that answers an empty storage.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_cases {
    ($storage:ident) => {
        $crate::__conformance_list! { __conformance_tests $storage }
    };
}

pub use __conformance_cases as cases;

#[cfg(test)]
#[macro_export]
#[doc(hidden)]
macro_rules! __conformance_names {
    (() $($file:ident { $($case:ident)* })*) => {
        [$((stringify!($file), &[$(stringify!($case)),*][..])),*]
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_case_is_listed_in_the_order_of_its_file() {
        let sources = [
            ("api_keys", include_str!("api_keys.rs")),
            ("api_key_pages", include_str!("api_key_pages.rs")),
            ("api_key_imports", include_str!("api_key_imports.rs")),
            ("api_key_restores", include_str!("api_key_restores.rs")),
            ("usage_plans", include_str!("usage_plans.rs")),
            ("usage_plan_keys", include_str!("usage_plan_keys.rs")),
            ("usage", include_str!("usage.rs")),
            ("credentials", include_str!("credentials.rs")),
            ("handles", include_str!("handles.rs")),
            ("changes", include_str!("changes.rs")),
            ("retries", include_str!("retries.rs")),
            ("replicas", include_str!("replicas.rs")),
            ("installation", include_str!("installation.rs")),
        ];
        let listed = crate::__conformance_list! { __conformance_names };
        assert_eq!(sources.len(), listed.len());
        for ((file, source), (listed_file, cases)) in sources.into_iter().zip(listed) {
            assert_eq!(file, listed_file);
            let written: Vec<&str> = source
                .lines()
                .filter_map(|line| line.strip_prefix("pub async fn ")?.split('(').next())
                .collect();
            assert_eq!(written, cases, "{file}");
        }
    }
}
