//! What a key costs in memory, in time and in bytes: `cargo bench -p gatepost-storage-memory --bench api_keys`, with
//! `-- KEYS` for another number than a million, `-- unit` for the part about one large unit of work alone, which is how
//! its memory shows, and `-- plan` for that about keys in a usage plan.
//!
//! Means of the time that the thread had a core, so that other work on the machine counts little; what a reader waits
//! for is told as it passes. Pin it to one core to see a reader and an import share it.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![expect(clippy::print_stdout, reason = "a benchmark tells what it measured")]

use gatepost_domain::api_keys::{
    ApiKey, ApiKeyFilter, ApiKeyId, ApiKeyName, ApiKeyPosition, CustomerId, ImportedFields,
};
use gatepost_domain::usage_plans::{QuotaHistory, Stages, UsagePlan, UsagePlanId, UsagePlanName};
use gatepost_domain::{AccountId, Clock, Digest, PageLimit, PageRequest, Sealed, Tags, Timestamp, Version};
use gatepost_storage::{ImportedApiKey, Keep, NewApiKey, NewUsagePlan, Storage, UsagePlanKey};
use gatepost_storage_memory::MemoryStorage;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// A small generator, so that every run does the same.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn text(&mut self, length: usize) -> String {
        (0..length).map(|_| char::from(LETTERS[(self.next() % 36) as usize])).collect()
    }
}

fn account() -> AccountId {
    AccountId::from_number(1).expect("1 is an account")
}

fn digest(random: &mut Random) -> Digest {
    let mut bytes = [0; 32];
    bytes.chunks_exact_mut(8).for_each(|eight| eight.copy_from_slice(&random.next().to_le_bytes()));
    Digest(bytes)
}

/// Row `n`: ten letters of id, sixteen of name, a value of forty, sealed.
fn row(n: u64, name: &str) -> ImportedApiKey {
    let mut random = Random(n << 20);
    ImportedApiKey {
        row: n,
        digest: digest(&mut random),
        id: id(n),
        sealed: Sealed(vec![n as u8; 75].into()),
        fields: ImportedFields {
            name: ApiKeyName::parse(name).expect("short enough"),
            ..ImportedFields::default()
        },
        plans: Vec::new(),
        at: Timestamp::from_micros(1_700_000_000_000_000 + n as i64),
    }
}

fn id(n: u64) -> ApiKeyId {
    ApiKeyId::parse(&Random((n << 20) + 7).text(10)).expect("letters are an id")
}

fn random_name(n: u64) -> String {
    Random((n << 20) + 9).text(16)
}

/// Names that share their first nine characters, as people choose them, in random order.
fn numbered_name(n: u64) -> String {
    format!("customer-{:07}", n * 7_368_787 % 10_000_000)
}

/// A line of the process's status, in bytes.
fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes = line.and_then(|rest| rest.trim_matches([':', ' ', '\t', 'k', 'B']).parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}

fn resident_bytes() -> u64 {
    status("VmRSS")
}

fn tell_memory(before: u64, keys: u64) {
    println!("{:>10} bytes per key, resident", resident_bytes().saturating_sub(before) / keys);
    println!("{:>10} KiB more than that at the peak", (status("VmHWM") - resident_bytes()) / 1024);
}

/// How long this thread has had a core. The system brings it up to date every few milliseconds.
fn core_time() -> Duration {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(
        statistics.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default(),
    )
}

fn per(elapsed: Duration, count: u64) -> f64 {
    elapsed.as_nanos() as f64 / count as f64
}

/// Imports in units as an import does; the time that the storage took, without that of making the rows.
async fn import(
    storage: &dyn Storage,
    keys: u64,
    name: fn(u64) -> String,
    plans: &[UsagePlanId],
) -> Duration {
    let mut spent = Duration::ZERO;
    let mut next = 0;
    while next < keys {
        let end = keys.min(next + storage.import_rows_per_unit() as u64);
        let rows = (next..end).map(|n| ImportedApiKey { plans: plans.to_vec(), ..row(n, &name(n)) });
        let rows: Vec<ImportedApiKey> = rows.collect();
        let begun = core_time();
        let mut unit = storage.begin().await.expect("begins");
        black_box(unit.import_api_keys(account(), rows, None, 10).await.expect("imports"));
        unit.commit().await.expect("commits");
        spent += core_time() - begun;
        next = end;
    }
    spent
}

/// The mean of so many calls or, as the clock is coarse, of as many more as take a fifth of a second.
async fn timed<F: Future>(least: u64, mut call: impl FnMut(u64) -> F) -> f64 {
    let begun = core_time();
    let mut rounds = 0;
    while rounds < least || core_time() - begun < Duration::from_millis(200) {
        for _ in 0..least {
            black_box(call(rounds).await);
            rounds += 1;
        }
    }
    per(core_time() - begun, rounds)
}

async fn finds(storage: &dyn Storage, keys: u64) {
    let mut random = Random(3);
    let ids: Vec<ApiKeyId> = (0..200_000).map(|_| id(random.next() % keys)).collect();
    let reader = storage.reader();
    let ids = &ids;
    let nanos = timed(ids.len() as u64, async |n| {
        reader
            .find_api_key(account(), &ids[n as usize % ids.len()])
            .await
            .expect("answers")
            .expect("is there")
    });
    println!("{:>10.0} ns  find, of {keys} keys", nanos.await);
}

async fn creates(storage: &dyn Storage, keys: u64) {
    let create = async |n: u64| {
        let imported = row((1 << 32) + n, "created");
        let key = ApiKey {
            id: imported.id,
            name: imported.fields.name,
            description: None,
            enabled: true,
            customer_id: None,
            stage_keys: Vec::new(),
            labels: Vec::new(),
            tags: Tags::default(),
            created: imported.at,
            updated: imported.at,
            version: Version::FIRST,
        };
        let new = NewApiKey { key, digest: imported.digest, sealed: imported.sealed, retry: None };
        let mut unit = storage.begin().await.expect("begins");
        unit.insert_api_key(account(), new, None).await.expect("inserts");
        unit.commit().await.expect("commits");
    };
    println!("{:>10.0} ns  create, at {keys} keys", timed(100, create).await);
    // Whatever number of rounds that was.
    for n in 0..storage.reader().count_api_keys(account()).await.expect("answers") - keys {
        let mut unit = storage.begin().await.expect("begins");
        unit.delete_api_key(account(), &id((1 << 32) + n)).await.expect("deletes");
        unit.commit().await.expect("commits");
    }
}

async fn pages(
    storage: &dyn Storage,
    what: &str,
    filter: &ApiKeyFilter,
    limit: i64,
    after: Option<ApiKeyPosition>,
) {
    let reader = storage.reader();
    let after = &after;
    let nanos = timed(100, async |_| {
        let request = PageRequest { after: after.clone(), limit: PageLimit::or_default(limit) };
        reader.list_api_keys(account(), filter, request).await.expect("answers").items.len()
    });
    let nanos = nanos.await;
    let request = PageRequest { after: after.clone(), limit: PageLimit::or_default(limit) };
    let found = reader.list_api_keys(account(), filter, request).await.expect("answers").items.len();
    println!("{nanos:>10.0} ns  {what}, {found} items");
}

async fn listings(storage: &dyn Storage, keys: u64) {
    let mut unit = storage.begin().await.expect("begins");
    for n in 0..10 {
        let imported = row((1 << 33) + n * 99, "rare-name");
        unit.import_api_keys(account(), vec![imported.clone()], None, 10).await.expect("imports");
        let stored = unit.find_api_key(account(), &imported.id).await.expect("answers").expect("is there");
        let mut key = stored.key;
        key.customer_id = CustomerId::parse("rare-customer").expect("short enough");
        unit.update_api_key(account(), &key, key.version).await.expect("updates");
    }
    unit.commit().await.expect("commits");

    let all = ApiKeyFilter::default();
    let at = |n: u64| {
        let imported = row(n, "n");
        Some(ApiKeyPosition { created: imported.at, id: imported.id })
    };
    let filter = |prefix: Option<&str>, customer: &str| ApiKeyFilter {
        name_prefix: prefix.map(Into::into),
        customer_id: CustomerId::parse(customer).expect("short enough"),
    };
    pages(storage, "page 1 of 25", &all, 25, None).await;
    pages(storage, "page 20,000 of 25 (or the middle)", &all, 25, at(keys / 2)).await;
    pages(storage, "page of 10", &all, 10, None).await;
    pages(storage, "page of a prefix that matches 10", &filter(Some("rare"), ""), 10, None).await;
    pages(storage, "page of a customer that matches 10", &filter(None, "rare-customer"), 10, None).await;
    pages(storage, "page of both", &filter(Some("rare"), "rare-customer"), 10, None).await;
    pages(storage, "page of a prefix of one letter", &filter(Some("a"), ""), 25, None).await;
    pages(storage, "page of a prefix of two letters", &filter(Some("ab"), ""), 25, None).await;
    pages(storage, "page of both of these, none matching", &filter(Some("ab"), "rare-customer"), 25, None)
        .await;
}

/// Reads in a thread of their own, sorted, while something is written.
fn reads_during<T>(storage: &MemoryStorage, writes: impl FnOnce() -> T) -> (T, Vec<Duration>) {
    let stop = AtomicBool::new(false);
    let wait = Duration::from_micros(200);
    std::thread::scope(|scope| {
        let reads = scope.spawn(|| {
            let runtime = runtime();
            runtime.block_on(async {
                let mut times = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let begun = Instant::now();
                    black_box(storage.reader().find_api_key(account(), &id(5)).await.expect("answers"));
                    times.push(begun.elapsed());
                    std::thread::sleep(wait);
                }
                times.sort_unstable();
                times
            })
        });
        let done = writes();
        stop.store(true, Ordering::Relaxed);
        (done, reads.join().expect("the reader ends"))
    })
}

fn tell_reads(times: &[Duration]) {
    let Some(last) = times.len().checked_sub(1) else { return };
    println!(
        "{:>10} us  read at the median, {} us at the 99th percentile, {} us at most, of {} reads",
        times[last / 2].as_micros(),
        times[last * 99 / 100].as_micros(),
        times[last].as_micros(),
        times.len()
    );
}

/// Its clock stands still: nothing here grows old.
fn empty() -> MemoryStorage {
    struct Still;
    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(0)
        }
    }
    MemoryStorage::new(Arc::new(Still))
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime starts")
}

fn main() {
    // Cargo says so when this is to measure; otherwise it only has to run.
    let usual = if std::env::args().any(|argument| argument == "--bench") { 1_000_000 } else { 1_000 };
    let keys = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(usual);
    let only = |part: &str| std::env::args().any(|argument| argument == part);
    if !only("unit") {
        for keys in [1_000, keys] {
            one_plan(keys);
        }
    }
    if only("plan") {
        return;
    }
    if !only("unit") {
        many_units(keys);
    }
    for commits in [false, true] {
        println!("{keys} keys in one unit of work");
        let before = resident_bytes();
        let storage = empty();
        let runtime = runtime();
        runtime.block_on(import(&storage, 10_000, |n| random_name((1 << 34) + n), &[]));
        let ((), times) = reads_during(&storage, || runtime.block_on(one_unit(&storage, keys, commits)));
        tell_reads(&times);
        tell_memory(before, keys);
    }
}

fn many_units(keys: u64) {
    let runtime = runtime();
    let small = empty();
    runtime.block_on(async {
        import(&small, 1_000, random_name, &[]).await;
        finds(&small, 1_000).await;
        creates(&small, 1_000).await;
    });

    println!("{keys} keys with random names");
    let before = resident_bytes();
    let storage = empty();
    let spent = runtime.block_on(import(&storage, keys, random_name, &[]));
    println!("{:>10.0} ns  import, per row", per(spent, keys));
    tell_memory(before, keys);
    runtime.block_on(async {
        finds(&storage, keys).await;
        creates(&storage, keys).await;
        listings(&storage, keys).await;
    });
    let (spent, times) =
        reads_during(&storage, || runtime.block_on(import(&storage, keys, random_name, &[])));
    println!("{:>10.0} ns  import of the same again, per row", per(spent, keys));
    tell_reads(&times);
    tell_memory(before, keys);
    drop(storage);

    println!("{keys} keys with numbered names");
    let storage = empty();
    let (spent, times) =
        reads_during(&storage, || runtime.block_on(import(&storage, keys, numbered_name, &[])));
    println!("{:>10.0} ns  import, per row", per(spent, keys));
    tell_reads(&times);
}

/// So many keys, all of them in one plan.
fn one_plan(keys: u64) {
    println!("{keys} keys in a plan");
    let before = resident_bytes();
    let (storage, runtime) = (empty(), runtime());
    let plan = UsagePlan {
        id: UsagePlanId::parse("gold00").expect("it is an id"),
        name: UsagePlanName::parse("gold").expect("it is a name"),
        description: None,
        product_code: None,
        stages: Stages::default(),
        throttle: None,
        quotas: QuotaHistory::default(),
        tags: Tags::default(),
        created: Timestamp::from_micros(0),
        version: Version::FIRST,
    };
    runtime.block_on(async {
        let new = NewUsagePlan { plan: plan.clone(), retry: None };
        storage.writer().insert_usage_plan(account(), &new, None).await.expect("inserts");
        let spent = import(&storage, keys, random_name, std::slice::from_ref(&plan.id)).await;
        println!("{:>10.0} ns  import, per row", per(spent, keys));
        tell_memory(before, keys);
        let reader = storage.reader();
        let nanos = timed(100, async |n| {
            let imported = row(n * 7_368_787 % keys, "n");
            let after = Some(ApiKeyPosition { created: imported.at, id: imported.id });
            let page = PageRequest { after, limit: PageLimit::DEFAULT };
            reader.list_usage_plan_keys(account(), &plan.id, None, page).await.expect("answers")
        });
        println!("{:>10.0} ns  page of 25 of its keys", nanos.await);
        let nanos = timed(100, async |n| {
            let key = id(n * 7_368_787 % keys);
            let page = PageRequest { after: None, limit: PageLimit::DEFAULT };
            reader.list_usage_plans(account(), Some(&key), page).await.expect("answers")
        });
        println!("{:>10.0} ns  the plans of a key", nanos.await);
        let nanos = timed(100, async |n| {
            let link = UsagePlanKey { plan: plan.id.clone(), key: id(n * 7_368_787 % keys) };
            assert!(storage.writer().detach_api_key(account(), &link).await.expect("detaches"));
            storage.writer().attach_api_keys(account(), &[link], 10).await.expect("attaches")
        });
        println!("{:>10.0} ns  a key is taken out of it and put into it", nanos.await);
        let begun = Instant::now();
        storage.writer().delete_usage_plan(account(), &plan.id, Version::FIRST).await.expect("deletes");
        println!("{:>10} us  delete", begun.elapsed().as_micros());
        let begun = Instant::now();
        storage.prune(Keep::default()).await.expect("prunes");
        println!("{:>10} us  prune", begun.elapsed().as_micros());
    });
}

async fn one_unit(storage: &dyn Storage, keys: u64, commits: bool) {
    let mut spent = Duration::ZERO;
    let mut unit = storage.begin().await.expect("begins");
    for from in (0..keys).step_by(2_000) {
        let rows: Vec<ImportedApiKey> =
            (from..keys.min(from + 2_000)).map(|n| row((1 << 35) + n, &random_name(n))).collect();
        let begun = core_time();
        black_box(unit.import_api_keys(account(), rows, None, 10).await.expect("imports"));
        spent += core_time() - begun;
    }
    println!("{:>10.0} ns  import before the commit, per row", per(spent, keys));
    pages(storage, "page 1 of 25 meanwhile", &ApiKeyFilter::default(), 25, None).await;
    let begun = Instant::now();
    if commits {
        unit.commit().await.expect("commits");
        println!("{:>10} us  commit", begun.elapsed().as_micros());
    } else {
        drop(unit);
        println!("{:>10} us  drop", begun.elapsed().as_micros());
        // What was dropped is swept by a task of its own, as soon as others yield.
        let swept = Instant::now();
        while swept.elapsed() < Duration::from_secs(5) {
            tokio::task::yield_now().await;
        }
    }
}
