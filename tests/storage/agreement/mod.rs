//! The three backends say the same, whatever they are asked: memory is the model, SQLite and PostgreSQL follow.
//!
//! A run is a sequence of single writes, units of work and batches of counts over two accounts. Every answer is
//! compared, refusals included, and after the run everything that can be read: keys, digests, pages of every size
//! under every filter, plans and the keys in them, usage, credentials, what is remembered, and what the feeds told.
//! Of a stage that plans may not share, only that there is one: which of several is named is the backend's own matter.

mod calls;

use calls::{
    Step, Write, access_key_id, access_key_ids, account, accounts, days, digests, filters, ids, plan_ids,
    prefixes, steps, tokens,
};
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::usage_plans::{Attachment, StageId};
use gatepost_domain::{AccountId, Clock, PageLimit, PageRequest, Timestamp, Version};
use gatepost_storage::{
    Change, ChangeFeed, Keep, News, PlanChanged, Reader, RowOutcome, Storage, StorageError, UsagePlanKey,
    UsagePosition, Writer,
};
use gatepost_storage_memory::MemoryStorage;
use gatepost_storage_postgres::{PostgresOptions, PostgresStorage};
use gatepost_storage_sqlite::{SqliteOptions, SqliteStorage};
use integration_tests::database::Database;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Runs; each has its own databases.
const RUNS: u32 = 150;

/// Time stands still in memory: nothing here grows old.
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(0)
    }
}

/// A backend under comparison, and what it lives in.
struct Backend {
    name: &'static str,
    storage: Box<dyn Storage>,
    feed: Box<dyn ChangeFeed>,
    _place: Option<TempDir>,
    _database: Option<Database>,
}

impl Backend {
    async fn new(
        name: &'static str,
        storage: Box<dyn Storage>,
        place: Option<TempDir>,
        database: Option<Database>,
    ) -> Self {
        let cursor = storage.snapshot().await.unwrap().cursor();
        let feed = storage.changes(cursor).await.unwrap();
        Self { name, storage, feed, _place: place, _database: database }
    }
}

async fn backends() -> [Backend; 3] {
    let place = tempfile::tempdir().unwrap();
    let options = SqliteOptions { path: place.path().join("gatepost.db"), migrate: true, serve: true };
    let sqlite = SqliteStorage::open(options).await.unwrap();
    let database = crate::postgres::database().await;
    let options = PostgresOptions { connections: 4, migrate: false, ..PostgresOptions::new(database.url()) };
    let postgres = PostgresStorage::connect(options).await.unwrap();
    [
        Backend::new("memory", Box::new(MemoryStorage::new(Arc::new(Still))), None, None).await,
        Backend::new("sqlite", Box::new(sqlite), Some(place), None).await,
        Backend::new("postgres", Box::new(postgres), None, Some(database)).await,
    ]
}

#[test]
fn the_backends_agree_on_every_sequence_of_calls() {
    let runtime = Runtime::new().unwrap();
    let config =
        Config { cases: RUNS, max_shrink_iters: 200, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&steps(), |steps| runtime.block_on(compare(&steps)));
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

async fn compare(steps: &[Step]) -> Result<(), TestCaseError> {
    let mut backends = backends().await;
    for step in steps {
        let mut answers = Vec::new();
        for backend in &backends {
            answers.push((backend.name, take(&*backend.storage, step).await));
        }
        agree(step, &answers)?;
    }
    for page in [1, 2, 500] {
        let mut answers = Vec::new();
        for backend in &backends {
            answers.push((backend.name, read(backend.storage.reader(), page).await));
        }
        agree(&"everything that can be read", &answers)?;
    }
    let mut told = Vec::new();
    for backend in &mut backends {
        told.push((backend.name, news(backend).await));
    }
    agree(&"what was told", &told)
}

fn agree<T: PartialEq + std::fmt::Debug>(
    what: &dyn std::fmt::Debug,
    answers: &[(&str, T)],
) -> Result<(), TestCaseError> {
    let (_, model) = &answers[0];
    for (name, answer) in &answers[1..] {
        prop_assert!(answer == model, "{:?}\nmemory: {:#?}\n{}: {:#?}", what, model, name, answer);
    }
    Ok(())
}

/// Takes a step; what it answered, as text.
async fn take(storage: &dyn Storage, step: &Step) -> Vec<String> {
    match step {
        Step::Single(of, write) => vec![told(call(&mut *storage.writer(), account(*of), write).await)],
        Step::Unit(of, writes, commits) => {
            let mut unit = storage.begin().await.unwrap();
            let mut answers = Vec::new();
            for write in writes {
                let answer = call(&mut *unit, account(*of), write).await;
                let goes_on =
                    matches!(answer, Ok(_) | Err(StorageError::AlreadyExists(_) | StorageError::Stale(_)));
                answers.push(told(answer));
                if !goes_on {
                    return answers;
                }
                answers.push(format!("{:?}", unit.count_api_keys(account(*of)).await.unwrap()));
                answers.extend(credentials(&*unit, 2).await);
                answers.extend(plans(&*unit, account(*of), 5, &[None]).await);
                answers.extend(usage(&*unit, account(*of), 3).await);
            }
            if *commits {
                unit.commit().await.unwrap();
            }
            answers
        }
        Step::Count(replica, number, counts) => {
            let counts: Vec<_> = counts.iter().map(|(of, usage)| usage.count(account(*of))).collect();
            let incarnation = calls::incarnation(*replica);
            let counted = storage.usage_meter().count(incarnation, *number, &counts).await;
            vec![told(counted.map(|metered| format!("{metered:?}")))]
        }
        Step::Prune => {
            storage.prune(Keep::default()).await.unwrap();
            Vec::new()
        }
    }
}

async fn call<W: Writer + ?Sized>(
    writer: &mut W,
    of: AccountId,
    write: &Write,
) -> Result<String, StorageError> {
    Ok(match write {
        Write::Insert { key, retry, most } => {
            format!("{:?}", writer.insert_api_key(of, key.new_key(*retry), *most).await?)
        }
        Write::Update { key, expected } => {
            let key = key.key(Version(expected + 1));
            format!("{:?}", writer.update_api_key(of, &key, Version(*expected)).await?)
        }
        Write::Delete { id } => format!("{:?}", writer.delete_api_key(of, &calls::id(*id)).await?),
        Write::Import { rows, most, most_plans } => {
            let rows = rows.iter().enumerate().map(|(number, row)| row.row(number)).collect();
            let mut outcomes = writer.import_api_keys(of, rows, *most, *most_plans).await?;
            for outcome in &mut outcomes {
                if let RowOutcome::Stored { refused, .. } = outcome {
                    refused.iter_mut().for_each(|(_, why)| forget_stage(why));
                }
            }
            format!("{outcomes:?}")
        }
        Write::InsertPlan { plan, retry, most } => {
            format!("{:?}", writer.insert_usage_plan(of, &plan.new_plan(*retry), *most).await?)
        }
        Write::UpdatePlan { plan, expected } => {
            let plan = plan.plan(Version(expected + 1));
            match writer.update_usage_plan(of, &plan, Version(*expected)).await? {
                PlanChanged::Done => "done".to_owned(),
                PlanChanged::StageShared { .. } => "a stage is shared".to_owned(),
            }
        }
        Write::DeletePlan { id, expected } => {
            format!("{:?}", writer.delete_usage_plan(of, &calls::plan_id(*id), Version(*expected)).await?)
        }
        Write::Attach { links, most } => {
            let links: Vec<_> = links.iter().copied().map(calls::link).collect();
            let mut outcomes = writer.attach_api_keys(of, &links, *most).await?;
            outcomes.iter_mut().for_each(forget_stage);
            format!("{outcomes:?}")
        }
        Write::Detach { link } => format!("{:?}", writer.detach_api_key(of, &calls::link(*link)).await?),
        Write::Adjust { link, day, adjustment } => {
            let link = calls::link(*link);
            format!("{:?}", writer.adjust_usage(of, &link, calls::day(*day), *adjustment).await?)
        }
        Write::RestoreUsage { usage } => {
            let usage: Vec<_> = usage.iter().map(|usage| usage.kept()).collect();
            format!("{:?}", writer.restore_usage(of, &usage).await?)
        }
        Write::Restore { keys, most } => {
            let keys = keys.iter().map(|key| key.new_key(None)).collect();
            format!("{:?}", writer.restore_api_keys(of, keys, *most).await?)
        }
        Write::InsertCredential { credential } => {
            format!("{:?}", writer.insert_credential(&credential.stored(of, Version::FIRST)).await?)
        }
        Write::UpdateCredential { credential, expected } => {
            let stored = credential.stored(of, Version(expected + 1));
            format!("{:?}", writer.update_credential(&stored.credential, Version(*expected)).await?)
        }
        Write::DeleteCredential { id } => {
            format!("{:?}", writer.delete_credential(&access_key_id(*id)).await?)
        }
        Write::NoteUse { used } => {
            let used: Vec<_> =
                used.iter().map(|(id, at)| (access_key_id(*id), Timestamp::from_micros(*at))).collect();
            format!("{:?}", writer.note_use(&used).await?)
        }
        Write::Remember { token } => {
            format!("{:?}", writer.remember_import(of, &calls::token(*token)).await?)
        }
    })
}

/// Of several stages that are shared, a backend may name any.
fn forget_stage(outcome: &mut Attachment) {
    if let Attachment::StageShared(stage) = outcome {
        *stage = StageId::new("any", "any").unwrap();
    }
}

/// An answer without what only its backend knows.
fn told(answer: Result<String, StorageError>) -> String {
    match answer {
        Ok(answer) => answer,
        Err(
            error @ (StorageError::AlreadyExists(_) | StorageError::Stale(_) | StorageError::LimitReached(_)),
        ) => {
            format!("{error:?}")
        }
        Err(error) => panic!("{error:?}"),
    }
}

/// Everything that can be read, in pages of this size.
async fn read(reader: &dyn Reader, page: i64) -> Vec<String> {
    let mut all = credentials(reader, page).await;
    for id in access_key_ids() {
        all.push(format!("{:?}", reader.find_credential(&id).await.unwrap()));
    }
    for of in accounts() {
        all.push(format!("{:?}", reader.count_api_keys(of).await.unwrap()));
        all.push(format!("{:?}", reader.find_ids_by_digest(of, &digests()).await.unwrap()));
        for id in ids() {
            all.push(format!("{:?}", reader.find_api_key(of, &id).await.unwrap()));
        }
        for token in tokens() {
            all.push(format!("{:?}", reader.recall(of, &token).await.unwrap()));
        }
        all.extend(plans(reader, of, page, &prefixes()).await);
        for (plan, key) in plan_ids().flat_map(|plan| ids().map(move |key| (plan.clone(), key))) {
            let link = UsagePlanKey { plan, key };
            all.push(format!("{:?}", reader.find_usage_plan_key(of, &link).await.unwrap()));
        }
        all.extend(usage(reader, of, usize::try_from(page).unwrap()).await);
        for filter in filters() {
            let mut after = None;
            loop {
                let request = PageRequest { after, limit: PageLimit::or_default(page) };
                let page = reader.list_api_keys(of, &filter, request).await.unwrap();
                all.push(format!("{filter:?} {page:?}"));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
    }
    all
}

/// All plans of an account, and which keys with these prefixes are in them, in pages of this size.
async fn plans<R: Reader + ?Sized>(
    reader: &R,
    of: AccountId,
    page: i64,
    prefixes: &[Option<&str>],
) -> Vec<String> {
    let limit = PageLimit::or_default(page);
    let mut all = Vec::new();
    for of_key in [None].into_iter().chain(ids().map(Some)) {
        let mut after = None;
        loop {
            let request = PageRequest { after, limit };
            let page = reader.list_usage_plans(of, of_key.as_ref(), request).await.unwrap();
            all.push(format!("plans of {of_key:?} {page:?}"));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    let keys: Vec<ApiKeyId> = ids().collect();
    all.push(format!("{:?}", reader.find_plans_of_keys(of, &keys).await.unwrap()));
    for plan in plan_ids() {
        all.push(format!("{:?}", reader.find_usage_plan(of, &plan).await.unwrap()));
        for prefix in prefixes {
            let mut after = None;
            loop {
                let request = PageRequest { after, limit };
                let page = reader.list_usage_plan_keys(of, &plan, *prefix, request).await.unwrap();
                all.push(format!("keys of {plan} {prefix:?} {page:?}"));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
    }
    all
}

/// All usage of an account, in portions of this size.
async fn usage<R: Reader + ?Sized>(reader: &R, of: AccountId, portion: usize) -> Vec<String> {
    let keys: Vec<ApiKeyId> = ids().collect();
    let mut all = Vec::new();
    for plan in plan_ids() {
        all.push(format!("{:?}", reader.find_usage(of, &plan, &keys, days()).await.unwrap()));
    }
    let mut after = None;
    loop {
        let listed = reader.list_usage(of, after.as_ref(), portion).await.unwrap();
        let Some(last) = listed.last() else { return all };
        after = Some(UsagePosition { link: last.link.clone(), day: last.usage.day });
        all.push(format!("{listed:?}"));
    }
}

/// All credentials, in pages of this size.
async fn credentials<R: Reader + ?Sized>(reader: &R, page: i64) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let request = PageRequest { after, limit: PageLimit::or_default(page) };
        let page = reader.list_credentials(request).await.unwrap();
        all.push(format!("{page:?}"));
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

/// All that a feed tells: the changes of keys, plans, usage and credentials, and of which accounts there were imports.
/// Into how many ranges an import falls is the backend's own matter, and so is whether the versions that a key had
/// within one call are told: of a key, the last one counts.
async fn news(backend: &mut Backend) -> (BTreeSet<String>, [bool; 2]) {
    let (mut single, mut keys, mut imports) = (BTreeSet::new(), BTreeMap::new(), [false; 2]);
    loop {
        match backend.feed.next(Duration::from_millis(250)).await.unwrap() {
            News::Resync => panic!("{} lost a position that it has just given", backend.name),
            News::Changes(changes) if changes.is_empty() => {
                single.extend(keys.into_values().map(|change| format!("{change:?}")));
                return (single, imports);
            }
            News::Changes(changes) => {
                for change in changes {
                    match change {
                        Change::ApiKey { account, ref id, version } => {
                            let last = keys.entry((account, id.clone())).or_insert_with(|| change.clone());
                            if matches!(last, Change::ApiKey { version: before, .. } if *before < version) {
                                *last = change;
                            }
                        }
                        Change::UsagePlan { .. } | Change::Usage { .. } | Change::Credential { .. } => {
                            single.insert(format!("{change:?}"));
                        }
                        Change::Import { account: of, .. } => {
                            imports[accounts().iter().position(|account| *account == of).unwrap()] = true;
                        }
                    }
                }
            }
        }
    }
}
