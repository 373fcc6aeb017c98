//! What callers are told when storage fails, hangs or panics: one clear error each, and never its cause.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use async_trait::async_trait;
use gatepost_application::{Application, CpuPool, Limits, Spools};
use gatepost_custody::{Custody, KeyRing, Random};
use gatepost_domain::api_keys::{ApiKey, ApiKeyFilter, ApiKeyId, ApiKeyPosition, ApiKeyValue};
use gatepost_domain::credentials::{AccessKeyId, Credential, SecretAccessKey};
use gatepost_domain::usage::{Day, UsageOfDay};
use gatepost_domain::usage_plans::{
    Attachment, QuotaHistory, Stages, UsagePlan, UsagePlanId, UsagePlanName, UsagePlanPosition,
};
use gatepost_domain::{AccountId, Clock, Digest, Ids, Page, PageRequest, Sealed, Tags, Timestamp, Version};
use gatepost_http_api::routing::Routes;
use gatepost_http_api::wire::connection::{ConnectionSettings, ShutdownPhase, serve_connection};
use gatepost_http_api::wire::peer::Peer;
use gatepost_http_api::{Authentication, BodyLimits, BrowserGuard, ControlPlane, Observer, UnverifiedBodies};
use gatepost_storage::{
    ApiKeyReader, ApiKeyWriter, ChangeFeed, CredentialReader, CredentialWriter, Entity, FeedCursor,
    FirstAnswer, ImportId, ImportTurn, ImportedApiKey, Incarnation, Keep, KeptUsage, Life, Metered,
    NewApiKey, NewUsagePlan, PlanChanged, Reader, Replicas, Restored, RetryReader, RetryToken, RetryWriter,
    RowOutcome, Snapshot, Storage, StorageError, StoredApiKey, StoredCredential, UnitOfWork, UsageCount,
    UsageMeter, UsagePlanKey, UsagePlanReader, UsagePlanWriter, UsagePosition, UsageReader, UsageWriter,
    Writer,
};
use gatepost_telemetry::metrics::ImportMetrics;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::runtime::Handle;
use tokio::sync::watch;

/// How a storage fails.
#[derive(Clone, Copy)]
enum Failing {
    Unavailable,
    Corrupt,
    Hanging,
    Panicking,
    /// Finds a key or plan, which another writer has always changed before it can be written.
    Overtaking,
}

const CAUSE: &str = "row 7 of table api_keys";

impl Failing {
    async fn fail<T>(self) -> Result<T, StorageError> {
        match self {
            Self::Unavailable => Err(StorageError::Unavailable(CAUSE.into())),
            Self::Corrupt => Err(StorageError::Corrupt(CAUSE.to_owned())),
            Self::Hanging => pending().await,
            Self::Panicking => panic!("{CAUSE}"),
            Self::Overtaking => Err(StorageError::Stale(Entity::ApiKey)),
        }
    }
}

#[async_trait]
impl Storage for Failing {
    fn reader(&self) -> &dyn Reader {
        self
    }

    fn writer(&self) -> Box<dyn Writer + '_> {
        Box::new(*self)
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, StorageError> {
        self.fail().await
    }

    async fn changes(&self, _: FeedCursor) -> Result<Box<dyn ChangeFeed>, StorageError> {
        self.fail().await
    }

    fn replicas(&self) -> &dyn Replicas {
        self
    }

    fn usage_meter(&self) -> &dyn UsageMeter {
        self
    }

    async fn settle_after_import(&self) -> Result<(), StorageError> {
        self.fail().await
    }

    async fn prune(&self, _: Keep) -> Result<(), StorageError> {
        self.fail().await
    }

    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StorageError> {
        match self {
            Self::Overtaking => Ok(Box::new(*self)),
            failing => failing.fail().await,
        }
    }

    async fn installation_secret(&self, candidate: Sealed) -> Result<Sealed, StorageError> {
        Ok(candidate)
    }

    async fn import_turn(
        &self,
        _: AccountId,
        _: Duration,
    ) -> Result<Option<Box<dyn ImportTurn>>, StorageError> {
        self.fail().await
    }

    fn import_rows_per_unit(&self) -> usize {
        1
    }

    async fn probe(&self) -> Result<(), StorageError> {
        self.fail().await
    }
}

#[async_trait]
impl ApiKeyReader for Failing {
    async fn find_api_key(&self, _: AccountId, id: &ApiKeyId) -> Result<Option<StoredApiKey>, StorageError> {
        match self {
            Self::Overtaking => Ok(Some(StoredApiKey { key: key(id.clone()), sealed: Sealed([].into()) })),
            failing => failing.fail().await,
        }
    }

    async fn list_api_keys(
        &self,
        _: AccountId,
        _: &ApiKeyFilter,
        _: PageRequest<ApiKeyPosition>,
    ) -> Result<Page<StoredApiKey, ApiKeyPosition>, StorageError> {
        self.fail().await
    }

    async fn count_api_keys(&self, _: AccountId) -> Result<u64, StorageError> {
        self.fail().await
    }

    async fn find_ids_by_digest(
        &self,
        _: AccountId,
        _: &[Digest],
    ) -> Result<Vec<Option<ApiKeyId>>, StorageError> {
        self.fail().await
    }

    async fn list_imported_api_keys(
        &self,
        _: AccountId,
        _: ImportId,
        _: PageRequest<ApiKeyId>,
    ) -> Result<Page<StoredApiKey, ApiKeyId>, StorageError> {
        self.fail().await
    }
}

#[async_trait]
impl ApiKeyWriter for Failing {
    async fn insert_api_key(
        &mut self,
        _: AccountId,
        _: NewApiKey,
        _: Option<u64>,
    ) -> Result<(), StorageError> {
        self.fail().await
    }

    async fn update_api_key(&mut self, _: AccountId, _: &ApiKey, _: Version) -> Result<(), StorageError> {
        self.fail().await
    }

    async fn delete_api_key(&mut self, _: AccountId, _: &ApiKeyId) -> Result<bool, StorageError> {
        self.fail().await
    }

    async fn import_api_keys(
        &mut self,
        _: AccountId,
        _: Vec<ImportedApiKey>,
        _: Option<u64>,
        _: usize,
    ) -> Result<Vec<RowOutcome>, StorageError> {
        self.fail().await
    }

    async fn restore_api_keys(
        &mut self,
        _: AccountId,
        _: Vec<NewApiKey>,
        _: Option<u64>,
    ) -> Result<Vec<Restored>, StorageError> {
        self.fail().await
    }
}

#[async_trait]
impl UsagePlanReader for Failing {
    async fn find_usage_plan(
        &self,
        _: AccountId,
        id: &UsagePlanId,
    ) -> Result<Option<UsagePlan>, StorageError> {
        match self {
            Self::Overtaking => Ok(Some(plan(id.clone()))),
            failing => failing.fail().await,
        }
    }

    async fn list_usage_plans(
        &self,
        _: AccountId,
        _: Option<&ApiKeyId>,
        _: PageRequest<UsagePlanPosition>,
    ) -> Result<Page<UsagePlan, UsagePlanPosition>, StorageError> {
        self.fail().await
    }

    async fn find_usage_plan_key(
        &self,
        _: AccountId,
        _: &UsagePlanKey,
    ) -> Result<Option<StoredApiKey>, StorageError> {
        self.fail().await
    }

    async fn list_usage_plan_keys(
        &self,
        _: AccountId,
        _: &UsagePlanId,
        _: Option<&str>,
        _: PageRequest<ApiKeyPosition>,
    ) -> Result<Page<StoredApiKey, ApiKeyPosition>, StorageError> {
        self.fail().await
    }

    async fn find_plans_of_keys(
        &self,
        _: AccountId,
        _: &[ApiKeyId],
    ) -> Result<Vec<Vec<UsagePlanId>>, StorageError> {
        self.fail().await
    }
}

#[async_trait]
impl UsagePlanWriter for Failing {
    async fn insert_usage_plan(
        &mut self,
        _: AccountId,
        _: &NewUsagePlan,
        _: Option<u64>,
    ) -> Result<(), StorageError> {
        self.fail().await
    }

    async fn update_usage_plan(
        &mut self,
        _: AccountId,
        _: &UsagePlan,
        _: Version,
    ) -> Result<PlanChanged, StorageError> {
        self.fail().await
    }

    async fn delete_usage_plan(
        &mut self,
        _: AccountId,
        _: &UsagePlanId,
        _: Version,
    ) -> Result<(), StorageError> {
        self.fail().await
    }

    async fn attach_api_keys(
        &mut self,
        _: AccountId,
        _: &[UsagePlanKey],
        _: usize,
    ) -> Result<Vec<Attachment>, StorageError> {
        self.fail().await
    }

    async fn detach_api_key(&mut self, _: AccountId, _: &UsagePlanKey) -> Result<bool, StorageError> {
        self.fail().await
    }
}

#[async_trait]
impl UsageReader for Failing {
    async fn find_usage(
        &self,
        _: AccountId,
        _: &UsagePlanId,
        _: &[ApiKeyId],
        _: (Day, Day),
    ) -> Result<Vec<Vec<UsageOfDay>>, StorageError> {
        self.fail().await
    }

    async fn list_usage(
        &self,
        _: AccountId,
        _: Option<&UsagePosition>,
        _: usize,
    ) -> Result<Vec<KeptUsage>, StorageError> {
        self.fail().await
    }
}

#[async_trait]
impl UsageWriter for Failing {
    async fn adjust_usage(
        &mut self,
        _: AccountId,
        _: &UsagePlanKey,
        _: Day,
        _: i64,
    ) -> Result<(), StorageError> {
        self.fail().await
    }

    async fn restore_usage(&mut self, _: AccountId, _: &[KeptUsage]) -> Result<(), StorageError> {
        self.fail().await
    }
}

#[async_trait]
impl UsageMeter for Failing {
    async fn count(&self, _: Incarnation, _: u64, _: &[UsageCount]) -> Result<Metered, StorageError> {
        self.fail().await
    }
}

#[async_trait]
impl CredentialReader for Failing {
    async fn find_credential(&self, _: &AccessKeyId) -> Result<Option<StoredCredential>, StorageError> {
        self.fail().await
    }

    async fn list_credentials(
        &self,
        _: PageRequest<AccessKeyId>,
    ) -> Result<Page<StoredCredential, AccessKeyId>, StorageError> {
        self.fail().await
    }
}

#[async_trait]
impl CredentialWriter for Failing {
    async fn insert_credential(&mut self, _: &StoredCredential) -> Result<(), StorageError> {
        self.fail().await
    }

    async fn update_credential(&mut self, _: &Credential, _: Version) -> Result<(), StorageError> {
        self.fail().await
    }

    async fn delete_credential(&mut self, _: &AccessKeyId) -> Result<bool, StorageError> {
        self.fail().await
    }

    async fn note_use(&mut self, _: &[(AccessKeyId, Timestamp)]) -> Result<(), StorageError> {
        self.fail().await
    }
}

#[async_trait]
impl RetryReader for Failing {
    async fn recall(&self, _: AccountId, _: &RetryToken) -> Result<Option<FirstAnswer>, StorageError> {
        self.fail().await
    }
}

#[async_trait]
impl RetryWriter for Failing {
    async fn remember_import(&mut self, _: AccountId, _: &RetryToken) -> Result<(), StorageError> {
        self.fail().await
    }
}

#[async_trait]
impl Replicas for Failing {
    async fn beat(&self, _: Incarnation, _: Duration) -> Result<Life, StorageError> {
        self.fail().await
    }

    async fn alive(&self) -> Result<Vec<Incarnation>, StorageError> {
        self.fail().await
    }

    async fn leave(&self, _: Incarnation) -> Result<(), StorageError> {
        self.fail().await
    }
}

#[async_trait]
impl UnitOfWork for Failing {
    async fn commit(self: Box<Self>) -> Result<(), StorageError> {
        self.fail().await
    }
}

fn key(id: ApiKeyId) -> ApiKey {
    let now = Timestamp::from_micros(0);
    ApiKey {
        id,
        name: None,
        description: None,
        enabled: true,
        customer_id: None,
        stage_keys: vec![],
        labels: vec![],
        tags: Tags::default(),
        created: now,
        updated: now,
        version: Version::FIRST,
    }
}

fn plan(id: UsagePlanId) -> UsagePlan {
    UsagePlan {
        id,
        name: UsagePlanName::parse("n").unwrap(),
        description: None,
        product_code: None,
        stages: Stages::default(),
        throttle: None,
        quotas: QuotaHistory::default(),
        tags: Tags::default(),
        created: Timestamp::from_micros(0),
        version: Version::FIRST,
    }
}

/// Time that stands still, and names that are always the same.
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(0)
    }
}

impl Ids for Still {
    fn api_key_id(&self) -> ApiKeyId {
        ApiKeyId::parse("gt748qoyk2").unwrap()
    }

    fn api_key_value(&self) -> ApiKeyValue {
        ApiKeyValue::trusted(zeroize::Zeroizing::new("v".repeat(40).into()))
    }

    fn usage_plan_id(&self) -> UsagePlanId {
        UsagePlanId::parse("cqdia0").unwrap()
    }

    fn access_key_id(&self) -> AccessKeyId {
        AccessKeyId::parse("GPAKEXAMPLE").unwrap()
    }

    fn secret_access_key(&self) -> SecretAccessKey {
        SecretAccessKey::trusted(zeroize::Zeroizing::new("s".repeat(40).into()))
    }

    fn request_id(&self) -> [u8; 16] {
        [0; 16]
    }
}

impl Random for Still {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

fn control_plane(storage: Failing) -> Arc<ControlPlane> {
    let ring = || KeyRing::generate(&Still);
    let secret = Custody::new_installation(&ring(), &Still);
    let custody = Arc::new(Custody::open(ring(), Arc::new(Still), &secret).unwrap());
    let application = Application {
        storage: Arc::new(storage),
        custody: Arc::clone(&custody),
        clock: Arc::new(Still),
        ids: Arc::new(Still),
        limits: Limits::default(),
        cpu: CpuPool::new(Handle::current(), 1),
        spools: Spools::new(Arc::clone(&custody), 1 << 20, 1 << 20),
        import_metrics: ImportMetrics::new(),
    };
    Arc::new(ControlPlane {
        application: Arc::new(application),
        tokens: custody.token_key(),
        observer: Observer::new("control", Arc::new(Still), Arc::new(Still)),
        authentication: Authentication::Off {
            account: AccountId::parse("000000000001").unwrap(),
            guard: BrowserGuard::LoopbackHosts,
        },
        rate_guard: None,
        body_limits: BodyLimits { most_import: 1 << 20, silence: Duration::from_secs(1) },
        unverified: UnverifiedBodies::default(),
        routes: Routes::default(),
    })
}

/// The whole answer to one request, as text.
async fn ask(storage: Failing, head: &str, body: &str) -> String {
    let plane = control_plane(storage);
    let refusing = Arc::clone(&plane);
    let (mut client, server) = duplex(64 * 1024);
    let settings = ConnectionSettings {
        max_connections: 1,
        header_timeout: Duration::from_secs(5),
        write_timeout: Duration::from_secs(5),
        drain_timeout: Duration::from_secs(5),
    };
    let (_phase, phases) = watch::channel(ShutdownPhase::Serving);
    let service = move |request, peer| {
        let plane = Arc::clone(&plane);
        async move { plane.answer(request, peer).await }
    };
    let refuse = Arc::new(move |status, peer| refusing.refuse_head(status, peer));
    let serving = tokio::spawn(serve_connection(server, Peer::Unix, service, settings, refuse, phases));
    let len = body.len();
    let request = format!(
        "{head} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len}\r\n\r\n{body}"
    );
    client.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    serving.await.unwrap();
    answer
}

fn assert_answer(answer: &str, status: &str, code: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    assert!(answer.contains(&format!("x-amzn-errortype: {code}\r\n")), "{answer}");
    assert!(answer.contains("x-amzn-requestid: ") && answer.contains("{\"message\":\""), "{answer}");
    assert!(!answer.contains(CAUSE), "the cause is not the caller's: {answer}");
}

#[tokio::test]
async fn unavailable_storage_is_503_with_retry_after_for_every_operation() {
    let patch = r#"{"patchOperations":[{"op":"replace","path":"/name","value":"n"}]}"#;
    for (head, body) in [
        ("GET /apikeys/gt748qoyk2", ""),
        ("GET /apikeys", ""),
        ("DELETE /apikeys/gt748qoyk2", ""),
        ("PATCH /apikeys/gt748qoyk2", patch),
        ("POST /apikeys", "{}"),
        ("POST /apikeys?mode=import", "Name,Key\n"),
        ("POST /usageplans", r#"{"name":"n"}"#),
        ("GET /usageplans", ""),
        ("GET /usageplans/cqdia0", ""),
        ("PATCH /usageplans/cqdia0", patch),
        ("DELETE /usageplans/cqdia0", ""),
        ("POST /usageplans/cqdia0/keys", r#"{"keyId":"gt748qoyk2","keyType":"API_KEY"}"#),
        ("GET /usageplans/cqdia0/keys", ""),
        ("GET /usageplans/cqdia0/keys/gt748qoyk2", ""),
        ("DELETE /usageplans/cqdia0/keys/gt748qoyk2", ""),
        ("GET /usageplans/cqdia0/usage?startDate=2026-01-01&endDate=2026-01-01", ""),
        (
            "PATCH /usageplans/cqdia0/keys/gt748qoyk2/usage",
            r#"{"patchOperations":[{"op":"replace","path":"/remaining","value":"1"}]}"#,
        ),
        ("PUT /tags/arn%3Aaws%3Aapigateway%3A%3A%3A%2Fusageplans%2Fcqdia0", r#"{"tags":{"k":"v"}}"#),
        ("DELETE /tags/arn%3Aaws%3Aapigateway%3A%3A%3A%2Fusageplans%2Fcqdia0?tagKeys=k", ""),
        ("GET /tags/arn%3Aaws%3Aapigateway%3A%3A%3A%2Fapikeys%2Fgt748qoyk2", ""),
    ] {
        let answer = ask(Failing::Unavailable, head, body).await;
        assert_answer(&answer, "503", "ServiceUnavailableException");
        assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn a_corrupt_row_is_500_and_its_place_is_for_the_log_only() {
    assert_answer(&ask(Failing::Corrupt, "GET /apikeys/gt748qoyk2", "").await, "500", "InternalFailure");
}

#[tokio::test]
async fn a_panic_is_500_and_the_answer_still_comes() {
    for head in ["GET /apikeys/gt748qoyk2", "GET /apikeys"] {
        assert_answer(&ask(Failing::Panicking, head, "").await, "500", "InternalFailure");
    }
    let import = ask(Failing::Panicking, "POST /apikeys?mode=import", "Name,Key\n").await;
    assert_answer(&import, "500", "InternalFailure");
}

#[tokio::test(start_paused = true)]
async fn storage_that_hangs_is_503_when_the_deadline_has_passed() {
    let asking = ask(Failing::Hanging, "GET /apikeys/gt748qoyk2", "");
    let answer = tokio::time::timeout(Duration::from_millis(4_501), asking).await.unwrap();
    assert_answer(&answer, "503", "ServiceUnavailableException");
}

#[tokio::test]
async fn a_change_that_is_overtaken_every_time_is_409() {
    let patch = r#"{"patchOperations":[{"op":"replace","path":"/name","value":"n"}]}"#;
    for (head, body) in [
        ("PATCH /apikeys/gt748qoyk2", patch),
        ("PATCH /usageplans/cqdia0", patch),
        ("DELETE /usageplans/cqdia0", ""),
        ("PUT /tags/arn%3Aaws%3Aapigateway%3A%3A%3A%2Fapikeys%2Fgt748qoyk2", r#"{"tags":{"k":"v"}}"#),
        ("PUT /tags/arn%3Aaws%3Aapigateway%3A%3A%3A%2Fusageplans%2Fcqdia0", r#"{"tags":{"k":"v"}}"#),
    ] {
        let answer = ask(Failing::Overtaking, head, body).await;
        assert_answer(&answer, "409", "ConflictException");
        let message = "Unable to complete operation due to concurrent modification. Please try again later.";
        assert!(answer.contains(message), "{answer}");
    }
}
