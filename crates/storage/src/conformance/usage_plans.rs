//! Usage plans: what is kept of them, and their listing.

use super::samples::*;
use crate::{Entity, Storage, StorageError};
use futures_util::future;
use gatepost_domain::usage_plans::{UsagePlan, UsagePlanName, UsagePlanPosition};
use gatepost_domain::{PageLimit, PageRequest, Version};

/// This plan in another version, under another name.
fn changed(plan: &UsagePlan, name: &str, version: u64) -> UsagePlan {
    let name = UsagePlanName::parse(name).expect("it is a name");
    UsagePlan { name, version: Version(version), ..plan.clone() }
}

async fn update(storage: &dyn Storage, plan: &UsagePlan, expected: u64) -> Result<(), StorageError> {
    storage.writer().update_usage_plan(account(), plan, Version(expected)).await.map(drop)
}

/// What is lost here is lost to every caller.
pub async fn a_plan_is_found_with_every_property_it_was_inserted_with(storage: &dyn Storage) {
    let mut full = plan(1, &[]);
    fill_plan(&mut full);
    full.version = Version(7);
    let bare = plan(2, &[]);
    let mut unit = begin(storage).await;
    unit.insert_usage_plan(account(), &new_plan(&full), None).await.expect("inserts");
    commit(unit).await;
    insert_plans(storage, [bare.clone()]).await;
    assert_eq!(find_plan(storage, 1).await, Some(full.clone()));
    assert_eq!(find_plan(storage, 2).await, Some(bare.clone()));
    let request = PageRequest { after: None, limit: PageLimit::DEFAULT };
    let page = storage.reader().list_usage_plans(account(), None, request).await.expect("lists");
    assert_eq!(page.items, [bare, full]);
}

/// Absence is an answer, not an error.
pub async fn a_plan_that_was_never_inserted_is_none(storage: &dyn Storage) {
    insert_plans(storage, [plan(1, &[])]).await;
    assert_eq!(find_plan(storage, 2).await, None);
}

/// Two plans with one id could not be told apart.
pub async fn a_taken_plan_id_is_refused(storage: &dyn Storage) {
    insert_plans(storage, [plan(1, &["a:x"])]).await;
    let again = new_plan(&changed(&plan(1, &[]), "again", 1));
    let refused = storage.writer().insert_usage_plan(account(), &again, None).await;
    assert!(matches!(refused, Err(StorageError::AlreadyExists(Entity::UsagePlan))), "{refused:?}");
    let mut unit = begin(storage).await;
    let refused = unit.insert_usage_plan(account(), &again, None).await;
    assert!(matches!(refused, Err(StorageError::AlreadyExists(Entity::UsagePlan))), "{refused:?}");
    unit.insert_usage_plan(account(), &new_plan(&plan(2, &[])), None).await.expect("the unit goes on");
    commit(unit).await;
    assert_eq!(find_plan(storage, 1).await, Some(plan(1, &["a:x"])));
    assert_eq!(plans_listed(storage.reader(), account(), None, 25).await, [2, 1]);
}

/// Ids are drawn by replicas that know nothing of each other.
pub async fn of_two_inserts_of_one_plan_id_one_wins(storage: &dyn Storage) {
    let writes = (0..8).map(|n| async move {
        let new = new_plan(&changed(&plan(1, &[]), &format!("n{n}"), 1));
        storage.writer().insert_usage_plan(account(), &new, None).await
    });
    let outcomes = future::join_all(writes).await;
    let winners: Vec<usize> = (0..8).filter(|n| outcomes[*n].is_ok()).collect();
    assert_eq!(winners.len(), 1, "{outcomes:?}");
    for refused in outcomes.iter().filter(|outcome| outcome.is_err()) {
        assert!(matches!(refused, Err(StorageError::AlreadyExists(Entity::UsagePlan))), "{refused:?}");
    }
    let found = find_plan(storage, 1).await.expect("is there");
    assert_eq!(found.name.as_str(), format!("n{}", winners[0]));
}

/// A patch was applied to the whole plan; none of it may be left out.
pub async fn an_update_replaces_every_property_of_a_plan(storage: &dyn Storage) {
    insert_plans(storage, [plan(1, &["a:x"])]).await;
    let mut full = plan(1, &[]);
    fill_plan(&mut full);
    full.version = Version(2);
    update(storage, &full, 1).await.expect("updates");
    assert_eq!(find_plan(storage, 1).await, Some(full));
    let bare = UsagePlan { version: Version(3), ..plan(1, &[]) };
    update(storage, &bare, 2).await.expect("updates");
    assert_eq!(find_plan(storage, 1).await, Some(bare));
}

/// A plan that moved in the listing while its pages are read would be missed or repeated.
pub async fn an_update_keeps_the_creation_of_a_plan(storage: &dyn Storage) {
    insert_plans(storage, (1..4).map(|n| plan(n, &[]))).await;
    let later = UsagePlan { created: at(1_000), ..changed(&plan(2, &[]), "later", 2) };
    update(storage, &later, 1).await.expect("updates");
    assert_eq!(find_plan(storage, 2).await, Some(changed(&plan(2, &[]), "later", 2)));
    assert_eq!(plans_listed(storage.reader(), account(), None, 1).await, [3, 2, 1]);
}

/// Whoever read another version would undo what came between.
pub async fn an_update_of_another_version_of_a_plan_is_stale(storage: &dyn Storage) {
    let there = UsagePlan { version: Version(5), ..plan(1, &[]) };
    insert_plans(storage, [there.clone()]).await;
    for expected in [4, 6, 0] {
        let refused = update(storage, &changed(&there, "new", 6), expected).await;
        assert!(matches!(refused, Err(StorageError::Stale(Entity::UsagePlan))), "{refused:?}");
    }
    let refused = update(storage, &plan(2, &[]), 1).await;
    assert!(matches!(refused, Err(StorageError::Stale(Entity::UsagePlan))), "{refused:?}");
    assert_eq!(find_plan(storage, 1).await, Some(there.clone()));
    assert_eq!(find_plan(storage, 2).await, None);
    let mut unit = begin(storage).await;
    let refused = unit.update_usage_plan(account(), &changed(&there, "new", 6), Version(4)).await;
    assert!(matches!(refused, Err(StorageError::Stale(Entity::UsagePlan))), "{refused:?}");
    unit.update_usage_plan(account(), &changed(&there, "new", 6), Version(5)).await.expect("it goes on");
    commit(unit).await;
    assert_eq!(find_plan(storage, 1).await, Some(changed(&there, "new", 6)));
}

/// Two operators press the same button.
pub async fn of_two_updates_of_one_version_of_a_plan_one_wins(storage: &dyn Storage) {
    insert_plans(storage, [plan(1, &[])]).await;
    let writes = (0..8).map(|n| async move {
        // Every second one brings a stage, which may be judged in another way.
        let with: &[&str] = if n % 2 == 0 { &[] } else { &["a:x"] };
        update(storage, &changed(&plan(1, with), &format!("n{n}"), 2), 1).await
    });
    let outcomes = future::join_all(writes).await;
    let winners: Vec<usize> = (0..8).filter(|n| outcomes[*n].is_ok()).collect();
    assert_eq!(winners.len(), 1, "{outcomes:?}");
    for refused in outcomes.iter().filter(|outcome| outcome.is_err()) {
        assert!(matches!(refused, Err(StorageError::Stale(Entity::UsagePlan))), "{refused:?}");
    }
    let found = find_plan(storage, 1).await.expect("is there");
    assert_eq!((found.name.as_str(), found.version), (&*format!("n{}", winners[0]), Version(2)));
}

/// Nothing may be found of it in any way.
pub async fn a_deleted_plan_is_gone(storage: &dyn Storage) {
    insert_plans(storage, [plan(1, &["a:x"]), plan(2, &[])]).await;
    storage.writer().delete_usage_plan(account(), &nth_plan(1), Version::FIRST).await.expect("deletes");
    assert_eq!(find_plan(storage, 1).await, None);
    assert_eq!(plans_listed(storage.reader(), account(), None, 25).await, [2]);
    let refused = update(storage, &changed(&plan(1, &[]), "new", 2), 1).await;
    assert!(matches!(refused, Err(StorageError::Stale(Entity::UsagePlan))), "{refused:?}");
    let refused = storage.writer().delete_usage_plan(account(), &nth_plan(1), Version::FIRST).await;
    assert!(matches!(refused, Err(StorageError::Stale(Entity::UsagePlan))), "{refused:?}");
    insert_when_free(storage, &plan(1, &["b:x"])).await;
    assert_eq!(find_plan(storage, 1).await, Some(plan(1, &["b:x"])));
}

/// A plan that got stages since it was read must not be deleted as one that has none.
pub async fn deleting_another_version_of_a_plan_is_stale(storage: &dyn Storage) {
    let there = UsagePlan { version: Version(5), ..plan(1, &[]) };
    insert_plans(storage, [there.clone()]).await;
    let mut unit = begin(storage).await;
    for (n, expected) in [(1, 4), (1, 6), (2, 1)] {
        let refused = unit.delete_usage_plan(account(), &nth_plan(n), Version(expected)).await;
        assert!(matches!(refused, Err(StorageError::Stale(Entity::UsagePlan))), "{refused:?}");
    }
    commit(unit).await;
    assert_eq!(find_plan(storage, 1).await, Some(there));
    storage.writer().delete_usage_plan(account(), &nth_plan(1), Version(5)).await.expect("deletes");
    assert_eq!(find_plan(storage, 1).await, None);
}

/// What somebody just made is what they look for; a page ends where it says.
pub async fn plans_are_listed_newest_first(storage: &dyn Storage) {
    insert_plans(storage, [4, 1, 3, 2, 0].map(|n| plan(n, &[]))).await;
    for limit in [1, 2, 25] {
        assert_eq!(plans_listed(storage.reader(), account(), None, limit).await, [4, 3, 2, 1, 0]);
    }
    let request = PageRequest { after: None, limit: PageLimit::or_default(2) };
    let page = storage.reader().list_usage_plans(account(), None, request).await.expect("lists");
    assert_eq!((page.items.len(), page.next), (2, Some(plan(3, &[]).position())));
    let request = PageRequest { after: Some(plan(2, &[]).position()), limit: PageLimit::or_default(2) };
    let page = storage.reader().list_usage_plans(account(), None, request).await.expect("lists");
    assert_eq!((page.items.len(), page.next), (2, None));
    let page = PageRequest { after: None, limit: PageLimit::DEFAULT };
    let page = storage.reader().list_usage_plans(other_account(), None, page).await.expect("lists");
    assert_eq!((page.items, page.next), (Vec::new(), None));
}

/// Without an order among them a page could repeat or lose one. Ids are compared by their bytes.
pub async fn plans_of_one_moment_are_listed_by_id_from_high_to_low(storage: &dyn Storage) {
    let mut ids = ["a", "a-", "a1", "aa", "B", "_", "Z9", "z"];
    insert_plans(storage, ids.map(|text| UsagePlan { id: plan_id(text), ..plan(1, &[]) })).await;
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let request = PageRequest { after, limit: PageLimit::or_default(3) };
        let page = storage.reader().list_usage_plans(account(), None, request).await.expect("lists");
        found.extend(page.items.into_iter().map(|plan| plan.id.as_str().to_owned()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    ids.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(found, ids);
}

/// The plan at which a page ended may be deleted before the next is asked for.
pub async fn a_position_need_not_be_that_of_a_plan(storage: &dyn Storage) {
    insert_plans(storage, [1, 2, 8, 9].map(|n| plan(n, &[]))).await;
    for (offset, expected) in [(5, vec![2, 1]), (9, vec![8, 2, 1]), (0, vec![]), (100, vec![9, 8, 2, 1])] {
        // The id "a" is below "plan...", so that a plan of the very moment is not strictly below the position.
        let after = Some(UsagePlanPosition { created: at(offset), id: plan_id("a") });
        let request = PageRequest { after, limit: PageLimit::DEFAULT };
        let page = storage.reader().list_usage_plans(account(), None, request).await.expect("lists");
        let numbers: Vec<u32> = page.items.iter().map(|plan| plan_number(&plan.id)).collect();
        assert_eq!(numbers, expected, "{offset}");
    }
}

/// The bound is the operator's; a plan that is gone makes room at once, whatever it left to be cleared.
pub async fn a_plan_beyond_the_limit_is_refused(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    insert_plans(storage, [plan(1, &[]), plan(2, &[])]).await;
    attach(storage, &[link(1, 1)]).await;
    for most in [0, 1, 2] {
        let refused =
            storage.writer().insert_usage_plan(account(), &new_plan(&plan(3, &[])), Some(most)).await;
        assert!(matches!(refused, Err(StorageError::LimitReached(Entity::UsagePlan))), "{refused:?}");
    }
    assert_eq!(find_plan(storage, 3).await, None);
    storage.writer().delete_usage_plan(account(), &nth_plan(1), Version::FIRST).await.expect("deletes");
    let mut unit = begin(storage).await;
    unit.insert_usage_plan(account(), &new_plan(&plan(3, &[])), Some(2)).await.expect("there is room");
    let refused = unit.insert_usage_plan(account(), &new_plan(&plan(4, &[])), Some(2)).await;
    assert!(matches!(refused, Err(StorageError::LimitReached(Entity::UsagePlan))), "{refused:?}");
    drop(unit);
    let new = new_plan(&plan(3, &[]));
    storage.writer().insert_usage_plan(account(), &new, Some(2)).await.expect("there is room still");
    assert_eq!(plans_listed(storage.reader(), account(), None, 25).await, [3, 2]);
}

/// Replicas that each count what is there must not pass the bound together.
pub async fn many_inserts_at_once_keep_the_limit_of_plans(storage: &dyn Storage) {
    let writes = (0..12).map(|n| async move {
        storage.writer().insert_usage_plan(account(), &new_plan(&plan(n, &[])), Some(5)).await
    });
    let outcomes = future::join_all(writes).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 5, "{outcomes:?}");
    for refused in outcomes.iter().filter(|outcome| outcome.is_err()) {
        assert!(matches!(refused, Err(StorageError::LimitReached(Entity::UsagePlan))), "{refused:?}");
    }
    assert_eq!(plans_listed(storage.reader(), account(), None, 25).await.len(), 5);
}

/// A unit that fails half way must be as if it had never begun.
pub async fn a_dropped_unit_leaves_no_trace_in_plans(storage: &dyn Storage) {
    insert_plans(storage, [plan(1, &["a:x"]), plan(2, &[])]).await;
    let mut unit = begin(storage).await;
    unit.insert_usage_plan(account(), &new_plan(&plan(3, &[])), None).await.expect("inserts");
    let new = changed(&plan(1, &[]), "new", 2);
    unit.update_usage_plan(account(), &new, Version::FIRST).await.expect("updates");
    unit.delete_usage_plan(account(), &nth_plan(2), Version::FIRST).await.expect("deletes");
    drop(unit);
    assert_eq!(find_plan(storage, 1).await, Some(plan(1, &["a:x"])));
    assert_eq!(plans_listed(storage.reader(), account(), None, 25).await, [2, 1]);
    insert_plans(storage, [plan(3, &[])]).await;
    update(storage, &changed(&plan(2, &[]), "new", 2), 1).await.expect("its version is as it was");
}

/// The same promise as for keys.
pub async fn a_unit_sees_its_own_plans_and_nobody_else_does(storage: &dyn Storage) {
    insert_plans(storage, [plan(1, &[]), plan(2, &[])]).await;
    let mut unit = begin(storage).await;
    unit.insert_usage_plan(account(), &new_plan(&plan(3, &["a:x"])), None).await.expect("inserts");
    let new = changed(&plan(1, &[]), "new", 2);
    unit.update_usage_plan(account(), &new, Version::FIRST).await.expect("updates");
    unit.delete_usage_plan(account(), &nth_plan(2), Version::FIRST).await.expect("deletes");
    assert_eq!(unit.find_usage_plan(account(), &nth_plan(1)).await.expect("finds"), Some(new.clone()));
    assert_eq!(unit.find_usage_plan(account(), &nth_plan(2)).await.expect("finds"), None);
    assert_eq!(plans_listed(&*unit, account(), None, 1).await, [3, 1]);
    let again = unit.insert_usage_plan(account(), &new_plan(&plan(3, &[])), None).await;
    assert!(matches!(again, Err(StorageError::AlreadyExists(Entity::UsagePlan))), "{again:?}");
    assert_eq!(find_plan(storage, 1).await, Some(plan(1, &[])));
    assert_eq!(plans_listed(storage.reader(), account(), None, 25).await, [2, 1]);
    commit(unit).await;
    assert_eq!(find_plan(storage, 1).await, Some(new));
    assert_eq!(plans_listed(storage.reader(), account(), None, 25).await, [3, 1]);
}

/// One customer's plan is not another's, though they may have one id.
pub async fn plans_of_accounts_are_apart(storage: &dyn Storage) {
    insert_plans(storage, [plan(1, &["a:x"]), plan(2, &[])]).await;
    let theirs = changed(&plan(1, &["b:x"]), "theirs", 1);
    let reader = storage.reader();
    assert_eq!(reader.find_usage_plan(other_account(), &nth_plan(1)).await.expect("finds"), None);
    let mut writer = storage.writer();
    writer.insert_usage_plan(other_account(), &new_plan(&theirs), Some(1)).await.expect("it has none yet");
    let refused =
        writer.update_usage_plan(other_account(), &changed(&plan(2, &[]), "n", 2), Version::FIRST).await;
    assert!(matches!(refused, Err(StorageError::Stale(Entity::UsagePlan))), "{refused:?}");
    let refused = writer.delete_usage_plan(other_account(), &nth_plan(2), Version::FIRST).await;
    assert!(matches!(refused, Err(StorageError::Stale(Entity::UsagePlan))), "{refused:?}");
    drop(writer);
    assert_eq!(reader.find_usage_plan(other_account(), &nth_plan(1)).await.expect("finds"), Some(theirs));
    assert_eq!(plans_listed(reader, other_account(), None, 25).await, [1]);
    storage.writer().delete_usage_plan(other_account(), &nth_plan(1), Version::FIRST).await.expect("deletes");
    assert_eq!(find_plan(storage, 1).await, Some(plan(1, &["a:x"])));
    assert_eq!(plans_listed(reader, account(), None, 25).await, [2, 1]);
}

/// An export must not hold a key's link to a plan that it does not hold.
pub async fn a_snapshot_is_one_view_of_plans(storage: &dyn Storage) {
    insert(storage, [key(1), key(2)]).await;
    insert_plans(storage, [plan(1, &[]), plan(2, &[])]).await;
    attach(storage, &[link(1, 1)]).await;
    let snapshot = storage.snapshot().await.expect("a snapshot");
    assert_eq!(plans_listed(&*snapshot, account(), None, 25).await, [2, 1]);
    let changing = async {
        insert_plans(storage, [plan(3, &[])]).await;
        update(storage, &changed(&plan(2, &[]), "new", 2), 1).await.expect("updates");
        attach(storage, &[link(3, 1), link(2, 2)]).await;
        let deleted = storage.writer().delete_usage_plan(account(), &nth_plan(1), Version::FIRST).await;
        deleted.expect("deletes");
    };
    let reading = async {
        // Whether the writes wait for the snapshot or pass by it: it does not see them.
        for _ in 0..5 {
            assert_eq!(plans_listed(&*snapshot, account(), None, 1).await, [2, 1]);
            assert_eq!(plans_listed(&*snapshot, account(), Some(1), 1).await, [1]);
            assert_eq!(keys_in(&*snapshot, account(), 1, None, 1).await, [1]);
            assert_eq!(plans_of(&*snapshot, account(), &[1, 2]).await, [vec![1], vec![]]);
            let found = snapshot.find_usage_plan(account(), &nth_plan(2)).await.expect("finds");
            assert_eq!(found, Some(plan(2, &[])));
        }
        drop(snapshot);
    };
    future::join(reading, changing).await;
    assert_eq!(plans_listed(storage.reader(), account(), None, 25).await, [3, 2]);
    assert_eq!(plans_of(storage.reader(), account(), &[1, 2]).await, [[3], [2]]);
}
