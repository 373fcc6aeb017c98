//! Rows of imported files.

use super::samples::*;
use crate::{ApiKeyWriter, Entity, ImportedApiKey, RowOutcome, Storage, StorageError};
use gatepost_domain::Version;
use gatepost_domain::api_keys::{ApiKeyId, ImportedFields};
use gatepost_domain::usage_plans::Attachment;

/// The row's own id, value and time become the key's.
pub async fn a_new_value_makes_a_key(storage: &dyn Storage) {
    let mut full = row(1);
    full.fields = ImportedFields {
        name: name("Ключ 'drop\\\t%_"),
        description: description("long, \"quoted\"\n"),
        enabled: Some(false),
    };
    let mut unit = begin(storage).await;
    assert_eq!(
        stored(unit.import_api_keys(account(), vec![full.clone()], None, MOST_PLANS).await),
        [nth_id(1)]
    );
    commit(unit).await;
    let mut expected = as_stored(&key(1));
    expected.key.name = full.fields.name;
    expected.key.description = full.fields.description;
    expected.key.enabled = false;
    assert_eq!(find(storage, 1).await, Some(expected));
    assert_eq!(with_digests(storage.reader(), account(), &[1]).await, [Some(nth_id(1))]);
}

/// An imported key is enabled and has no texts unless its row says otherwise.
pub async fn what_a_row_does_not_say_has_a_default_in_a_new_key(storage: &dyn Storage) {
    import(storage, [row(1)]).await;
    assert_eq!(find(storage, 1).await, Some(as_stored(&key(1))));
}

/// Importing a file again brings keys up to date instead of doubling them.
pub async fn a_known_value_changes_the_key_that_has_it(storage: &dyn Storage) {
    let mut before = key(1);
    fill(&mut before.key);
    before.key.version = Version(5);
    insert(storage, [before.clone()]).await;
    let mut again = row(9);
    again.digest = digest(1);
    again.fields = ImportedFields { name: name("new"), description: description("new"), enabled: Some(true) };
    let mut unit = begin(storage).await;
    assert_eq!(stored(unit.import_api_keys(account(), vec![again], None, MOST_PLANS).await), [nth_id(1)]);
    commit(unit).await;
    let mut expected = as_stored(&before);
    expected.key.name = name("new");
    expected.key.description = description("new");
    expected.key.enabled = true;
    expected.key.updated = at(9);
    expected.key.version = Version(6);
    assert_eq!(find(storage, 1).await, Some(expected));
    assert_eq!(find(storage, 9).await, None);
    assert_eq!(listed(storage.reader(), account(), &all(), 25).await, [1]);
}

/// A file without the column `Enabled` must not bring a revoked key back.
pub async fn what_a_row_does_not_say_stays_in_a_known_key(storage: &dyn Storage) {
    let mut before = key(1);
    fill(&mut before.key);
    before.key.enabled = false;
    insert(storage, [before.clone()]).await;
    let mut again = row(9);
    again.digest = digest(1);
    import(storage, [again]).await;
    let mut expected = as_stored(&before);
    expected.key.updated = at(9);
    expected.key.version = Version(2);
    assert_eq!(find(storage, 1).await, Some(expected));
}

/// A value is sealed under its key's id, and the row's was sealed under another.
pub async fn a_known_value_is_not_sealed_again(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    let mut again = row(9);
    again.digest = digest(1);
    import(storage, [again]).await;
    assert_eq!(find(storage, 1).await.expect("is there").sealed, sealed(1));
}

/// The answer lists ids as the file lists values, whatever order the backend works in.
pub async fn outcomes_come_in_the_order_of_the_rows(storage: &dyn Storage) {
    insert(storage, (0..100).map(key)).await;
    // Every third value is known; the new ones' ids are out of order.
    let scrambled = |n: u32| 1_000 + n * 37 % 300;
    let rows = |n: u32| {
        let mut one = row(scrambled(n));
        if n.is_multiple_of(3) {
            one.digest = digest(n / 3);
        }
        one.row = u64::from(n) + 1;
        one
    };
    let expected = |n: u32| nth_id(if n.is_multiple_of(3) { n / 3 } else { scrambled(n) });
    let mut unit = begin(storage).await;
    let outcomes = unit.import_api_keys(account(), (0..300).map(rows).collect(), None, MOST_PLANS).await;
    assert_eq!(stored(outcomes), (0..300).map(expected).collect::<Vec<_>>());
    commit(unit).await;
    assert_eq!(storage.reader().count_api_keys(account()).await.expect("counts"), 300);
}

/// The later row wins where both speak; where it is silent the earlier one's word stands.
pub async fn a_later_row_of_one_value_applies_on_top_of_an_earlier_one(storage: &dyn Storage) {
    insert(storage, [key(5)]).await;
    let mut rows: Vec<_> = (1..=6).map(row).collect();
    for (n, fields) in [
        (0, ImportedFields { name: name("first"), description: description("kept"), enabled: Some(false) }),
        (2, ImportedFields { name: name("second"), ..ImportedFields::default() }),
        (3, ImportedFields { enabled: Some(true), ..ImportedFields::default() }),
    ] {
        rows[n].digest = digest(1);
        rows[n].fields = fields;
    }
    // Twice a value that was known before.
    rows[5].digest = digest(5);
    rows[4].fields.name = name("known");
    let mut unit = begin(storage).await;
    let ids = stored(unit.import_api_keys(account(), rows, None, MOST_PLANS).await);
    assert_eq!(ids, [1, 2, 1, 1, 5, 5].map(nth_id));
    commit(unit).await;
    let found = find(storage, 1).await.expect("is there");
    assert_eq!((found.key.created, found.key.updated), (at(1), at(4)));
    assert_eq!((found.key.name, found.key.description), (name("second"), description("kept")));
    assert!(found.key.enabled);
    assert_eq!(found.sealed, sealed(1));
    let known = find(storage, 5).await.expect("is there");
    assert_eq!((known.key.name, known.key.updated), (name("known"), at(6)));
    assert_eq!(listed(storage.reader(), account(), &all(), 25).await, [5, 2, 1]);
}

/// A file comes in parts, and what holds within a part holds between them.
pub async fn a_later_call_of_one_unit_sees_the_rows_of_an_earlier_one(storage: &dyn Storage) {
    let mut unit = begin(storage).await;
    assert_eq!(
        stored(unit.import_api_keys(account(), vec![row(1), row(2)], None, MOST_PLANS).await),
        [1, 2].map(nth_id)
    );
    let mut again = row(8);
    again.digest = digest(2);
    again.fields.name = name("again");
    let mut taken = row(9);
    taken.id = nth_id(1);
    let outcomes =
        unit.import_api_keys(account(), vec![again, taken], None, MOST_PLANS).await.expect("imports");
    assert!(matches!(&outcomes[0], RowOutcome::Stored { id, .. } if *id == nth_id(2)), "{outcomes:?}");
    assert!(matches!(&outcomes[1], RowOutcome::IdTaken(row) if row.row == 10), "{outcomes:?}");
    commit(unit).await;
    assert_eq!(find(storage, 2).await.expect("is there").key.name, name("again"));
    assert_eq!(storage.reader().count_api_keys(account()).await.expect("counts"), 2);
}

/// The value must be sealed anew under another id, which needs all of the row; the others are not held up.
pub async fn a_taken_id_gives_the_row_back(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    let mut taken = row(9);
    taken.id = nth_id(1);
    taken.fields.name = name("kept");
    let mut unit = begin(storage).await;
    let rows = vec![row(2), taken, row(3)];
    let outcomes = unit.import_api_keys(account(), rows, None, MOST_PLANS).await.expect("imports");
    let [
        RowOutcome::Stored { id: before, .. },
        RowOutcome::IdTaken(given_back),
        RowOutcome::Stored { id: after, .. },
    ] = &outcomes[..]
    else {
        panic!("{outcomes:?}");
    };
    assert_eq!([before, after], [&nth_id(2), &nth_id(3)]);
    let mut again = (**given_back).clone();
    assert_eq!((again.row, again.digest, again.sealed.clone(), again.at), (10, digest(9), sealed(9), at(9)));
    assert_eq!(again.fields.name, name("kept"));
    again.id = nth_id(9);
    assert_eq!(stored(unit.import_api_keys(account(), vec![again], None, MOST_PLANS).await), [nth_id(9)]);
    commit(unit).await;
    assert_eq!(find(storage, 1).await, Some(as_stored(&key(1))));
    assert_eq!(listed(storage.reader(), account(), &all(), 25).await, [9, 3, 2, 1]);
}

/// Ids are drawn at random, and two of one file may be the same.
pub async fn of_two_rows_with_one_id_the_second_is_given_back(storage: &dyn Storage) {
    let mut second = row(2);
    second.id = nth_id(1);
    let mut unit = begin(storage).await;
    let outcomes =
        unit.import_api_keys(account(), vec![row(1), second], None, MOST_PLANS).await.expect("imports");
    assert!(matches!(&outcomes[0], RowOutcome::Stored { id, .. } if *id == nth_id(1)), "{outcomes:?}");
    assert!(matches!(&outcomes[1], RowOutcome::IdTaken(row) if row.row == 3), "{outcomes:?}");
    commit(unit).await;
    assert_eq!(find(storage, 1).await, Some(as_stored(&key(1))));
}

/// The last part of a file may be empty.
pub async fn an_import_of_nothing_does_nothing(storage: &dyn Storage) {
    let mut unit = begin(storage).await;
    assert_eq!(
        stored(unit.import_api_keys(account(), Vec::new(), Some(0), MOST_PLANS).await),
        Vec::<ApiKeyId>::new()
    );
    commit(unit).await;
    assert_eq!(storage.reader().count_api_keys(account()).await.expect("counts"), 0);
}

/// Half a file under the bound would be worse than none.
pub async fn an_import_beyond_the_limit_is_refused_whole(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    let rows = |count: u32| (2..2 + count).map(row).collect::<Vec<_>>();
    for (count, most) in [(3, 3), (1, 1), (1, 0), (5_000, 5_000)] {
        let mut unit = begin(storage).await;
        let refused = unit.import_api_keys(account(), rows(count), Some(most), MOST_PLANS).await;
        assert!(matches!(refused, Err(StorageError::LimitReached(Entity::ApiKey))), "{refused:?}");
        drop(unit);
        assert_eq!(listed(storage.reader(), account(), &all(), 25).await, [1]);
    }
    let mut unit = begin(storage).await;
    assert_eq!(stored(unit.import_api_keys(account(), rows(3), Some(4), MOST_PLANS).await).len(), 3);
    commit(unit).await;
    assert_eq!(storage.reader().count_api_keys(account()).await.expect("counts"), 4);
}

/// An account at its bound can still bring its keys up to date, each of them more than once.
pub async fn known_values_do_not_count_against_the_limit(storage: &dyn Storage) {
    insert(storage, [key(1), key(2)]).await;
    let again = |n: u32| {
        let mut one = row(10 + n);
        one.digest = digest(1 + n % 3);
        one
    };
    let mut unit = begin(storage).await;
    let ids = stored(unit.import_api_keys(account(), (0..6).map(again).collect(), Some(3), MOST_PLANS).await);
    assert_eq!(ids, [1, 2, 12, 1, 2, 12].map(nth_id));
    let ids = stored(unit.import_api_keys(account(), (0..6).map(again).collect(), Some(2), MOST_PLANS).await);
    assert_eq!(ids.len(), 6);
    commit(unit).await;
    assert_eq!(storage.reader().count_api_keys(account()).await.expect("counts"), 3);
}

/// An import that is all or nothing must be able to be nothing.
pub async fn a_dropped_import_leaves_no_trace(storage: &dyn Storage) {
    insert(storage, [named(1, "before")]).await;
    let mut again = row(9);
    again.digest = digest(1);
    again.fields.name = name("after");
    let mut unit = begin(storage).await;
    stored(unit.import_api_keys(account(), vec![again, row(2)], None, MOST_PLANS).await);
    drop(unit);
    assert_eq!(find(storage, 1).await, Some(as_stored(&named(1, "before"))));
    assert_eq!(find(storage, 2).await, None);
    let reader = storage.reader();
    assert_eq!(listed(reader, account(), &all(), 25).await, [1]);
    assert_eq!(listed(reader, account(), &prefixed("after"), 25).await, [0_u32; 0]);
    assert_eq!(with_digests(reader, account(), &[2]).await, [None]);
    import(storage, [row(2)]).await;
    assert_eq!(listed(reader, account(), &all(), 25).await, [2, 1]);
}

/// The same for one that is too large to be undone in one go.
pub async fn a_dropped_large_import_leaves_no_trace(storage: &dyn Storage) {
    insert(storage, [named(1, "before")]).await;
    let mut unit = begin(storage).await;
    for part in 0..3 {
        let rows = (0..5_000).map(|n| row(10 + part * 5_000 + n)).collect();
        stored(unit.import_api_keys(account(), rows, None, MOST_PLANS).await);
    }
    assert_eq!(listed(storage.reader(), account(), &all(), 25).await, [1]);
    drop(unit);
    assert_eq!(listed(storage.reader(), account(), &all(), 25).await, [1]);
    assert_eq!(storage.reader().count_api_keys(account()).await.expect("counts"), 1);
    import(storage, (10..12_000).map(row)).await;
    assert_eq!(storage.reader().count_api_keys(account()).await.expect("counts"), 11_991);
    let expected: Vec<u32> = (10..12_000).rev().chain([1]).collect();
    assert_eq!(listed(storage.reader(), account(), &all(), 500).await, expected);
}

/// The same promise as for single writes.
pub async fn imported_rows_are_the_units_own_until_the_commit(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    let mut again = row(9);
    again.digest = digest(1);
    again.fields.name = name("after");
    let mut unit = begin(storage).await;
    stored(unit.import_api_keys(account(), vec![again, row(2)], None, MOST_PLANS).await);
    assert_eq!(find(storage, 1).await, Some(as_stored(&key(1))));
    assert_eq!(find(storage, 2).await, None);
    assert_eq!(storage.reader().count_api_keys(account()).await.expect("counts"), 1);
    let own = unit.find_api_key(account(), &nth_id(1)).await.expect("finds").expect("is there");
    assert_eq!(own.key.name, name("after"));
    assert_eq!(unit.count_api_keys(account()).await.expect("counts"), 2);
    assert!(with_digests(&*unit, account(), &[1, 2]).await.iter().all(Option::is_some));
    let mut changed = own.key;
    changed.enabled = false;
    changed.version = changed.version.next();
    unit.update_api_key(account(), &changed, Version(2)).await.expect("its version is the import's");
    assert!(unit.delete_api_key(account(), &nth_id(2)).await.expect("deletes"));
    commit(unit).await;
    assert_eq!(find(storage, 1).await.expect("is there").key, changed);
    assert_eq!(find(storage, 2).await, None);
}

/// Accounts are as far apart in an import as anywhere else.
pub async fn a_value_known_to_another_account_is_new(storage: &dyn Storage) {
    insert(storage, [named(1, "mine")]).await;
    let mut unit = begin(storage).await;
    assert_eq!(
        stored(unit.import_api_keys(other_account(), vec![row(1)], Some(1), MOST_PLANS).await),
        [nth_id(1)]
    );
    commit(unit).await;
    assert_eq!(find(storage, 1).await, Some(as_stored(&named(1, "mine"))));
    let theirs = storage.reader().find_api_key(other_account(), &nth_id(1)).await.expect("finds");
    assert_eq!(theirs, Some(as_stored(&key(1))));
}

/// An imported key is a key like any other.
pub async fn imported_keys_are_found_by_filters(storage: &dyn Storage) {
    let mut customers = named(1, "old");
    customers.key.customer_id = customer("c");
    insert(storage, [customers]).await;
    let rename = |n: u32, text: &str| {
        let mut one = row(n);
        one.fields.name = name(text);
        one
    };
    import(storage, [rename(1, "new-1"), rename(2, "new-2")]).await;
    let reader = storage.reader();
    assert_eq!(listed(reader, account(), &prefixed("new"), 25).await, [2, 1]);
    assert_eq!(listed(reader, account(), &prefixed("old"), 25).await, [0_u32; 0]);
    assert_eq!(listed(reader, account(), &of_customer("c"), 25).await, [1]);
}

/// A row that names plans, of the value and under the id of sample number `n`.
fn row_with(n: u32, plans: &[u32]) -> ImportedApiKey {
    ImportedApiKey { plans: plans.iter().map(|plan| nth_plan(*plan)).collect(), ..row(n) }
}

/// A key's number, and the plans that it could not be put into.
type Refused = (u32, Vec<(u32, Attachment)>);

/// What became of rows that were all stored.
async fn imported<W: ApiKeyWriter + ?Sized>(
    writer: &mut W,
    rows: Vec<ImportedApiKey>,
    most_plans: usize,
) -> Vec<Refused> {
    let one = |outcome| match outcome {
        RowOutcome::Stored { id, refused } => {
            (number(&id), refused.iter().map(|(plan, why)| (plan_number(plan), why.clone())).collect())
        }
        RowOutcome::IdTaken(row) => panic!("the id of row {} is taken", row.row),
    };
    let outcomes = writer.import_api_keys(account(), rows, None, most_plans).await.expect("imports");
    outcomes.into_iter().map(one).collect()
}

fn shared(text: &str) -> Attachment {
    Attachment::StageShared(stage(text))
}

/// The column is there so that a file is all it takes.
pub async fn a_row_puts_a_new_key_into_its_plans(storage: &dyn Storage) {
    insert_plans(storage, [plan(1, &["a:x"]), plan(2, &["b:x"]), plan(3, &[])]).await;
    let rows = vec![row_with(1, &[2, 1]), row_with(2, &[]), row_with(3, &[1])];
    let outcomes = imported(&mut *storage.writer(), rows, MOST_PLANS).await;
    assert_eq!(outcomes, [(1, vec![]), (2, vec![]), (3, vec![])]);
    let reader = storage.reader();
    assert_eq!(plans_of(reader, account(), &[1, 2, 3]).await, [vec![1, 2], vec![], vec![1]]);
    assert_eq!(keys_in(reader, account(), 1, None, 1).await, [3, 1]);
    assert_eq!(plans_listed(reader, account(), Some(1), 25).await, [2, 1]);
    // It is a new key, in its first version.
    let found = reader.find_usage_plan_key(account(), &link(2, 1)).await.expect("finds");
    assert_eq!(found, Some(as_stored(&key(1))));
}

/// Importing a file again brings keys up to date; what a row does not name stays.
pub async fn a_row_puts_a_known_key_into_its_plans_too(storage: &dyn Storage) {
    insert(storage, [named(1, "old"), key(2), key(3)]).await;
    insert_plans(storage, [plan(1, &["a:x"]), plan(2, &["b:x"]), plan(3, &["c:x"])]).await;
    attach(storage, &[link(1, 1), link(1, 2), link(1, 3)]).await;
    let mut renamed = row_with(1, &[3, 2]);
    renamed.id = nth_id(9);
    renamed.fields.name = name("new");
    let rows = vec![renamed, row_with(2, &[]), row_with(3, &[1])];
    let outcomes = imported(&mut *storage.writer(), rows, MOST_PLANS).await;
    assert_eq!(outcomes, [(1, vec![]), (2, vec![]), (3, vec![])]);
    assert_eq!(plans_of(storage.reader(), account(), &[1, 2, 3]).await, [vec![1, 2, 3], vec![1], vec![1]]);
    // One row is one version, whatever it changes.
    let found = find(storage, 1).await.expect("is there").key;
    assert_eq!((found.name, found.version), (name("new"), Version(3)));
    assert_eq!(find(storage, 2).await.expect("is there").key.version, Version(3));
    assert_eq!(keys_in(storage.reader(), account(), 3, Some("new"), 25).await, [1]);
}

/// One wrong cell must not cost a row, nor its other plans; the importer is told which it was.
pub async fn a_row_with_an_unknown_plan_is_stored_and_says_so(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    insert_plans(storage, [plan(1, &[]), plan(2, &[])]).await;
    storage.writer().delete_usage_plan(account(), &nth_plan(2), Version::FIRST).await.expect("deletes");
    storage
        .writer()
        .insert_usage_plan(other_account(), &new_plan(&plan(4, &[])), None)
        .await
        .expect("inserts");
    let rows = vec![row_with(1, &[9, 1, 2]), row_with(3, &[4, 1]), row_with(5, &[9])];
    let outcomes = imported(&mut *storage.writer(), rows, MOST_PLANS).await;
    let unknown = |n| (n, Attachment::NoSuchPlan);
    let expected = [(1, vec![unknown(9), unknown(2)]), (3, vec![unknown(4)]), (5, vec![unknown(9)])];
    assert_eq!(outcomes, expected);
    assert_eq!(plans_of(storage.reader(), account(), &[1, 3, 5]).await, [vec![1], vec![1], vec![]]);
    // Nor does it wait for a plan of that id.
    insert_plans(storage, [plan(9, &[]), plan(4, &[])]).await;
    assert_eq!(plans_of(storage.reader(), account(), &[1, 3, 5]).await, [vec![1], vec![1], vec![]]);
}

/// The rule holds whichever way a key comes to a plan; of the plans of a row the first come first.
pub async fn a_row_with_plans_that_share_a_stage_is_in_the_first(storage: &dyn Storage) {
    insert(storage, [key(1), key(2)]).await;
    let with: [&[&str]; 4] = [&["a:x", "b:x"], &["c:x", "b:x"], &["c:x"], &["z:x"]];
    insert_plans(storage, (1..).zip(with).map(|(n, with)| plan(n, with))).await;
    attach(storage, &[link(3, 1), link(4, 2)]).await;
    let rows = vec![
        row_with(1, &[2, 1, 4]),
        row_with(2, &[2, 1, 3]),
        row_with(5, &[2, 1, 3, 4]),
        row_with(6, &[1, 3, 2]),
    ];
    let outcomes = imported(&mut *storage.writer(), rows, MOST_PLANS).await;
    assert_eq!(outcomes[0], (1, vec![(2, shared("c:x"))]));
    assert_eq!(outcomes[1], (2, vec![(1, shared("b:x")), (3, shared("c:x"))]));
    assert_eq!(outcomes[2], (5, vec![(1, shared("b:x")), (3, shared("c:x"))]));
    // It shares a stage with each of the two that the key is in; either may be named.
    let (refused, why) = &outcomes[3].1[0];
    assert_eq!((outcomes[3].0, outcomes[3].1.len(), *refused), (6, 1, 2));
    assert!([shared("b:x"), shared("c:x")].contains(why), "{why:?}");
    let found = plans_of(storage.reader(), account(), &[1, 2, 5, 6]).await;
    assert_eq!(found, [vec![1, 3, 4], vec![2, 4], vec![2, 4], vec![1, 3]]);
}

/// A file that is imported again must not warn of every row.
pub async fn a_row_with_a_plan_that_its_key_is_in_already_says_nothing(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    insert_plans(storage, [plan(1, &["a:x"]), plan(2, &["b:x"])]).await;
    attach(storage, &[link(1, 1)]).await;
    let rows = || vec![row_with(1, &[1]), row_with(2, &[2, 2, 1, 2]), row_with(1, &[1, 2, 1])];
    for _ in 0..2 {
        let outcomes = imported(&mut *storage.writer(), rows(), 2).await;
        assert_eq!(outcomes, [(1, vec![]), (2, vec![]), (1, vec![])]);
        assert_eq!(plans_of(storage.reader(), account(), &[1, 2]).await, [[1, 2], [1, 2]]);
        assert_eq!(keys_in(storage.reader(), account(), 1, None, 25).await, [2, 1]);
    }
}

/// The bound of a key's plans is the row's warning too, from the plan on that passes it.
pub async fn a_row_with_more_plans_than_a_key_may_have_is_in_the_first(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    let with: [&[&str]; 5] = [&["a:x"], &[], &[], &["a:x"], &[]];
    insert_plans(storage, (1..).zip(with).map(|(n, with)| plan(n, with))).await;
    attach(storage, &[link(5, 1)]).await;
    let rows = vec![row_with(1, &[3, 2, 5, 1]), row_with(2, &[3, 9, 1, 2, 4, 3]), row_with(6, &[1])];
    let outcomes = imported(&mut *storage.writer(), rows, 2).await;
    let too_many = |n| (n, Attachment::TooManyPlans);
    assert_eq!(outcomes[0], (1, vec![too_many(2), too_many(1)]));
    assert_eq!(outcomes[1], (2, vec![(9, Attachment::NoSuchPlan), too_many(2), (4, shared("a:x"))]));
    assert_eq!(outcomes[2], (6, vec![]));
    assert_eq!(plans_of(storage.reader(), account(), &[1, 2, 6]).await, [vec![3, 5], vec![1, 3], vec![1]]);
    let outcomes = imported(&mut *storage.writer(), vec![row_with(7, &[1])], 0).await;
    assert_eq!(outcomes, [(7, vec![too_many(1)])]);
}

/// The later row applies on top of the earlier one, in its plans as in its texts.
pub async fn a_later_row_of_one_value_adds_its_plans(storage: &dyn Storage) {
    insert_plans(storage, [plan(1, &["a:x"]), plan(2, &["b:x"]), plan(3, &["a:x"])]).await;
    let of_value = |n: u32, value: u32, plans: &[u32]| {
        let mut one = row_with(n, plans);
        one.digest = digest(value);
        one
    };
    let mut unit = begin(storage).await;
    unit.insert_usage_plan(account(), &new_plan(&plan(4, &["d:x"])), None).await.expect("inserts");
    let rows = vec![row_with(1, &[1]), row_with(2, &[]), of_value(8, 1, &[2, 3])];
    let outcomes = imported(&mut *unit, rows, MOST_PLANS).await;
    assert_eq!(outcomes, [(1, vec![]), (2, vec![]), (1, vec![(3, shared("a:x"))])]);
    let rows = vec![of_value(9, 1, &[3, 4]), of_value(10, 2, &[3])];
    let outcomes = imported(&mut *unit, rows, MOST_PLANS).await;
    assert_eq!(outcomes, [(1, vec![(3, shared("a:x"))]), (2, vec![])]);
    assert_eq!(plans_of(&*unit, account(), &[1, 2]).await, [vec![1, 2, 4], vec![3]]);
    commit(unit).await;
    assert_eq!(plans_of(storage.reader(), account(), &[1, 2]).await, [vec![1, 2, 4], vec![3]]);
}

/// Nothing of such a row is stored, and it comes back with its plans, to be offered again.
pub async fn a_row_that_is_given_back_is_in_no_plan(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    insert_plans(storage, [plan(1, &[]), plan(2, &[])]).await;
    let mut taken = row_with(9, &[1, 2]);
    taken.id = nth_id(1);
    let mut unit = begin(storage).await;
    let outcomes = unit.import_api_keys(account(), vec![taken, row_with(3, &[2])], None, MOST_PLANS).await;
    let [RowOutcome::IdTaken(given_back), RowOutcome::Stored { refused, .. }] =
        &outcomes.expect("imports")[..]
    else {
        panic!("the first is given back, the second is stored");
    };
    assert_eq!((&given_back.plans, refused.len()), (&vec![nth_plan(1), nth_plan(2)], 0));
    assert_eq!(plans_of(&*unit, account(), &[1, 3, 9]).await, [vec![], vec![2], vec![]]);
    let mut again = (**given_back).clone();
    again.id = nth_id(9);
    assert_eq!(imported(&mut *unit, vec![again], MOST_PLANS).await, [(9, vec![])]);
    commit(unit).await;
    let found = plans_of(storage.reader(), account(), &[1, 3, 9]).await;
    assert_eq!(found, [vec![], vec![2], vec![1, 2]]);
}

/// What was not done must not be seen, of plans as of keys.
pub async fn an_import_that_is_refused_or_dropped_attaches_nothing(storage: &dyn Storage) {
    insert(storage, [key(1)]).await;
    insert_plans(storage, [plan(1, &[]), plan(2, &[])]).await;
    attach(storage, &[link(2, 1)]).await;
    let rows = || vec![row_with(1, &[1]), row_with(2, &[1])];
    let refused = storage.writer().import_api_keys(account(), rows(), Some(1), MOST_PLANS).await;
    assert!(matches!(refused, Err(StorageError::LimitReached(Entity::ApiKey))), "{refused:?}");
    let mut unit = begin(storage).await;
    imported(&mut *unit, rows(), MOST_PLANS).await;
    assert_eq!(plans_of(&*unit, account(), &[1, 2]).await, [vec![1, 2], vec![1]]);
    assert_eq!(plans_of(storage.reader(), account(), &[1, 2]).await, [vec![2], vec![]]);
    drop(unit);
    assert_eq!(plans_of(storage.reader(), account(), &[1, 2]).await, [vec![2], vec![]]);
    assert_eq!(keys_in(storage.reader(), account(), 1, None, 25).await, [0_u32; 0]);
    assert_eq!(keys_in(storage.reader(), account(), 2, None, 25).await, [1]);
}

/// A file is large, and each of its rows may name plans.
pub async fn a_large_import_puts_every_key_into_its_plans(storage: &dyn Storage) {
    let with: [&[&str]; 4] = [&["a:x"], &["b:x"], &["a:x", "c:x"], &[]];
    insert_plans(storage, (0..).zip(with).map(|(n, with)| plan(n, with))).await;
    import(storage, (0..2_500).map(|n| row_with(n, &[n % 4]))).await;
    let rows: Vec<_> = (0..5_000).map(|n| row_with(n, &[(n + 1) % 4, n % 4])).collect();
    let outcomes = imported(&mut *storage.writer(), rows, MOST_PLANS).await;
    assert!(
        outcomes.iter().all(|(_, refused)| refused.is_empty()),
        "plans 0 and 2 are not next to each other"
    );
    for plan in 0..4 {
        let expected: Vec<u32> = (0..5_000).rev().filter(|n| n % 4 == plan || (n + 1) % 4 == plan).collect();
        assert_eq!(keys_in(storage.reader(), account(), plan, None, 500).await, expected);
    }
    let third: Vec<_> = (0..5_000).map(|n| row_with(n, &[(n + 2) % 4])).collect();
    for (n, refused) in imported(&mut *storage.writer(), third, MOST_PLANS).await {
        let expected = if n % 2 == 1 { vec![] } else { vec![((n + 2) % 4, shared("a:x"))] };
        assert_eq!(refused, expected, "{n}");
    }
}
