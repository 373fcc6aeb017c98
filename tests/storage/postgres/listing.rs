//! Plans that a planner must not be free to choose.

use super::samples::{account, connection};
use super::storage;
use gatepost_domain::api_keys::{ApiKeyFilter, CustomerId};
use gatepost_domain::{PageLimit, PageRequest};
use gatepost_storage::{Storage, StoredApiKey};
use sqlx::{AssertSqlSafe, Row as _};
use std::time::{Duration, Instant};

const KEYS: &str = "
    INSERT INTO api_key (account, created, updated, version, enabled, id, digest, sealed, name, customer_id)
    SELECT 1, n, n, 1, true, 'key' || lpad(n::text, 7, '0'), sha256(n::text::bytea), ''::bytea,
           CASE WHEN n % 20000 = 7 THEN 'rare ' ELSE 'common ' END || n,
           CASE WHEN n % 20000 = 7 THEN 'few' ELSE 'many' END
    FROM generate_series(1, 200000) AS n";

async fn page(storage: &impl Storage, prefix: Option<&str>, customer: Option<&str>) -> Vec<StoredApiKey> {
    let filter = ApiKeyFilter {
        name_prefix: prefix.map(Into::into),
        customer_id: customer.and_then(|customer| CustomerId::parse(customer).unwrap()),
    };
    let request = PageRequest { after: None, limit: PageLimit::or_default(10) };
    storage.reader().list_api_keys(account(), &filter, request).await.unwrap().items
}

/// No filter; a name that few keys have; a customer with few and one with many; both conditions.
const FILTERS: [(Option<&str>, Option<&str>); 5] = [
    (None, None),
    (Some("rare "), None),
    (None, Some("few")),
    (None, Some("many")),
    (Some("rare"), Some("few")),
];

/// A prepared statement keeps its plan while a table grows, for the customer with ten keys and the one with nearly
/// all. Following the wrong index takes hundreds of times as long.
#[tokio::test(flavor = "multi_thread")]
async fn few_matches_among_many_cost_about_what_an_unfiltered_page_costs() {
    let storage = storage().await;
    for (prefix, customer) in FILTERS {
        assert!(page(&*storage, prefix, customer).await.is_empty());
        let unknown = super::samples::id(1);
        assert!(storage.reader().find_api_key(account(), &unknown).await.unwrap().is_none());
    }
    sqlx::query(KEYS).execute(&mut connection(&storage.database).await).await.unwrap();
    for analyzed in [false, true] {
        if analyzed {
            storage.sql("ANALYZE api_key").await;
        }
        let mut fastest = [Duration::MAX; 5];
        let mut look_up = Duration::MAX;
        for round in 0..12 {
            for (fastest, (prefix, customer)) in fastest.iter_mut().zip(FILTERS) {
                let begun = Instant::now();
                assert_eq!(page(&*storage, prefix, customer).await.len(), 10);
                *fastest = begun.elapsed().min(*fastest);
            }
            let begun = Instant::now();
            let known = super::samples::id(1_000 * (round + 1));
            assert!(storage.reader().find_api_key(account(), &known).await.unwrap().is_some());
            look_up = begun.elapsed().min(look_up);
        }
        let [all, filtered @ ..] = fastest;
        for one in filtered.into_iter().chain([look_up]) {
            assert!(one < 4 * all + Duration::from_millis(2), "{analyzed}: {all:?} {filtered:?} {look_up:?}");
        }
        // Nearly all keys have this prefix.
        assert_eq!(page(&*storage, Some("common"), None).await.len(), 10);
    }
}

/// More characters than an index entry holds, and characters that are none in the next encoding.
#[tokio::test(flavor = "multi_thread")]
async fn long_names_and_prefixes_are_found() {
    let storage = storage().await;
    let long = "\u{1f511}".repeat(1_024);
    for (n, name) in [long.clone(), "\u{1f511}".repeat(200), "\u{10ffff}\u{10ffff}".into()].iter().enumerate()
    {
        let mut new = super::samples::key(u32::try_from(n).unwrap());
        new.key.name = gatepost_domain::api_keys::ApiKeyName::parse(name).unwrap();
        new.key.customer_id = CustomerId::parse(&long).unwrap();
        storage.writer().insert_api_key(account(), new, None).await.unwrap();
    }
    for (prefix, found) in [
        (long.as_str(), 1),
        (&"\u{1f511}".repeat(150), 2),
        (&"\u{1f511}".repeat(128), 2),
        ("\u{10ffff}", 1),
        ("", 3),
        ("\0", 0),
        ("\u{1f511}\0", 0),
    ] {
        assert_eq!(page(&*storage, Some(prefix), None).await.len(), found);
        assert_eq!(page(&*storage, Some(prefix), Some(&long)).await.len(), found);
    }
    assert_eq!(page(&*storage, None, Some(&long)).await.len(), 3);
    assert_eq!(page(&*storage, None, Some(&long[..4])).await.len(), 0);
}

/// Generic plans for a table that many accounts share, and a feed that lags by many changes.
#[tokio::test(flavor = "multi_thread")]
async fn counting_an_account_and_asking_for_changes_read_an_index_and_not_a_table() {
    let storage = storage().await;
    storage
        .sql(
            "INSERT INTO api_key (account, created, updated, version, enabled, id, digest, sealed)
             SELECT n / 1000, n, n, 1, true, 'key' || lpad(n::text, 7, '0'), sha256(n::text::bytea), ''::bytea
             FROM generate_series(1, 50000) AS n;
             INSERT INTO change (account, number, kind, id) SELECT 1, n, 1, 'key' FROM generate_series(1, 100000) AS n;
             ANALYZE",
        )
        .await;
    let mut connection = connection(&storage.database).await;
    let plans = [
        (
            "PREPARE q (bigint) AS ",
            include_str!("../../../crates/storage-postgres/queries/api_keys/count.sql"),
            "EXECUTE q (1)",
            "api_key_age",
        ),
        (
            "PREPARE q (bigint) AS ",
            include_str!("../../../crates/storage-postgres/queries/limits/count.sql"),
            "EXECUTE q (1)",
            "api_key_age",
        ),
        (
            "PREPARE q (bigint[], text[]) AS ",
            include_str!("../../../crates/storage-postgres/queries/api_keys/find_many.sql"),
            "EXECUTE q ('{1}', '{key0000001}')",
            "api_key_id",
        ),
        (
            "PREPARE q (text, bigint) AS ",
            include_str!("../../../crates/storage-postgres/queries/changes/since.sql"),
            "EXECUTE q ('1:1:', 100001)",
            "change_xid",
        ),
    ];
    for (prepare, sql, execute, index) in plans {
        let settings =
            "DEALLOCATE ALL; SET plan_cache_mode = force_generic_plan; SET enable_bitmapscan = off; ";
        let script = format!("{settings} {prepare} {sql}");
        sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut connection).await.unwrap();
        let explain = AssertSqlSafe(format!("EXPLAIN {execute}"));
        let rows = sqlx::raw_sql(explain).fetch_all(&mut connection).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let plan = plan.join("\n");
        assert!(plan.contains(index), "{plan}");
        assert!(!plan.contains("Seq Scan on api_key ") && !plan.contains("Seq Scan on change "), "{plan}");
    }
}
