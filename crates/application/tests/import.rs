//! What an import does, from outside, over the in-memory storage.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use gatepost_application::api_keys::{CreateApiKey, ImportApiKeys, ImportedApiKeys, ListApiKeys};
use gatepost_application::{AppError, Application, Caller, CpuPool, ErrorKind, Limits, Spools};
use gatepost_custody::{Custody, KeyRing, Random};
use gatepost_domain::api_keys::{ApiKey, ApiKeyFilter, ApiKeyId, ApiKeyValue};
use gatepost_domain::credentials::{AccessKeyId, SecretAccessKey};
use gatepost_domain::usage_plans::UsagePlanId;
use gatepost_domain::{AccountId, Clock, Ids, PageLimit, PageRequest, Timestamp, Version};
use gatepost_storage::{NewUsagePlan, UsagePlanDocument};
use gatepost_storage_memory::MemoryStorage;
use gatepost_telemetry::metrics::ImportMetrics;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::runtime::Handle;
use zeroize::Zeroizing;

/// Time and names that count upwards; with `repeats`, every fourth id is the one before.
struct Counting {
    next: AtomicU64,
    repeats: bool,
}

impl Counting {
    fn next(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}

impl Clock for Counting {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_000_000 * i64::try_from(self.next()).unwrap())
    }
}

impl Ids for Counting {
    fn api_key_id(&self) -> ApiKeyId {
        let next = self.next();
        let id = next - u64::from(self.repeats && next % 4 == 3);
        ApiKeyId::parse(&format!("id{id:08}")).unwrap()
    }

    fn api_key_value(&self) -> ApiKeyValue {
        ApiKeyValue::trusted(Zeroizing::new(format!("{:040}", self.next()).into()))
    }

    fn usage_plan_id(&self) -> UsagePlanId {
        unreachable!("no test here makes a plan")
    }

    fn access_key_id(&self) -> AccessKeyId {
        AccessKeyId::parse(&format!("GPAK{}", self.next())).unwrap()
    }

    fn secret_access_key(&self) -> SecretAccessKey {
        SecretAccessKey::trusted(Zeroizing::new("s".repeat(40).into()))
    }

    fn request_id(&self) -> [u8; 16] {
        [0; 16]
    }
}

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}

fn counting(repeats: bool) -> Arc<Counting> {
    Arc::new(Counting { next: AtomicU64::new(1), repeats })
}

fn application(limits: Limits, ids_repeat: bool) -> Application {
    let random = counting(false);
    let ring = || KeyRing::generate(&*counting(false));
    let secret = Custody::new_installation(&ring(), &*random);
    let custody = Arc::new(Custody::open(ring(), random, &secret).unwrap());
    Application {
        storage: Arc::new(MemoryStorage::new(counting(false))),
        custody: Arc::clone(&custody),
        clock: counting(false),
        ids: counting(ids_repeat),
        limits,
        cpu: CpuPool::new(Handle::current(), 2),
        spools: Spools::new(custody, 64 << 20, 64 << 20),
        import_metrics: ImportMetrics::new(),
    }
}

fn caller() -> Caller {
    Caller { account: AccountId::parse("000000000001").unwrap() }
}

async fn import(app: &Application, file: &str, fail_on_warnings: bool) -> Result<ImportedApiKeys, AppError> {
    let mut spool = app.spools.open();
    spool.write(file.as_bytes()).await.unwrap();
    app.import_api_keys(
        caller(),
        ImportApiKeys { file: spool.finish().await.unwrap(), fail_on_warnings, invocation_id: None },
    )
    .await
}

fn ids(imported: &ImportedApiKeys) -> Vec<&str> {
    std::str::from_utf8(imported.ids.in_memory().unwrap()).unwrap().lines().collect()
}

async fn key(app: &Application, id: &str) -> ApiKey {
    app.get_api_key(caller(), id, false).await.unwrap().key
}

async fn listed(app: &Application) -> Vec<String> {
    let page = PageRequest { after: None, limit: PageLimit::MAX };
    let input = ListApiKeys { filter: ApiKeyFilter::default(), include_values: true, page };
    let items = app.list_api_keys(caller(), input).await.unwrap().items;
    items.iter().map(|shown| shown.value.as_ref().unwrap().reveal().to_owned()).collect()
}

#[tokio::test]
async fn new_keys_are_enabled_and_listed_last_row_first() {
    let app = application(Limits::default(), false);
    let imported =
        import(&app, &format!("Name,Key\na,{0:040}\nb,{1:040}\nc,{2:040}\n", 1, 2, 3), false).await.unwrap();
    assert_eq!((imported.count, ids(&imported).len(), imported.warnings.len()), (3, 3, 0));
    assert!(key(&app, ids(&imported)[0]).await.enabled);
    assert_eq!(listed(&app).await, [3, 2, 1].map(|n| format!("{n:040}")));
}

#[tokio::test]
async fn a_known_value_keeps_its_id_date_and_whatever_the_row_does_not_say() {
    let app = application(Limits::default(), false);
    let made = CreateApiKey {
        name: Some("before".to_owned()),
        description: Some("stays".to_owned()),
        value: Some(Zeroizing::new("v".repeat(40))),
        ..CreateApiKey::default()
    };
    let before = app.create_api_key(caller(), made).await.unwrap().key;
    let imported = import(&app, &format!("Name,Key\nafter,{}\n", "v".repeat(40)), false).await.unwrap();
    assert_eq!(ids(&imported), [before.id.as_str()]);
    let after = key(&app, before.id.as_str()).await;
    assert_eq!(after.name.unwrap().as_str(), "after");
    assert_eq!(
        (after.description, after.created, after.enabled),
        (before.description, before.created, false)
    );
    assert!(after.updated > before.updated && after.version > before.version);
}

#[tokio::test]
async fn of_one_file_the_later_row_wins_as_if_the_earlier_were_not_there() {
    let app = application(Limits::default(), false);
    let file = format!("Name,Key,Description\na,{0:040},gone\nb,{1:040},\nc,{0:040},\n", 1, 2);
    let imported = import(&app, &file, false).await.unwrap();
    assert_eq!((imported.count, ids(&imported).len()), (2, 2));
    let last = key(&app, ids(&imported)[1]).await;
    assert_eq!((last.name.unwrap().as_str(), last.description), ("c", None));
}

#[tokio::test]
async fn failonwarnings_is_all_or_nothing() {
    let app = application(Limits::default(), false);
    let file = format!("Name,Key\na,{:040}\nb,short\nc,\n", 1);
    let refused = import(&app, &file, true).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::BadRequest);
    assert_eq!(
        refused.message(),
        "Skipped invalid record: 2. API Key value should be at least 30 characters\n\
         Skipped invalid record: 3. API Key value should be at least 30 characters"
    );
    assert!(listed(&app).await.is_empty());
    let good = file.lines().take(2).collect::<Vec<_>>().join("\n");
    assert_eq!(import(&app, &good, true).await.unwrap().count, 1);
}

#[tokio::test]
async fn an_import_that_would_pass_the_bound_is_refused_whole_and_known_keys_take_no_room() {
    let app = application(Limits { most_keys: Some(3), ..Limits::default() }, false);
    let file = |values: &[u32]| {
        let rows: Vec<_> = values.iter().map(|value| format!("n,{value:040}\n")).collect();
        format!("Name,Key\n{}", rows.concat())
    };
    import(&app, &file(&[1, 2]), false).await.unwrap();
    let refused = import(&app, &file(&[2, 3, 4]), false).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::LimitExceeded);
    assert_eq!(listed(&app).await.len(), 2);
    assert_eq!(import(&app, &file(&[2, 1, 3, 3]), false).await.unwrap().count, 3);
}

#[tokio::test]
async fn rows_whose_fresh_ids_are_taken_get_others_and_keep_their_order() {
    let app = application(Limits::default(), true);
    let rows: Vec<_> = (0..40).map(|value| format!("n{value:02},{value:040}\n")).collect();
    let imported = import(&app, &format!("Name,Key\n{}", rows.concat()), false).await.unwrap();
    assert_eq!(ids(&imported).len(), 40);
    for (place, id) in ids(&imported).into_iter().enumerate() {
        assert_eq!(key(&app, id).await.name.unwrap().as_str(), format!("n{place:02}"));
        let shown = app.get_api_key(caller(), id, true).await.unwrap();
        assert_eq!(shown.value.unwrap().reveal(), format!("{place:040}"));
    }
}

#[tokio::test]
async fn a_second_import_of_the_account_waits_for_the_first_but_not_forever() {
    let app = application(Limits::default(), false);
    let turn = app.storage.import_turn(caller().account, std::time::Duration::ZERO).await.unwrap().unwrap();
    tokio::time::pause();
    let refused = import(&app, "Name,Key\n", false).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    drop(turn);
    assert!(import(&app, "Name,Key\n", false).await.is_ok());
}

#[tokio::test]
async fn rows_with_long_descriptions_make_small_batches() {
    let app = application(Limits::default(), false);
    // The clock moves on by a second each time it is read, which is once a batch.
    let batches = async |description: &str| {
        let row = |value| format!("n,{value:040},{description}\n");
        let file = format!("Name,Key,Description\n{}", (0..40).map(row).collect::<String>());
        let imported = import(&app, &file, false).await.unwrap();
        let mut seconds = Vec::new();
        for id in ids(&imported) {
            seconds.push(key(&app, id).await.updated.seconds());
        }
        seconds.dedup();
        seconds.len()
    };
    assert_eq!(batches("").await, 1);
    assert_eq!(batches(&"d".repeat(100_000)).await, 4, "4 MB in batches of 1 MiB");
}

/// Makes plans, each with its stages.
async fn plans(app: &Application, plans: &[(&str, &str)]) {
    for (id, stages) in plans {
        let stages: Vec<_> =
            stages.split_whitespace().map(|stage| format!("{{\"stage\":\"{stage}\"}}")).collect();
        let document = format!("{{\"name\":\"{id}\",\"stages\":[{}]}}", stages.join(","));
        let id = UsagePlanId::parse(id).unwrap();
        let document = UsagePlanDocument::parse(&document).unwrap();
        let plan = document.into_plan(id, app.clock.now(), Version::FIRST).unwrap();
        let new = NewUsagePlan { plan, retry: None };
        app.storage.writer().insert_usage_plan(caller().account, &new, None).await.unwrap();
    }
}

/// The plans of each imported key, in the order of the rows.
async fn plans_of(app: &Application, imported: &ImportedApiKeys) -> Vec<Vec<String>> {
    let ids: Vec<_> = ids(imported).into_iter().map(|id| ApiKeyId::parse(id).unwrap()).collect();
    let plans = app.storage.reader().find_plans_of_keys(caller().account, &ids).await.unwrap();
    plans.into_iter().map(|plans| plans.iter().map(|id| id.as_str().to_owned()).collect()).collect()
}

const PLANNED: &str = "Name,Key,UsagePlanIds\n";

#[tokio::test]
async fn keys_are_put_into_the_plans_of_their_rows() {
    let app = application(Limits::default(), false);
    plans(&app, &[("u1", "a:x"), ("u2", "b:x")]).await;
    let file =
        format!("{PLANNED}a,{:040},u1\nb,{:040},\"u2, u1\"\nc,{:040},\nd,{:040},'u2,u2'\n", 1, 2, 3, 4);
    for fail_on_warnings in [true, false] {
        // The second time they are in them already, which is no reason to warn.
        let imported = import(&app, &file, fail_on_warnings).await.unwrap();
        assert!(imported.warnings.is_empty(), "{:?}", imported.warnings);
        assert_eq!(plans_of(&app, &imported).await, [vec!["u1"], vec!["u1", "u2"], vec![], vec!["u2"]]);
    }
    let imported = import(&app, &format!("{PLANNED}a,{:040},u2\nb,{:040},\n", 1, 2), false).await.unwrap();
    assert_eq!(
        plans_of(&app, &imported).await,
        [["u1", "u2"], ["u1", "u2"]],
        "plans are added, never taken away"
    );
}

#[tokio::test]
async fn a_row_with_an_unknown_plan_is_skipped_whole() {
    let app = application(Limits::default(), false);
    plans(&app, &[("u1", "")]).await;
    let file = format!("{PLANNED}a,{:040},u1\nb,{:040},\"u1,u2\"\nc,{:040},u 1\nd,short,u2\n", 1, 2, 3);
    let warnings = [
        "Skipped invalid record: 2. Invalid Usage Plan ID specified",
        "Skipped invalid record: 3. Invalid Usage Plan ID specified",
        "Skipped invalid record: 4. API Key value should be at least 30 characters",
    ];
    let refused = import(&app, &file, true).await.err().unwrap();
    assert_eq!((refused.kind(), refused.message()), (ErrorKind::BadRequest, &*warnings.join("\n")));
    assert!(listed(&app).await.is_empty());
    let imported = import(&app, &file, false).await.unwrap();
    assert_eq!((imported.count, &imported.warnings[..]), (1, &warnings.map(str::to_owned)[..]));
    assert_eq!(listed(&app).await.len(), 1);
}

#[tokio::test]
async fn a_row_whose_key_may_not_be_in_a_plan_is_stored_without_it_unless_nothing_may_warn() {
    let app = application(Limits { most_plans_per_key: 2, ..Limits::default() }, false);
    plans(&app, &[("u1", "a:x b:x"), ("u2", "c:x b:x"), ("u3", ""), ("u4", "")]).await;
    let file = format!(
        "{PLANNED}a,{:040},\"u1,u2,u3,u4\"\nshort,x,u1\nc,{:040},\"u4,u1\"\n{}",
        1,
        2,
        // More than storage takes at once.
        (3..600).map(|value| format!("n,{value:040},\n")).collect::<String>()
    );
    let refused = import(&app, &file, true).await.err().unwrap();
    assert_eq!(
        refused.message(),
        "Skipped invalid record: 2. API Key value should be at least 30 characters"
    );
    let good: Vec<_> = file.lines().filter(|line| !line.starts_with("short")).collect();
    let refused = import(&app, &good.join("\n"), true).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::BadRequest);
    let told: Vec<_> = refused.message().lines().collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with(
        "Skipped invalid usage plan of record: 1. Usage Plan u2 cannot be added because API Key "
    ));
    assert!(
        told[0].ends_with(" cannot reference multiple Usage Plans with the same API stage: b:x"),
        "{}",
        told[0]
    );
    assert!(told[1].starts_with(
        "Skipped invalid usage plan of record: 1. Maximum number of Usage Plans for the API Key"
    ));
    assert!(listed(&app).await.is_empty(), "nothing is imported");

    let invocation_id = || Some(b"again".to_vec().into_boxed_slice());
    let send = async || {
        let mut spool = app.spools.open();
        spool.write(file.as_bytes()).await.unwrap();
        let file = spool.finish().await.unwrap();
        let input = ImportApiKeys { file, fail_on_warnings: false, invocation_id: invocation_id() };
        app.import_api_keys(caller(), input).await.unwrap()
    };
    let imported = send().await;
    assert_eq!(imported.count, 599);
    assert_eq!(plans_of(&app, &imported).await[..3], [vec!["u1", "u3"], vec!["u1", "u4"], vec![]]);
    let numbers: Vec<_> =
        imported.warnings.iter().map(|warning| warning.split_once(". ").unwrap().0).collect();
    assert_eq!(
        numbers,
        [
            "Skipped invalid usage plan of record: 1",
            "Skipped invalid usage plan of record: 1",
            "Skipped invalid record: 2"
        ]
    );
    let again = send().await;
    assert_eq!(
        (ids(&again), &again.warnings),
        (ids(&imported), &imported.warnings),
        "a retry is told the same"
    );
}
