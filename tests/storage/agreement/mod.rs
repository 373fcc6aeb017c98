//! The three backends say the same, whatever they are asked: memory is the model, SQLite and PostgreSQL follow.
//!
//! A run is a sequence of single writes and units of work over two accounts. Every answer is compared, refusals
//! included, and after the run everything that can be read: keys, digests, pages of every size under every filter,
//! credentials, what is remembered, and what the feeds told.

mod calls;

use calls::{
    Step, Write, access_key_id, access_key_ids, account, accounts, digests, filters, ids, steps, tokens,
};
use gatepost_domain::{AccountId, Clock, PageLimit, PageRequest, Timestamp, Version};
use gatepost_storage::{Change, ChangeFeed, News, Reader, Storage, StorageError, Writer};
use gatepost_storage_memory::MemoryStorage;
use gatepost_storage_postgres::{PostgresOptions, PostgresStorage};
use gatepost_storage_sqlite::{SqliteOptions, SqliteStorage};
use integration_tests::database::Database;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Runs; each has its own databases.
const RUNS: u32 = 40;

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
            }
            if *commits {
                unit.commit().await.unwrap();
            }
            answers
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
        Write::Import { rows, most } => {
            let rows = rows.iter().enumerate().map(|(number, (key, sets))| key.row(number, *sets)).collect();
            format!("{:?}", writer.import_api_keys(of, rows, *most, 10).await?)
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

/// All that a feed tells: the changes of keys and credentials, and of which accounts there were imports. Into how many ranges an import
/// falls is the backend's own matter.
async fn news(backend: &mut Backend) -> (BTreeSet<String>, [bool; 2]) {
    let (mut single, mut imports) = (BTreeSet::new(), [false; 2]);
    loop {
        match backend.feed.next(Duration::from_millis(250)).await.unwrap() {
            News::Resync => panic!("{} lost a position that it has just given", backend.name),
            News::Changes(changes) if changes.is_empty() => return (single, imports),
            News::Changes(changes) => {
                for change in changes {
                    match change {
                        Change::ApiKey { .. } | Change::Credential { .. } => {
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
