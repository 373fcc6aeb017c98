//! Rows of imported files.

use super::samples::*;
use crate::{Entity, RowOutcome, Storage, StorageError};
use gatepost_domain::Version;
use gatepost_domain::api_keys::{ApiKeyId, ImportedFields};

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
