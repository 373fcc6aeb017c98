//! What usage plans cost on SQLite: `cargo bench -p gatepost-storage-sqlite --bench usage_plans`, with `-- KEYS` for
//! another number than a million. Each figure is told of a plan with a thousand keys, of one with so many, and as the
//! second over the first. Calls on keys meet both plans in one database, in turns, and each once before it is measured;
//! what a plan as a whole costs is told of two databases. They are made in `TMPDIR`, which should be on a real disk.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![expect(clippy::print_stdout, reason = "a benchmark tells what it measured")]

mod rows;

use gatepost_domain::api_keys::ApiKeyPosition;
use gatepost_domain::usage::Day;
use gatepost_domain::usage_plans::{
    ApiStage, Attachment, QuotaHistory, StageId, Stages, UsagePlan, UsagePlanId, UsagePlanName,
};
use gatepost_domain::{PageLimit, PageRequest, Tags, Version};
use gatepost_storage::{ImportedApiKey, Keep, NewUsagePlan, PlanChanged, RowOutcome, Storage, UsagePlanKey};
use gatepost_storage_sqlite::SqliteStorage;
use rows::{account, moment, open, percentile, row};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const SMALL: u64 = 1_000;

/// So often each call is made; what is told is the median.
const TIMES: u64 = 201;

/// Rows that are in no plan come from here on.
const LOOSE: u64 = 1 << 40;

/// A plan and its rows.
struct Rows {
    plan: &'static str,
    first: u64,
    keys: u64,
}

/// The plan of a thousand keys that stands beside a large one.
const FEW: Rows = Rows { plan: "few", first: 1 << 41, keys: SMALL };

fn plan(id: &str, stage: Option<&str>, version: Version) -> UsagePlan {
    let parsed = |id| ApiStage { id: StageId::parse(id).expect("is a stage"), throttle: Default::default() };
    UsagePlan {
        id: UsagePlanId::parse(id).expect("is an id"),
        name: UsagePlanName::parse(id).expect("is a name"),
        description: None,
        product_code: None,
        stages: Stages::new(stage.map(parsed).into_iter().collect()).expect("is one stage or none"),
        throttle: None,
        quotas: QuotaHistory::default(),
        tags: Tags::default(),
        created: moment(0),
        version,
    }
}

async fn insert(storage: &SqliteStorage, plan: UsagePlan) {
    let new = NewUsagePlan { plan, retry: None };
    storage.writer().insert_usage_plan(account(), &new, None).await.expect("inserts");
}

/// Imports rows, each with this plan, and answers how long that took.
async fn import(
    storage: &SqliteStorage,
    keys: u64,
    plan: Option<&str>,
    row: impl Fn(u64) -> ImportedApiKey,
) -> Duration {
    let plans: Vec<UsagePlanId> = plan.and_then(UsagePlanId::parse).into_iter().collect();
    let mut took = Duration::ZERO;
    let unit = storage.import_rows_per_unit() as u64;
    for start in (0..keys).step_by(unit as usize) {
        let rows: Vec<ImportedApiKey> = (start..keys.min(start + unit))
            .map(|n| ImportedApiKey { plans: plans.clone(), ..row(n) })
            .collect();
        let began = Instant::now();
        let outcomes = storage.writer().import_api_keys(account(), rows, None, 10).await.expect("imports");
        took += began.elapsed();
        let good = |outcome: &RowOutcome| matches!(outcome, RowOutcome::Stored { refused, .. } if refused.is_empty());
        assert!(outcomes.iter().all(good));
    }
    storage.settle_after_import().await.expect("settles");
    took
}

/// A database with a plan of so many keys, one of a thousand, and some keys in none.
async fn filled(path: &Path, keys: u64) -> (Arc<SqliteStorage>, Duration) {
    let storage = open(path).await;
    for id in ["gold", FEW.plan] {
        insert(&storage, plan(id, None, Version::FIRST)).await;
    }
    let took = import(&storage, keys, Some("gold"), row).await;
    import(&storage, FEW.keys, Some(FEW.plan), |n| row(FEW.first + n)).await;
    import(&storage, TIMES, None, |n| row(LOOSE + n)).await;
    (storage, took)
}

async fn median<F: Future<Output = ()>>(mut call: impl FnMut(u64) -> F) -> Duration {
    let mut times = Vec::new();
    for n in 0..TIMES {
        let began = Instant::now();
        call(n).await;
        times.push(began.elapsed());
    }
    percentile(&mut times, 50)
}

/// Calls on the two plans in turns, each twice; tells the medians of the second.
async fn pair(what: &str, plans: [&Rows; 2], mut call: impl AsyncFnMut(&Rows, u64) -> Duration) {
    let mut times = [Vec::new(), Vec::new()];
    for is_measured in [false, true] {
        for n in 0..TIMES {
            for (plan, times) in plans.iter().zip(&mut times) {
                let took = call(plan, n).await;
                if is_measured {
                    times.push(took);
                }
            }
        }
    }
    let [few, many] = times.map(|mut times| percentile(&mut times, 50));
    told(what, few, many);
}

/// Of keys from all over the plan.
async fn plans_of_a_key(storage: &SqliteStorage, rows: &Rows, n: u64) -> Duration {
    let id = row(rows.first + n * rows.keys / TIMES).id;
    let page = PageRequest { after: None, limit: PageLimit::DEFAULT };
    let began = Instant::now();
    let plans = storage.reader().list_usage_plans(account(), Some(&id), page).await.expect("lists");
    let took = began.elapsed();
    assert_eq!(plans.items.len(), 1);
    took
}

/// From all over the plan.
async fn keys_of_a_plan(storage: &SqliteStorage, rows: &Rows, n: u64) -> Duration {
    let after = row(rows.first + 100 + n * (rows.keys - 100) / TIMES);
    page(storage, rows, Some(ApiKeyPosition { created: after.at, id: after.id })).await
}

async fn page(storage: &SqliteStorage, rows: &Rows, after: Option<ApiKeyPosition>) -> Duration {
    let id = plan_id(rows.plan);
    let page = PageRequest { after, limit: PageLimit::or_default(50) };
    let began = Instant::now();
    let page = storage.reader().list_usage_plan_keys(account(), &id, None, page).await.expect("lists");
    let took = began.elapsed();
    assert_eq!(page.items.len(), 50);
    took
}

fn plan_id(id: &str) -> UsagePlanId {
    UsagePlanId::parse(id).expect("is an id")
}

/// One key that was in none, until it is on the disk; afterwards it is taken out again.
async fn attach(storage: &SqliteStorage, rows: &Rows, n: u64) -> Duration {
    let link = UsagePlanKey { plan: plan_id(rows.plan), key: row(LOOSE + n).id };
    let began = Instant::now();
    let attached = storage.writer().attach_api_keys(account(), std::slice::from_ref(&link), 10).await;
    let took = began.elapsed();
    assert_eq!(attached.expect("attaches"), [Attachment::Done]);
    assert!(storage.writer().detach_api_key(account(), &link).await.expect("detaches"));
    took
}

/// Adds a stage to the plan and takes it away again; answers how long the first took.
async fn add_stage(storage: &SqliteStorage, version: u64) -> Duration {
    let change = async |stage, version: u64| {
        let gold = plan("gold", stage, Version(version + 1));
        let changed = storage.writer().update_usage_plan(account(), &gold, Version(version)).await;
        assert_eq!(changed.expect("updates"), PlanChanged::Done);
    };
    let began = Instant::now();
    change(Some("api:prod"), version).await;
    let took = began.elapsed();
    change(None, version + 1).await;
    took
}

/// As often as it takes, in units that are dropped.
async fn delete_in_a_unit(storage: &SqliteStorage, version: u64) -> Duration {
    let gold = &plan_id("gold");
    median(|_| async move {
        let mut unit = storage.begin().await.expect("begins");
        unit.delete_usage_plan(account(), gold, Version(version)).await.expect("deletes");
    })
    .await
}

async fn delete(storage: &SqliteStorage, version: u64) -> Duration {
    let gold = plan_id("gold");
    let began = Instant::now();
    storage.writer().delete_usage_plan(account(), &gold, Version(version)).await.expect("deletes");
    began.elapsed()
}

/// What small writes take beside something else.
async fn beside(storage: Arc<SqliteStorage>, end: Arc<AtomicBool>) -> Vec<Duration> {
    let link = UsagePlanKey { plan: plan_id("gold"), key: row(0).id };
    let day = Day::of(moment(0));
    let mut times = Vec::new();
    while !end.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let began = Instant::now();
        storage.writer().adjust_usage(account(), &link, day, 1).await.expect("writes");
        times.push(began.elapsed());
    }
    times
}

async fn clear(storage: Arc<SqliteStorage>) {
    let end = Arc::new(AtomicBool::new(false));
    let others = tokio::spawn(beside(Arc::clone(&storage), Arc::clone(&end)));
    let began = Instant::now();
    storage.prune(Keep::default()).await.expect("prunes");
    let took = began.elapsed();
    end.store(true, Ordering::Relaxed);
    let mut times = others.await.expect("no panic");
    println!(
        "\nThe deleted plan is cleared in {took:.2?}; beside it, 99 of 100 writes within {:.2?}, all within {:.2?}",
        percentile(&mut times, 99),
        percentile(&mut times, 100)
    );
}

fn told(what: &str, small: Duration, large: Duration) {
    let ratio = large.as_secs_f64() / small.as_secs_f64();
    println!("| {what} | {small:.2?} | {large:.2?} | {ratio:.2} |");
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let keys = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000).max(SMALL);
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);

    let bare = open(&path("without.db")).await;
    let without = import(&bare, keys, None, row).await;
    bare.close().await;
    let (small, _) = filled(&path("small.db"), SMALL).await;
    let (large, with) = filled(&path("large.db"), keys).await;

    println!("| | {SMALL} keys | {keys} keys | ratio |\n|---|---|---|---|");
    let gold = Rows { plan: "gold", first: 0, keys };
    let both = [&FEW, &gold];
    pair("plans of a key", both, async |rows, n| plans_of_a_key(&large, rows, n).await).await;
    pair("50 newest keys of a plan", both, async |rows, _| page(&large, rows, None).await).await;
    pair("50 keys from anywhere in it", both, async |rows, n| keys_of_a_plan(&large, rows, n).await).await;
    pair("attaching one key", both, async |rows, n| attach(&large, rows, n).await).await;
    told("a stage that no plan has", add_stage(&small, 1).await, add_stage(&large, 1).await);
    for (storage, keys) in [(&small, SMALL), (&large, keys)] {
        insert(storage, plan("silver", Some("api:prod"), Version::FIRST)).await;
        // By age they lie between the keys of the other plan, one by one.
        let between = |n| ImportedApiKey { at: moment(n), ..row((1 << 30) + n) };
        import(storage, keys, Some("silver"), between).await;
    }
    told("a stage of a plan as large", add_stage(&small, 3).await, add_stage(&large, 3).await);
    told("deleting a plan, in a unit", delete_in_a_unit(&small, 5).await, delete_in_a_unit(&large, 5).await);
    told("deleting a plan, once", delete(&small, 5).await, delete(&large, 5).await);

    println!(
        "\nImport of {keys}: {without:.2?}, each into a plan {with:.2?} ({:.2})",
        with.as_secs_f64() / without.as_secs_f64()
    );
    clear(Arc::clone(&large)).await;
    small.close().await;
    large.close().await;
}
