use super::PORTION;
use crate::MemoryStorage;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::usage::{Day, UsageOfDay};
use gatepost_domain::usage_plans::UsagePlanId;
use gatepost_domain::{AccountId, Clock, Timestamp};
use gatepost_storage::{Keep, KeptUsage, Storage, UsagePlanKey};
use std::sync::Arc;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

/// It is the last microsecond of day 20,000.
fn storage() -> MemoryStorage {
    struct Evening;
    impl Clock for Evening {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(20_001 * 86_400 * 1_000_000 - 1)
        }
    }
    MemoryStorage::new(Arc::new(Evening))
}

fn account(number: u64) -> AccountId {
    AccountId::from_number(number).unwrap()
}

fn kept(key: usize, day: i32) -> KeptUsage {
    let link = UsagePlanKey {
        plan: UsagePlanId::parse("p").unwrap(),
        key: ApiKeyId::parse(&format!("key{key:06}")).unwrap(),
    };
    KeptUsage { link, usage: UsageOfDay { day: Day::from_number(day).unwrap(), used: 1, adjustment: None } }
}

#[tokio::test]
async fn a_day_is_kept_for_as_many_days_as_are_asked_for() {
    let storage = storage();
    let days: Vec<KeptUsage> = (19_990..=20_001).map(|day| kept(1, day)).collect();
    storage.writer().restore_usage(account(1), &days).await.unwrap();
    for keep in [11, 10, 3, 0] {
        storage.prune(Keep { usage: DAY * keep, ..Keep::default() }).await.unwrap();
        let left = storage.reader().list_usage(account(1), None, 100).await.unwrap();
        // Today and tomorrow's, of a replica whose clock is ahead, are always kept.
        assert_eq!(left.len(), 12.min(keep as usize + 2));
        assert_eq!(left[..], days[12 - left.len()..]);
    }
}

#[tokio::test]
async fn every_account_and_every_portion_is_pruned() {
    let storage = storage();
    // The last of a portion, the first of the next and one in the middle are new enough.
    let is_new = |key: usize| [PORTION - 1, PORTION, PORTION + 7, 2 * PORTION].contains(&key);
    let all: Vec<KeptUsage> =
        (0..=2 * PORTION).map(|key| kept(key, if is_new(key) { 20_000 } else { 10_000 })).collect();
    for of in [1, 2] {
        storage.writer().restore_usage(account(of), &all).await.unwrap();
    }
    storage.writer().restore_usage(account(3), &all[..3]).await.unwrap();
    storage.prune(Keep::default()).await.unwrap();
    for of in [1, 2] {
        let left = storage.reader().list_usage(account(of), None, 100).await.unwrap();
        let expected: Vec<_> =
            (0..all.len()).filter(|key| is_new(*key)).map(|key| all[key].clone()).collect();
        assert_eq!(left, expected);
    }
    let usage = storage.shared.usage();
    assert_eq!(usage.0.keys().copied().collect::<Vec<_>>(), [account(1), account(2)]);
    assert_eq!(usage.0[&account(1)].len(), 4);
}
