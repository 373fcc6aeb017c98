//! Which keys are in which plans, from both sides: what is let in, what is refused, what goes with a key or a plan.

use super::samples::*;
use crate::{Entity, PlanChanged, Storage, StorageError, UsagePlanKey};
use futures_util::future;
use gatepost_domain::api_keys::{ApiKeyId, ApiKeyPosition};
use gatepost_domain::usage_plans::{Attachment, UsagePlan};
use gatepost_domain::{PageLimit, PageRequest, Version};

async fn attached(storage: &dyn Storage, links: &[UsagePlanKey], most: usize) -> Vec<Attachment> {
    storage.writer().attach_api_keys(account(), links, most).await.expect("answers")
}

async fn detach(storage: &dyn Storage, link: &UsagePlanKey) -> bool {
    storage.writer().detach_api_key(account(), link).await.expect("answers")
}

async fn delete_plan(storage: &dyn Storage, n: u32) {
    storage.writer().delete_usage_plan(account(), &nth_plan(n), Version::FIRST).await.expect("deletes");
}

/// Gives plan number `n` other stages, in the version after `version`.
async fn restage(storage: &dyn Storage, n: u32, with: &[&str], version: u64) -> PlanChanged {
    let plan = UsagePlan { version: Version(version + 1), ..plan(n, with) };
    storage.writer().update_usage_plan(account(), &plan, Version(version)).await.expect("answers")
}

async fn version_of(storage: &dyn Storage, n: u32) -> u64 {
    find(storage, n).await.expect("is there").key.version.0
}

fn shared(text: &str) -> Attachment {
    Attachment::StageShared(stage(text))
}

fn shared_by(text: &str, key: u32) -> PlanChanged {
    PlanChanged::StageShared { stage: stage(text), key: nth_id(key) }
}

/// A key is found in its plan in every way that there is.
pub async fn a_key_that_is_put_into_a_plan_is_in_it(storage: &dyn Storage) {
    let mut full = key(1);
    fill(&mut full.key);
    insert(storage, [full.clone(), key(2)]).await;
    insert_plans(storage, [plan(1, &["a:x"]), plan(2, &["b:x"])]).await;
    attach(storage, &[link(1, 1), link(2, 2)]).await;
    let reader = storage.reader();
    full.key.version = full.key.version.next();
    let found = reader.find_usage_plan_key(account(), &link(1, 1)).await.expect("finds");
    assert_eq!(found, Some(as_stored(&full)));
    assert_eq!(reader.find_usage_plan_key(account(), &link(1, 2)).await.expect("finds"), None);
    let request = PageRequest { after: None, limit: PageLimit::DEFAULT };
    let page = reader.list_usage_plan_keys(account(), &nth_plan(1), None, request).await.expect("lists");
    assert_eq!((page.items, page.next), (vec![as_stored(&full)], None));
    assert_eq!(plans_listed(reader, account(), Some(1), 25).await, [1]);
    assert_eq!(plans_of(reader, account(), &[1, 2]).await, [[1], [2]]);
}

/// A caller who asks for the plans of a key that is gone gets an empty list.
pub async fn a_key_that_is_not_there_is_in_no_plan(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    insert_plans(storage, [plan(1, &[])]).await;
    let reader = storage.reader();
    for n in [1, 2] {
        assert_eq!(plans_listed(reader, account(), Some(n), 25).await, [0_u32; 0]);
        assert_eq!(reader.find_usage_plan_key(account(), &link(1, n)).await.expect("finds"), None);
    }
    assert_eq!(plans_of(reader, account(), &[1, 2]).await, [[0_u32; 0], []]);
    assert_eq!(plans_of(reader, account(), &[]).await, Vec::<Vec<u32>>::new());
}

/// The service answers an empty list where a plan is unknown.
pub async fn a_plan_that_is_not_there_has_no_keys(storage: &dyn Storage) {
    insert(storage, [named(1, "n")]).await;
    insert_plans(storage, [plan(1, &[])]).await;
    for n in [1, 2] {
        for prefix in [None, Some("n")] {
            let request = PageRequest { after: None, limit: PageLimit::DEFAULT };
            let page = storage.reader().list_usage_plan_keys(account(), &nth_plan(n), prefix, request).await;
            let page = page.expect("lists");
            assert_eq!((page.items, page.next), (Vec::new(), None));
        }
        let found = storage.reader().find_usage_plan_key(account(), &link(n, 2)).await.expect("finds");
        assert_eq!(found, None);
    }
}

/// One link never spoils another; what is missing is named as the caller would look for it, the plan first.
pub async fn what_became_of_each_link_is_told_in_their_order(storage: &dyn Storage) {
    insert(storage, [key(1), key(2), key(3)]).await;
    insert_plans(storage, [plan(1, &["a:x"]), plan(2, &["b:x"])]).await;
    attach(storage, &[link(2, 3)]).await;
    let links = [
        link(1, 1),
        link(9, 1),
        link(1, 9),
        link(9, 9),
        link(2, 3),
        link(1, 1),
        link(2, 1),
        link(1, 2),
        link(1, 3),
    ];
    let expected = [
        Attachment::Done,
        Attachment::NoSuchPlan,
        Attachment::NoSuchKey,
        Attachment::NoSuchPlan,
        Attachment::AlreadyThere,
        Attachment::AlreadyThere,
        Attachment::Done,
        Attachment::Done,
        Attachment::Done,
    ];
    assert_eq!(attached(storage, &links, MOST_PLANS).await, expected);
    assert_eq!(plans_of(storage.reader(), account(), &[1, 2, 3]).await, [vec![1, 2], vec![1], vec![1, 2]]);
    assert_eq!(keys_in(storage.reader(), account(), 1, None, 25).await, [3, 2, 1]);
    assert_eq!(attached(storage, &[], MOST_PLANS).await, []);
}

/// A call could not tell which plan it counts for.
pub async fn a_key_is_not_put_into_two_plans_that_share_a_stage(storage: &dyn Storage) {
    insert(storage, [key(1), key(2), key(3)]).await;
    let with: [&[&str]; 5] = [&["a:x", "b:x"], &["c:x", "b:x"], &["a:y", "A:x"], &["d:x"], &["e:x", "d:x"]];
    insert_plans(storage, (1..).zip(with).map(|(n, with)| plan(n, with))).await;
    attach(storage, &[link(1, 1)]).await;
    assert_eq!(attached(storage, &[link(2, 1)], MOST_PLANS).await, [shared("b:x")]);
    assert_eq!(attached(storage, &[link(3, 1)], MOST_PLANS).await, [Attachment::Done]);
    // An earlier one of the call counts for a later one.
    let outcomes = attached(storage, &[link(4, 1), link(5, 1), link(5, 2), link(4, 2)], MOST_PLANS).await;
    assert_eq!(outcomes, [Attachment::Done, shared("d:x"), Attachment::Done, shared("d:x")]);
    assert_eq!(plans_of(storage.reader(), account(), &[1, 2, 3]).await, [vec![1, 3, 4], vec![5], vec![]]);
    assert_eq!(keys_in(storage.reader(), account(), 2, None, 25).await, [0_u32; 0]);
}

/// The bound is the operator's; that the key is there already, or may not be there at all, says more.
pub async fn a_key_is_put_into_so_many_plans(storage: &dyn Storage) {
    insert(storage, [key(1), key(2)]).await;
    let with: [&[&str]; 5] = [&["a:x"], &[], &[], &["a:x"], &[]];
    insert_plans(storage, (1..).zip(with).map(|(n, with)| plan(n, with))).await;
    let outcomes = attached(storage, &[link(1, 1), link(2, 1), link(3, 1)], 2).await;
    assert_eq!(outcomes, [Attachment::Done, Attachment::Done, Attachment::TooManyPlans]);
    let outcomes = attached(storage, &[link(3, 1), link(2, 1), link(4, 1), link(9, 1)], 2).await;
    let expected =
        [Attachment::TooManyPlans, Attachment::AlreadyThere, shared("a:x"), Attachment::NoSuchPlan];
    assert_eq!(outcomes, expected);
    assert_eq!(attached(storage, &[link(1, 2)], 0).await, [Attachment::TooManyPlans]);
    assert_eq!(attached(storage, &[link(3, 1)], 3).await, [Attachment::Done]);
    assert_eq!(plans_of(storage.reader(), account(), &[1, 2]).await, [vec![1, 2, 3], vec![]]);
}

/// A replica that has the key before it knows by the version that there is something to read.
pub async fn a_key_that_joins_or_leaves_a_plan_gets_its_next_version(storage: &dyn Storage) {
    let mut new = key(1);
    fill(&mut new.key);
    new.key.version = Version(7);
    insert(storage, [new.clone(), key(2)]).await;
    insert_plans(storage, (1..4).map(|n| plan(n, &[]))).await;
    attach(storage, &[link(1, 1)]).await;
    new.key.version = Version(8);
    // Nothing else of it changes, `updated` neither.
    assert_eq!(find(storage, 1).await, Some(as_stored(&new)));
    attach(storage, &[link(2, 1), link(1, 2), link(3, 1)]).await;
    assert_eq!((version_of(storage, 1).await, version_of(storage, 2).await), (10, 2));
    assert!(detach(storage, &link(2, 1)).await);
    new.key.version = Version(11);
    assert_eq!(find(storage, 1).await, Some(as_stored(&new)));
    let stale = storage.writer().update_api_key(account(), &new.key, Version(10)).await;
    assert!(matches!(stale, Err(StorageError::Stale(Entity::ApiKey))), "{stale:?}");
}

/// Nothing of what was refused may be seen, not even as a version.
pub async fn refused_links_leave_no_trace(storage: &dyn Storage) {
    insert(storage, [key(1), key(2)]).await;
    insert_plans(storage, [plan(1, &["a:x"]), plan(2, &["a:x"])]).await;
    attach(storage, &[link(1, 1)]).await;
    let refused = attached(storage, &[link(2, 1), link(1, 1), link(9, 2), link(2, 9)], MOST_PLANS).await;
    assert!(!refused.contains(&Attachment::Done), "{refused:?}");
    assert!(!detach(storage, &link(2, 1)).await);
    assert_eq!((version_of(storage, 1).await, version_of(storage, 2).await), (2, 1));
    assert_eq!(plans_of(storage.reader(), account(), &[1, 2, 9]).await, [vec![1], vec![], vec![]]);
    assert_eq!(keys_in(storage.reader(), account(), 2, None, 25).await, [0_u32; 0]);
    // Nor has it come to lie in wait for a plan or a key that is made later.
    insert_plans(storage, [plan(9, &[])]).await;
    insert(storage, [key(9)]).await;
    assert_eq!(plans_of(storage.reader(), account(), &[1, 2, 9]).await, [vec![1], vec![], vec![]]);
}

/// A key that was taken out must be refused from then on; the plan's others stay.
pub async fn a_key_that_is_taken_out_of_a_plan_is_in_it_no_more(storage: &dyn Storage) {
    insert(storage, [key(1), key(2)]).await;
    insert_plans(storage, [plan(1, &["a:x"]), plan(2, &["b:x"]), plan(3, &["a:x"])]).await;
    attach(storage, &[link(1, 1), link(2, 1), link(1, 2)]).await;
    assert!(detach(storage, &link(1, 1)).await);
    assert!(!detach(storage, &link(1, 1)).await);
    let reader = storage.reader();
    assert_eq!(reader.find_usage_plan_key(account(), &link(1, 1)).await.expect("finds"), None);
    assert_eq!(keys_in(reader, account(), 1, None, 25).await, [2]);
    assert_eq!(plans_of(reader, account(), &[1, 2]).await, [[2], [1]]);
    // What stood in the way is gone.
    attach(storage, &[link(3, 1)]).await;
    assert_eq!(attached(storage, &[link(1, 1)], MOST_PLANS).await, [shared("a:x")]);
}

/// Whoever deletes twice is told so.
pub async fn taking_out_what_is_not_there_answers_false(storage: &dyn Storage) {
    insert(storage, [key(1), key(2)]).await;
    insert_plans(storage, [plan(1, &[])]).await;
    attach(storage, &[link(1, 1)]).await;
    let mut unit = begin(storage).await;
    for missing in [link(1, 2), link(1, 9), link(9, 1), link(9, 9)] {
        assert!(!unit.detach_api_key(account(), &missing).await.expect("answers"), "{missing:?}");
    }
    assert!(unit.detach_api_key(account(), &link(1, 1)).await.expect("answers"));
    assert!(!unit.detach_api_key(account(), &link(1, 1)).await.expect("answers"));
    drop(unit);
    assert_eq!(keys_in(storage.reader(), account(), 1, None, 25).await, [1]);
}

/// The same rule from the other side, with a key that stands in the way.
pub async fn a_plan_gets_no_stage_that_another_plan_of_a_key_has(storage: &dyn Storage) {
    insert(storage, [key(1), key(2), key(3)]).await;
    insert_plans(storage, [plan(1, &["a:x", "b:x"]), plan(2, &["c:x"]), plan(3, &["d:x"])]).await;
    attach(storage, &[link(1, 1), link(1, 2), link(2, 2), link(3, 3)]).await;
    assert_eq!(restage(storage, 2, &["c:x", "z:x", "b:x"], 1).await, shared_by("b:x", 2));
    assert_eq!(restage(storage, 1, &["c:x"], 1).await, shared_by("c:x", 2));
    // Nothing was changed, and a unit can go on.
    let mut unit = begin(storage).await;
    let renamed = UsagePlan { version: Version(2), ..plan(2, &["c:x", "a:x"]) };
    let refused = unit.update_usage_plan(account(), &renamed, Version::FIRST).await.expect("answers");
    assert_eq!(refused, shared_by("a:x", 2));
    assert_eq!(unit.find_usage_plan(account(), &nth_plan(2)).await.expect("finds"), Some(plan(2, &["c:x"])));
    commit(unit).await;
    assert_eq!(find_plan(storage, 1).await, Some(plan(1, &["a:x", "b:x"])));
    assert_eq!(find_plan(storage, 2).await, Some(plan(2, &["c:x"])));
    // That the version is another says more.
    let both = UsagePlan { version: Version(6), ..plan(2, &["a:x"]) };
    let refused = storage.writer().update_usage_plan(account(), &both, Version(5)).await;
    assert!(matches!(refused, Err(StorageError::Stale(Entity::UsagePlan))), "{refused:?}");
}

/// Plans may share stages as long as no key is in both.
pub async fn a_plan_gets_a_stage_where_no_key_is_in_the_way(storage: &dyn Storage) {
    insert(storage, [key(1), key(2), key(3)]).await;
    insert_plans(storage, [plan(1, &["a:x"]), plan(2, &["b:x"]), plan(3, &["c:x"]), plan(4, &["d:x"])]).await;
    attach(storage, &[link(1, 1), link(2, 2), link(3, 2), link(3, 1), link(4, 3)]).await;
    assert_eq!(restage(storage, 2, &["b:x", "a:x", "d:x"], 1).await, PlanChanged::Done);
    assert_eq!(restage(storage, 4, &["d:x", "a:x", "b:x", "c:x"], 1).await, PlanChanged::Done);
    assert_eq!(
        attached(storage, &[link(2, 1), link(4, 1)], MOST_PLANS).await,
        [shared("a:x"), shared("a:x")]
    );
    assert!(detach(storage, &link(1, 1)).await);
    attach(storage, &[link(2, 1)]).await;
    assert_eq!(restage(storage, 1, &["a:x", "d:x"], 1).await, PlanChanged::Done);
    assert_eq!(find_plan(storage, 2).await.expect("is there").stages, stages(&["b:x", "a:x", "d:x"]));
}

/// A stage that is given up is free for others, and a change that brings none asks for nothing.
pub async fn a_stage_that_a_plan_gives_up_is_free(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    insert_plans(storage, [plan(1, &["a:x", "b:x"]), plan(2, &["c:x"]), plan(3, &["b:x"])]).await;
    attach(storage, &[link(1, 1), link(2, 1)]).await;
    assert_eq!(restage(storage, 1, &["b:x", "a:x"], 1).await, PlanChanged::Done);
    assert_eq!(restage(storage, 1, &["a:x"], 2).await, PlanChanged::Done);
    attach(storage, &[link(3, 1)]).await;
    assert_eq!(restage(storage, 1, &["a:x", "b:x"], 3).await, shared_by("b:x", 1));
    // Within one unit, in this order, what is given up can be taken.
    let mut unit = begin(storage).await;
    for (n, with, version) in [(3, &["d:x"], 1), (1, &["b:x"], 3), (2, &["a:x"], 1)] {
        let changed = UsagePlan { version: Version(version + 1), ..plan(n, with) };
        let outcome = unit.update_usage_plan(account(), &changed, Version(version)).await.expect("answers");
        assert_eq!(outcome, PlanChanged::Done, "{n}");
    }
    commit(unit).await;
    assert_eq!(restage(storage, 3, &["d:x", "a:x"], 2).await, shared_by("a:x", 1));
}

/// A key made anew under an old id must not find itself in the old one's plans.
pub async fn deleting_a_key_takes_it_out_of_its_plans(storage: &dyn Storage) {
    insert(storage, (1..5).map(key)).await;
    insert_plans(storage, [plan(1, &["a:x"]), plan(2, &["b:x"])]).await;
    attach(storage, &(1..5).flat_map(|n| [link(1, n), link(2, n)]).collect::<Vec<_>>()).await;
    let mut unit = begin(storage).await;
    assert!(unit.delete_api_key(account(), &nth_id(1)).await.expect("deletes"));
    assert!(unit.delete_api_key(account(), &nth_id(2)).await.expect("deletes"));
    unit.insert_api_key(account(), key(2), None).await.expect("inserts");
    assert_eq!(plans_of(&*unit, account(), &[1, 2]).await, [[0_u32; 0], []]);
    assert_eq!(keys_in(&*unit, account(), 1, None, 25).await, [4, 3]);
    commit(unit).await;
    assert!(storage.writer().delete_api_key(account(), &nth_id(3)).await.expect("deletes"));
    insert(storage, [key(1), key(3)]).await;
    let reader = storage.reader();
    for n in [1, 2] {
        assert_eq!(keys_in(reader, account(), n, None, 1).await, [4]);
    }
    for n in 1..4 {
        assert_eq!(plans_listed(reader, account(), Some(n), 25).await, [0_u32; 0]);
        assert_eq!(reader.find_usage_plan_key(account(), &link(1, n)).await.expect("finds"), None);
    }
    // Nor does it stand in the way of a stage.
    assert!(storage.writer().delete_api_key(account(), &nth_id(4)).await.expect("deletes"));
    assert_eq!(restage(storage, 2, &["a:x"], 1).await, PlanChanged::Done);
}

/// In no answer is anything to be seen of a plan that is gone, and in no rule.
pub async fn deleting_a_plan_takes_its_keys_out_of_it(storage: &dyn Storage) {
    insert(storage, [key(1), key(2)]).await;
    insert_plans(storage, [plan(1, &["a:x"]), plan(2, &["b:x"]), plan(3, &["a:x"]), plan(4, &["a:x"])]).await;
    attach(storage, &[link(1, 1), link(2, 1), link(1, 2)]).await;
    let before = [find(storage, 1).await, find(storage, 2).await];
    delete_plan(storage, 1).await;
    let reader = storage.reader();
    // The keys are as they were: nothing is told of them.
    assert_eq!([find(storage, 1).await, find(storage, 2).await], before);
    assert_eq!(reader.find_usage_plan_key(account(), &link(1, 1)).await.expect("finds"), None);
    for prefix in [None, Some("")] {
        assert_eq!(keys_in(reader, account(), 1, prefix, 25).await, [0_u32; 0]);
    }
    assert_eq!(plans_listed(reader, account(), Some(1), 25).await, [2]);
    assert_eq!(plans_of(reader, account(), &[1, 2]).await, [vec![2], vec![]]);
    assert!(!detach(storage, &link(1, 1)).await);
    assert_eq!(attached(storage, &[link(1, 2)], MOST_PLANS).await, [Attachment::NoSuchPlan]);
    // It takes no place of a key's, and its stages are free.
    assert_eq!(attached(storage, &[link(3, 1)], 2).await, [Attachment::Done]);
    assert!(detach(storage, &link(3, 1)).await);
    assert_eq!(restage(storage, 2, &["b:x", "a:x"], 1).await, PlanChanged::Done);
    assert_eq!(attached(storage, &[link(4, 1)], MOST_PLANS).await, [shared("a:x")]);
    assert!(storage.writer().delete_api_key(account(), &nth_id(1)).await.expect("deletes"));
}

/// A new plan under the id would find the old one's keys in it.
pub async fn the_id_of_a_deleted_plan_is_taken_until_its_keys_are_cleared(storage: &dyn Storage) {
    insert(storage, [key(1), key(2)]).await;
    insert_plans(storage, [plan(1, &["a:x"])]).await;
    attach(storage, &[link(1, 1), link(1, 2)]).await;
    let before = [find(storage, 1).await, find(storage, 2).await];
    delete_plan(storage, 1).await;
    let again = new_plan(&plan(1, &["b:x"]));
    let refused = storage.writer().insert_usage_plan(account(), &again, None).await;
    assert!(matches!(refused, Err(StorageError::AlreadyExists(Entity::UsagePlan))), "{refused:?}");
    assert_eq!(find_plan(storage, 1).await, None);
    insert_when_free(storage, &again.plan).await;
    assert_eq!(keys_in(storage.reader(), account(), 1, None, 25).await, [0_u32; 0]);
    assert_eq!(plans_of(storage.reader(), account(), &[1, 2]).await, [[0_u32; 0], []]);
    assert_eq!([find(storage, 1).await, find(storage, 2).await], before);
    attach(storage, &[link(1, 2)]).await;
    assert_eq!(keys_in(storage.reader(), account(), 1, None, 25).await, [2]);
}

/// The same for a plan that is too large to be cleared in one go: nobody waits for it.
pub async fn a_deleted_plan_with_many_keys_is_gone_at_once(storage: &dyn Storage) {
    insert_plans(storage, [plan(1, &["a:x"]), plan(2, &["b:x"]), plan(3, &["a:x"])]).await;
    import(storage, (0..12_000).map(row)).await;
    attach(storage, &(0..12_000).map(|n| link(1, n)).collect::<Vec<_>>()).await;
    attach(storage, &(0..12_000).step_by(1_000).map(|n| link(2, n)).collect::<Vec<_>>()).await;
    assert_eq!(
        keys_in(storage.reader(), account(), 1, None, 500).await,
        (0..12_000).rev().collect::<Vec<_>>()
    );
    delete_plan(storage, 1).await;
    let reader = storage.reader();
    assert_eq!(keys_in(reader, account(), 1, None, 500).await, [0_u32; 0]);
    assert_eq!(plans_of(reader, account(), &[0, 1, 11_999]).await, [vec![2], vec![], vec![]]);
    attach(storage, &[link(3, 0), link(3, 1)]).await;
    insert_when_free(storage, &plan(1, &["c:x"])).await;
    assert_eq!(keys_in(reader, account(), 1, None, 500).await, [0_u32; 0]);
    let multiples: Vec<u32> = (0..12).rev().map(|n| n * 1_000).collect();
    assert_eq!(keys_in(reader, account(), 2, None, 5).await, multiples);
    assert_eq!(keys_in(reader, account(), 3, None, 5).await, [1, 0]);
    attach(storage, &(0..12_000).map(|n| link(1, n)).collect::<Vec<_>>()).await;
    assert_eq!(keys_in(reader, account(), 1, None, 500).await.len(), 12_000);
}

/// The order of GetApiKeys, whatever the order of joining.
pub async fn the_keys_of_a_plan_are_listed_newest_first(storage: &dyn Storage) {
    insert(storage, (0..20).map(key)).await;
    insert_plans(storage, [plan(1, &[]), plan(2, &[])]).await;
    attach(storage, &[4, 1, 13, 2, 0].map(|n| link(1, n))).await;
    attach(storage, &[13, 3, 19].map(|n| link(2, n))).await;
    for limit in [1, 2, 5, 25] {
        assert_eq!(keys_in(storage.reader(), account(), 1, None, limit).await, [13, 4, 2, 1, 0]);
    }
    assert_eq!(keys_in(storage.reader(), account(), 2, None, 2).await, [19, 13, 3]);
}

/// Without an order among them a page could repeat or lose one. Ids are compared by their bytes.
pub async fn a_plans_keys_of_one_moment_are_listed_by_id_from_high_to_low(storage: &dyn Storage) {
    let mut ids = ["a", "a-", "a1", "aa", "B", "_", "Z9", "z"];
    let of_one_moment = |(n, text): (u32, &str)| {
        let mut new = key(n);
        new.key.id = id(text);
        new.key.created = at(0);
        new
    };
    insert(storage, (0..).zip(ids).map(of_one_moment)).await;
    insert_plans(storage, [plan(1, &[])]).await;
    attach(storage, &ids.map(|text| UsagePlanKey { plan: nth_plan(1), key: id(text) })).await;
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let request = PageRequest { after, limit: PageLimit::or_default(3) };
        let page = storage.reader().list_usage_plan_keys(account(), &nth_plan(1), None, request).await;
        let page = page.expect("lists");
        found.extend(page.items.into_iter().map(|stored| stored.key.id.as_str().to_owned()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    ids.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(found, ids);
}

/// As for all keys: the last page has no next, and a position need not be that of a key in the plan.
pub async fn a_page_of_a_plans_keys_says_where_it_ended(storage: &dyn Storage) {
    insert(storage, (0..700).map(|n| named(n, "n"))).await;
    insert_plans(storage, [plan(1, &[])]).await;
    attach(storage, &(0..700).filter(|n| n % 7 != 0).map(|n| link(1, n)).collect::<Vec<_>>()).await;
    for prefix in [None, Some("n")] {
        let page = async |after, limit| {
            let request = PageRequest { after, limit: PageLimit::or_default(limit) };
            let page = storage.reader().list_usage_plan_keys(account(), &nth_plan(1), prefix, request).await;
            let page = page.expect("lists");
            (page.items.iter().map(|stored| number(&stored.key.id)).collect::<Vec<u32>>(), page.next)
        };
        let (first, next) = page(None, 500).await;
        assert_eq!((first.len(), next), (500, Some(key(first[499]).key.position())));
        let (second, next) = page(Some(key(first[499]).key.position()), 100).await;
        assert_eq!((second.len(), next), (100, None));
        let all: Vec<u32> = (0..700).rev().filter(|n| n % 7 != 0).collect();
        assert_eq!([first, second].concat(), all);
        // Key number 7 is not in the plan; the id "a" is below "key...".
        assert_eq!(page(Some(key(7).key.position()), 25).await.0, [6, 5, 4, 3, 2, 1]);
        let between = ApiKeyPosition { created: at(3), id: id("a") };
        assert_eq!(page(Some(between), 25).await.0, [2, 1]);
    }
}

/// A name query is a prefix here as in the listing of all keys.
pub async fn a_prefix_finds_a_plans_keys_by_name(storage: &dyn Storage) {
    let names = ["team", "Team", "team-a", "my team", "te%am", "", "teamß", "team-b"];
    insert(storage, (0..).zip(names).map(|(n, name)| named(n, name))).await;
    insert(storage, [named(100, "team-of-no-plan")]).await;
    insert_plans(storage, [plan(1, &[]), plan(2, &[])]).await;
    attach(storage, &(0..8).map(|n| link(1, n)).collect::<Vec<_>>()).await;
    attach(storage, &[link(2, 2)]).await;
    for (prefix, expected) in [
        ("team", vec![7, 6, 2, 0]),
        ("Team", vec![1]),
        ("team-", vec![7, 2]),
        ("te%", vec![4]),
        ("t_am", vec![]),
        ("", vec![7, 6, 4, 3, 2, 1, 0]),
        ("team-of", vec![]),
        ("team\0", vec![]),
    ] {
        for limit in [1, 25] {
            let found = keys_in(storage.reader(), account(), 1, Some(prefix), limit).await;
            assert_eq!(found, expected, "{prefix:?}");
        }
    }
    assert_eq!(keys_in(storage.reader(), account(), 2, Some("team"), 25).await, [2]);
}

/// A page may end early, at a position; whoever goes on from there must find all matches and come to an end.
pub async fn a_prefix_among_more_than_ten_thousand_keys_of_a_plan_misses_none(storage: &dyn Storage) {
    insert_plans(storage, [plan(1, &[]), plan(2, &[])]).await;
    let rows = (0..10_500).map(|n| {
        let mut one = row(n);
        one.fields.name = name(if n % 2_000 == 3 { "rare" } else { "common" });
        one
    });
    import(storage, rows).await;
    attach(storage, &(0..10_500).map(|n| link(1, n)).collect::<Vec<_>>()).await;
    attach(storage, &(0..10_500).step_by(5_000).map(|n| link(2, n)).collect::<Vec<_>>()).await;
    let reader = storage.reader();
    let rare: Vec<u32> = (0..6).rev().map(|n| n * 2_000 + 3).collect();
    for limit in [2, 500] {
        assert_eq!(keys_in(reader, account(), 1, Some("rare"), limit).await, rare);
    }
    assert_eq!(keys_in(reader, account(), 1, Some("missing"), 25).await, [0_u32; 0]);
    assert_eq!(keys_in(reader, account(), 1, Some("common"), 500).await.len(), 10_494);
    assert_eq!(keys_in(reader, account(), 2, Some("common"), 25).await, [10_000, 5_000, 0]);
    let (mut pages, mut after) = (0, None);
    loop {
        let request = PageRequest { after, limit: PageLimit::DEFAULT };
        let page = reader.list_usage_plan_keys(account(), &nth_plan(1), Some("missing"), request).await;
        pages += 1;
        after = page.expect("lists").next;
        if after.is_none() {
            break;
        }
    }
    // Each but the last has looked at ten thousand keys, or at all.
    assert!(pages <= 2, "{pages} pages without a key");
}

/// GetUsagePlans by key is the listing of plans, of fewer.
pub async fn the_plans_of_a_key_are_listed_newest_first(storage: &dyn Storage) {
    insert(storage, [key(1), key(2)]).await;
    insert_plans(storage, (0..8).map(|n| plan(n, &[]))).await;
    attach(storage, &[5, 0, 7, 2].map(|n| link(n, 1))).await;
    attach(storage, &[6, 2].map(|n| link(n, 2))).await;
    let reader = storage.reader();
    for limit in [1, 2, 4, 25] {
        assert_eq!(plans_listed(reader, account(), Some(1), limit).await, [7, 5, 2, 0]);
    }
    assert_eq!(plans_listed(reader, account(), Some(2), 25).await, [6, 2]);
    let request = PageRequest { after: Some(plan(6, &[]).position()), limit: PageLimit::or_default(2) };
    let page = reader.list_usage_plans(account(), Some(&nth_id(1)), request).await.expect("lists");
    assert_eq!(page.items, [plan(5, &[]), plan(2, &[])]);
    assert_eq!(page.next, Some(plan(2, &[]).position()));
}

/// A listing of ten thousand keys asks once, and puts the answers beside them.
pub async fn the_plans_of_many_keys_are_told_in_their_order(storage: &dyn Storage) {
    import(storage, (0..10_000).map(row)).await;
    let ids = ["b", "B", "a", "a-", "_", "Z9"];
    insert_plans(storage, ids.map(|text| UsagePlan { id: plan_id(text), ..plan(1, &[]) })).await;
    let with = |text: &str, n: u32| UsagePlanKey { plan: plan_id(text), key: nth_id(n) };
    attach(storage, &ids.map(|text| with(text, 4_000))).await;
    attach(storage, &[with("b", 1), with("a", 9_999), with("_", 9_999)]).await;
    let keys: Vec<ApiKeyId> = (0..10_000).rev().map(nth_id).collect();
    let found = storage.reader().find_plans_of_keys(account(), &keys).await.expect("answers");
    assert_eq!(found.len(), 10_000);
    let mut expected = ids.map(plan_id);
    expected.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    assert_eq!(found[0], ["_", "a"].map(plan_id));
    assert_eq!(found[5_999], expected);
    assert_eq!(found[9_998], [plan_id("b")]);
    assert_eq!(found.iter().filter(|plans| plans.is_empty()).count(), 9_997);
    // A key may be asked for twice, and one that is not there is in none.
    let asked = [1, 10_001, 1].map(nth_id);
    let found = storage.reader().find_plans_of_keys(account(), &asked).await.expect("answers");
    assert_eq!(found, [vec![plan_id("b")], vec![], vec![plan_id("b")]]);
}

/// What a key is called has nothing to do with where it is.
pub async fn a_changed_key_stays_in_its_plans(storage: &dyn Storage) {
    insert(storage, (1..4).map(|n| named(n, "old"))).await;
    insert_plans(storage, [plan(1, &[]), plan(2, &[])]).await;
    attach(storage, &[link(1, 1), link(1, 2), link(1, 3), link(2, 2)]).await;
    let mut changed = named(2, "new").key;
    changed.version = Version(4);
    storage.writer().update_api_key(account(), &changed, Version(3)).await.expect("updates");
    let reader = storage.reader();
    assert_eq!(keys_in(reader, account(), 1, None, 1).await, [3, 2, 1]);
    assert_eq!(keys_in(reader, account(), 1, Some("new"), 25).await, [2]);
    assert_eq!(keys_in(reader, account(), 1, Some("old"), 25).await, [3, 1]);
    assert_eq!(plans_of(reader, account(), &[2]).await, [[1, 2]]);
    let found = reader.find_usage_plan_key(account(), &link(2, 2)).await.expect("finds");
    assert_eq!(found.expect("is there").key, changed);
}

/// The same promise as for keys and plans.
pub async fn a_unit_sees_its_own_links_and_nobody_else_does(storage: &dyn Storage) {
    insert(storage, [key(1), key(2), key(3)]).await;
    insert_plans(storage, [plan(1, &["a:x"]), plan(2, &["b:x"])]).await;
    attach(storage, &[link(1, 1), link(2, 1)]).await;
    let mut unit = begin(storage).await;
    unit.insert_usage_plan(account(), &new_plan(&plan(3, &["a:x"])), None).await.expect("inserts");
    unit.insert_api_key(account(), key(4), None).await.expect("inserts");
    let links = [link(1, 2), link(3, 4), link(3, 2), link(3, 1)];
    let outcomes = unit.attach_api_keys(account(), &links, MOST_PLANS).await.expect("answers");
    assert_eq!(outcomes, [Attachment::Done, Attachment::Done, shared("a:x"), shared("a:x")]);
    assert!(unit.detach_api_key(account(), &link(1, 1)).await.expect("answers"));
    unit.delete_usage_plan(account(), &nth_plan(2), Version::FIRST).await.expect("deletes");
    let outcomes = unit.attach_api_keys(account(), &[link(3, 1), link(2, 3)], MOST_PLANS).await;
    assert_eq!(outcomes.expect("answers"), [Attachment::Done, Attachment::NoSuchPlan]);
    let own = async |reader: &dyn crate::Reader| {
        assert_eq!(plans_of(reader, account(), &[1, 2, 3, 4]).await, [vec![3], vec![1], vec![], vec![3]]);
        assert_eq!(plans_listed(reader, account(), Some(1), 25).await, [3]);
        assert_eq!(keys_in(reader, account(), 3, None, 1).await, [4, 1]);
        assert_eq!(keys_in(reader, account(), 2, None, 1).await, [0_u32; 0]);
        let found = reader.find_usage_plan_key(account(), &link(1, 2)).await.expect("finds");
        assert_eq!(found.expect("is there").key.version, Version(2));
    };
    own(&*unit).await;
    assert_eq!(
        plans_of(storage.reader(), account(), &[1, 2, 3, 4]).await,
        [vec![1, 2], vec![], vec![], vec![]]
    );
    assert_eq!(keys_in(storage.reader(), account(), 1, None, 25).await, [1]);
    assert_eq!(version_of(storage, 1).await, 3);
    commit(unit).await;
    own(storage.reader()).await;
}

/// A unit that fails half way must be as if it had never begun.
pub async fn a_dropped_unit_leaves_no_trace_in_links(storage: &dyn Storage) {
    insert(storage, [key(1), key(2)]).await;
    insert_plans(storage, [plan(1, &["a:x"]), plan(2, &["b:x"]), plan(3, &["a:x"])]).await;
    attach(storage, &[link(1, 1), link(2, 1), link(2, 2)]).await;
    let before = [find(storage, 1).await, find(storage, 2).await];
    let mut unit = begin(storage).await;
    assert!(unit.detach_api_key(account(), &link(1, 1)).await.expect("answers"));
    let outcomes = unit.attach_api_keys(account(), &[link(3, 1), link(1, 2)], MOST_PLANS).await;
    assert_eq!(outcomes.expect("answers"), [Attachment::Done, Attachment::Done]);
    unit.delete_usage_plan(account(), &nth_plan(2), Version::FIRST).await.expect("deletes");
    assert!(unit.delete_api_key(account(), &nth_id(2)).await.expect("deletes"));
    drop(unit);
    let reader = storage.reader();
    assert_eq!([find(storage, 1).await, find(storage, 2).await], before);
    assert_eq!(plans_of(reader, account(), &[1, 2]).await, [vec![1, 2], vec![2]]);
    assert_eq!(keys_in(reader, account(), 1, None, 25).await, [1]);
    assert_eq!(keys_in(reader, account(), 2, None, 25).await, [2, 1]);
    assert_eq!(keys_in(reader, account(), 3, None, 25).await, [0_u32; 0]);
    assert_eq!(attached(storage, &[link(3, 1)], MOST_PLANS).await, [shared("a:x")]);
}

/// One customer's key can be in no plan of another's, though ids are the same.
pub async fn links_of_accounts_are_apart(storage: &dyn Storage) {
    insert(storage, [key(1), key(2)]).await;
    insert_plans(storage, [plan(1, &["a:x"]), plan(2, &["b:x"])]).await;
    let mut writer = storage.writer();
    writer.insert_api_key(other_account(), key(1), None).await.expect("inserts");
    writer.insert_usage_plan(other_account(), &new_plan(&plan(1, &["b:x"])), None).await.expect("inserts");
    let links = [link(1, 2), link(2, 1), link(1, 1)];
    let outcomes = writer.attach_api_keys(other_account(), &links, 1).await.expect("answers");
    assert_eq!(outcomes, [Attachment::NoSuchKey, Attachment::NoSuchPlan, Attachment::Done]);
    drop(writer);
    let reader = storage.reader();
    assert_eq!(plans_of(reader, account(), &[1, 2]).await, [[0_u32; 0], []]);
    assert_eq!(keys_in(reader, account(), 1, None, 25).await, [0_u32; 0]);
    attach(storage, &[link(2, 1), link(1, 1)]).await;
    assert_eq!(plans_of(reader, other_account(), &[1]).await, [[1]]);
    assert_eq!(keys_in(reader, other_account(), 1, None, 25).await, [1]);
    assert_eq!(plans_listed(reader, other_account(), Some(1), 25).await, [1]);
    // Neither a key nor a plan of the other account goes with its namesake.
    assert!(storage.writer().delete_api_key(other_account(), &nth_id(1)).await.expect("deletes"));
    assert!(!storage.writer().detach_api_key(other_account(), &link(1, 1)).await.expect("answers"));
    storage.writer().delete_usage_plan(other_account(), &nth_plan(1), Version::FIRST).await.expect("deletes");
    storage.prune(crate::Keep::default()).await.expect("prunes");
    assert_eq!(plans_of(reader, account(), &[1]).await, [[1, 2]]);
    assert_eq!(keys_in(reader, account(), 1, None, 25).await, [1]);
}

/// A file of an exported account is attached in large pieces.
pub async fn ten_thousand_links_are_made_in_one_call(storage: &dyn Storage) {
    import(storage, (0..5_000).map(row)).await;
    insert_plans(storage, [plan(1, &["a:x"]), plan(2, &["b:x"]), plan(3, &["a:x"])]).await;
    let links: Vec<_> = (0..5_000).flat_map(|n| [link(1 + n % 3, n), link(1 + (n + 1) % 3, n)]).collect();
    let outcomes = attached(storage, &links, MOST_PLANS).await;
    let expected = (0..10_000).map(|at| match (at / 2 % 3, at % 2) {
        // The keys of plan 3 are offered to plan 1 as well, which shares its stage.
        (2, 1) => shared("a:x"),
        _ => Attachment::Done,
    });
    assert_eq!(outcomes, expected.collect::<Vec<_>>());
    let reader = storage.reader();
    let of = |rest: [u32; 2]| (0..5_000).rev().filter(|n| rest.contains(&(n % 3))).collect::<Vec<_>>();
    assert_eq!(keys_in(reader, account(), 1, None, 500).await, of([0, 0]));
    assert_eq!(keys_in(reader, account(), 2, None, 500).await, of([0, 1]));
    assert_eq!(keys_in(reader, account(), 3, None, 500).await, of([1, 2]));
}

/// Two replicas put one key into two plans: each alone may, both may not.
pub async fn of_two_attachments_at_once_that_share_a_stage_one_is_done(storage: &dyn Storage) {
    insert(storage, (0..20).map(key)).await;
    insert_plans(storage, (0..4).map(|n| plan(n, &["a:x"]))).await;
    for n in 0..20 {
        let links = (0..4).map(|at| async move { attached(storage, &[link(at, n)], MOST_PLANS).await });
        let outcomes = future::join_all(links).await.concat();
        let done = outcomes.iter().filter(|outcome| **outcome == Attachment::Done).count();
        assert_eq!((done, outcomes.len()), (1, 4), "{outcomes:?}");
        assert!(outcomes.iter().all(|one| *one == Attachment::Done || *one == shared("a:x")), "{outcomes:?}");
        assert_eq!(plans_of(storage.reader(), account(), &[n]).await[0].len(), 1);
        assert_eq!(version_of(storage, n).await, 2);
    }
}

/// The same for the number of a key's plans.
pub async fn many_attachments_at_once_keep_the_limit_of_a_key(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    insert_plans(storage, (0..8).map(|n| plan(n, &[]))).await;
    let links = (0..8).map(|at| async move { attached(storage, &[link(at, 1)], 3).await });
    let outcomes = future::join_all(links).await.concat();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Attachment::Done).count(), 3, "{outcomes:?}");
    assert_eq!(plans_of(storage.reader(), account(), &[1]).await[0].len(), 3);
    assert_eq!(version_of(storage, 1).await, 4);
}

/// Each looks before the other has written: nobody may be let through by what is no longer so.
pub async fn an_attachment_and_a_new_stage_at_once_are_not_both_done(storage: &dyn Storage) {
    for n in 0..15 {
        let (one, other) = (n * 2, n * 2 + 1);
        insert(storage, [key(n)]).await;
        insert_plans(storage, [plan(one, &["a:x"]), plan(other, &[])]).await;
        attach(storage, &[link(one, n)]).await;
        let (links, to_other) = ([link(other, n)], &["a:x"]);
        let both = future::join(attached(storage, &links, MOST_PLANS), restage(storage, other, to_other, 1));
        let both = both.await;
        match &both {
            (outcomes, PlanChanged::Done) => assert_eq!(*outcomes, [shared("a:x")]),
            (outcomes, refused) => {
                assert_eq!((&outcomes[..], refused), (&[Attachment::Done][..], &shared_by("a:x", n)));
            }
        }
    }
}

/// Two plans of one key get one stage, each from another replica.
pub async fn of_two_new_stages_at_once_that_a_key_would_share_one_is_done(storage: &dyn Storage) {
    for n in 0..15 {
        let (one, other) = (n * 2, n * 2 + 1);
        insert(storage, [key(n)]).await;
        insert_plans(storage, [plan(one, &[]), plan(other, &[])]).await;
        attach(storage, &[link(one, n), link(other, n)]).await;
        let both = future::join(restage(storage, one, &["a:x"], 1), restage(storage, other, &["a:x"], 1));
        let (first, second) = both.await;
        assert_ne!(first, second);
        for outcome in [first, second] {
            assert!([PlanChanged::Done, shared_by("a:x", n)].contains(&outcome), "{outcome:?}");
        }
    }
}

/// Whoever came first: a key that is gone is in no plan, nor is its successor.
pub async fn a_key_deleted_while_it_is_attached_is_in_no_plan(storage: &dyn Storage) {
    insert_plans(storage, [plan(1, &[]), plan(2, &[])]).await;
    for n in 0..15 {
        insert(storage, [key(n)]).await;
        if n % 2 == 0 {
            attach(storage, &[link(2, n)]).await;
        }
        let links = [link(1, n)];
        let deleting = async { storage.writer().delete_api_key(account(), &nth_id(n)).await };
        let (outcomes, deleted) = future::join(attached(storage, &links, MOST_PLANS), deleting).await;
        assert!(deleted.expect("answers"));
        assert!([Attachment::Done, Attachment::NoSuchKey].contains(&outcomes[0]), "{outcomes:?}");
        assert_eq!(keys_in(storage.reader(), account(), 1, None, 25).await, [0_u32; 0]);
        insert(storage, [key(n)]).await;
        assert_eq!(plans_of(storage.reader(), account(), &[n]).await, [[0_u32; 0]]);
    }
}

/// The same for a plan.
pub async fn a_plan_deleted_while_a_key_is_attached_has_no_keys(storage: &dyn Storage) {
    for n in 0..15 {
        insert(storage, [key(n)]).await;
        insert_plans(storage, [plan(n, &["a:x"])]).await;
        let links = [link(n, n)];
        let (outcomes, ()) =
            future::join(attached(storage, &links, MOST_PLANS), delete_plan(storage, n)).await;
        assert!([Attachment::Done, Attachment::NoSuchPlan].contains(&outcomes[0]), "{outcomes:?}");
        assert_eq!(plans_of(storage.reader(), account(), &[n]).await, [[0_u32; 0]]);
        insert_when_free(storage, &plan(n, &["a:x"])).await;
        assert_eq!(keys_in(storage.reader(), account(), n, None, 25).await, [0_u32; 0]);
    }
}

/// A batch locks many keys and plans; in whatever order they are named, nobody waits for ever.
pub async fn batches_at_once_in_any_order_all_come_to_an_end(storage: &dyn Storage) {
    insert(storage, (0..40).map(key)).await;
    insert_plans(storage, (0..4).map(|n| plan(n, &[]))).await;
    let writes = (0..4).map(|at| async move {
        let mut links: Vec<_> = (0..40).map(|n| link(at, n)).collect();
        if at % 2 == 1 {
            links.reverse();
        }
        attached(storage, &links, MOST_PLANS).await
    });
    for outcomes in future::join_all(writes).await {
        assert_eq!(outcomes, vec![Attachment::Done; 40]);
    }
    assert_eq!(plans_of(storage.reader(), account(), &[0, 39]).await, [[0, 1, 2, 3]; 2]);
    assert_eq!(version_of(storage, 20).await, 5);
}
