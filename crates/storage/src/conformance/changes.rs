//! The change feed: no committed change is ever missing.

use super::samples::*;
use crate::{
    Change, FeedCursor, ImportId, Incarnation, Keep, News, PlanChanged, Reader, Storage, UsageCount,
    UsagePlanKey,
};
use futures_util::future;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::usage_plans::{Attachment, UsagePlan};
use gatepost_domain::{PageLimit, PageRequest, Version};
use std::collections::BTreeSet;
use std::time::Duration;

async fn must_resync(storage: &dyn Storage, from: FeedCursor) {
    let mut feed = storage.changes(from).await.expect("a feed");
    for _ in 0..2 {
        assert_eq!(feed.next(Duration::ZERO).await.expect("answers"), News::Resync);
    }
}

fn key_change(n: u32, version: u64) -> Change {
    Change::ApiKey { account: account(), id: nth_id(n), version: Version(version) }
}

fn plan_change(n: u32, version: u64) -> Change {
    Change::UsagePlan { account: account(), id: nth_plan(n), version: Version(version) }
}

/// What was told, whatever its order and however often.
fn told(changes: &[Change]) -> BTreeSet<String> {
    changes.iter().map(|change| format!("{change:?}")).collect()
}

/// Told changes may come in any order, and twice.
fn sorted(changes: Vec<Change>) -> Vec<(u32, u64)> {
    let numbers = changes.into_iter().map(|change| match change {
        Change::ApiKey { account: of, id, version } if of == account() => (number(&id), version.0),
        other => panic!("not a key of the account: {other:?}"),
    });
    numbers.collect::<BTreeSet<_>>().into_iter().collect()
}

fn imports(changes: &[Change]) -> Vec<ImportId> {
    let one = |change: &Change| match change {
        Change::Import { account: of, import } if *of == account() => *import,
        other => panic!("not an import of the account: {other:?}"),
    };
    changes.iter().map(one).collect()
}

async fn range<R: Reader + ?Sized>(reader: &R, import: ImportId) -> Vec<ApiKeyId> {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = PageRequest { after, limit: PageLimit::or_default(2) };
        let page = reader.list_imported_api_keys(account(), import, page).await.expect("a range answers");
        assert!(page.items.len() <= 2);
        ids.extend(page.items.into_iter().map(|stored| stored.key.id));
        after = page.next;
        if after.is_none() {
            return ids;
        }
    }
}

/// A replica that is not told honours revoked keys.
pub async fn every_committed_write_is_told(storage: &dyn Storage) {
    insert(storage, [key(1), key(2)]).await;
    let mut feed = feed(storage).await;
    let mut unit = begin(storage).await;
    unit.insert_api_key(account(), key(3), None).await.expect("inserts");
    let mut changed = key(1).key;
    changed.version = Version(5);
    unit.update_api_key(account(), &changed, Version::FIRST).await.expect("updates");
    assert!(unit.delete_api_key(account(), &nth_id(2)).await.expect("deletes"));
    commit(unit).await;
    assert_eq!(sorted(all_news(&mut *feed).await), [(1, 5), (2, 2), (3, 1)]);
}

/// A change that never was must not be looked for.
pub async fn nothing_is_told_of_a_dropped_unit(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    let mut feed = feed(storage).await;
    let mut unit = begin(storage).await;
    unit.insert_api_key(account(), key(2), None).await.expect("inserts");
    assert!(unit.delete_api_key(account(), &nth_id(1)).await.expect("deletes"));
    unit.import_api_keys(account(), vec![row(3)], None, MOST_PLANS).await.expect("imports");
    drop(unit);
    assert_eq!(all_news(&mut *feed).await, []);
}

/// Whoever hears of a change reads the key at once: it must be there.
pub async fn nothing_is_told_before_the_commit(storage: &dyn Storage) {
    let mut feed = feed(storage).await;
    let mut unit = begin(storage).await;
    unit.insert_api_key(account(), key(1), None).await.expect("inserts");
    assert_eq!(news(&mut *feed, SHORT).await, []);
    commit(unit).await;
    assert_eq!(news(&mut *feed, LONG).await, [key_change(1, 1)]);
    assert!(find(storage, 1).await.is_some());
}

/// They are commits too.
pub async fn single_writes_are_told(storage: &dyn Storage) {
    let mut feed = feed(storage).await;
    storage.writer().insert_api_key(account(), key(1), None).await.expect("inserts");
    assert_eq!(news(&mut *feed, LONG).await, [key_change(1, 1)]);
    let mut changed = key(1).key;
    changed.version = Version(2);
    storage.writer().update_api_key(account(), &changed, Version::FIRST).await.expect("updates");
    assert_eq!(news(&mut *feed, LONG).await, [key_change(1, 2)]);
    assert!(storage.writer().delete_api_key(account(), &nth_id(1)).await.expect("deletes"));
    assert_eq!(news(&mut *feed, LONG).await, [key_change(1, 3)]);
}

/// They changed nothing.
pub async fn refused_writes_are_not_told(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    let mut feed = feed(storage).await;
    let mut writer = storage.writer();
    writer.insert_api_key(account(), key(1), None).await.expect_err("the value is taken");
    writer.update_api_key(account(), &key(1).key, Version(9)).await.expect_err("it is stale");
    assert!(!writer.delete_api_key(account(), &nth_id(2)).await.expect("answers"));
    drop(writer);
    let mut unit = begin(storage).await;
    unit.insert_api_key(account(), key(1), None).await.expect_err("the value is taken");
    assert!(!unit.delete_api_key(account(), &nth_id(2)).await.expect("answers"));
    commit(unit).await;
    assert_eq!(all_news(&mut *feed).await, []);
}

/// A million rows must not be a million changes.
pub async fn an_import_is_told_as_a_range(storage: &dyn Storage) {
    let mut feed = feed(storage).await;
    import(storage, (0..3_000).map(row)).await;
    let told = imports(&all_news(&mut *feed).await);
    let units = 3_000_usize.div_ceil(storage.import_rows_per_unit());
    assert_eq!(told.len(), units);
    assert!(told.is_sorted_by(|a, b| a < b) && told[0] > ImportId(0), "{told:?}");
    let mut ids = BTreeSet::new();
    for import in told {
        ids.extend(range(storage.reader(), import).await);
    }
    assert_eq!(ids, (0..3_000).map(nth_id).collect());
}

/// What was upserted changed as well, and a key may have been changed or deleted since.
pub async fn a_range_holds_what_an_import_changed_too(storage: &dyn Storage) {
    insert(storage, [key(1), key(2), key(3)]).await;
    let mut feed = feed(storage).await;
    let mut upsert = row(1);
    upsert.id = nth_id(9);
    storage
        .writer()
        .import_api_keys(account(), vec![row(4), upsert, row(3)], None, MOST_PLANS)
        .await
        .expect("imports");
    let told = imports(&all_news(&mut *feed).await);
    assert_eq!(told.len(), 1);
    assert_eq!(range(storage.reader(), told[0]).await, [nth_id(1), nth_id(3), nth_id(4)]);
    assert!(storage.writer().delete_api_key(account(), &nth_id(3)).await.expect("deletes"));
    let left = range(storage.reader(), told[0]).await;
    assert_eq!(left, [nth_id(1), nth_id(4)]);
}

/// A range may hold ten thousand keys.
pub async fn a_range_is_read_in_pages(storage: &dyn Storage) {
    let mut feed = feed(storage).await;
    storage
        .writer()
        .import_api_keys(account(), (0..7).map(row).collect(), None, MOST_PLANS)
        .await
        .expect("imports");
    let told = imports(&all_news(&mut *feed).await);
    let ids: Vec<ApiKeyId> = (0..7).map(nth_id).collect();
    assert_eq!(range(storage.reader(), told[0]).await, ids);
    let snapshot = storage.snapshot().await.expect("a snapshot");
    assert_eq!(range(&*snapshot, told[0]).await, ids);
    let page = PageRequest { after: Some(nth_id(4)), limit: PageLimit::or_default(2) };
    let page = snapshot.list_imported_api_keys(account(), told[0], page).await.expect("answers");
    assert_eq!((page.items.len(), page.next), (2, None));
    assert_eq!(page.items[0], as_stored(&key(5)));
}

/// It is an import in all but its rows.
pub async fn a_restore_is_told_as_a_range(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    let mut feed = feed(storage).await;
    storage.writer().restore_api_keys(account(), vec![key(1), key(2)], None).await.expect("restores");
    let told = imports(&all_news(&mut *feed).await);
    assert_eq!(told.len(), 1);
    assert!(range(storage.reader(), told[0]).await.contains(&nth_id(2)));
}

/// It is no change of anything that is shown.
pub async fn what_is_remembered_is_not_told(storage: &dyn Storage) {
    let mut feed = feed(storage).await;
    let token = crate::RetryToken([1; 32]);
    storage.writer().remember_import(account(), &token).await.expect("remembers");
    storage.replicas().beat(Incarnation([1; 16]), LONG).await.expect("beats");
    storage.probe().await.expect("it is ready");
    assert_eq!(all_news(&mut *feed).await, []);
}

/// Revocation within a second begins here.
pub async fn a_feed_waits_for_the_next_change(storage: &dyn Storage) {
    let mut feed = feed(storage).await;
    for n in 0..3 {
        let (changes, ()) = future::join(news(&mut *feed, LONG), insert(storage, [key(n)])).await;
        assert_eq!(changes, [key_change(n, 1)]);
    }
}

/// Silence must end, so that a consumer can look at its own clock.
pub async fn a_feed_without_news_answers_within_its_patience(storage: &dyn Storage) {
    let mut feed = feed(storage).await;
    for patience in [Duration::ZERO, Duration::from_millis(1), Duration::from_millis(50)] {
        assert_eq!(news(&mut *feed, patience).await, []);
    }
}

/// A consumer takes nothing away from the others.
pub async fn every_feed_is_told_everything(storage: &dyn Storage) {
    let mut feeds = [feed(storage).await, feed(storage).await];
    insert(storage, (0..10).map(key)).await;
    let expected: Vec<(u32, u64)> = (0..10).map(|n| (n, 1)).collect();
    for feed in &mut feeds {
        assert_eq!(sorted(all_news(&mut **feed).await), expected);
    }
}

/// A replica that was away asks where it left.
pub async fn a_feed_goes_on_at_a_kept_position(storage: &dyn Storage) {
    let mut first = feed(storage).await;
    insert(storage, [key(1)]).await;
    assert_eq!(all_news(&mut *first).await, [key_change(1, 1)]);
    let kept = first.cursor();
    drop(first);
    insert(storage, [key(2)]).await;
    insert(storage, [key(3)]).await;
    for _ in 0..2 {
        let mut again = storage.changes(kept.clone()).await.expect("a feed");
        assert_eq!(again.cursor(), kept);
        assert_eq!(sorted(all_news(&mut *again).await), [(2, 1), (3, 1)]);
        assert_ne!(again.cursor(), kept);
    }
}

/// Where little changes, a position must not grow old.
pub async fn a_position_moves_on_without_news(storage: &dyn Storage) {
    let mut feed = feed(storage).await;
    insert(storage, [key(1)]).await;
    assert_eq!(all_news(&mut *feed).await.len(), 1);
    assert_eq!(news(&mut *feed, Duration::ZERO).await, []);
    let mut from_here = storage.changes(feed.cursor()).await.expect("a feed");
    assert_eq!(all_news(&mut *from_here).await, []);
}

/// A replica that starts loads everything and goes on with the feed, while others write.
pub async fn a_snapshot_and_the_feed_from_its_cursor_miss_nothing(storage: &dyn Storage) {
    let writing = async {
        for n in 0..60 {
            insert(storage, [key(n)]).await;
            if n % 3 == 0 {
                assert!(storage.writer().delete_api_key(account(), &nth_id(n / 2)).await.is_ok());
            }
        }
    };
    let following = async {
        let snapshot = storage.snapshot().await.expect("a snapshot");
        let mut known: BTreeSet<u32> = listed(&*snapshot, account(), &all(), 3).await.into_iter().collect();
        let mut feed = storage.changes(snapshot.cursor()).await.expect("a feed");
        drop(snapshot);
        loop {
            let changes = news(&mut *feed, Duration::from_secs(1)).await;
            if changes.is_empty() {
                return known;
            }
            for (n, _) in sorted(changes) {
                match find(storage, n).await {
                    Some(_) => known.insert(n),
                    None => known.remove(&n),
                };
            }
        }
    };
    let ((), known) = future::join(writing, following).await;
    assert_eq!(known, listed(storage.reader(), account(), &all(), 500).await.into_iter().collect());
}

/// What is forgotten cannot be told, and silence would be taken for "nothing changed".
pub async fn a_pruned_position_must_resync(storage: &dyn Storage) {
    let old = cursor(storage).await;
    insert(storage, [key(1)]).await;
    later(storage).await;
    let keep_none = Keep { changes: Duration::ZERO, ..Keep::default() };
    storage.prune(keep_none).await.expect("prunes");
    must_resync(storage, old).await;
}

/// A replica that follows never has to load anew because of others' age.
pub async fn an_up_to_date_position_survives_pruning(storage: &dyn Storage) {
    let early = cursor(storage).await;
    insert(storage, [key(1)]).await;
    storage.prune(Keep::default()).await.expect("prunes");
    let mut behind = storage.changes(early).await.expect("a feed");
    assert_eq!(all_news(&mut *behind).await, [key_change(1, 1)]);
    later(storage).await;
    let current = cursor(storage).await;
    storage.prune(Keep { changes: Duration::ZERO, ..Keep::default() }).await.expect("prunes");
    insert(storage, [key(2)]).await;
    assert_eq!(all_news(&mut *behind).await, [key_change(2, 1)]);
    let mut after = storage.changes(current).await.expect("a feed");
    assert_eq!(all_news(&mut *after).await, [key_change(2, 1)]);
}

/// A position kept from another database, or mangled on the way, says nothing about this one.
pub async fn a_foreign_position_must_resync(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    let own = cursor(storage).await.0;
    let foreign = own.replacen(|c: char| c.is_ascii_alphanumeric(), "~", 1);
    for text in ["", "0", "-", "installation:1", &foreign, &format!("{own}x"), "\u{1f511}"] {
        must_resync(storage, FeedCursor(text.into())).await;
    }
}

/// A replica that is not told honours what a plan no longer allows.
pub async fn writes_of_plans_are_told(storage: &dyn Storage) {
    let mut feed = feed(storage).await;
    let mut writer = storage.writer();
    writer.insert_usage_plan(account(), &new_plan(&plan(1, &[])), None).await.expect("inserts");
    assert_eq!(news(&mut *feed, LONG).await, [plan_change(1, 1)]);
    for (version, with) in [(5, "a:x"), (6, "b:x")] {
        let changed = UsagePlan { version: Version(version), ..plan(1, &[with]) };
        let expected = find_plan(storage, 1).await.expect("is there").version;
        writer.update_usage_plan(account(), &changed, expected).await.expect("updates");
        assert_eq!(news(&mut *feed, LONG).await, [plan_change(1, version)]);
    }
    writer.delete_usage_plan(account(), &nth_plan(1), Version(6)).await.expect("deletes");
    assert_eq!(news(&mut *feed, LONG).await, [plan_change(1, 7)]);
    drop(writer);
    let mut unit = begin(storage).await;
    unit.insert_usage_plan(account(), &new_plan(&plan(2, &[])), None).await.expect("inserts");
    unit.insert_api_key(account(), key(1), None).await.expect("inserts");
    assert_eq!(news(&mut *feed, SHORT).await, []);
    commit(unit).await;
    assert_eq!(told(&all_news(&mut *feed).await), told(&[key_change(1, 1), plan_change(2, 1)]));
}

/// Which plans a key is in is a property of the key to whoever keeps a copy.
pub async fn putting_a_key_into_a_plan_and_taking_it_out_is_told_of_the_key(storage: &dyn Storage) {
    insert(storage, [key(1), key(2), key(3)]).await;
    insert_plans(storage, [plan(1, &[]), plan(2, &[])]).await;
    let mut feed = feed(storage).await;
    attach(storage, &[link(1, 1)]).await;
    assert_eq!(all_news(&mut *feed).await, [key_change(1, 2)]);
    assert!(storage.writer().detach_api_key(account(), &link(1, 1)).await.expect("answers"));
    assert_eq!(all_news(&mut *feed).await, [key_change(1, 3)]);
    let links = [link(1, 2), link(9, 3), link(1, 1), link(2, 2), link(1, 2)];
    storage.writer().attach_api_keys(account(), &links, MOST_PLANS).await.expect("answers");
    let told = sorted(all_news(&mut *feed).await);
    // Of two versions of one call the later is enough.
    let told: Vec<_> = told.into_iter().filter(|one| *one != (2, 2)).collect();
    assert_eq!(told, [(1, 4), (2, 3)]);
}

/// A million keys must not be a million changes; who hears of the plan knows that none is in it any more.
pub async fn deleting_a_plan_is_told_of_the_plan_alone(storage: &dyn Storage) {
    insert(storage, [key(1), key(2)]).await;
    insert_plans(storage, [plan(1, &[])]).await;
    attach(storage, &[link(1, 1), link(1, 2)]).await;
    let mut feed = feed(storage).await;
    storage.writer().delete_usage_plan(account(), &nth_plan(1), Version::FIRST).await.expect("deletes");
    assert_eq!(all_news(&mut *feed).await, [plan_change(1, 2)]);
    // Nor is anything told of what is cleared later.
    insert_when_free(storage, &plan(1, &[])).await;
    assert_eq!(all_news(&mut *feed).await, [plan_change(1, 1)]);
}

/// The key is gone, and its links with it.
pub async fn deleting_a_key_in_plans_is_told_of_the_key_alone(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    insert_plans(storage, [plan(1, &[]), plan(2, &[])]).await;
    attach(storage, &[link(1, 1), link(2, 1)]).await;
    let mut feed = feed(storage).await;
    assert!(storage.writer().delete_api_key(account(), &nth_id(1)).await.expect("deletes"));
    assert_eq!(all_news(&mut *feed).await, [key_change(1, 4)]);
}

/// They changed nothing.
pub async fn refused_writes_of_plans_and_links_are_not_told(storage: &dyn Storage) {
    insert(storage, [key(1), key(2)]).await;
    insert_plans(storage, [plan(1, &["a:x"]), plan(2, &["b:x"]), plan(3, &["a:x"])]).await;
    attach(storage, &[link(1, 1), link(2, 1)]).await;
    let mut feed = feed(storage).await;
    let mut writer = storage.writer();
    writer.insert_usage_plan(account(), &new_plan(&plan(1, &[])), None).await.expect_err("the id is taken");
    writer
        .insert_usage_plan(account(), &new_plan(&plan(4, &[])), Some(3))
        .await
        .expect_err("there are three");
    let shares = UsagePlan { version: Version(2), ..plan(2, &["a:x"]) };
    writer.update_usage_plan(account(), &shares, Version(9)).await.expect_err("it is stale");
    let refused = writer.update_usage_plan(account(), &shares, Version::FIRST).await.expect("answers");
    assert!(matches!(refused, PlanChanged::StageShared { .. }), "{refused:?}");
    writer.delete_usage_plan(account(), &nth_plan(2), Version(9)).await.expect_err("it is stale");
    let links = [link(3, 1), link(1, 1), link(9, 1), link(1, 9)];
    let outcomes = writer.attach_api_keys(account(), &links, MOST_PLANS).await.expect("answers");
    assert!(!outcomes.contains(&Attachment::Done), "{outcomes:?}");
    assert!(!writer.detach_api_key(account(), &link(1, 2)).await.expect("answers"));
    drop(writer);
    assert_eq!(all_news(&mut *feed).await, []);
}

/// A change that never was must not be looked for.
pub async fn nothing_is_told_of_plans_in_a_dropped_unit(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    insert_plans(storage, [plan(1, &[]), plan(2, &[])]).await;
    let mut feed = feed(storage).await;
    let mut unit = begin(storage).await;
    unit.insert_usage_plan(account(), &new_plan(&plan(3, &[])), None).await.expect("inserts");
    unit.attach_api_keys(account(), &[link(1, 1)], MOST_PLANS).await.expect("attaches");
    unit.delete_usage_plan(account(), &nth_plan(2), Version::FIRST).await.expect("deletes");
    unit.adjust_usage(account(), &link(1, 1), day(20_000), 5).await.expect("adjusts");
    drop(unit);
    assert_eq!(all_news(&mut *feed).await, []);
}

/// Keys that came with plans came with their import.
pub async fn an_import_with_plans_is_told_as_a_range_alone(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    insert_plans(storage, [plan(1, &[])]).await;
    let mut feed = feed(storage).await;
    let rows = [1, 2].map(|n| {
        let mut one = row(n);
        one.plans = vec![nth_plan(1), nth_plan(9)];
        one
    });
    storage.writer().import_api_keys(account(), rows.to_vec(), None, MOST_PLANS).await.expect("imports");
    let told = imports(&all_news(&mut *feed).await);
    assert_eq!(told.len(), 1);
    assert_eq!(range(storage.reader(), told[0]).await, [nth_id(1), nth_id(2)]);
    assert_eq!(keys_in(storage.reader(), account(), 1, None, 25).await, [2, 1]);
}

/// What an operator gives must reach the replicas that limit; what they count they know themselves.
pub async fn adjustments_are_told_and_counts_are_not(storage: &dyn Storage) {
    let mut feed = feed(storage).await;
    let usage = |link: UsagePlanKey| Change::Usage { account: account(), link };
    for adjustment in [5, 5] {
        storage
            .writer()
            .adjust_usage(account(), &link(1, 1), day(20_000), adjustment)
            .await
            .expect("adjusts");
        assert_eq!(all_news(&mut *feed).await, [usage(link(1, 1))]);
    }
    let count = UsageCount { account: account(), link: link(1, 1), day: day(20_000), requests: 3 };
    for _ in 0..2 {
        storage
            .usage_meter()
            .count(Incarnation([1; 16]), 1, std::slice::from_ref(&count))
            .await
            .expect("counts");
    }
    assert_eq!(all_news(&mut *feed).await, []);
    let mut unit = begin(storage).await;
    unit.adjust_usage(account(), &link(1, 2), day(20_000), 1).await.expect("adjusts");
    unit.adjust_usage(account(), &link(2, 1), day(20_000), 1).await.expect("adjusts");
    commit(unit).await;
    let expected = vec![usage(link(1, 2)), usage(link(2, 1))];
    assert_eq!(told(&all_news(&mut *feed).await), told(&expected));
}
