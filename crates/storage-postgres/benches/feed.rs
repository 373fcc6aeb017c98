//! How long after a write is acknowledged on one replica another replica's feed delivers it:
//! `cargo bench -p gatepost-storage-postgres --bench feed -- postgres://USER:PASSWORD@HOST/DATABASE`, with a number of
//! rows behind it for another import than a million. The database is migrated and filled: take an empty one.
//!
//! Two processes of this program are the replicas. The writer adds keys, one at a time, and notes when each call
//! answered; the reader notes when its feed told of each. A change that is told before its write is acknowledged
//! counts as 0. Both read the machine's one clock.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark tells what it measured")]

use gatepost_domain::api_keys::{ApiKey, ApiKeyId, ApiKeyName, ImportedFields};
use gatepost_domain::{AccountId, Digest, Sealed, Tags, Timestamp, Version};
use gatepost_storage::{Change, ImportedApiKey, NewApiKey, News, Storage};
use gatepost_storage_postgres::{PostgresOptions, PostgresStorage};
use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

type Failure = Box<dyn Error + Send + Sync>;

/// The word that makes this program the reader.
const READER: &str = "reader";

/// What the reader says when it listens.
const READY: &str = "ready";

const ROWS: u64 = 1_000_000;

/// Rows of one call of an import: what the backend asks for.
const PORTION: u64 = 5_000;

/// How long a change may take before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> ExitCode {
    // Cargo adds words of its own.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        [READER, url] => read(url).await,
        [url] => measure(url, ROWS).await,
        [url, rows] => match rows.parse() {
            Ok(rows) => measure(url, rows).await,
            Err(_) => Err(format!("{rows} is no number of rows").into()),
        },
        [] | [_, _, _, ..] => {
            eprintln!("left out: give the URL of an empty database, and perhaps a number of rows to import");
            return ExitCode::SUCCESS;
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("feed: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// The replica that hears: one line for each key that its feed tells of, with the time.
async fn read(url: &str) -> Result<(), Failure> {
    let storage = PostgresStorage::connect(PostgresOptions::new(url)).await?;
    let cursor = storage.snapshot().await?.cursor();
    let mut feed = storage.changes(cursor).await?;
    println!("{READY}");
    loop {
        let News::Changes(changes) = feed.next(Duration::from_secs(1)).await? else {
            return Err("the feed lost its place".into());
        };
        let at = clock();
        for change in changes {
            if let Change::ApiKey { id, .. } = change {
                println!("{} {}", id.as_str(), at.as_nanos());
            }
        }
    }
}

async fn measure(url: &str, rows: u64) -> Result<(), Failure> {
    let storage = Arc::new(PostgresStorage::connect(PostgresOptions::new(url)).await?);
    let replica = Replica::start(url)?;
    let random = Random(u64::try_from(clock().as_nanos() & u128::from(u64::MAX))?);
    let mut writer = Writer { storage: Arc::clone(&storage), random };
    println!("| group | what | measured: 99th percentile (median, longest, changes) | target | verdict |");
    println!("|---|---|---|---|---|");

    let written = writer.write(Gaps { least: 10, most: 50 }, |count| count < 500).await?;
    replica.report("delivered by the other replica's feed, writes 10 to 50 ms apart", written, 25.0).await?;
    let written = writer.write(Gaps { least: 1_100, most: 1_400 }, |count| count < 100).await?;
    replica.report("the same, writes 1.1 to 1.4 s apart", written, 25.0).await?;

    let imported = Arc::new(AtomicBool::new(false));
    let random = Random(writer.random.next());
    let importing = tokio::spawn(import(storage, rows, random, Arc::clone(&imported)));
    let written = writer.write(Gaps { least: 10, most: 50 }, |_| !imported.load(Ordering::Relaxed)).await?;
    let took = importing.await??.as_secs_f64();
    let what =
        format!("the same, writes 10 to 50 ms apart during an import of {rows} rows, which took {took:.1} s");
    replica.report(&what, written, 50.0).await
}

/// When each write was acknowledged.
type Written = Vec<(String, Duration)>;

/// Milliseconds between one write's answer and the next write.
#[derive(Clone, Copy)]
struct Gaps {
    least: u64,
    most: u64,
}

/// The replica that writes.
struct Writer {
    storage: Arc<PostgresStorage>,
    random: Random,
}

impl Writer {
    async fn write(&mut self, gaps: Gaps, go_on: impl Fn(usize) -> bool) -> Result<Written, Failure> {
        let mut written = Vec::new();
        while go_on(written.len()) {
            let row = self.random.row(1);
            let id = row.id.as_str().to_owned();
            let key = ApiKey {
                id: row.id,
                name: row.fields.name,
                description: None,
                enabled: true,
                customer_id: None,
                stage_keys: Vec::new(),
                labels: Vec::new(),
                tags: Tags::default(),
                created: row.at,
                updated: row.at,
                version: Version::FIRST,
            };
            let new = NewApiKey { key, digest: row.digest, sealed: row.sealed, retry: None };
            self.storage.writer().insert_api_key(account(), new, None).await?;
            written.push((id, clock()));
            let gap = gaps.least + self.random.next() % (gaps.most - gaps.least);
            tokio::time::sleep(Duration::from_millis(gap)).await;
        }
        Ok(written)
    }
}

/// Imports as the product does, portion after portion, and tells how long it took.
async fn import(
    storage: Arc<PostgresStorage>,
    rows: u64,
    mut random: Random,
    imported: Arc<AtomicBool>,
) -> Result<Duration, Failure> {
    let (start, mut row) = (Instant::now(), 0);
    let mut portions = async || {
        while row < rows {
            let portion = PORTION.min(rows - row);
            let batch = (row..row + portion).map(|row| random.row(row)).collect();
            storage.writer().import_api_keys(account(), batch, None, 10).await?;
            row += portion;
        }
        Ok::<_, Failure>(())
    };
    let done = portions().await;
    imported.store(true, Ordering::Relaxed);
    done.map(|()| start.elapsed())
}

/// The other process, and what it heard and when.
struct Replica {
    process: Child,
    heard: Arc<Mutex<HashMap<String, Duration>>>,
}

impl Replica {
    fn start(url: &str) -> Result<Self, Failure> {
        let program = std::env::current_exe()?;
        let mut process = Command::new(program).args([READER, url]).stdout(Stdio::piped()).spawn()?;
        let stdout = process.stdout.take().ok_or("the reader has no stdout")?;
        let heard: Arc<Mutex<HashMap<String, Duration>>> = Arc::default();
        let replica = Self { process, heard: Arc::clone(&heard) };
        let mut lines = BufReader::new(stdout).lines();
        if lines.next().transpose()?.as_deref() != Some(READY) {
            return Err("the reader did not start".into());
        }
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let Some((id, nanos)) = line.split_once(' ') else { break };
                let Ok(nanos) = nanos.parse() else { break };
                let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                heard.insert(id.to_owned(), Duration::from_nanos(nanos));
            }
        });
        Ok(replica)
    }

    /// Waits until everything was heard, and prints the row.
    async fn report(&self, what: &str, written: Written, target: f64) -> Result<(), Failure> {
        let start = Instant::now();
        let mut delays = loop {
            let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let delay = |(id, at): &(String, Duration)| Some(heard.get(id)?.saturating_sub(*at));
            let delays: Vec<Duration> = written.iter().filter_map(delay).collect();
            if delays.len() == written.len() {
                break delays;
            }
            if start.elapsed() > PATIENCE {
                return Err(format!("of {} changes {} were delivered", written.len(), delays.len()).into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        delays.sort_unstable();
        let at = |share: f64| {
            let rank = (delays.len() as f64 * share).ceil() as usize;
            delays.get(rank.max(1) - 1).map_or(0.0, |delay| delay.as_secs_f64() * 1e3)
        };
        let (percentile, count) = (at(0.99), delays.len());
        let verdict = if percentile <= target { "met" } else { "**missed**" };
        let measured = format!("{percentile:.1} ms ({:.1}, {:.1}, {count})", at(0.5), at(1.0));
        println!("| feed | {what} | {measured} | ≤ {target} ms | {verdict} |");
        Ok(())
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        let _gone_already = self.process.kill();
        let _gone_already = self.process.wait();
    }
}

/// Time since 1970: the same for both processes.
fn clock() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn account() -> AccountId {
    AccountId::from_number(123_456_789_012).expect("twelve digits are an account")
}

/// SplitMix64.
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
        const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        (0..length).map(|_| char::from(LETTERS[(self.next() % 36) as usize])).collect()
    }

    /// Ten letters of id, sixteen of name, a sealed value of forty.
    fn row(&mut self, row: u64) -> ImportedApiKey {
        let mut digest = [0; 32];
        digest.chunks_exact_mut(8).for_each(|eight| eight.copy_from_slice(&self.next().to_le_bytes()));
        ImportedApiKey {
            row,
            digest: Digest(digest),
            id: ApiKeyId::parse(&self.text(10)).expect("letters are an id"),
            sealed: Sealed(vec![row as u8; 75].into()),
            fields: ImportedFields {
                name: ApiKeyName::parse(&self.text(16)).expect("letters are a name"),
                description: None,
                enabled: Some(true),
            },
            plans: Vec::new(),
            at: Timestamp::from_micros(
                i64::try_from(clock().as_micros()).expect("long before the year 294,247"),
            ),
        }
    }
}
