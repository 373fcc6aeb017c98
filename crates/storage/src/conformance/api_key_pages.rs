//! Listings: order, positions, filters.

use super::samples::*;
use crate::Storage;
use gatepost_domain::api_keys::{ApiKeyFilter, ApiKeyPosition};
use gatepost_domain::{PageLimit, PageRequest, Version};

/// What somebody just made is what they look for.
pub async fn keys_are_listed_newest_first(storage: &dyn Storage) {
    insert(storage, [4, 1, 3, 2].map(key)).await;
    insert(storage, [0, 5].map(key)).await;
    assert_eq!(listed(storage.reader(), account(), &all(), 25).await, [5, 4, 3, 2, 1, 0]);
}

/// Without an order among them a page could repeat or lose one. Ids are compared by their bytes.
pub async fn keys_of_one_moment_are_listed_by_id_from_high_to_low(storage: &dyn Storage) {
    let ids = ["a", "a-", "a1", "aa", "B", "_", "Z9", "z"];
    let mut keys = Vec::new();
    for (n, text) in (0..).zip(ids) {
        let mut new = key(n);
        new.key.id = id(text);
        new.key.created = at(0);
        keys.push(new);
    }
    insert(storage, keys).await;
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let request = PageRequest { after, limit: PageLimit::or_default(3) };
        let page = storage.reader().list_api_keys(account(), &all(), request).await.expect("lists");
        found.extend(page.items.into_iter().map(|stored| stored.key.id.as_str().to_owned()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let mut expected = ids;
    expected.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(found, expected);
}

/// The position of the last item is what the next page begins below.
pub async fn a_page_holds_at_most_its_limit_and_says_where_it_ended(storage: &dyn Storage) {
    insert(storage, (0..600).map(key)).await;
    for limit in [1, 25, 500] {
        let request = PageRequest { after: None, limit: PageLimit::or_default(limit) };
        let page = storage.reader().list_api_keys(account(), &all(), request).await.expect("lists");
        assert_eq!(page.items.len() as i64, limit);
        let last = page.items.last().expect("it is not empty").key.position();
        assert_eq!(page.next, Some(last));
        assert_eq!(page.items.first().expect("it is not empty"), &as_stored(&key(599)));
    }
    assert_eq!(listed(storage.reader(), account(), &all(), 7).await, (0..600).rev().collect::<Vec<_>>());
}

/// A caller asks until there is no position; one more, empty page would be a request for nothing.
pub async fn the_last_page_has_no_next(storage: &dyn Storage) {
    insert(storage, (0..4).map(|n| named(n, "n"))).await;
    for filter in [all(), prefixed("n")] {
        let limit = PageLimit::or_default(2);
        let first = PageRequest { after: None, limit };
        let first = storage.reader().list_api_keys(account(), &filter, first).await.expect("lists");
        let second = PageRequest { after: first.next, limit };
        let second = storage.reader().list_api_keys(account(), &filter, second).await.expect("lists");
        assert_eq!((second.items.len(), second.next), (2, None));
    }
}

/// The simplest listing of all.
pub async fn an_account_without_keys_has_one_empty_page(storage: &dyn Storage) {
    for filter in [all(), prefixed("n"), of_customer("c")] {
        let request = PageRequest { after: None, limit: PageLimit::DEFAULT };
        let page = storage.reader().list_api_keys(account(), &filter, request).await.expect("lists");
        assert_eq!((page.items, page.next), (Vec::new(), None));
    }
}

/// The key at which a page ended may be deleted before the next is asked for.
pub async fn a_position_need_not_be_that_of_a_key(storage: &dyn Storage) {
    insert(storage, [1, 2, 8, 9].map(|n| named(n, "n"))).await;
    for filter in [all(), prefixed("n")] {
        for (offset, expected) in [(5, vec![2, 1]), (9, vec![8, 2, 1]), (0, vec![]), (100, vec![9, 8, 2, 1])]
        {
            let after = Some(ApiKeyPosition { created: at(offset), id: id("a") });
            let request = PageRequest { after, limit: PageLimit::DEFAULT };
            let page = storage.reader().list_api_keys(account(), &filter, request).await.expect("lists");
            let numbers: Vec<u32> = page.items.iter().map(|stored| number(&stored.key.id)).collect();
            // The id "a" is below "key...", so that a key of the very moment is not strictly below the position.
            assert_eq!(numbers, expected, "{offset}");
        }
    }
}

/// Whoever exports all keys while others work must neither miss one nor see one twice.
pub async fn each_key_is_listed_once_while_others_come_and_go(storage: &dyn Storage) {
    insert(storage, (0..60).map(|n| named(n * 10, "n"))).await;
    for filter in [all(), prefixed("n")] {
        let mut seen = Vec::new();
        let mut after = None;
        let mut turn = 0;
        loop {
            let request = PageRequest { after, limit: PageLimit::or_default(7) };
            let page = storage.reader().list_api_keys(account(), &filter, request).await.expect("lists");
            seen.extend(page.items.iter().map(|stored| number(&stored.key.id)));
            after = page.next;
            let Some(last) = seen.last().copied().filter(|_| after.is_some()) else { break };
            // One newer than all, one just above the place reached, one below it; the last listed one goes for a
            // while, and with it the key that the position names.
            let mut unit = begin(storage).await;
            let visitors = [10_000 + turn, last + 1, last.saturating_sub(5)];
            for n in visitors {
                unit.insert_api_key(account(), named(n, "n"), None).await.expect("inserts");
            }
            assert!(unit.delete_api_key(account(), &nth_id(last)).await.expect("deletes"));
            commit(unit).await;
            let request = PageRequest { after: after.clone(), limit: PageLimit::or_default(1) };
            let page = storage.reader().list_api_keys(account(), &filter, request).await.expect("lists");
            assert_eq!(number(&page.items[0].key.id), visitors[2]);
            let mut unit = begin(storage).await;
            for n in visitors {
                assert!(unit.delete_api_key(account(), &nth_id(n)).await.expect("deletes"));
            }
            unit.insert_api_key(account(), named(last, "n"), None).await.expect("inserts");
            commit(unit).await;
            turn += 1;
        }
        assert_eq!(seen, (0..60).rev().map(|n| n * 10).collect::<Vec<_>>());
    }
}

/// A key that moved while pages are read would be missed or repeated.
pub async fn an_update_does_not_move_a_key(storage: &dyn Storage) {
    insert(storage, (0..6).map(|n| named(n, "n"))).await;
    let mut unit = begin(storage).await;
    let mut changed = named(2, "nn").key;
    changed.updated = at(1_000);
    changed.version = Version(2);
    unit.update_api_key(account(), &changed, Version::FIRST).await.expect("updates");
    commit(unit).await;
    for filter in [all(), prefixed("n")] {
        assert_eq!(listed(storage.reader(), account(), &filter, 2).await, [5, 4, 3, 2, 1, 0]);
    }
}

/// A name query is a prefix, as the service documents; it does not fold case, nor match inside.
pub async fn a_prefix_finds_names_by_their_beginning_and_case(storage: &dyn Storage) {
    let names = ["team", "Team", "team-a", "team-b", "my team", "tea", "TEAM", "tëam", "teamß"];
    insert(storage, (0..).zip(names).map(|(n, name)| named(n, name))).await;
    let reader = storage.reader();
    for (prefix, expected) in [
        ("team", vec![8, 3, 2, 0]),
        ("Team", vec![1]),
        ("team-", vec![3, 2]),
        ("team-b", vec![3]),
        ("team-bc", vec![]),
        ("t", vec![8, 7, 5, 3, 2, 0]),
        ("të", vec![7]),
        ("teamß", vec![8]),
        ("", vec![8, 7, 6, 5, 4, 3, 2, 1, 0]),
        ("eam", vec![]),
    ] {
        assert_eq!(listed(reader, account(), &prefixed(prefix), 2).await, expected, "{prefix}");
    }
}

/// A backend's own patterns mean nothing to callers.
pub async fn a_prefix_is_taken_literally(storage: &dyn Storage) {
    let names = ["a%b", "a_b", "axb", "a\\b", "%", "_", "a*b", "\u{10ffff}\u{10ffff}", "a"];
    insert(storage, (0..).zip(names).map(|(n, name)| named(n, name))).await;
    let reader = storage.reader();
    for (prefix, expected) in [
        ("a%", vec![0]),
        ("a_", vec![1]),
        ("a\\", vec![3]),
        ("%", vec![4]),
        ("_", vec![5]),
        ("a*", vec![6]),
        ("\u{10ffff}", vec![7]),
        ("a\0", vec![]),
    ] {
        assert_eq!(listed(reader, account(), &prefixed(prefix), 25).await, expected, "{prefix}");
    }
}

/// No name does not begin with anything, not even with nothing.
pub async fn a_prefix_never_finds_a_key_without_name(storage: &dyn Storage) {
    insert(storage, [key(1), named(2, "n"), key(3)]).await;
    assert_eq!(listed(storage.reader(), account(), &prefixed(""), 25).await, [2]);
    assert_eq!(listed(storage.reader(), account(), &all(), 25).await, [3, 2, 1]);
}

/// A customer is an identity, so nothing less than the whole of it matches.
pub async fn a_customer_finds_exactly_its_keys(storage: &dyn Storage) {
    let customers = ["acme", "acm", "acme ", "Acme", "acme", "acmé", ""];
    let with = |(n, text): (u32, &str)| {
        let mut new = key(n);
        new.key.customer_id = customer(text);
        new
    };
    insert(storage, (0..).zip(customers).map(with)).await;
    let reader = storage.reader();
    for (text, expected) in [
        ("acme", vec![4, 0]),
        ("acm", vec![1]),
        ("acme ", vec![2]),
        ("Acme", vec![3]),
        ("acmé", vec![5]),
        ("a", vec![]),
    ] {
        assert_eq!(listed(reader, account(), &of_customer(text), 1).await, expected, "{text}");
    }
}

/// Two conditions narrow, each on its own part.
pub async fn prefix_and_customer_must_both_match(storage: &dyn Storage) {
    let with = |n: u32| {
        let mut new = key(n);
        new.key.name = name(["alpha", "beta", ""][n as usize % 3]);
        new.key.customer_id = customer(["one", "two"][n as usize % 2]);
        new
    };
    insert(storage, (0..30).map(with)).await;
    let filter = |prefix: &str, text: &str| ApiKeyFilter {
        name_prefix: Some(prefix.into()),
        customer_id: customer(text),
    };
    let reader = storage.reader();
    assert_eq!(listed(reader, account(), &filter("alp", "one"), 2).await, [24, 18, 12, 6, 0]);
    assert_eq!(listed(reader, account(), &filter("b", "one"), 2).await, [28, 22, 16, 10, 4]);
    assert_eq!(listed(reader, account(), &filter("", "two"), 25).await, [27, 25, 21, 19, 15, 13, 9, 7, 3, 1]);
    assert_eq!(listed(reader, account(), &filter("gamma", "two"), 25).await, [0_u32; 0]);
    assert_eq!(listed(reader, account(), &filter("alp", "three"), 25).await, [0_u32; 0]);
}

/// A filter changes which keys are shown, not how; and a page that could be full is full.
pub async fn filtered_pages_are_newest_first_and_complete(storage: &dyn Storage) {
    // Names and customers in another order than creation.
    let with = |n: u32| {
        let mut new = named(n, &format!("name-{:03}", n * 37 % 300));
        new.key.customer_id = customer("one");
        new
    };
    insert(storage, (0..300).map(with)).await;
    let mut both = prefixed("name-1");
    both.customer_id = customer("one");
    let expected: Vec<u32> = (0..300).rev().filter(|n| (100..200).contains(&(n * 37 % 300))).collect();
    for filter in [prefixed("name-1"), both] {
        let mut after = None;
        for numbers in expected.chunks(30) {
            let request = PageRequest { after, limit: PageLimit::or_default(30) };
            let page = storage.reader().list_api_keys(account(), &filter, request).await.expect("lists");
            let found: Vec<u32> = page.items.iter().map(|stored| number(&stored.key.id)).collect();
            assert_eq!(found, numbers);
            after = page.next;
        }
        assert_eq!(after, None);
    }
}

/// A key is found by what it is now, not by what it was.
pub async fn filters_follow_updates_and_deletes(storage: &dyn Storage) {
    let mut new = named(1, "old");
    new.key.customer_id = customer("before");
    insert(storage, [new]).await;
    let reader = storage.reader();
    let mut unit = begin(storage).await;
    let mut changed = named(1, "new").key;
    changed.customer_id = customer("after");
    changed.version = Version(2);
    unit.update_api_key(account(), &changed, Version::FIRST).await.expect("updates");
    commit(unit).await;
    for (filter, expected) in [
        (prefixed("old"), vec![]),
        (of_customer("before"), vec![]),
        (prefixed("new"), vec![1]),
        (of_customer("after"), vec![1]),
    ] {
        assert_eq!(listed(reader, account(), &filter, 25).await, expected, "{filter:?}");
    }
    let mut unit = begin(storage).await;
    assert!(unit.delete_api_key(account(), &nth_id(1)).await.expect("deletes"));
    commit(unit).await;
    for filter in [prefixed("new"), of_customer("after"), all()] {
        assert_eq!(listed(reader, account(), &filter, 25).await, [0_u32; 0], "{filter:?}");
    }
}

/// Beyond what a backend looks at for one page the listing still ends, and is neither short nor double.
pub async fn more_than_ten_thousand_matches_are_all_found(storage: &dyn Storage) {
    let with = |n: u32| {
        let mut row = row(n);
        let odd = n % 8 == 3;
        row.fields.name = name(&format!("{}-{:05}", if odd { "other" } else { "many" }, n * 7_919 % 20_000));
        row
    };
    import(storage, (0..12_000).map(with)).await;
    let expected: Vec<u32> = (0..12_000).rev().filter(|n| n % 8 != 3).collect();
    assert!(expected.len() > 10_000);
    assert_eq!(listed(storage.reader(), account(), &prefixed("many"), 500).await, expected);
    let expected: Vec<u32> = (0..12_000).rev().filter(|n| n % 8 == 3).collect();
    assert_eq!(listed(storage.reader(), account(), &prefixed("other"), 499).await, expected);
    assert_eq!(listed(storage.reader(), account(), &prefixed(""), 500).await.len(), 12_000);
}

/// Looking through all keys for a few would be slow; answering empty pages until they come up would be useless.
pub async fn few_matches_among_many_keys_are_one_page(storage: &dyn Storage) {
    let with = |n: u32| {
        let mut row = row(n);
        row.fields.name = name(&format!("many-{n:05}"));
        row
    };
    let mut few = Vec::new();
    for n in 0..10 {
        let mut new = named(n, "few");
        new.key.customer_id = customer("one");
        few.push(new);
    }
    insert(storage, few).await;
    import(storage, (10..11_000).map(with)).await;
    let mut both = prefixed("f");
    both.customer_id = customer("one");
    let mut by_customer = prefixed("");
    by_customer.customer_id = customer("one");
    for filter in [prefixed("few"), of_customer("one"), both, by_customer] {
        let request = PageRequest { after: None, limit: PageLimit::DEFAULT };
        let page = storage.reader().list_api_keys(account(), &filter, request).await.expect("lists");
        let numbers: Vec<u32> = page.items.iter().map(|stored| number(&stored.key.id)).collect();
        assert_eq!((numbers, page.next), ((0..10).rev().collect(), None), "{filter:?}");
    }
}

/// A unit reads as if it had committed already, listings included.
pub async fn a_unit_lists_its_own_writes(storage: &dyn Storage) {
    insert(storage, (0..6).map(|n| named(n, "n"))).await;
    let mut unit = begin(storage).await;
    unit.insert_api_key(account(), named(6, "n"), None).await.expect("inserts");
    assert!(unit.delete_api_key(account(), &nth_id(5)).await.expect("deletes"));
    let mut changed = named(1, "x").key;
    changed.customer_id = customer("c");
    changed.version = Version(2);
    unit.update_api_key(account(), &changed, Version::FIRST).await.expect("updates");
    let mut imported = row(7);
    imported.fields.name = name("n");
    stored(unit.import_api_keys(account(), vec![imported], None, MOST_PLANS).await);
    for limit in [1, 3, 25] {
        assert_eq!(listed(&*unit, account(), &all(), limit).await, [7, 6, 4, 3, 2, 1, 0]);
        assert_eq!(listed(&*unit, account(), &prefixed("n"), limit).await, [7, 6, 4, 3, 2, 0]);
        assert_eq!(listed(&*unit, account(), &of_customer("c"), limit).await, [1]);
        assert_eq!(listed(storage.reader(), account(), &prefixed("n"), limit).await, [5, 4, 3, 2, 1, 0]);
    }
    commit(unit).await;
    assert_eq!(listed(storage.reader(), account(), &prefixed("n"), 25).await, [7, 6, 4, 3, 2, 0]);
}
