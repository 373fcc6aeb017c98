//! Usage: what is counted, what an operator gives, and what is told of both.

use super::samples::*;
use crate::{
    Entity, Incarnation, Keep, KeptUsage, Metered, Storage, StorageError, UsageCount, UsagePlanKey,
    UsagePosition, UsageReader,
};
use futures_util::future;
use gatepost_domain::AccountId;
use gatepost_domain::Version;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::usage::UsageOfDay;
use std::time::Duration;

const REPLICA: Incarnation = Incarnation([1; 16]);

fn count(plan: u32, key: u32, on: i32, requests: u64) -> UsageCount {
    UsageCount { account: account(), link: link(plan, key), day: day(on), requests }
}

fn used(on: i32, used: u64) -> UsageOfDay {
    UsageOfDay { day: day(on), used, adjustment: None }
}

fn adjusted(on: i32, used: u64, adjustment: i64) -> UsageOfDay {
    UsageOfDay { day: day(on), used, adjustment: Some(adjustment) }
}

fn kept(plan: u32, key: u32, usage: UsageOfDay) -> KeptUsage {
    KeptUsage { link: link(plan, key), usage }
}

/// Counts a batch that must be new.
async fn counted(storage: &dyn Storage, number: u64, counts: &[UsageCount]) {
    let outcome = storage.usage_meter().count(REPLICA, number, counts).await;
    assert_eq!(outcome.expect("counts"), Metered::Now);
}

async fn adjust(storage: &dyn Storage, link: &UsagePlanKey, on: i32, adjustment: i64) {
    storage.writer().adjust_usage(account(), link, day(on), adjustment).await.expect("adjusts");
}

/// All that one key used of one plan.
async fn usage_of<R: UsageReader + ?Sized>(reader: &R, plan: u32, key: u32) -> Vec<UsageOfDay> {
    let keys = [nth_id(key)];
    let found = reader.find_usage(account(), &nth_plan(plan), &keys, (day(0), day(2_932_896))).await;
    let [usage] = <[_; 1]>::try_from(found.expect("a look-up answers")).expect("one key was asked for");
    usage
}

/// All usage of an account, in portions of so many.
async fn listed_usage<R: UsageReader + ?Sized>(
    reader: &R,
    account: AccountId,
    limit: usize,
) -> Vec<KeptUsage> {
    let mut all: Vec<KeptUsage> = Vec::new();
    loop {
        let last = all.last().map(|one| UsagePosition { link: one.link.clone(), day: one.usage.day });
        let portion = reader.list_usage(account, last.as_ref(), limit).await.expect("a listing answers");
        assert!(portion.len() <= limit);
        if portion.is_empty() {
            return all;
        }
        all.extend(portion);
    }
}

/// The day is the unit that every quota is told by.
pub async fn requests_are_counted_by_plan_key_and_day(storage: &dyn Storage) {
    let counts = [count(1, 1, 20_000, 3), count(1, 1, 20_002, 5_000_000_000), count(1, 2, 20_000, 7)];
    counted(storage, 1, &counts).await;
    counted(storage, 2, &[count(2, 1, 20_000, 1)]).await;
    let reader = storage.reader();
    assert_eq!(usage_of(reader, 1, 1).await, [used(20_000, 3), used(20_002, 5_000_000_000)]);
    assert_eq!(usage_of(reader, 1, 2).await, [used(20_000, 7)]);
    assert_eq!(usage_of(reader, 2, 1).await, [used(20_000, 1)]);
    assert_eq!(usage_of(reader, 2, 2).await, []);
}

/// One batch may hold two portions of one day, and every replica counts.
pub async fn counts_of_one_plan_key_and_day_are_added_up(storage: &dyn Storage) {
    counted(storage, 1, &[count(1, 1, 20_000, 3), count(1, 2, 20_000, 1), count(1, 1, 20_000, 4)]).await;
    counted(storage, 2, &[count(1, 1, 20_000, 10)]).await;
    let other = storage.usage_meter().count(Incarnation([2; 16]), 1, &[count(1, 1, 20_000, 100)]).await;
    assert_eq!(other.expect("counts"), Metered::Now);
    assert_eq!(usage_of(storage.reader(), 1, 1).await, [used(20_000, 117)]);
    assert_eq!(usage_of(storage.reader(), 1, 2).await, [used(20_000, 1)]);
}

/// A replica that lost the answer offers the batch again; counted twice, the customer would pay for it.
pub async fn a_batch_is_counted_once_however_often_it_is_offered(storage: &dyn Storage) {
    let meter = storage.usage_meter();
    counted(storage, 1, &[count(1, 1, 20_000, 3)]).await;
    counted(storage, 2, &[count(1, 1, 20_000, 4)]).await;
    for number in [2, 1, 2] {
        let again = meter.count(REPLICA, number, &[count(1, 1, 20_000, 50), count(2, 2, 20_000, 1)]).await;
        assert_eq!(again.expect("answers"), Metered::Before);
    }
    assert_eq!(listed_usage(storage.reader(), account(), 25).await, [kept(1, 1, used(20_000, 7))]);
}

/// The first attempt may still be on its way when the second is made.
pub async fn of_one_batch_offered_many_times_at_once_one_is_counted(storage: &dyn Storage) {
    for number in 1..6 {
        let offers = (0..6).map(|_| async move {
            let counts = [count(1, 1, 20_000, 3), count(1, 2, 20_000, 1)];
            storage.usage_meter().count(REPLICA, number, &counts).await.expect("answers")
        });
        let outcomes = future::join_all(offers).await;
        assert_eq!(outcomes.iter().filter(|one| **one == Metered::Now).count(), 1, "{outcomes:?}");
    }
    assert_eq!(usage_of(storage.reader(), 1, 1).await, [used(20_000, 15)]);
    assert_eq!(usage_of(storage.reader(), 1, 2).await, [used(20_000, 5)]);
}

/// Replicas count into the same rows at once; no request of theirs may be lost, nor anybody wait for ever.
pub async fn batches_of_many_replicas_at_once_are_all_counted(storage: &dyn Storage) {
    let replicas = (1..7_u8).map(|replica| async move {
        for number in 1..4 {
            let mut counts: Vec<_> = (0..50).map(|key| count(1, key, 20_000, 1)).collect();
            if replica % 2 == 0 {
                counts.reverse();
            }
            let outcome = storage.usage_meter().count(Incarnation([replica; 16]), number, &counts).await;
            assert_eq!(outcome.expect("counts"), Metered::Now);
        }
    });
    future::join_all(replicas).await;
    let expected: Vec<_> = (0..50).map(|key| kept(1, key, used(20_000, 18))).collect();
    assert_eq!(listed_usage(storage.reader(), account(), 500).await, expected);
}

/// What was skipped would never be counted: a later number says that it was.
pub async fn a_batch_with_a_gap_before_it_is_stale(storage: &dyn Storage) {
    let meter = storage.usage_meter();
    let counts = [count(1, 1, 20_000, 3)];
    let refused = meter.count(REPLICA, 2, &counts).await;
    assert!(matches!(refused, Err(StorageError::Stale(Entity::UsageBatch))), "{refused:?}");
    assert_eq!(usage_of(storage.reader(), 1, 1).await, []);
    counted(storage, 1, &counts).await;
    for number in [3, 4, 1_000_000] {
        let refused = meter.count(REPLICA, number, &counts).await;
        assert!(matches!(refused, Err(StorageError::Stale(Entity::UsageBatch))), "{refused:?}");
    }
    counted(storage, 2, &counts).await;
    counted(storage, 3, &[]).await;
    counted(storage, 4, &counts).await;
    assert_eq!(usage_of(storage.reader(), 1, 1).await, [used(20_000, 9)]);
}

/// Each process numbers its own, and what it counted did happen, whatever became of it.
pub async fn batches_of_incarnations_are_apart(storage: &dyn Storage) {
    let counts = [count(1, 1, 20_000, 1)];
    let dead = Incarnation([9; 16]);
    storage.replicas().beat(dead, LONG).await.expect("beats");
    counted(storage, 1, &counts).await;
    let meter = storage.usage_meter();
    assert_eq!(meter.count(dead, 1, &counts).await.expect("counts"), Metered::Now);
    storage.replicas().leave(dead).await.expect("leaves");
    assert_eq!(meter.count(dead, 2, &counts).await.expect("counts"), Metered::Now);
    assert_eq!(meter.count(dead, 1, &counts).await.expect("answers"), Metered::Before);
    let refused = meter.count(REPLICA, 3, &counts).await;
    assert!(matches!(refused, Err(StorageError::Stale(Entity::UsageBatch))), "{refused:?}");
    assert_eq!(usage_of(storage.reader(), 1, 1).await, [used(20_000, 3)]);
}

/// A busy replica writes what it has counted in a second.
pub async fn a_batch_holds_ten_thousand_counts(storage: &dyn Storage) {
    // Each key twice, a hundred counts apart.
    let counts: Vec<_> = (0..10_000).map(|n| count(1, n / 200 * 100 + n % 100, 20_000, 1)).collect();
    counted(storage, 1, &counts).await;
    counted(storage, 2, &counts).await;
    let expected: Vec<_> = (0..5_000).map(|key| kept(1, key, used(20_000, 4))).collect();
    assert_eq!(listed_usage(storage.reader(), account(), 5_001).await, expected);
}

/// One process serves all accounts and counts them together; each sees its own.
pub async fn usage_of_accounts_is_apart(storage: &dyn Storage) {
    let theirs = UsageCount { account: other_account(), ..count(1, 1, 20_000, 50) };
    counted(storage, 1, &[count(1, 1, 20_000, 3), theirs]).await;
    storage.writer().adjust_usage(other_account(), &link(1, 1), day(20_000), -5).await.expect("adjusts");
    let restored = [kept(1, 1, used(20_001, 1)), kept(3, 3, used(20_000, 1))];
    storage.writer().restore_usage(other_account(), &restored).await.expect("restores");
    let reader = storage.reader();
    assert_eq!(usage_of(reader, 1, 1).await, [used(20_000, 3)]);
    assert_eq!(listed_usage(reader, account(), 25).await, [kept(1, 1, used(20_000, 3))]);
    let theirs = [kept(1, 1, adjusted(20_000, 50, -5)), kept(1, 1, used(20_001, 1)), restored[1].clone()];
    assert_eq!(listed_usage(reader, other_account(), 25).await, theirs);
    let found =
        reader.find_usage(other_account(), &nth_plan(1), &[nth_id(1)], (day(20_000), day(20_000))).await;
    assert_eq!(found.expect("finds"), [[adjusted(20_000, 50, -5)]]);
}

/// Requests on their way are counted after the key or the plan is gone, and the past is not rewritten.
pub async fn usage_needs_neither_plan_nor_key(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    insert_plans(storage, [plan(1, &[])]).await;
    attach(storage, &[link(1, 1)]).await;
    counted(storage, 1, &[count(1, 1, 20_000, 3)]).await;
    assert!(storage.writer().detach_api_key(account(), &link(1, 1)).await.expect("answers"));
    assert!(storage.writer().delete_api_key(account(), &nth_id(1)).await.expect("deletes"));
    storage.writer().delete_usage_plan(account(), &nth_plan(1), Version::FIRST).await.expect("deletes");
    storage
        .prune(Keep { usage: Duration::from_secs(60_000 * 86_400), ..Keep::default() })
        .await
        .expect("prunes");
    counted(storage, 2, &[count(1, 1, 20_000, 4)]).await;
    adjust(storage, &link(1, 1), 20_001, 5).await;
    adjust(storage, &link(8, 8), 20_000, 6).await;
    assert_eq!(usage_of(storage.reader(), 1, 1).await, [used(20_000, 7), adjusted(20_001, 0, 5)]);
    assert_eq!(usage_of(storage.reader(), 8, 8).await, [adjusted(20_000, 0, 6)]);
}

/// A page of GetUsage holds many keys, each with the days of which there is anything to tell.
pub async fn usage_is_found_for_each_key_between_two_days(storage: &dyn Storage) {
    let counts = [
        count(1, 3, 20_003, 33),
        count(1, 1, 20_000, 10),
        count(1, 1, 20_001, 11),
        count(1, 1, 20_002, 12),
        count(1, 1, 20_004, 14),
        count(1, 3, 20_000, 30),
        count(2, 1, 20_001, 99),
    ];
    counted(storage, 1, &counts).await;
    let keys = [3, 2, 1].map(nth_id);
    let find = async |first, last| {
        let days = (day(first), day(last));
        storage.reader().find_usage(account(), &nth_plan(1), &keys, days).await.expect("finds")
    };
    let expected = [vec![used(20_003, 33)], vec![], vec![used(20_001, 11), used(20_002, 12)]];
    assert_eq!(find(20_001, 20_003).await, expected);
    assert_eq!(find(20_004, 20_004).await, [vec![], vec![], vec![used(20_004, 14)]]);
    assert_eq!(find(20_005, 20_100).await, [[], [], []]);
    let found = storage.reader().find_usage(account(), &nth_plan(1), &[], (day(0), day(9))).await;
    assert_eq!(found.expect("finds"), Vec::<Vec<UsageOfDay>>::new());
}

/// The largest call that there is: 500 keys, 130 days.
pub async fn usage_of_five_hundred_keys_is_found_in_one_call(storage: &dyn Storage) {
    for part in 0..7 {
        // Each key has every tenth day: 65,000 days in all, and more before and after them.
        let of_key = |key: u32| (0..20).map(move |n| kept(1, key, used(20_000 + n * 10, 7)));
        let keys = part * 72..(part * 72 + 72).min(500);
        let portion: Vec<_> = keys.flat_map(of_key).collect();
        storage.writer().restore_usage(account(), &portion).await.expect("restores");
    }
    let keys: Vec<ApiKeyId> = (0..500).rev().map(nth_id).collect();
    let days = (day(20_020), day(20_149));
    let found = storage.reader().find_usage(account(), &nth_plan(1), &keys, days).await.expect("finds");
    let each: Vec<_> = (2..15).map(|n| used(20_000 + n * 10, 7)).collect();
    assert_eq!(found, vec![each; 500]);
}

/// An operator's last word of a day counts; what was used stays as it was counted.
pub async fn an_adjustment_replaces_the_one_of_its_day(storage: &dyn Storage) {
    counted(storage, 1, &[count(1, 1, 20_000, 3)]).await;
    adjust(storage, &link(1, 1), 20_000, 100).await;
    adjust(storage, &link(1, 1), 20_001, 5).await;
    assert_eq!(usage_of(storage.reader(), 1, 1).await, [adjusted(20_000, 3, 100), adjusted(20_001, 0, 5)]);
    adjust(storage, &link(1, 1), 20_000, -5_000_000_000).await;
    adjust(storage, &link(1, 1), 20_001, 0).await;
    counted(storage, 2, &[count(1, 1, 20_000, 1), count(1, 1, 20_001, 2), count(1, 2, 20_001, 9)]).await;
    let expected = [adjusted(20_000, 4, -5_000_000_000), adjusted(20_001, 2, 0)];
    assert_eq!(usage_of(storage.reader(), 1, 1).await, expected);
    assert_eq!(usage_of(storage.reader(), 1, 2).await, [used(20_001, 9)]);
}

/// A moved account shows the days that it had; what was counted here since must not be lost.
pub async fn restored_usage_does_not_replace_what_is_there(storage: &dyn Storage) {
    counted(storage, 1, &[count(1, 1, 20_000, 3)]).await;
    adjust(storage, &link(1, 2), 20_000, 8).await;
    let portion = [
        kept(1, 1, adjusted(20_000, 50, 1)),
        kept(1, 1, adjusted(20_001, 51, -2)),
        kept(1, 2, used(20_000, 52)),
        kept(7, 7, used(20_000, 53)),
        kept(7, 7, adjusted(20_001, 0, 54)),
    ];
    for _ in 0..2 {
        storage.writer().restore_usage(account(), &portion).await.expect("restores");
        let expected = [
            kept(1, 1, used(20_000, 3)),
            portion[1].clone(),
            kept(1, 2, adjusted(20_000, 0, 8)),
            portion[3].clone(),
            portion[4].clone(),
        ];
        assert_eq!(listed_usage(storage.reader(), account(), 25).await, expected);
    }
    storage.writer().restore_usage(account(), &[]).await.expect("restores nothing");
    counted(storage, 2, &[count(7, 7, 20_000, 1)]).await;
    assert_eq!(usage_of(storage.reader(), 7, 7).await[0], used(20_000, 54));
}

/// A file of an exported account is restored in large pieces.
pub async fn ten_thousand_days_are_restored_in_one_call(storage: &dyn Storage) {
    let of_key = |(plan, key)| (10_000..10_050).map(move |on| kept(plan, key, used(on, 1)));
    let links = (0..2).flat_map(|plan| (0..100).map(move |key| (plan, key)));
    let portion: Vec<_> = links.flat_map(of_key).collect();
    assert_eq!(portion.len(), 10_000);
    storage.writer().restore_usage(account(), &portion).await.expect("restores");
    assert_eq!(listed_usage(storage.reader(), account(), 3_000).await, portion);
}

/// A file of an exported account must hold each day once. Ids are compared by their bytes.
pub async fn all_usage_is_listed_by_plan_key_and_day(storage: &dyn Storage) {
    let mut all = Vec::new();
    for plan in ["b", "B", "a-", "a"] {
        for key in ["Z9", "_", "z", "zz"] {
            for on in [20_010, 20_000] {
                let link = UsagePlanKey { plan: plan_id(plan), key: id(key) };
                all.push(KeptUsage { link, usage: used(on, 1) });
            }
        }
    }
    let counts = all.iter().map(|one| UsageCount {
        account: account(),
        link: one.link.clone(),
        day: one.usage.day,
        requests: one.usage.used,
    });
    counted(storage, 1, &counts.collect::<Vec<_>>()).await;
    let key_of = |one: &KeptUsage| {
        (one.link.plan.as_str().to_owned(), one.link.key.as_str().to_owned(), one.usage.day)
    };
    all.sort_by_key(key_of);
    for limit in [1, 3, 31, 32, 1_000] {
        assert_eq!(listed_usage(storage.reader(), account(), limit).await, all);
    }
    // A position need not be that of anything kept.
    let link = UsagePlanKey { plan: plan_id("B"), key: id("_") };
    let after = UsagePosition { link, day: day(20_005) };
    let portion = storage.reader().list_usage(account(), Some(&after), 1).await.expect("lists");
    assert_eq!(portion, [all[3].clone()]);
    assert_eq!((portion[0].link.key.as_str(), portion[0].usage.day), ("_", day(20_010)));
}

/// The same promise as for everything else that is written.
pub async fn a_unit_sees_its_own_usage_and_nobody_else_does(storage: &dyn Storage) {
    counted(storage, 1, &[count(1, 1, 20_000, 3), count(2, 1, 20_000, 4)]).await;
    let mut unit = begin(storage).await;
    unit.adjust_usage(account(), &link(1, 1), day(20_000), 9).await.expect("adjusts");
    unit.adjust_usage(account(), &link(1, 3), day(20_000), 1).await.expect("adjusts");
    let portion = [kept(1, 2, used(20_000, 5)), kept(1, 3, used(20_000, 6)), kept(1, 1, used(19_999, 7))];
    unit.restore_usage(account(), &portion).await.expect("restores");
    unit.adjust_usage(account(), &link(1, 2), day(20_000), 2).await.expect("adjusts");
    let expected = [
        kept(1, 1, used(19_999, 7)),
        kept(1, 1, adjusted(20_000, 3, 9)),
        kept(1, 2, adjusted(20_000, 5, 2)),
        kept(1, 3, adjusted(20_000, 0, 1)),
        kept(2, 1, used(20_000, 4)),
    ];
    for limit in [1, 2, 25] {
        assert_eq!(listed_usage(&*unit, account(), limit).await, expected);
    }
    assert_eq!(usage_of(&*unit, 1, 1).await, [used(19_999, 7), adjusted(20_000, 3, 9)]);
    let before = [kept(1, 1, used(20_000, 3)), kept(2, 1, used(20_000, 4))];
    assert_eq!(listed_usage(storage.reader(), account(), 25).await, before);
    assert_eq!(usage_of(storage.reader(), 1, 2).await, []);
    commit(unit).await;
    assert_eq!(listed_usage(storage.reader(), account(), 25).await, expected);
}

/// A unit that fails half way must be as if it had never begun.
pub async fn a_dropped_unit_leaves_no_trace_in_usage(storage: &dyn Storage) {
    counted(storage, 1, &[count(1, 1, 20_000, 3)]).await;
    let mut unit = begin(storage).await;
    unit.adjust_usage(account(), &link(1, 1), day(20_000), 9).await.expect("adjusts");
    unit.restore_usage(account(), &[kept(1, 2, used(20_000, 5))]).await.expect("restores");
    drop(unit);
    assert_eq!(listed_usage(storage.reader(), account(), 25).await, [kept(1, 1, used(20_000, 3))]);
    storage.writer().restore_usage(account(), &[kept(1, 2, used(20_000, 6))]).await.expect("restores");
    assert_eq!(usage_of(storage.reader(), 1, 2).await, [used(20_000, 6)]);
}

/// An export that is read in portions must not hold half of a batch.
pub async fn a_snapshot_is_one_view_of_usage(storage: &dyn Storage) {
    counted(storage, 1, &[count(1, 1, 20_000, 3), count(1, 2, 20_000, 4)]).await;
    let snapshot = storage.snapshot().await.expect("a snapshot");
    let before = [kept(1, 1, used(20_000, 3)), kept(1, 2, used(20_000, 4))];
    assert_eq!(listed_usage(&*snapshot, account(), 1).await, before);
    let changing = async {
        counted(storage, 2, &[count(1, 1, 20_000, 1), count(1, 2, 20_000, 1)]).await;
        adjust(storage, &link(1, 1), 20_000, 5).await;
    };
    let reading = async {
        // Whether the writes wait for the snapshot or pass by it: it does not see them.
        for _ in 0..5 {
            assert_eq!(listed_usage(&*snapshot, account(), 1).await, before);
            assert_eq!(usage_of(&*snapshot, 1, 1).await, [used(20_000, 3)]);
        }
        drop(snapshot);
    };
    future::join(reading, changing).await;
    let after = [kept(1, 1, adjusted(20_000, 4, 5)), kept(1, 2, used(20_000, 5))];
    assert_eq!(listed_usage(storage.reader(), account(), 25).await, after);
}

/// Usage is kept for as long as the operator says. Day 2,000,000 is in the year 7445.
pub async fn old_usage_is_pruned(storage: &dyn Storage) {
    counted(storage, 1, &[count(1, 1, 10_000, 3), count(1, 1, 2_000_000, 4), count(1, 2, 10_000, 5)]).await;
    adjust(storage, &link(1, 2), 9_999, 5).await;
    adjust(storage, &link(2, 2), 2_000_000, 6).await;
    let all = listed_usage(storage.reader(), account(), 25).await;
    assert_eq!(all.len(), 5);
    storage
        .prune(Keep { usage: Duration::from_secs(60_000 * 86_400), ..Keep::default() })
        .await
        .expect("prunes");
    assert_eq!(listed_usage(storage.reader(), account(), 25).await, all);
    storage.prune(Keep::default()).await.expect("prunes");
    let left = [kept(1, 1, used(2_000_000, 4)), kept(2, 2, adjusted(2_000_000, 0, 6))];
    assert_eq!(listed_usage(storage.reader(), account(), 25).await, left);
    // What was forgotten can be counted anew, and no batch is forgotten with it.
    counted(storage, 2, &[count(1, 2, 10_000, 1)]).await;
    assert_eq!(usage_of(storage.reader(), 1, 2).await, [used(10_000, 1)]);
}

/// A year of a million keys is more than one go.
pub async fn much_old_usage_is_pruned(storage: &dyn Storage) {
    for part in 0..3_u32 {
        let portion: Vec<_> = (0..9_000)
            .map(|n| kept(1, part * 9_000 + n, used(if n % 1_000 == 0 { 2_000_000 } else { 10_000 }, 1)))
            .collect();
        storage.writer().restore_usage(account(), &portion).await.expect("restores");
    }
    storage.prune(Keep::default()).await.expect("prunes");
    let expected: Vec<_> = (0..27).map(|n| kept(1, n * 1_000, used(2_000_000, 1))).collect();
    assert_eq!(listed_usage(storage.reader(), account(), 25).await, expected);
}
