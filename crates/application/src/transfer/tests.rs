use super::*;
use crate::api_keys::{CreateApiKey, ImportApiKeys, ListApiKeys};
use crate::{Application, Caller, CpuPool, Limits, Spools};
use gatepost_custody::{Custody, KeyRing, Random};
use gatepost_domain::api_keys::{ApiKeyFilter, ApiKeyId, ApiKeyValue};
use gatepost_domain::credentials::{AccessKeyId, SecretAccessKey};
use gatepost_domain::usage::{Day, UsageOfDay};
use gatepost_domain::usage_plans::{Attachment, UsagePlan, UsagePlanId};
use gatepost_domain::{AccountId, Clock, Ids, PageLimit, PageRequest, Timestamp, Version};
use gatepost_storage::{KeptUsage, NewUsagePlan, UsagePlanDocument, UsagePlanKey};
use gatepost_storage_memory::MemoryStorage;
use gatepost_telemetry::metrics::ImportMetrics;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::runtime::Handle;
use zeroize::Zeroizing;

/// Time, names and chance that count upwards from a start of their own.
struct Counting(AtomicU64);

impl Counting {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

impl Clock for Counting {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_000_003 * i64::try_from(self.next()).unwrap())
    }
}

impl Ids for Counting {
    fn api_key_id(&self) -> ApiKeyId {
        ApiKeyId::parse(&format!("id{:08}", self.next())).unwrap()
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

fn counting(from: u64) -> Arc<Counting> {
    Arc::new(Counting(AtomicU64::new(from)))
}

/// An installation with a master key of its own.
fn installation(seed: u64) -> Application {
    let ring = || KeyRing::generate(&*counting(seed));
    let secret = Custody::new_installation(&ring(), &*counting(seed + 1));
    let custody = Arc::new(Custody::open(ring(), counting(seed + 2), &secret).unwrap());
    Application {
        storage: Arc::new(MemoryStorage::new(counting(1))),
        custody: Arc::clone(&custody),
        clock: counting(seed),
        ids: counting(seed),
        limits: Limits::default(),
        cpu: CpuPool::new(Handle::current(), 2),
        spools: Spools::new(custody, 64 << 20, 64 << 20),
        import_metrics: ImportMetrics::new(),
    }
}

fn caller() -> Caller {
    Caller { account: AccountId::parse("000000000042").unwrap() }
}

fn export_key() -> KeyRing {
    KeyRing::generate(&*counting(77))
}

async fn create(application: &Application, name: &str, value: Option<&str>) {
    let input = CreateApiKey {
        name: Some(name.to_owned()),
        value: value.map(|value| Zeroizing::new(value.to_owned())),
        ..CreateApiKey::default()
    };
    application.create_api_key(caller(), input).await.expect("a good key");
}

/// Keys with everything that a key can have, and with next to nothing.
async fn filled(seed: u64) -> Application {
    let application = installation(seed);
    for nth in 0..1_201 {
        create(&application, &format!("key {nth}"), None).await;
    }
    let full = CreateApiKey {
        name: Some("ключ \"quoted\", 'too'".to_owned()),
        description: Some("two\nlines, and a comma".repeat(5_000)),
        enabled: true,
        customer_id: Some("customer".to_owned()),
        stage_keys: vec![("api".to_owned(), "prod".to_owned()), ("api".to_owned(), "test".to_owned())],
        tags: vec![("team".to_owned(), "ä ß".to_owned()), ("empty".to_owned(), String::new())],
        ..CreateApiKey::default()
    };
    application.create_api_key(caller(), full).await.expect("a good key");
    application
}

async fn exported(application: &Application) -> Vec<u8> {
    let head = AccountHead { account: caller().account, exported: Timestamp::from_micros(5) };
    let mut writer = AccountWriter::new(&export_key(), &*counting(9), Vec::new(), head).unwrap();
    let mut told = Vec::new();
    let Exported { keys, days, .. } =
        application.export_account(caller(), &mut writer, &mut |count| told.push(count)).await.unwrap();
    assert_eq!(told.last(), Some(&(keys + days)));
    writer.finish().unwrap()
}

async fn restored(
    application: &Application,
    file: &[u8],
    dry_run: bool,
) -> (Vec<Told>, Result<(), TransferError>) {
    let mut told = Vec::new();
    let mut reader = AccountReader::new(&export_key(), file).unwrap();
    assert_eq!(reader.head().account, caller().account);
    let mut tell = |one| told.push(one);
    let end = application.restore_account(caller(), &mut reader, dry_run, &mut tell).await;
    (told, end)
}

/// Every key as it is shown, with its value.
async fn all(application: &Application) -> Vec<(ApiKey, String)> {
    let (mut keys, mut after) = (Vec::new(), None);
    loop {
        let page = PageRequest { after, limit: PageLimit::MAX };
        let input = ListApiKeys { filter: ApiKeyFilter::default(), include_values: true, page };
        let page = application.list_api_keys(caller(), input).await.expect("a page");
        keys.extend(page.items.into_iter().map(|one| (one.key, one.value.unwrap().reveal().to_owned())));
        after = page.next;
        if after.is_none() {
            return keys;
        }
    }
}

/// What was told of keys.
fn of_keys(told: Vec<Told>) -> Vec<(u64, Fate)> {
    let of_key = |one| if let Told::Key(number, fate) = one { Some((number, fate)) } else { None };
    told.into_iter().filter_map(of_key).collect()
}

fn count(told: &[(u64, Fate)], fate: &Fate) -> usize {
    told.iter().filter(|(_, one)| one == fate).count()
}

fn plan_id(id: &str) -> UsagePlanId {
    UsagePlanId::parse(id).unwrap()
}

/// A plan with stages, and whatever else its document says.
fn plan(id: &str, created: i64, document: &str) -> UsagePlan {
    let created = Timestamp::from_micros(created);
    UsagePlanDocument::parse(document).unwrap().into_plan(plan_id(id), created, Version::FIRST).unwrap()
}

async fn add_plan(application: &Application, plan: UsagePlan) {
    let new = NewUsagePlan { plan, retry: None };
    application.storage.writer().insert_usage_plan(caller().account, &new, None).await.unwrap();
}

fn link(plan: &str, key: &ApiKeyId) -> UsagePlanKey {
    UsagePlanKey { plan: plan_id(plan), key: key.clone() }
}

async fn attach(application: &Application, links: &[UsagePlanKey]) {
    let outcomes = application.storage.writer().attach_api_keys(caller().account, links, 10).await.unwrap();
    assert!(outcomes.iter().all(|one| *one == Attachment::Done), "{outcomes:?}");
}

fn used(link: UsagePlanKey, day: i32, used: u64, adjustment: Option<i64>) -> KeptUsage {
    KeptUsage { link, usage: UsageOfDay { day: Day::from_number(day).unwrap(), used, adjustment } }
}

/// Plans without their versions, the plans of every key, and all usage.
async fn planned(application: &Application) -> (Vec<UsagePlan>, Vec<Vec<UsagePlanId>>, Vec<KeptUsage>) {
    let reader = application.storage.reader();
    let page = PageRequest { after: None, limit: PageLimit::MAX };
    let mut plans = reader.list_usage_plans(caller().account, None, page).await.unwrap().items;
    plans.iter_mut().for_each(|plan| plan.version = Version::FIRST);
    let keys: Vec<_> = all(application).await.into_iter().map(|(key, _)| key.id).collect();
    let links = reader.find_plans_of_keys(caller().account, &keys).await.unwrap();
    (plans, links, reader.list_usage(caller().account, None, 100_000).await.unwrap())
}

#[tokio::test]
async fn an_account_arrives_whole_under_another_master_key_and_a_second_time_changes_nothing() {
    let (source, target) = (filled(1_000).await, installation(500_000));
    let file = exported(&source).await;
    let (told, end) = restored(&target, &file, true).await;
    assert!(end.is_ok() && all(&target).await.is_empty(), "a dry run changes nothing");
    assert_eq!(count(&of_keys(told), &Fate::Restored), 1_202);
    let (told, end) = restored(&target, &file, false).await;
    assert!(end.is_ok());
    let told = of_keys(told);
    assert_eq!(told.iter().map(|(number, _)| *number).collect::<Vec<_>>(), (1..=1_202).collect::<Vec<_>>());
    let arrived = all(&target).await;
    assert_eq!(arrived, all(&source).await);
    for dry_run in [true, false] {
        let (told, end) = restored(&target, &file, dry_run).await;
        assert!(end.is_ok());
        let told = of_keys(told);
        assert_eq!((told.len(), count(&told, &Fate::Present)), (1_202, 1_202));
        assert_eq!(all(&target).await, arrived);
    }
}

#[tokio::test]
async fn keys_whose_value_or_id_is_taken_stay_out_and_say_by_whom() {
    const VALUE: &str = "y9tXe4GwrU65cug8QyQKE8pRwIzUFznda7iO73Gn";
    let source = installation(1_000);
    for (name, value) in [("other id", Some(VALUE)), ("taken", None), ("free", None)] {
        create(&source, name, value).await;
    }
    // Its only key has the id of `taken`, because ids count up.
    let target = installation(1_002);
    create(&target, "same value, another id", Some(VALUE)).await;
    let before = all(&target).await;
    let taken = before[0].0.id.clone();
    let file = exported(&source).await;
    for dry_run in [true, false] {
        let (told, end) = restored(&target, &file, dry_run).await;
        assert!(end.is_ok());
        let mut told = of_keys(told);
        told.sort_by_key(|(number, _)| *number);
        let refused = |refusal: Refusal| Fate::Refused(refusal);
        assert_eq!(
            told,
            [
                (1, Fate::Restored),
                (2, refused(Refusal::IdTaken(taken.clone()))),
                (3, refused(Refusal::ValueTaken(taken.clone())))
            ]
        );
    }
    assert_eq!(all(&target).await.len(), 2);
    assert!(all(&target).await.contains(&before[0]), "what was there is as it was");
}

/// Two plans of three keys, with usage, some of it of a key that is gone.
async fn with_plans(seed: u64) -> Application {
    let application = installation(seed);
    for name in ["one", "two", "three"] {
        create(&application, name, None).await;
    }
    let keys: Vec<ApiKeyId> = all(&application).await.into_iter().map(|(key, _)| key.id).collect();
    let full = r#"{"name":"gold","description":"d","product_code":"c",
        "stages":[{"stage":"a:x","throttle":{"/pets/GET":{"rate":0.5,"burst":0}}}],"throttle":{"rate":10.0},
        "quotas":[{"from":20000},{"from":20001,"limit":7,"offset":6,"period":"WEEK"}],
        "tags":{"aws:stack":"s","k":""}}"#;
    add_plan(&application, plan("gold", 7, full)).await;
    add_plan(&application, plan("free", 8, r#"{"name":"free","stages":[{"stage":"b:x"}]}"#)).await;
    attach(&application, &[link("gold", &keys[0]), link("free", &keys[0]), link("free", &keys[1])]).await;
    let gone = ApiKeyId::parse("gone").unwrap();
    let usage = [
        used(link("gold", &gone), 20_003, 9, None),
        used(link("gold", &keys[0]), 20_001, 5, None),
        used(link("gold", &keys[0]), 20_002, 0, Some(-3)),
        used(link("free", &keys[1]), 20_002, u64::MAX >> 2, Some(i64::MIN)),
    ];
    application.storage.writer().restore_usage(caller().account, &usage).await.unwrap();
    application
}

#[tokio::test]
async fn plans_links_and_usage_move_with_their_keys_and_a_second_time_changes_nothing() {
    let (source, target) = (with_plans(1_000).await, installation(500_000));
    let file = exported(&source).await;
    let (dry, end) = restored(&target, &file, true).await;
    assert!(end.is_ok() && all(&target).await.is_empty(), "a dry run changes nothing");
    assert_eq!(planned(&target).await, (vec![], vec![], vec![]));
    let (told, end) = restored(&target, &file, false).await;
    assert!(end.is_ok());
    assert_eq!(dry, told, "a dry run tells what is then done");
    assert_eq!(told.iter().filter(|one| matches!(one, Told::Link(_, Linked::Now))).count(), 3);
    assert!(told.contains(&Told::Usage(4)), "{told:?}");
    let without_versions = |keys: Vec<(ApiKey, String)>| -> Vec<_> {
        keys.into_iter().map(|(key, value)| (ApiKey { version: Version::FIRST, ..key }, value)).collect()
    };
    assert_eq!(without_versions(all(&target).await), without_versions(all(&source).await));
    assert_eq!(planned(&target).await, planned(&source).await);
    let arrived = all(&target).await;
    for dry_run in [true, false] {
        let (told, end) = restored(&target, &file, dry_run).await;
        assert!(end.is_ok());
        let unchanged = |one: &Told| match one {
            Told::Plan(_, fate) | Told::Key(_, fate) => *fate == Fate::Present,
            Told::Link(_, linked) => *linked == Linked::Before,
            Told::Usage(_) => true,
            Told::UsageLeftOut(_) => false,
        };
        assert!(told.iter().all(unchanged), "{told:?}");
        assert_eq!(all(&target).await, arrived);
        assert_eq!(planned(&target).await, planned(&source).await);
    }
}

#[tokio::test]
async fn what_is_missing_of_a_key_that_is_there_is_added() {
    let (source, target) = (with_plans(1_000).await, installation(500_000));
    let file = exported(&source).await;
    restored(&target, &file, false).await.1.unwrap();
    let key = all(&target).await[0].0.id.clone();
    let mut writer = target.storage.writer();
    assert!(writer.detach_api_key(caller().account, &link("gold", &key)).await.unwrap());
    drop(writer);
    let (told, end) = restored(&target, &file, false).await;
    assert!(end.is_ok());
    assert!(told.contains(&Told::Link(link("gold", &key), Linked::Now)), "{told:?}");
    assert_eq!(planned(&target).await, planned(&source).await);
}

#[tokio::test]
async fn a_plan_or_key_that_is_refused_takes_its_links_and_usage_with_it() {
    let source = with_plans(1_000).await;
    let file = exported(&source).await;
    let target = installation(500_000);
    // Another plan with the id of one, and another key with the id of the key that is in both.
    add_plan(&target, plan("free", 99, r#"{"name":"another"}"#)).await;
    let taken = all(&source).await[0].0.id.clone();
    let held = installation(500_000);
    create(&held, "another", None).await;
    let (key, value) = all(&held).await.remove(0);
    let custody = target.custody.account(caller().account);
    let value = ApiKeyValue::trusted(Zeroizing::new(value.into()));
    let new = gatepost_storage::NewApiKey {
        digest: custody.digest(&value),
        sealed: custody.seal(&taken, &value),
        key: ApiKey { id: taken.clone(), ..key },
        retry: None,
    };
    target.storage.writer().insert_api_key(caller().account, new, None).await.unwrap();
    for dry_run in [true, false] {
        let (told, end) = restored(&target, &file, dry_run).await;
        assert!(end.is_ok());
        let refused = Fate::Refused(Refusal::PlanIdTaken("another".to_owned()));
        assert!(told.contains(&Told::Plan(plan_id("free"), refused)), "{told:?}");
        assert!(told.contains(&Told::Key(1, Fate::Refused(Refusal::IdTaken(taken.clone())))), "{told:?}");
        let links: Vec<_> = told
            .iter()
            .filter_map(|one| if let Told::Link(_, one) = one { Some(one) } else { None })
            .collect();
        assert_eq!(links, [&Linked::Other], "{told:?}");
        assert!(told.contains(&Told::UsageLeftOut(3)) && told.contains(&Told::Usage(1)), "{told:?}");
    }
    let (_, links, usage) = planned(&target).await;
    assert!(links.iter().all(Vec::is_empty), "{links:?}");
    assert_eq!(usage, [used(link("gold", &ApiKeyId::parse("gone").unwrap()), 20_003, 9, None)]);
}

#[tokio::test]
async fn plans_beyond_the_accounts_bound_stay_out() {
    let file = exported(&with_plans(1_000).await).await;
    let mut target = installation(500_000);
    target.limits = Limits { most_plans: Some(1), ..Limits::default() };
    for dry_run in [true, false] {
        let (told, end) = restored(&target, &file, dry_run).await;
        assert!(end.is_ok());
        assert!(told.contains(&Told::Plan(plan_id("free"), Fate::Restored)), "the newer one comes first");
        let refused = Fate::Refused(Refusal::TooManyPlans);
        assert!(told.contains(&Told::Plan(plan_id("gold"), refused)), "{told:?}");
    }
}

#[tokio::test]
async fn what_is_cut_or_altered_ends_the_restore_and_says_what_is_done() {
    let file = exported(&filled(1_000).await).await;
    let target = installation(500_000);
    let (told, end) = restored(&target, &file[..file.len() - 1], false).await;
    assert!(matches!(end, Err(TransferError::Read(CannotReadAccount::Export(_)))), "{end:?}");
    assert_eq!(all(&target).await.len(), count(&of_keys(told), &Fate::Restored));
    let mut reader = AccountReader::new(&export_key(), &file[..]).unwrap();
    let mut keys = 0;
    while let Some(item) = reader.next_item().unwrap() {
        assert!(matches!(item, AccountItem::Key(_, Ok(_))));
        keys += 1;
    }
    assert_eq!(keys, 1_202);
    assert!(reader.next_item().unwrap().is_none(), "the end stays the end");
}

#[test]
fn a_file_of_another_making_is_refused_by_its_line_without_its_text() {
    let head = "{\"account\":\"000000000042\",\"exported\":5}\n";
    let key =
        "{\"id\":\"a\",\"value\":\"hunter2hunter2hunter2\",\"enabled\":true,\"created\":1,\"updated\":2";
    let read = |lines: &str| {
        let mut writer =
            gatepost_custody::ExportWriter::new(&export_key(), &*counting(9), Vec::new()).unwrap();
        writer.write(lines.as_bytes()).unwrap();
        let file = writer.finish().unwrap();
        let mut reader = AccountReader::new(&export_key(), &file[..])?;
        let mut keys = Vec::new();
        while let Some(item) = reader.next_item()? {
            match item {
                AccountItem::Key(_, key) => {
                    keys.push(key.map(|key| key.value.reveal().len()).map_err(|(_, why)| why));
                }
                AccountItem::Plan(_, plan) => assert!(plan.is_ok()),
                AccountItem::Usage(usage) => assert_eq!(usage.len(), 2),
            }
        }
        Ok::<_, CannotReadAccount>(keys)
    };
    let plan = "{\"plan\":\"u1\",\"created\":5,\"document\":{\"name\":\"n\"}}\n";
    let usage = "{\"usage\":\"u1\",\"key\":\"a\",\"days\":[[20000,5,null],[20001,0,-3]]}\n";
    let with_plans = format!("{head}{plan}{key},\"plans\":[\"u1\"]}}\n{usage}{{\"end\":3}}\n");
    assert_eq!(read(&with_plans).unwrap(), [Ok(21)]);
    assert_eq!(read(&format!("{head}{key}}}\n{{\"end\":1}}\n")).unwrap(), [Ok(21)]);
    let invalid = read(&format!("{head}{}}}\n{{\"end\":1}}\n", key.replace("\"a\"", "\"a/b\""))).unwrap();
    assert_eq!(invalid, [Err(InvalidKey::Id)]);
    let invalid = read(&format!("{head}{key},\"plans\":[\"a/b\"]}}\n{{\"end\":1}}\n")).unwrap();
    assert_eq!(invalid, [Err(InvalidKey::Plan)]);
    for (lines, at) in [
        ("{}\n".to_owned(), 1),
        (head.replace("42", "4"), 1),
        (head.trim_end().to_owned(), 1),
        (head.to_owned(), 2),
        (format!("{head}{key}}}\n"), 3),
        (format!("{head}{key}}}\n{{\"end\":2}}\n"), 3),
        (format!("{head}{key}}}\n{{\"end\":1}}\n{key}}}\n"), 3),
        (format!("{head}{key},\"later\":1}}\n{{\"end\":1}}\n"), 2),
        (format!("{head}{}{{\"end\":1}}\n", plan.replace("u1", "u/1")), 2),
        (format!("{head}{}{{\"end\":1}}\n", plan.replace("name", "later")), 2),
        (format!("{head}{}{{\"end\":1}}\n", usage.replace("20001", "-1")), 2),
        (format!("{head}{}{{\"end\":1}}\n", usage.replace("\"a\"", "\"a b\"")), 2),
        (format!("{head}{plan}{usage}{{\"end\":1}}\n"), 4),
        (format!("{head}{{\"id\":\"hunter2hunter2hunter2\"}}\n{{\"end\":1}}\n"), 2),
    ] {
        let refused = read(&lines).err().unwrap_or_else(|| panic!("taken: {lines}")).to_string();
        assert!(
            refused.starts_with(&format!("line {at} within it")) && !refused.contains("hunter2"),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn a_csv_export_is_read_back_by_the_import() {
    let (source, target) = (filled(1_000).await, installation(500_000));
    let newest = all(&source).await[0].0.id.clone();
    for application in [&source, &target] {
        add_plan(application, plan("u1", 1, r#"{"name":"one"}"#)).await;
        add_plan(application, plan("u2", 2, r#"{"name":"two"}"#)).await;
    }
    attach(&source, &[link("u1", &newest), link("u2", &newest)]).await;
    let mut writer = CsvWriter::new(Vec::new()).unwrap();
    source.export_account(caller(), &mut writer, &mut |_| {}).await.unwrap();
    let csv = writer.finish().unwrap();
    assert!(csv.starts_with(b"name,key,description,enabled,usageplanIds\n"));
    let mut spool = target.spools.open();
    spool.write(&csv).await.unwrap();
    let input =
        ImportApiKeys { file: spool.finish().await.unwrap(), fail_on_warnings: true, invocation_id: None };
    let imported = target.import_api_keys(caller(), input).await.expect("no warnings");
    assert_eq!(imported.count, 1_202);
    let shown = |keys: Vec<(ApiKey, String)>| {
        let mut shown: Vec<_> =
            keys.into_iter().map(|(key, value)| (value, key.name, key.description, key.enabled)).collect();
        shown.sort_by(|one, other| one.0.cmp(&other.0));
        shown
    };
    assert_eq!(shown(all(&target).await), shown(all(&source).await));
    let key = all(&target).await.into_iter().find(|(key, _)| key.description.is_some()).unwrap().0.id;
    let plans = target.storage.reader().find_plans_of_keys(caller().account, &[key]).await.unwrap();
    assert_eq!(plans, [vec![plan_id("u1"), plan_id("u2")]]);
}

/// An output of AWS in memory.
struct Printed(Option<UsagePlanId>, String);

impl AwsFile for Printed {
    fn plan(&self) -> Option<&UsagePlanId> {
        self.0.as_ref()
    }

    fn open(&self) -> io::Result<Box<dyn io::Read + Send>> {
        Ok(Box::new(io::Cursor::new(self.1.clone().into_bytes())))
    }
}

async fn from_aws(
    application: &Application,
    files: &[(Option<&str>, &str)],
    dry_run: bool,
) -> (Vec<Told>, Result<(), TransferError>) {
    let files = files
        .iter()
        .map(|(plan, text)| -> Arc<dyn AwsFile> { Arc::new(Printed(plan.map(plan_id), (*text).to_owned())) });
    let mut told = Vec::new();
    let mut tell = |one| told.push(one);
    let end = application.import_from_aws(caller(), files.collect(), dry_run, &mut tell).await;
    (told, end)
}

const AWS_KEYS: &str = include_str!("aws/samples/api-keys-v1.json");
const AWS_PLANS: &str = include_str!("aws/samples/usage-plans.json");
const AWS_PLAN_KEYS: &str = include_str!("aws/samples/usage-plan-keys.json");

#[tokio::test]
async fn what_aws_prints_arrives_whole_in_any_order_of_files_and_a_second_time_changes_nothing() {
    let target = installation(500_000);
    let files = [(Some("cqdia0"), AWS_PLAN_KEYS), (None, AWS_KEYS), (None, AWS_PLANS)];
    let (dry, end) = from_aws(&target, &files, true).await;
    assert!(end.is_ok() && all(&target).await.is_empty() && planned(&target).await.0.is_empty(), "{end:?}");
    let (told, end) = from_aws(&target, &files, false).await;
    assert!(end.is_ok(), "{end:?}");
    assert_eq!(dry, told, "a dry run tells what is then done");
    let link = |key: &str| link("cqdia0", &ApiKeyId::parse(key).unwrap());
    assert_eq!(
        told,
        [
            Told::Plan(plan_id("cqdia0"), Fate::Restored),
            Told::Plan(plan_id("n371pt"), Fate::Restored),
            Told::Key(1, Fate::Restored),
            Told::Key(2, Fate::Restored),
            Told::Key(3, Fate::Restored),
            Told::Link(link("gt748qoyk2"), Linked::Now),
            Told::Link(link("58v93i1885"), Linked::Now),
        ]
    );
    let keys = all(&target).await;
    let ids: Vec<_> = keys.iter().map(|(key, _)| key.id.as_str()).collect();
    assert_eq!(ids, ["gt748qoyk2", "58v93i1885", "x5k3eopvub"], "as AWS lists them");
    assert_eq!(keys[2].1, "twenty-characters-00", "whatever Create asks for");
    assert_eq!(keys[0].0.created.to_string(), "2022-10-26T11:44:51Z");
    let before = (all(&target).await, planned(&target).await);
    assert_eq!(before.1.0.iter().map(|plan| plan.id.as_str()).collect::<Vec<_>>(), ["cqdia0", "n371pt"]);
    assert_eq!(before.1.1, [vec![plan_id("cqdia0")], vec![plan_id("cqdia0")], vec![]]);
    for dry_run in [true, false] {
        let (told, end) = from_aws(&target, &files, dry_run).await;
        assert!(end.is_ok());
        let unchanged = |one: &Told| match one {
            Told::Plan(_, fate) | Told::Key(_, fate) => *fate == Fate::Present,
            Told::Link(_, linked) => *linked == Linked::Before,
            Told::Usage(_) | Told::UsageLeftOut(_) => false,
        };
        assert!(told.iter().all(unchanged), "{told:?}");
        assert_eq!((all(&target).await, planned(&target).await), before);
    }
}

#[tokio::test]
async fn conflicts_are_named_and_the_rest_goes_on() {
    let target = installation(500_000);
    create(&target, "has a value of AWS's", Some("Xc5VbN2mQw8ErT1yUi4oPaS7dFg0HjK3lZx6CvBn")).await;
    let owner = all(&target).await[0].0.id.clone();
    add_plan(&target, plan("n371pt", 1, r#"{"name":"ours"}"#)).await;
    let no_value = AWS_KEYS.replace("\"value\": \"twenty-characters-00\",", "");
    let files = [
        (None, AWS_PLANS),
        (None, no_value.as_str()),
        (Some("n371pt"), AWS_PLAN_KEYS),
        (Some("cqdia0"), AWS_PLAN_KEYS),
        (Some("nowhere"), AWS_PLAN_KEYS),
    ];
    for dry_run in [true, false] {
        let (mut told, end) = from_aws(&target, &files, dry_run).await;
        assert!(end.is_ok());
        // An item that cannot be read is told at once, others with their batch.
        told[2..5].sort_by_key(|one| if let Told::Key(number, _) = one { *number } else { 0 });
        let other =
            |plan: &str, key: &str| Told::Link(link(plan, &ApiKeyId::parse(key).unwrap()), Linked::Other);
        let missing = Linked::Refused(Attachment::NoSuchPlan);
        assert_eq!(
            told,
            [
                Told::Plan(plan_id("cqdia0"), Fate::Restored),
                Told::Plan(plan_id("n371pt"), Fate::Refused(Refusal::PlanIdTaken("ours".to_owned()))),
                Told::Key(1, Fate::Restored),
                Told::Key(2, Fate::Refused(Refusal::ValueTaken(owner.clone()))),
                Told::Key(3, Fate::Refused(Refusal::Invalid(InvalidKey::NoValue))),
                other("n371pt", "gt748qoyk2"),
                other("n371pt", "58v93i1885"),
                other("cqdia0", "58v93i1885"),
                Told::Link(link("cqdia0", &ApiKeyId::parse("gt748qoyk2").unwrap()), Linked::Now),
                other("nowhere", "58v93i1885"),
                Told::Link(link("nowhere", &ApiKeyId::parse("gt748qoyk2").unwrap()), missing),
            ]
        );
    }
    assert_eq!(all(&target).await.len(), 2);
}

#[tokio::test]
async fn a_file_that_is_not_understood_is_named_and_changes_nothing() {
    let target = installation(500_000);
    for (file, told) in [
        ((None, AWS_PLAN_KEYS), "it lists the keys of a usage plan"),
        ((Some("u1"), AWS_KEYS), "it was given as the keys of the usage plan u1, but is"),
        ((Some("u1"), AWS_PLANS), "it was given as the keys of the usage plan u1, but is"),
        ((None, "{\"items\":[{\"apiStages\":[],\"id\":\"a b\"}]}"), "it has an item whose id"),
        ((Some("u1"), "{\"items\":[{\"type\":\"API_KEY\"}]}"), "it has an item whose id"),
        ((None, &AWS_KEYS[..AWS_KEYS.len() - 20]), "it ends within a document"),
        ((None, ""), "it has no `items`"),
    ] {
        let (heard, end) = from_aws(&target, &[(None, AWS_KEYS), (None, AWS_PLANS), file], false).await;
        let Err(TransferError::Aws(2, why)) = end else { panic!("{end:?}") };
        assert!(why.to_string().starts_with(told) && heard.is_empty(), "{why}");
    }
    assert!(all(&target).await.is_empty() && planned(&target).await.0.is_empty());
}
