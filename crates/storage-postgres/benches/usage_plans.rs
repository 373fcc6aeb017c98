//! What plans with many keys cost: `cargo bench -p gatepost-storage-postgres --bench usage_plans --
//! postgres://USER:PASSWORD@HOST/DATABASE`, with a number of keys behind it for another plan than one of a million. The
//! database is migrated and filled: take an empty one.
//!
//! Calls on a plan of a thousand keys and on one of all take turns, so that both meet the same database and the same
//! machine, and each once before it is measured. An import that names plans and one that does not take turns, too,
//! portion by portion. Before calls are measured the database is vacuumed, which it would do by itself in their middle.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark tells what it measured")]

use gatepost_domain::api_keys::{ApiKeyId, ApiKeyName, ApiKeyPosition, ImportedFields};
use gatepost_domain::usage_plans::{
    ApiStage, Attachment, QuotaHistory, StageId, Stages, UsagePlan, UsagePlanId, UsagePlanName,
};
use gatepost_domain::{AccountId, Digest, PageLimit, PageRequest, Sealed, Tags, Timestamp, Version};
use gatepost_storage::{ImportedApiKey, Keep, NewUsagePlan, PlanChanged, RowOutcome, Storage, UsagePlanKey};
use gatepost_storage_postgres::{PostgresOptions, PostgresStorage};
use sqlx::{Connection as _, PgConnection};
use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

type Failure = Box<dyn Error + Send + Sync>;

const KEYS: u64 = 1_000_000;
/// What all of them are compared with.
const FEW: u64 = 1_000;
/// Keys that are put into plans one at a time, and calls of every kind.
const SAMPLES: usize = 300;
/// Rows of one call of an import: what the backend asks for.
const PORTION: u64 = 5_000;
/// Links of one call: what the trait allows.
const LINKS: usize = 10_000;
/// How often a stage is given to a plan.
const CHANGES: usize = 5;

#[tokio::main]
async fn main() -> ExitCode {
    // Cargo adds words of its own.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        [url] => measure(url, KEYS).await,
        [url, keys] => match keys.parse() {
            Ok(keys) if keys > FEW => measure(url, keys).await,
            Ok(_) | Err(_) => Err(format!("{keys} is no number of keys above {FEW}").into()),
        },
        [] | [_, _, _, ..] => {
            eprintln!("left out: give the URL of an empty database, and perhaps a number of keys");
            return ExitCode::SUCCESS;
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("usage_plans: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(url: &str, keys: u64) -> Result<(), Failure> {
    let bench = Bench {
        storage: PostgresStorage::connect(PostgresOptions::new(url)).await?,
        url: url.to_owned(),
        keys,
    };
    for id in ["all", "others", "few"] {
        bench.insert_plan(id).await?;
    }
    let mut random = Random(u64::try_from(clock().as_nanos() & u128::from(u64::MAX))?);
    let loose = bench.import(&mut random, SAMPLES as u64, None).await?.ids;
    let few = Plan { id: plan_id("few"), keys: bench.import(&mut random, FEW, Some("few")).await?.ids };

    println!("| group | what | measured | target | verdict |");
    println!("|---|---|---|---|---|");
    let (members, mut rest) = bench.imports(&mut random).await?;
    let all = Plan { id: plan_id("all"), keys: members };
    bench.storage.settle_after_import().await?;
    bench.vacuum().await?;
    let (mut few_took, mut all_took) = (Calls::default(), Calls::default());
    for is_measured in [false, true] {
        for (nth, loose) in loose.iter().enumerate() {
            for (plan, took) in [(&few, &mut few_took), (&all, &mut all_took)] {
                let one = bench.call(plan, nth, loose).await?;
                if is_measured {
                    took.note(&one);
                }
            }
        }
    }
    let (few, many) = (few_took.medians(), all_took.medians());
    for (what, few, many) in [
        ("listing the plans of a key", few.plans, many.plans),
        ("a page of a plan's keys, the first", few.first_page, many.first_page),
        ("a page of a plan's keys, from the middle on", few.middle_page, many.middle_page),
        ("putting one key into the plan", few.attach, many.attach),
    ] {
        report(what, keys, few, many);
    }

    rest.truncate(usize::try_from(keys)?);
    bench.stages(&rest).await?;
    bench.deletions().await
}

struct Bench {
    storage: PostgresStorage,
    url: String,
    keys: u64,
}

/// Keys that were imported, and how long it took.
struct Imported {
    ids: Vec<ApiKeyId>,
    took: Duration,
}

/// A plan and the keys in it.
struct Plan {
    id: UsagePlanId,
    keys: Vec<ApiKeyId>,
}

/// What one call of each kind took.
struct Calls<T> {
    plans: T,
    first_page: T,
    middle_page: T,
    attach: T,
}

impl Default for Calls<Vec<Duration>> {
    fn default() -> Self {
        Self { plans: Vec::new(), first_page: Vec::new(), middle_page: Vec::new(), attach: Vec::new() }
    }
}

impl Calls<Vec<Duration>> {
    fn note(&mut self, one: &Calls<Duration>) {
        self.plans.push(one.plans);
        self.first_page.push(one.first_page);
        self.middle_page.push(one.middle_page);
        self.attach.push(one.attach);
    }

    fn medians(self) -> Calls<Duration> {
        let Self { plans, first_page, middle_page, attach } = self;
        let [plans, first_page, middle_page, attach] = [plans, first_page, middle_page, attach].map(median);
        Calls { plans, first_page, middle_page, attach }
    }
}

impl Bench {
    async fn insert_plan(&self, id: &str) -> Result<(), Failure> {
        let new = NewUsagePlan { plan: plan(id, &[], Version::FIRST), retry: None };
        Ok(self.storage.writer().insert_usage_plan(account(), &new, None).await?)
    }

    /// Imports as the product does, portion after portion.
    async fn import(&self, random: &mut Random, rows: u64, into: Option<&str>) -> Result<Imported, Failure> {
        let mut imported = Imported { ids: Vec::new(), took: Duration::ZERO };
        let mut row = 0;
        while row < rows {
            let portion = PORTION.min(rows - row);
            let batch: Vec<_> = (row..row + portion).map(|row| random.row(row, into)).collect();
            let begun = Instant::now();
            let outcomes = self.storage.writer().import_api_keys(account(), batch, None, 10).await?;
            imported.took += begun.elapsed();
            for outcome in outcomes {
                let RowOutcome::Stored { id, refused } = outcome else { return Err("an id twice".into()) };
                if !refused.is_empty() {
                    return Err("a plan was refused".into());
                }
                imported.ids.push(id);
            }
            row += portion;
        }
        Ok(imported)
    }

    /// Fills the plan, and imports as many keys again that are in none: keys of both kinds.
    async fn imports(&self, random: &mut Random) -> Result<(Vec<ApiKeyId>, Vec<ApiKeyId>), Failure> {
        let [mut with, mut without] = [const { (Vec::new(), Duration::ZERO) }; 2];
        let mut row = 0;
        while row < self.keys {
            let portion = PORTION.min(self.keys - row);
            for (into, (ids, took)) in [(Some("all"), &mut with), (None, &mut without)] {
                let imported = self.import(random, portion, into).await?;
                ids.extend(imported.ids);
                *took += imported.took;
            }
            row += portion;
        }
        let (with, without, took_with, took_without) = (with.0, without.0, with.1, without.1);
        let ratio = took_with.as_secs_f64() / took_without.as_secs_f64();
        let (one, other) = (took_with.as_secs_f64(), took_without.as_secs_f64());
        let measured = format!("{ratio:.2} ({one:.1} s, {other:.1} s)");
        let what = format!("import of {} rows with a plan each, over the same without", self.keys);
        row_of_table(&what, &measured, "≤ 1.5", ratio <= 1.5);
        Ok((with, without))
    }

    async fn vacuum(&self) -> Result<(), Failure> {
        let mut connection = PgConnection::connect(&self.url).await?;
        for statement in ["VACUUM (ANALYZE)", "CHECKPOINT"] {
            sqlx::query(statement).execute(&mut connection).await?;
        }
        Ok(())
    }

    /// The `nth` call of each kind, at a place in the plan of its own.
    async fn call(&self, plan: &Plan, nth: usize, loose: &ApiKeyId) -> Result<Calls<Duration>, Failure> {
        let reader = self.storage.reader();
        // The last tenth is left, so that there is a whole page behind.
        let key = &plan.keys[plan.keys.len() / 10 + nth * (plan.keys.len() * 9 / 10) / SAMPLES];
        let position = reader.find_api_key(account(), key).await?.ok_or("a key is gone")?.key.position();
        let page = async |after: Option<ApiKeyPosition>| {
            let request = PageRequest { after, limit: PageLimit::DEFAULT };
            let begun = Instant::now();
            let page = reader.list_usage_plan_keys(account(), &plan.id, None, request).await?;
            let took = begun.elapsed();
            if page.items.len() < PageLimit::DEFAULT.get() {
                Err("a short page".into())
            } else {
                Ok::<_, Failure>(took)
            }
        };
        let begun = Instant::now();
        let request = PageRequest { after: None, limit: PageLimit::DEFAULT };
        let of_key = reader.list_usage_plans(account(), Some(key), request).await?;
        let plans = begun.elapsed();
        if of_key.items.len() != 1 {
            return Err("a key is not in its plan".into());
        }
        let (first_page, middle_page) = (page(None).await?, page(Some(position)).await?);
        let link = UsagePlanKey { plan: plan.id.clone(), key: loose.clone() };
        let begun = Instant::now();
        let outcome =
            self.storage.writer().attach_api_keys(account(), std::slice::from_ref(&link), 10).await?;
        let attach = begun.elapsed();
        if outcome != [Attachment::Done] {
            return Err("a key was refused".into());
        }
        self.storage.writer().detach_api_key(account(), &link).await?;
        Ok(Calls { plans, first_page, middle_page, attach })
    }

    /// Gives stages to the plan: one that no other plan has, and one that a plan of as many other keys has.
    async fn stages(&self, others: &[ApiKeyId]) -> Result<(), Failure> {
        let begun = Instant::now();
        for keys in others.chunks(LINKS) {
            let link = |key: &ApiKeyId| UsagePlanKey { plan: plan_id("others"), key: key.clone() };
            let links: Vec<_> = keys.iter().map(link).collect();
            self.storage.writer().attach_api_keys(account(), &links, 10).await?;
        }
        let rate = others.len() as f64 / begun.elapsed().as_secs_f64();
        println!("| plans | keys put into a plan, {LINKS} a call | {rate:.0} a second | | |");
        let longest = self.longest_change("a:own").await?;
        let what = format!("giving a stage to a plan of {} keys that no other plan has", self.keys);
        row_of_table(&what, &seconds(longest), "≤ 3 s", longest <= Duration::from_secs(3));
        let shared = plan("others", &["a:both"], Version(2));
        self.storage.writer().update_usage_plan(account(), &shared, Version::FIRST).await?;
        let longest = self.longest_change("a:both").await?;
        let what = "the same, and a plan of as many other keys has it";
        row_of_table(what, &seconds(longest), "≤ 3 s", longest <= Duration::from_secs(3));
        Ok(())
    }

    async fn longest_change(&self, stage: &str) -> Result<Duration, Failure> {
        let mut longest = Duration::ZERO;
        for _ in 0..CHANGES {
            let found = self.storage.reader().find_usage_plan(account(), &plan_id("all")).await?;
            let version = found.ok_or("the plan is gone")?.version;
            let with = plan("all", &[stage], version.next());
            let begun = Instant::now();
            let changed = self.storage.writer().update_usage_plan(account(), &with, version).await?;
            longest = longest.max(begun.elapsed());
            if changed != PlanChanged::Done {
                return Err("a stage was refused".into());
            }
            let without = plan("all", &[], with.version.next());
            self.storage.writer().update_usage_plan(account(), &without, with.version).await?;
        }
        Ok(longest)
    }

    async fn deletions(&self) -> Result<(), Failure> {
        let few = self.deletion("few").await?;
        let many = self.deletion("all").await?;
        report("deleting the plan", self.keys, few, many);
        let begun = Instant::now();
        self.storage.prune(Keep::default()).await?;
        let took = seconds(begun.elapsed());
        println!("| plans | clearing what was left of both | {took} | | |");
        Ok(())
    }

    /// Deletes a plan again and again; at the end it is deleted.
    async fn deletion(&self, id: &str) -> Result<Duration, Failure> {
        let mut connection = PgConnection::connect(&self.url).await?;
        let mut took = Vec::new();
        for _ in 0..SAMPLES {
            let back = "UPDATE usage_plan SET deleted = false, version = 1 WHERE id = $1";
            sqlx::query(back).bind(id).execute(&mut connection).await?;
            let begun = Instant::now();
            self.storage.writer().delete_usage_plan(account(), &plan_id(id), Version::FIRST).await?;
            took.push(begun.elapsed());
        }
        Ok(median(took))
    }
}

fn report(what: &str, keys: u64, few: Duration, many: Duration) {
    let ratio = many.as_secs_f64() / few.as_secs_f64();
    let [few, many] = [few, many].map(|took| took.as_secs_f64() * 1e3);
    let what = format!("{what}, at {keys} keys over at {FEW}: medians of {SAMPLES}");
    row_of_table(&what, &format!("{ratio:.2} ({many:.2} ms, {few:.2} ms)"), "≤ 1.3", ratio <= 1.3);
}

fn row_of_table(what: &str, measured: &str, target: &str, is_met: bool) {
    let verdict = if is_met { "met" } else { "**missed**" };
    println!("| plans | {what} | {measured} | {target} | {verdict} |");
}

fn seconds(took: Duration) -> String {
    format!("{:.2} s", took.as_secs_f64())
}

fn median(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took.get(took.len() / 2).copied().unwrap_or_default()
}

/// Time since 1970.
fn clock() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn account() -> AccountId {
    AccountId::from_number(123_456_789_012).expect("twelve digits are an account")
}

fn plan_id(text: &str) -> UsagePlanId {
    UsagePlanId::parse(text).expect("letters are an id")
}

fn plan(id: &str, stages: &[&str], version: Version) -> UsagePlan {
    let stage = |text: &&str| ApiStage {
        id: StageId::parse(text).expect("two names are a stage"),
        throttle: [].into(),
    };
    UsagePlan {
        id: plan_id(id),
        name: UsagePlanName::parse(id).expect("letters are a name"),
        description: None,
        product_code: None,
        stages: Stages::new(stages.iter().map(stage).collect()).expect("each is there once"),
        throttle: None,
        quotas: QuotaHistory::default(),
        tags: Tags::default(),
        created: Timestamp::from_micros(1_465_424_516_000_000),
        version,
    }
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
    fn row(&mut self, row: u64, into: Option<&str>) -> ImportedApiKey {
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
            plans: into.map(plan_id).into_iter().collect(),
            at: Timestamp::from_micros(
                i64::try_from(clock().as_micros()).expect("long before the year 294,247"),
            ),
        }
    }
}
