//! Patch operations of any texts are applied all or none, in order, and leave a key that keeps its rules.
//!
//! The input is a list of operations, one on a line: op, path and value parted by tabs; what is not there is absent.
#![no_main]

use gatepost_domain::api_keys::{ApiKey, ApiKeyId, ApiKeyPatch, MOST_LIST_ITEMS, PatchOperation};
use gatepost_domain::{Tags, Timestamp, Version};
use libfuzzer_sys::fuzz_target;

const CREATED: i64 = 1_700_000_000_000_000;

fn key() -> ApiKey {
    ApiKey {
        id: ApiKeyId::parse("gt748qoyk2").expect("an id"),
        name: None,
        description: None,
        enabled: false,
        customer_id: None,
        stage_keys: Vec::new(),
        labels: Vec::new(),
        tags: Tags::default(),
        created: Timestamp::from_micros(CREATED),
        updated: Timestamp::from_micros(CREATED),
        version: Version::FIRST,
    }
}

fuzz_target!(|text: &str| {
    let mut changes = Vec::new();
    for line in text.lines() {
        let mut words = line.splitn(3, '\t');
        let operation = PatchOperation { op: words.next(), path: words.next(), value: words.next() };
        match ApiKeyPatch::parse(operation) {
            Ok(change) => changes.push(change),
            Err(refusal) => assert!(!refusal.to_string().is_empty()),
        }
    }

    let (before, now) = (key(), Timestamp::from_micros(CREATED + 1));
    let together = before.patched(changes.clone(), now);
    let one_by_one =
        changes.iter().try_fold(before.clone(), |key, change| key.patched(vec![change.clone()], now));
    match (together, one_by_one) {
        (Ok(after), Ok(stepwise)) => {
            assert_eq!(ApiKey { version: stepwise.version, ..after.clone() }, stepwise);
            assert_eq!((&after.id, after.created, &after.tags), (&before.id, before.created, &before.tags));
            assert!(after.stage_keys.len() <= MOST_LIST_ITEMS && after.labels.len() <= MOST_LIST_ITEMS);
            let expected = if changes.is_empty() { before.version } else { before.version.next() };
            assert_eq!(after.version, expected);
        }
        (Err(refused), Err(stepwise)) => assert_eq!(refused, stepwise),
        (together, stepwise) => panic!("together {together:?}, one by one {stepwise:?}"),
    }
});
