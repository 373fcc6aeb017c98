//! What a key costs on SQLite: `cargo bench -p gatepost-storage-sqlite --bench api_keys`, with `-- KEYS` for another
//! number than a million. The database is made in `TMPDIR`, which should be on a real disk.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![expect(clippy::print_stdout, reason = "a benchmark tells what it measured")]

mod rows;

use gatepost_domain::api_keys::{ApiKey, ApiKeyFilter, ApiKeyName, ApiKeyPosition, CustomerId};
use gatepost_domain::{PageLimit, PageRequest, Tags, Version};
use gatepost_storage::{ImportedApiKey, NewApiKey, RetryToken, Storage};
use gatepost_storage_sqlite::SqliteStorage;
use rows::{Random, account, moment, open, percentile, row};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

fn key(n: u64) -> NewApiKey {
    let row = row(n);
    let key = ApiKey {
        id: row.id,
        name: row.fields.name,
        description: None,
        enabled: true,
        customer_id: None,
        stage_keys: Vec::new(),
        labels: Vec::new(),
        tags: Tags::default(),
        created: moment(n),
        updated: moment(n),
        version: Version::FIRST,
    };
    NewApiKey { key, digest: row.digest, sealed: row.sealed, retry: Some(RetryToken(Random(n).bytes())) }
}

/// Durable creates by so many callers, each of which waits for its answer.
async fn creates(storage: &Arc<SqliteStorage>, callers: u64, each: u64, start: u64) {
    let (began, cpu) = (Instant::now(), cpu_seconds());
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let storage = Arc::clone(storage);
            tokio::spawn(async move {
                for n in 0..each {
                    let new = key(start + caller * each + n);
                    storage.writer().insert_api_key(account(), new, Some(10_000_000)).await.expect("inserts");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    let (count, took) = ((callers * each) as f64, began.elapsed().as_secs_f64());
    let cpu = (cpu_seconds() - cpu) / count * 1e6;
    println!("{callers:>3} callers: {:>8.0} durable creates/s, {cpu:.0} us of processor each", count / took);
}

/// The bare statements: 500 rows each, into the product's own table and indexes, 10,000 a transaction.
async fn bare(path: &Path, keys: u64) -> Duration {
    drop(open(path).await);
    let mut conn = SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.expect("connects");
    for pragma in ["journal_mode = WAL", "synchronous = FULL", "cache_size = -24000"] {
        sqlx::query(AssertSqlSafe(format!("PRAGMA {pragma}"))).execute(&mut conn).await.expect("is set");
    }
    let values = ["(?, ?, ?, 1, ?, ?, 1, ?, ?)"; 500].join(",");
    let sql = format!(
        "INSERT INTO api_key (account, id, digest, enabled, created, updated, version, sealed, name) VALUES {values}"
    );
    let rows: Vec<ImportedApiKey> = (0..keys).map(row).collect();
    let began = Instant::now();
    sqlx::query("BEGIN").execute(&mut conn).await.expect("begins");
    for (at, rows) in rows.chunks_exact(500).enumerate() {
        if at > 0 && at % 20 == 0 {
            sqlx::query("COMMIT; BEGIN").execute(&mut conn).await.expect("commits and begins");
        }
        let mut query = sqlx::query(AssertSqlSafe(sql.clone()));
        for row in rows {
            query = query
                .bind(account().number() as i64)
                .bind(row.id.as_str())
                .bind(row.digest.0.as_slice())
                .bind(row.at.micros())
                .bind(row.at.micros())
                .bind(&*row.sealed.0)
                .bind(row.fields.name.as_ref().map(ApiKeyName::as_str));
        }
        query.execute(&mut conn).await.expect("inserts");
    }
    sqlx::query("COMMIT").execute(&mut conn).await.expect("commits");
    let took = began.elapsed();
    conn.close().await.expect("closes");
    took
}

async fn import(storage: &SqliteStorage, keys: u64) -> Duration {
    let mut took = Duration::ZERO;
    let unit = storage.import_rows_per_unit() as u64;
    for start in (0..keys).step_by(unit as usize) {
        let rows: Vec<ImportedApiKey> = (start..keys.min(start + unit)).map(row).collect();
        let began = Instant::now();
        storage.writer().import_api_keys(account(), rows, None, 10).await.expect("imports");
        took += began.elapsed();
    }
    let began = Instant::now();
    storage.settle_after_import().await.expect("settles");
    println!("     settled in {:.2?}", began.elapsed());
    took
}

/// What single calls take beside an import.
async fn beside(storage: Arc<SqliteStorage>, end: Arc<AtomicBool>) -> [Vec<Duration>; 2] {
    let [mut finds, mut updates] = [Vec::new(), Vec::new()];
    let mut mine = key(u64::MAX >> 30);
    storage.writer().insert_api_key(account(), mine.clone(), None).await.expect("inserts");
    while !end.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let began = Instant::now();
        let found = storage.reader().find_api_key(account(), &mine.key.id).await.expect("finds");
        finds.push(began.elapsed());
        let expected = found.expect("is there").key.version;
        mine.key.version = expected.next();
        let began = Instant::now();
        storage.writer().update_api_key(account(), &mine.key, expected).await.expect("updates");
        updates.push(began.elapsed());
    }
    [finds, updates]
}

async fn page(storage: &SqliteStorage, filter: &ApiKeyFilter, after: Option<ApiKeyPosition>) -> Duration {
    let mut times = Vec::new();
    for _ in 0..101 {
        let request = PageRequest { after: after.clone(), limit: PageLimit::or_default(50) };
        let began = Instant::now();
        let page = storage.reader().list_api_keys(account(), filter, request).await.expect("lists");
        times.push(began.elapsed());
        assert!(page.items.len() <= 50);
    }
    percentile(&mut times, 50)
}

async fn pages(storage: &SqliteStorage, keys: u64) {
    let all = ApiKeyFilter::default();
    let first = page(storage, &all, None).await;
    // The last page of fifty.
    let last = row(50);
    let last = page(storage, &all, Some(ApiKeyPosition { created: last.at, id: last.id })).await;
    println!(
        "page 1: {first:.2?}; page {}: {last:.2?} ({:.2})",
        keys / 50,
        last.as_secs_f64() / first.as_secs_f64()
    );
    for prefix in ["", "a", "ab", "abc", "abcd", "~"] {
        let filter = ApiKeyFilter { name_prefix: Some(prefix.into()), customer_id: None };
        println!("names with {prefix:>4?}: {:.2?}", page(storage, &filter, None).await);
    }
    let filter =
        ApiKeyFilter { name_prefix: None, customer_id: CustomerId::parse("none").expect("is a customer") };
    println!("no customer's: {:.2?}", page(storage, &filter, None).await);
}

/// What this process has used of the processors.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    // A tick is ten milliseconds.
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1_024
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let keys = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);

    let storage = open(&path("creates.db")).await;
    let numbers = AtomicU64::new(1 << 40);
    for callers in [1, 8, 32, 64] {
        let each = if callers == 1 { 2_000 } else { 40_000 / callers };
        creates(&storage, callers, each, numbers.fetch_add(100_000, Ordering::Relaxed)).await;
    }
    storage.close().await;

    let storage = open(&path("import.db")).await;
    let (before, cpu) = (resident(), cpu_seconds());
    let took = import(&storage, keys).await;
    println!(
        "import: {took:.2?} for {keys}, {:.1} s of processor, peak memory {} MiB above",
        cpu_seconds() - cpu,
        resident() - before
    );
    pages(&storage, keys).await;
    let end = Arc::new(AtomicBool::new(false));
    let others = tokio::spawn(beside(Arc::clone(&storage), Arc::clone(&end)));
    let again = import(&storage, keys).await;
    end.store(true, Ordering::Relaxed);
    let [mut finds, mut updates] = others.await.expect("no panic");
    println!(
        "the same again: {again:.2?}; beside it, 99 of 100 finds within {:.2?}, updates within {:.2?}",
        percentile(&mut finds, 99),
        percentile(&mut updates, 99)
    );
    storage.close().await;

    let cpu = cpu_seconds();
    let bare = bare(&path("bare.db"), keys).await;
    println!("bare inserts take {:.1} s of processor, rows included", cpu_seconds() - cpu);
    println!("bare inserts: {bare:.2?}; import costs {:.2} of that", took.as_secs_f64() / bare.as_secs_f64());
}
