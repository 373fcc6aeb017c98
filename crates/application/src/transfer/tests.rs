use super::*;
use crate::api_keys::{CreateApiKey, ImportApiKeys, ListApiKeys};
use crate::{Application, Caller, CpuPool, Limits, Spools};
use gatepost_custody::{Custody, KeyRing, Random};
use gatepost_domain::api_keys::{ApiKeyFilter, ApiKeyId, ApiKeyValue};
use gatepost_domain::credentials::{AccessKeyId, SecretAccessKey};
use gatepost_domain::{AccountId, Clock, Ids, PageLimit, PageRequest, Timestamp};
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

    fn usage_plan_id(&self) -> gatepost_domain::usage_plans::UsagePlanId {
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
    let count =
        application.export_account(caller(), &mut writer, &mut |count| told.push(count)).await.unwrap();
    assert_eq!(told.last(), Some(&count));
    writer.finish().unwrap()
}

async fn restored(
    application: &Application,
    file: &[u8],
    dry_run: bool,
) -> (Vec<(u64, Fate)>, Result<(), TransferError>) {
    let mut told = Vec::new();
    let mut reader = AccountReader::new(&export_key(), file).unwrap();
    assert_eq!(reader.head().account, caller().account);
    let mut tell = |number, fate| told.push((number, fate));
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

fn count(told: &[(u64, Fate)], fate: &Fate) -> usize {
    told.iter().filter(|(_, one)| one == fate).count()
}

#[tokio::test]
async fn an_account_arrives_whole_under_another_master_key_and_a_second_time_changes_nothing() {
    let (source, target) = (filled(1_000).await, installation(500_000));
    let file = exported(&source).await;
    let (told, end) = restored(&target, &file, true).await;
    assert!(end.is_ok() && all(&target).await.is_empty(), "a dry run changes nothing");
    assert_eq!(count(&told, &Fate::Restored), 1_202);
    let (told, end) = restored(&target, &file, false).await;
    assert!(end.is_ok());
    assert_eq!(told.iter().map(|(number, _)| *number).collect::<Vec<_>>(), (1..=1_202).collect::<Vec<_>>());
    let arrived = all(&target).await;
    assert_eq!(arrived, all(&source).await);
    for dry_run in [true, false] {
        let (told, end) = restored(&target, &file, dry_run).await;
        assert!(end.is_ok());
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
        let (mut told, end) = restored(&target, &file, dry_run).await;
        assert!(end.is_ok());
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

#[tokio::test]
async fn what_is_cut_or_altered_ends_the_restore_and_says_what_is_done() {
    let file = exported(&filled(1_000).await).await;
    let target = installation(500_000);
    let (told, end) = restored(&target, &file[..file.len() - 1], false).await;
    assert!(matches!(end, Err(TransferError::Read(CannotReadAccount::Export(_)))), "{end:?}");
    assert_eq!(all(&target).await.len(), count(&told, &Fate::Restored));
    let mut reader = AccountReader::new(&export_key(), &file[..]).unwrap();
    let mut keys = 0;
    while let Some((_, key)) = reader.next_key().unwrap() {
        assert!(key.is_ok());
        keys += 1;
    }
    assert_eq!(keys, 1_202);
    assert!(reader.next_key().unwrap().is_none(), "the end stays the end");
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
        while let Some((_, key)) = reader.next_key()? {
            keys.push(key.map(|key| key.value.reveal().len()));
        }
        Ok::<_, CannotReadAccount>(keys)
    };
    assert_eq!(read(&format!("{head}{key}}}\n{{\"end\":1}}\n")).unwrap(), [Ok(21)]);
    let invalid = read(&format!("{head}{}}}\n{{\"end\":1}}\n", key.replace("\"a\"", "\"a/b\""))).unwrap();
    assert_eq!(invalid, [Err(InvalidKey::Id)]);
    for (lines, at) in [
        ("{}\n".to_owned(), 1),
        (head.replace("42", "4"), 1),
        (head.trim_end().to_owned(), 1),
        (head.to_owned(), 2),
        (format!("{head}{key}}}\n"), 3),
        (format!("{head}{key}}}\n{{\"end\":2}}\n"), 3),
        (format!("{head}{key}}}\n{{\"end\":1}}\n{key}}}\n"), 3),
        (format!("{head}{key},\"later\":1}}\n{{\"end\":1}}\n"), 2),
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
}
