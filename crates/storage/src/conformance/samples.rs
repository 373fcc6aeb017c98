//! What the cases are written with.

use crate::{
    ApiKeyReader, Change, ChangeFeed, Entity, FeedCursor, ImportedApiKey, Keep, NewApiKey, NewUsagePlan,
    News, RowOutcome, Storage, StorageError, StoredApiKey, UnitOfWork, UsagePlanKey, UsagePlanReader,
};
use gatepost_domain::api_keys::{
    ApiKey, ApiKeyFilter, ApiKeyId, ApiKeyName, CustomerId, Description, ImportedFields, Label, StageKey,
};
use gatepost_domain::usage::Day;
use gatepost_domain::usage_plans::{
    ApiStage, Attachment, MethodPath, Period, ProductCode, Quota, QuotaHistory, StageId, Stages, Throttle,
    UsagePlan, UsagePlanId, UsagePlanName,
};
use gatepost_domain::{AccountId, Digest, PageLimit, PageRequest, Sealed, Tags, Timestamp, Version};
use std::time::Duration;

/// The moment at which sample number 0 is made.
pub(super) const START: i64 = 1_465_424_516_000_000;

/// So long a feed without news is waited for.
pub(super) const SHORT: Duration = Duration::from_millis(300);
/// And so long news that must come.
pub(super) const LONG: Duration = Duration::from_secs(20);

/// How many plans a key may be in, where it does not matter.
pub(super) const MOST_PLANS: usize = 10;

pub(super) fn account() -> AccountId {
    account_number(1)
}

pub(super) fn other_account() -> AccountId {
    account_number(2)
}

fn account_number(number: u64) -> AccountId {
    AccountId::from_number(number).expect("a small number is an account")
}

pub(super) fn at(offset: i64) -> Timestamp {
    Timestamp::from_micros(START + offset)
}

pub(super) fn id(text: &str) -> ApiKeyId {
    ApiKeyId::parse(text).expect("the cases use proper ids")
}

/// The id of sample number `n`: those of higher numbers sort higher.
pub(super) fn nth_id(n: u32) -> ApiKeyId {
    id(&format!("key{n:07}"))
}

pub(super) fn name(text: &str) -> Option<ApiKeyName> {
    ApiKeyName::parse(text).expect("the cases use proper names")
}

pub(super) fn customer(text: &str) -> Option<CustomerId> {
    CustomerId::parse(text).expect("the cases use proper customers")
}

pub(super) fn description(text: &str) -> Option<Description> {
    Description::parse(text).expect("the cases use proper descriptions")
}

/// The digest of sample value number `n`, as scattered as real ones.
pub(super) fn digest(n: u32) -> Digest {
    let mut state = u64::from(n).wrapping_add(1);
    let mut bytes = [0; 32];
    for eight in bytes.chunks_exact_mut(8) {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        eight.copy_from_slice(&(state ^ (state >> 29)).to_le_bytes());
    }
    Digest(bytes)
}

pub(super) fn sealed(n: u32) -> Sealed {
    let mut bytes = vec![0xff; 75];
    bytes[..4].copy_from_slice(&n.to_le_bytes());
    Sealed(bytes.into())
}

/// Key number `n`, with its own id and value, made `n` microseconds after the start; nothing else is set.
pub(super) fn key(n: u32) -> NewApiKey {
    let key = ApiKey {
        id: nth_id(n),
        name: None,
        description: None,
        enabled: true,
        customer_id: None,
        stage_keys: Vec::new(),
        labels: Vec::new(),
        tags: Tags::default(),
        created: at(i64::from(n)),
        updated: at(i64::from(n)),
        version: Version::FIRST,
    };
    NewApiKey { key, digest: digest(n), sealed: sealed(n), retry: None }
}

pub(super) fn named(n: u32, text: &str) -> NewApiKey {
    let mut new = key(n);
    new.key.name = name(text);
    new
}

/// Sets every property that a key can have, each to something that is easily mangled.
pub(super) fn fill(key: &mut ApiKey) {
    key.name = name("Ключ 'drop\\\t%_ ß");
    key.description = description(&"long, \"quoted\"\n".repeat(1_000));
    key.enabled = !key.enabled;
    key.customer_id = customer("cüstomer\u{1f511}");
    key.stage_keys =
        ["api2/prod", "api1/test"].map(|text| StageKey::parse(text).expect("these are stage keys")).into();
    key.labels = ["b", "a", "ключ"].map(|text| Label::parse(text).expect("these are labels")).into();
    key.tags = Tags::parse([("team", "a=b"), ("empty", "")]).expect("these are tags");
}

/// Row number `n` of a file, of the value that key number `n` has, under an id of its own; it sets nothing.
pub(super) fn row(n: u32) -> ImportedApiKey {
    ImportedApiKey {
        row: u64::from(n) + 1,
        digest: digest(n),
        id: nth_id(n),
        sealed: sealed(n),
        fields: ImportedFields::default(),
        plans: Vec::new(),
        at: at(i64::from(n)),
    }
}

pub(super) async fn begin(storage: &dyn Storage) -> Box<dyn UnitOfWork> {
    storage.begin().await.expect("a unit of work begins")
}

pub(super) async fn commit(unit: Box<dyn UnitOfWork>) {
    unit.commit().await.expect("the unit commits");
}

/// Inserts keys into [`account`] in one unit of work.
pub(super) async fn insert(storage: &dyn Storage, keys: impl IntoIterator<Item = NewApiKey> + Send) {
    let mut unit = begin(storage).await;
    for key in keys.into_iter().collect::<Vec<_>>() {
        unit.insert_api_key(account(), key, None).await.expect("a new key is inserted");
    }
    commit(unit).await;
}

/// Imports rows into [`account`], in units of the size that the storage asks for.
pub(super) async fn import(storage: &dyn Storage, rows: impl IntoIterator<Item = ImportedApiKey> + Send) {
    let rows: Vec<ImportedApiKey> = rows.into_iter().collect();
    for rows in rows.chunks(storage.import_rows_per_unit()) {
        let mut unit = begin(storage).await;
        unit.import_api_keys(account(), rows.to_vec(), None, MOST_PLANS).await.expect("rows are imported");
        commit(unit).await;
    }
}

/// The ids of rows that were all stored.
pub(super) fn stored(outcomes: Result<Vec<RowOutcome>, StorageError>) -> Vec<ApiKeyId> {
    let one = |outcome| match outcome {
        RowOutcome::Stored { id, .. } => id,
        RowOutcome::IdTaken(row) => panic!("the id of row {} is taken", row.row),
    };
    outcomes.expect("rows are imported").into_iter().map(one).collect()
}

pub(super) async fn find(storage: &dyn Storage, n: u32) -> Option<StoredApiKey> {
    storage.reader().find_api_key(account(), &nth_id(n)).await.expect("a look-up answers")
}

/// Lets a moment pass on the storage's own clock.
pub(super) async fn later(storage: &dyn Storage) {
    // A feed without news waits its patience, on whatever timer the backend has.
    let cursor = storage.snapshot().await.expect("a snapshot").cursor();
    let mut feed = storage.changes(cursor).await.expect("a feed");
    feed.next(Duration::from_millis(20)).await.expect("answers");
}

pub(super) async fn cursor(storage: &dyn Storage) -> FeedCursor {
    storage.snapshot().await.expect("a snapshot").cursor()
}

/// A feed of everything from now on.
pub(super) async fn feed(storage: &dyn Storage) -> Box<dyn ChangeFeed> {
    storage.changes(cursor(storage).await).await.expect("a feed")
}

pub(super) async fn news(feed: &mut dyn ChangeFeed, patience: Duration) -> Vec<Change> {
    match feed.next(patience).await.expect("the feed answers") {
        News::Changes(changes) => changes,
        News::Resync => panic!("a feed from a position just given has to load anew"),
    }
}

/// Everything that is told until nothing more comes.
pub(super) async fn all_news(feed: &mut dyn ChangeFeed) -> Vec<Change> {
    let mut told = Vec::new();
    loop {
        let changes = news(feed, SHORT).await;
        if changes.is_empty() {
            return told;
        }
        told.extend(changes);
    }
}

/// What a look-up of a key answers that was inserted.
pub(super) fn as_stored(new: &NewApiKey) -> StoredApiKey {
    StoredApiKey { key: new.key.clone(), sealed: new.sealed.clone() }
}

pub(super) fn all() -> ApiKeyFilter {
    ApiKeyFilter::default()
}

pub(super) fn prefixed(prefix: &str) -> ApiKeyFilter {
    ApiKeyFilter { name_prefix: Some(prefix.into()), customer_id: None }
}

pub(super) fn of_customer(text: &str) -> ApiKeyFilter {
    ApiKeyFilter { name_prefix: None, customer_id: customer(text) }
}

/// The numbers of all keys of a listing, page by page, in its order.
pub(super) async fn listed<R: ApiKeyReader + ?Sized>(
    reader: &R,
    account: AccountId,
    filter: &ApiKeyFilter,
    limit: i64,
) -> Vec<u32> {
    let mut numbers = Vec::new();
    let mut after = None;
    loop {
        let request = PageRequest { after, limit: PageLimit::or_default(limit) };
        let page = reader.list_api_keys(account, filter, request).await.expect("a listing answers");
        assert!(page.items.len() <= PageLimit::or_default(limit).get());
        numbers.extend(page.items.iter().map(|stored| number(&stored.key.id)));
        after = page.next;
        if after.is_none() {
            return numbers;
        }
    }
}

/// The ids of the keys with the digests of samples of these numbers.
pub(super) async fn with_digests<R: ApiKeyReader + ?Sized>(
    reader: &R,
    account: AccountId,
    numbers: &[u32],
) -> Vec<Option<ApiKeyId>> {
    let digests: Vec<Digest> = numbers.iter().map(|n| digest(*n)).collect();
    reader.find_ids_by_digest(account, &digests).await.expect("a look-up answers")
}

/// The number in a sample's id.
pub(super) fn number(id: &ApiKeyId) -> u32 {
    id.as_str().trim_start_matches("key").parse().expect("the ids of samples end in their number")
}

pub(super) fn plan_id(text: &str) -> UsagePlanId {
    UsagePlanId::parse(text).expect("the cases use proper ids")
}

/// The id of sample plan number `n`: those of higher numbers sort higher.
pub(super) fn nth_plan(n: u32) -> UsagePlanId {
    plan_id(&format!("plan{n:05}"))
}

pub(super) fn stage(text: &str) -> StageId {
    StageId::parse(text).expect("the cases use proper stages")
}

pub(super) fn stages(texts: &[&str]) -> Stages {
    let plain = |text: &&str| ApiStage { id: stage(text), throttle: [].into() };
    Stages::new(texts.iter().map(plain).collect()).expect("the cases name a stage once")
}

/// Plan number `n` with these stages, made `n` microseconds after the start; nothing else is set.
pub(super) fn plan(n: u32, with: &[&str]) -> UsagePlan {
    UsagePlan {
        id: nth_plan(n),
        name: UsagePlanName::parse("n").expect("it is a name"),
        description: None,
        product_code: None,
        stages: stages(with),
        throttle: None,
        quotas: QuotaHistory::default(),
        tags: Tags::default(),
        created: at(i64::from(n)),
        version: Version::FIRST,
    }
}

/// Sets every property that a plan can have, each to something that is easily mangled.
pub(super) fn fill_plan(plan: &mut UsagePlan) {
    let throttle = |rate, burst| Throttle::new(rate, burst).expect("it is a throttle");
    let method = |text| MethodPath::parse(text).expect("it is a method");
    plan.name = UsagePlanName::parse("Gold 'drop\\\t%_ ß\u{1f511}").expect("it is a name");
    plan.description = description(&"long, \"quoted\"\n".repeat(1_000));
    plan.product_code = ProductCode::parse("cödé-\"1\"").expect("it is a code");
    let of_methods = [
        (method("//GET"), throttle(Some(1.0 / 3.0), None)),
        (method("/pets/{a~b}/ANY"), throttle(None, Some(2_147_483_647))),
        (method("/\"quoted\" ß/POST"), throttle(None, None)),
    ];
    let with_throttles = ApiStage { id: stage("api2:$default"), throttle: of_methods.into() };
    let plain = ApiStage { id: stage("api-1:t_2"), throttle: [].into() };
    plan.stages = Stages::new(vec![with_throttles, plain]).expect("they are two");
    plan.throttle = Some(throttle(Some(0.1 + 0.2), Some(0)));
    let quota = |limit, offset, period| Some(Quota::new(limit, offset, period).expect("it is a quota"));
    plan.quotas = QuotaHistory::of(vec![
        (day(19_000), quota(0, 6, Period::Week)),
        (day(19_001), None),
        (day(19_100), quota(2_147_483_647, 27, Period::Month)),
    ])
    .expect("its days ascend");
    plan.tags = Tags::kept([("team", "a=b"), ("aws:stack", ""), ("ключ", "ß")]).expect("these are tags");
}

pub(super) fn day(number: i32) -> Day {
    Day::from_number(number).expect("the cases use proper days")
}

pub(super) fn new_plan(plan: &UsagePlan) -> NewUsagePlan {
    NewUsagePlan { plan: plan.clone(), retry: None }
}

/// Key number `key` in plan number `plan`.
pub(super) fn link(plan: u32, key: u32) -> UsagePlanKey {
    UsagePlanKey { plan: nth_plan(plan), key: nth_id(key) }
}

/// Inserts plans into [`account`], each by itself.
pub(super) async fn insert_plans(storage: &dyn Storage, plans: impl IntoIterator<Item = UsagePlan> + Send) {
    for plan in plans.into_iter().collect::<Vec<_>>() {
        let new = new_plan(&plan);
        storage.writer().insert_usage_plan(account(), &new, None).await.expect("a new plan is inserted");
    }
}

/// Puts keys of [`account`] into its plans, each of which must let it in.
pub(super) async fn attach(storage: &dyn Storage, links: &[UsagePlanKey]) {
    for links in links.chunks(10_000) {
        let outcomes =
            storage.writer().attach_api_keys(account(), links, MOST_PLANS).await.expect("attaches");
        assert_eq!(outcomes, vec![Attachment::Done; links.len()]);
    }
}

/// Prunes until the id of a deleted plan is free, and inserts this one under it.
pub(super) async fn insert_when_free(storage: &dyn Storage, plan: &UsagePlan) {
    for _ in 0..100 {
        storage.prune(Keep::default()).await.expect("prunes");
        match storage.writer().insert_usage_plan(account(), &new_plan(plan), None).await {
            Ok(()) => return,
            Err(StorageError::AlreadyExists(Entity::UsagePlan)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    panic!("the id of a deleted plan is never free again");
}

pub(super) async fn find_plan(storage: &dyn Storage, n: u32) -> Option<UsagePlan> {
    storage.reader().find_usage_plan(account(), &nth_plan(n)).await.expect("a look-up answers")
}

/// The numbers of all plans of an account, or of those that a key is in, page by page, in the listing's order.
pub(super) async fn plans_listed<R: UsagePlanReader + ?Sized>(
    reader: &R,
    account: AccountId,
    of_key: Option<u32>,
    limit: i64,
) -> Vec<u32> {
    let of_key = of_key.map(nth_id);
    let (mut numbers, mut after) = (Vec::new(), None);
    loop {
        let request = PageRequest { after, limit: PageLimit::or_default(limit) };
        let page = reader.list_usage_plans(account, of_key.as_ref(), request).await.expect("answers");
        assert!(page.items.len() <= PageLimit::or_default(limit).get());
        numbers.extend(page.items.iter().map(|plan| plan_number(&plan.id)));
        after = page.next;
        if after.is_none() {
            return numbers;
        }
    }
}

/// The numbers of all keys in a plan, page by page, in the listing's order.
pub(super) async fn keys_in<R: UsagePlanReader + ?Sized>(
    reader: &R,
    account: AccountId,
    plan: u32,
    name_prefix: Option<&str>,
    limit: i64,
) -> Vec<u32> {
    let (mut numbers, mut after) = (Vec::new(), None);
    loop {
        let request = PageRequest { after, limit: PageLimit::or_default(limit) };
        let page = reader.list_usage_plan_keys(account, &nth_plan(plan), name_prefix, request).await;
        let page = page.expect("a listing answers");
        assert!(page.items.len() <= PageLimit::or_default(limit).get());
        numbers.extend(page.items.iter().map(|stored| number(&stored.key.id)));
        after = page.next;
        if after.is_none() {
            return numbers;
        }
    }
}

/// The numbers of the plans that each of these keys is in.
pub(super) async fn plans_of<R: UsagePlanReader + ?Sized>(
    reader: &R,
    account: AccountId,
    keys: &[u32],
) -> Vec<Vec<u32>> {
    let keys: Vec<ApiKeyId> = keys.iter().map(|n| nth_id(*n)).collect();
    let found = reader.find_plans_of_keys(account, &keys).await.expect("a look-up answers");
    found.iter().map(|plans| plans.iter().map(plan_number).collect()).collect()
}

/// The number in a sample plan's id.
pub(super) fn plan_number(id: &UsagePlanId) -> u32 {
    id.as_str().trim_start_matches("plan").parse().expect("the ids of samples end in their number")
}
