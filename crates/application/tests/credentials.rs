//! Credentials as requests find them: opened once, forgotten when they change, read anew while nobody tells of changes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use gatepost_application::credentials::{CredentialTable, FirstCredential, NewCredential, Root, TRUSTED};
use gatepost_application::{AppError, Application, CpuPool, ErrorKind, Limits, Spools};
use gatepost_custody::{Custody, KeyRing, Random};
use gatepost_domain::api_keys::{ApiKeyId, ApiKeyValue};
use gatepost_domain::credentials::{AccessKeyId, Credential, SecretAccessKey};
use gatepost_domain::{AccountId, Clock, Ids, Timestamp};
use gatepost_policy::{Action, Resource, Verdict};
use gatepost_storage::{Storage, StoredCredential};
use gatepost_storage_memory::MemoryStorage;
use gatepost_telemetry::metrics::ImportMetrics;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use zeroize::Zeroizing;

/// A clock that ticks a second a look, and names that count.
struct Counting(AtomicU64);

impl Counting {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

impl Clock for Counting {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_000_000 * i64::try_from(self.next()).unwrap())
    }
}

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill_with(|| self.next() as u8);
    }
}

impl Ids for Counting {
    fn api_key_id(&self) -> ApiKeyId {
        ApiKeyId::parse(&format!("id{:08}", self.next())).unwrap()
    }

    fn api_key_value(&self) -> ApiKeyValue {
        ApiKeyValue::trusted(Zeroizing::new("v".repeat(40).into()))
    }

    fn usage_plan_id(&self) -> gatepost_domain::usage_plans::UsagePlanId {
        unreachable!("no test here makes a plan")
    }

    fn access_key_id(&self) -> AccessKeyId {
        AccessKeyId::parse(&format!("GPAK{}", self.next())).unwrap()
    }

    fn secret_access_key(&self) -> SecretAccessKey {
        SecretAccessKey::trusted(Zeroizing::new(format!("{:040}", self.next()).into()))
    }

    fn request_id(&self) -> [u8; 16] {
        [0; 16]
    }
}

fn application() -> Application {
    let source = Arc::new(Counting(AtomicU64::new(1)));
    let ring = || KeyRing::generate(&Counting(AtomicU64::new(1)));
    let secret = Custody::new_installation(&ring(), &*source);
    let custody = Arc::new(Custody::open(ring(), source.clone(), &secret).unwrap());
    Application {
        storage: Arc::new(MemoryStorage::new(source.clone())),
        custody: Arc::clone(&custody),
        clock: source.clone(),
        ids: source,
        limits: Limits::default(),
        cpu: CpuPool::new(Handle::current(), 1),
        spools: Spools::new(custody, 1 << 20, 1 << 20),
        import_metrics: ImportMetrics::new(),
    }
}

fn table(application: &Application, root: Option<Root>) -> Arc<CredentialTable> {
    let (storage, custody) = (Arc::clone(&application.storage), Arc::clone(&application.custody));
    Arc::new(CredentialTable::new(storage, custody, root))
}

fn account() -> AccountId {
    AccountId::parse("000000000042").unwrap()
}

async fn make(application: &Application, policy: &str) -> Result<(Credential, SecretAccessKey), AppError> {
    let new = NewCredential { account: account(), name: None, policy: policy.to_owned() };
    application.create_credential(new).await
}

const EVERYTHING: &str = r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;

#[tokio::test]
async fn a_credential_is_found_with_its_secret_its_account_and_what_it_may_do() {
    let application = application();
    let (made, secret) = make(&application, EVERYTHING).await.unwrap();
    let found = table(&application, None).find(&made.id).await.unwrap().unwrap();
    assert_eq!((&found.id, found.account, found.secret.reveal()), (&made.id, account(), secret.reveal()));
    let resource = Resource::new("us-east-1", "/apikeys").unwrap();
    assert_eq!(found.policy.verdict(Action::Post, &resource), Verdict::Allowed);
    let nobody = AccessKeyId::parse("GPAKNOBODY").unwrap();
    assert!(table(&application, None).find(&nobody).await.unwrap().is_none());
}

#[tokio::test]
async fn the_root_credential_needs_no_storage_and_may_do_everything() {
    let application = application();
    let id = AccessKeyId::parse("root").unwrap();
    let secret = || SecretAccessKey::trusted(Zeroizing::new("secret".into()));
    let root = Root { id: id.clone(), account: account(), secret: secret() };
    let table = table(&application, Some(root));
    let found = table.find(&id).await.unwrap().unwrap();
    let resource = Resource::new("us-east-1", "/apikeys").unwrap();
    assert_eq!(found.policy.verdict(Action::RevealValue, &resource), Verdict::Allowed);
    table.note_use(&found, Timestamp::from_micros(0));
    table.flush_uses().await.unwrap();
    assert!(application.list_credentials(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn while_nobody_follows_the_changes_nothing_is_believed() {
    let application = application();
    let table = table(&application, None);
    let (made, _) = make(&application, EVERYTHING).await.unwrap();
    assert!(table.find(&made.id).await.unwrap().is_some());
    application.switch_credential(&made.id, false).await.unwrap();
    assert!(table.find(&made.id).await.unwrap().is_none());
}

#[tokio::test]
async fn who_follows_keeps_a_credential_until_it_is_changed() {
    let application = application();
    let table = table(&application, None);
    let (made, _) = make(&application, EVERYTHING).await.unwrap();
    let followed = Arc::clone(&table);
    let following = tokio::spawn(async move { followed.follow().await });
    let same = async || {
        let [one, other] = [table.find(&made.id).await.unwrap(), table.find(&made.id).await.unwrap()];
        one.zip(other).is_some_and(|(one, other)| Arc::ptr_eq(&one, &other))
    };
    while !same().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    application.switch_credential(&made.id, false).await.unwrap();
    let heard = async {
        while table.find(&made.id).await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(TRUSTED, heard).await.expect("a change is heard in time");
    // The feed is silent from here on.
    application.switch_credential(&made.id, true).await.unwrap();
    while !same().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    following.abort();
    application.delete_credential(&made.id).await.unwrap();
    tokio::time::sleep(TRUSTED).await;
    assert!(table.find(&made.id).await.unwrap().is_none(), "silence is not believed for longer");
}

#[tokio::test]
async fn what_was_altered_in_storage_admits_nobody() {
    let application = application();
    let read_only = r#"{"Statement": {"Effect": "Allow", "Action": "apigateway:GET", "Resource": "*"}}"#;
    let (made, _) = make(&application, read_only).await.unwrap();
    let stored = application.storage.reader().find_credential(&made.id).await.unwrap().unwrap();
    let other_account = AccountId::parse("000000000043").unwrap();
    for altered in [
        Credential { policy: EVERYTHING.into(), ..made.clone() },
        Credential { account: other_account, ..made.clone() },
    ] {
        let application = self::application();
        let altered = StoredCredential { credential: altered, sealed: stored.sealed.clone() };
        application.storage.writer().insert_credential(&altered).await.unwrap();
        let refused = table(&application, None).find(&made.id).await.err().expect("it does not open");
        assert_eq!(refused.kind(), ErrorKind::Internal);
        let cause = refused.cause().unwrap().to_string();
        assert!(cause.contains(made.id.as_str()), "{cause}");
    }
}

#[tokio::test]
async fn a_use_is_noted_once_a_minute() {
    let application = application();
    let table = table(&application, None);
    let (made, _) = make(&application, EVERYTHING).await.unwrap();
    let found = table.find(&made.id).await.unwrap().unwrap();
    let last_used = async || application.list_credentials(None).await.unwrap()[0].last_used;
    let minute = |minutes: i64| Timestamp::from_micros(minutes * 60_000_000);
    for (used, noted) in [(minute(1), 1), (Timestamp::from_micros(119_999_999), 1), (minute(2), 2)] {
        table.note_use(&found, used);
        table.flush_uses().await.unwrap();
        assert_eq!(last_used().await, Some(minute(noted)), "{used:?}");
    }
}

#[tokio::test]
async fn a_policy_that_is_none_makes_no_credential() {
    let application = application();
    let refused = make(&application, r#"{"Statement": {"Effect": "Allow"}}"#).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::BadRequest);
    assert!(!application.has_credentials().await.unwrap());
}

#[tokio::test]
async fn the_first_credential_is_due_until_one_was_kept() {
    let application = application();
    let mut prepared = Vec::new();
    for _ in 0..2 {
        let FirstCredential::Due(one) = application.first_credential(account()).await.unwrap() else {
            panic!("there was none")
        };
        assert!(!application.has_credentials().await.unwrap(), "nobody was told of it yet");
        prepared.push(one);
    }
    assert_ne!(prepared[0].credential().id, prepared[1].credential().id);
    application.keep_first_credential(&prepared[1]).await.unwrap();
    let first = prepared[1].credential();
    assert_eq!(application.list_credentials(None).await.unwrap(), std::slice::from_ref(first));
    assert!(matches!(application.first_credential(account()).await.unwrap(), FirstCredential::NotNeeded));
    application.switch_credential(&first.id, false).await.unwrap();
    let again = application.first_credential(account()).await.unwrap();
    assert!(matches!(again, FirstCredential::NotNeeded), "a disabled one is one");
}

#[tokio::test]
async fn a_credential_that_is_not_there_cannot_be_changed() {
    let application = application();
    let nobody = AccessKeyId::parse("GPAKNOBODY").unwrap();
    let switched = application.switch_credential(&nobody, true).await.err().unwrap();
    let deleted = application.delete_credential(&nobody).await.err().unwrap();
    assert_eq!((switched.kind(), deleted.kind()), (ErrorKind::NotFound, ErrorKind::NotFound));
    let (storage, id): (&dyn Storage, _) = (&*application.storage, &nobody);
    assert!(storage.reader().find_credential(id).await.unwrap().is_none());
}
