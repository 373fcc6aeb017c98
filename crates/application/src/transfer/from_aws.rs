//! Out of AWS, by the files that its CLI prints.
//!
//! Each file is read twice. First all of it is understood and the plans are kept, so that a file which is cut or of
//! another kind changes nothing; then keys and links go by in batches, so memory does not grow with their number. Only a
//! dry run notes the id of each key that would be new, and the plans that it would be put into.

use super::aws::{self, AwsItem, CannotReadAws};
use super::restorer::{From, Restorer, Tell};
use super::{InvalidKey, TransferError, TransferredKey, WholeSeconds};
use crate::{AppError, Application, Caller};
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::usage_plans::{UsagePlan, UsagePlanId};
use gatepost_domain::{Clock, Timestamp};
use gatepost_storage::UsagePlanKey;
use std::io::{self, Read};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Keys or links that are read ahead of the next batch; few, for a description may take half a megabyte.
const READ_AHEAD: usize = 64;
/// What the texts of a batch may take, but for its last key.
const MOST_BATCH_BYTES: usize = 1024 * 1024;
/// Links that are stored at once.
const LINKS: usize = 5_000;

/// A file that the AWS CLI printed.
pub trait AwsFile: Send + Sync {
    /// The plan whose keys it lists, for no output of get-usage-plan-keys says it; none: it holds keys or plans.
    fn plan(&self) -> Option<&UsagePlanId>;

    /// Opens it at its start.
    fn open(&self) -> io::Result<Box<dyn Read + Send>>;
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CannotUseAwsFile {
    /// It is not what the AWS CLI prints.
    #[error(transparent)]
    Read(#[from] CannotReadAws),
    /// It lists keys of a plan, and nobody says which.
    #[error(
        "it lists the keys of a usage plan (get-usage-plan-keys), which does not say of which plan: name the plan \
         before the file, as in a1b2c3=FILE"
    )]
    WhichPlan,
    /// It was said to list keys of a plan, and holds something else.
    #[error("it was given as the keys of the usage plan {0}, but is no output of get-usage-plan-keys")]
    NoPlanKeys(UsagePlanId),
    /// A plan, or a key of a plan, without an id, so that nothing could be told of it.
    #[error("it has an item whose id is none that a usage plan or a key can have")]
    Id,
}

/// What the first reading of all files found.
#[derive(Default)]
struct Understood {
    plans: Vec<(UsagePlanId, Result<UsagePlan, String>)>,
    /// Which files have keys.
    with_keys: Vec<usize>,
}

/// A key of a file with its number among all keys, from 1.
type ReadKey = (u64, Result<TransferredKey, (Option<ApiKeyId>, InvalidKey)>);

impl Application {
    /// Stores the plans, keys and links of these files, plans first, whatever the files' order; with `dry_run` it only
    /// looks. What is there already stays as it is. Keys keep ids, values, dates, tags and everything else; plans all
    /// but their dates, which AWS does not tell. `tell` hears what became of each; when this fails, what it was told so
    /// far is done.
    pub async fn import_from_aws(
        &self,
        caller: Caller,
        files: Vec<Arc<dyn AwsFile>>,
        dry_run: bool,
        tell: Tell<'_>,
    ) -> Result<(), TransferError> {
        let files = Arc::new(files);
        let Understood { plans, with_keys } = {
            let (files, clock) = (Arc::clone(&files), Arc::clone(&self.clock));
            blocking(move || understood(&files, &*clock)).await??
        };
        let mut restorer = Restorer::new(self, caller, From::Aws, dry_run).await?;
        for (id, plan) in plans {
            match plan {
                Ok(plan) => restorer.plan(plan, tell).await?,
                Err(why) => restorer.invalid_plan(id, why, tell),
            }
        }
        self.keys_from_aws(&mut restorer, &files, with_keys, tell).await?;
        for place in (0..files.len()).filter(|place| files[*place].plan().is_some()) {
            self.links_from_aws(&mut restorer, &files, place, tell).await?;
        }
        restorer.finish().await;
        Ok(())
    }

    async fn keys_from_aws(
        &self,
        restorer: &mut Restorer<'_>,
        files: &Arc<Vec<Arc<dyn AwsFile>>>,
        with_keys: Vec<usize>,
        tell: Tell<'_>,
    ) -> Result<(), TransferError> {
        let (out, mut read) = mpsc::channel::<ReadKey>(READ_AHEAD);
        let reading = {
            let files = Arc::clone(files);
            tokio::task::spawn_blocking(move || send_keys(&files, &with_keys, &out))
        };
        let most = self.storage.import_rows_per_unit();
        let (mut keys, mut bytes) = (Vec::new(), 0);
        while let Some((number, key)) = read.recv().await {
            match key {
                Ok(key) => {
                    bytes += key.bytes();
                    keys.push((number, key));
                }
                Err((id, why)) => restorer.invalid_key(number, id, why, tell),
            }
            if keys.len() >= most || bytes >= MOST_BATCH_BYTES {
                restorer.keys(std::mem::take(&mut keys), tell).await?;
                bytes = 0;
            }
        }
        reading.await.map_err(AppError::internal)??;
        if keys.is_empty() { Ok(()) } else { restorer.keys(keys, tell).await }
    }

    async fn links_from_aws(
        &self,
        restorer: &mut Restorer<'_>,
        files: &Arc<Vec<Arc<dyn AwsFile>>>,
        place: usize,
        tell: Tell<'_>,
    ) -> Result<(), TransferError> {
        let (out, mut read) = mpsc::channel::<UsagePlanKey>(READ_AHEAD);
        let reading = {
            let files = Arc::clone(files);
            tokio::task::spawn_blocking(move || send_links(&files, place, &out))
        };
        let mut links = Vec::new();
        while let Some(link) = read.recv().await {
            links.push(link);
            if links.len() >= LINKS {
                restorer.links(std::mem::take(&mut links), tell).await?;
            }
        }
        reading.await.map_err(AppError::internal)??;
        restorer.links(links, tell).await
    }
}

async fn blocking<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> Result<T, AppError> {
    tokio::task::spawn_blocking(job).await.map_err(AppError::internal)
}

/// Reads a file to its end, or until `take` answers false.
fn read(
    files: &[Arc<dyn AwsFile>],
    place: usize,
    take: &mut dyn FnMut(AwsItem) -> bool,
) -> Result<(), TransferError> {
    let failed = |why: CannotReadAws| TransferError::Aws(place, why.into());
    let input = files[place].open().map_err(|why| failed(CannotReadAws::Io(why)))?;
    aws::read(input, take).map_err(failed)
}

fn understood(files: &[Arc<dyn AwsFile>], clock: &dyn Clock) -> Result<Understood, TransferError> {
    let mut understood = Understood::default();
    // Listings come newest first, and should here too.
    let mut created = clock.now();
    for (place, file) in files.iter().enumerate() {
        let (mut has_keys, mut wrong) = (false, None);
        read(files, place, &mut |item| {
            wrong = match (item, file.plan()) {
                (AwsItem::PlanKey(Some(_)), Some(_)) => None,
                (AwsItem::PlanKey(None), Some(_)) => Some(CannotUseAwsFile::Id),
                (_, Some(plan)) => Some(CannotUseAwsFile::NoPlanKeys(plan.clone())),
                (AwsItem::PlanKey(_), None) => Some(CannotUseAwsFile::WhichPlan),
                (AwsItem::Key(_), None) => {
                    has_keys = true;
                    None
                }
                (AwsItem::Plan(plan), None) => match plan.id() {
                    Some(id) => {
                        let plan = plan.plan(id.clone(), created);
                        created = Timestamp::from_micros(created.micros() - 1);
                        understood.plans.push((id, plan));
                        None
                    }
                    None => Some(CannotUseAwsFile::Id),
                },
            };
            wrong.is_none()
        })?;
        if let Some(wrong) = wrong {
            return Err(TransferError::Aws(place, wrong));
        }
        if has_keys {
            understood.with_keys.push(place);
        }
    }
    Ok(understood)
}

/// Sends every key until nobody listens.
fn send_keys(
    files: &[Arc<dyn AwsFile>],
    with_keys: &[usize],
    out: &mpsc::Sender<ReadKey>,
) -> Result<(), TransferError> {
    let mut number = 0;
    for place in with_keys {
        let mut dates = WholeSeconds::default();
        read(files, *place, &mut |item| {
            let AwsItem::Key(key) = item else { return true };
            number += 1;
            let id = key.id();
            out.blocking_send((number, key.key(&mut dates).map_err(|why| (id, why)))).is_ok()
        })?;
    }
    Ok(())
}

/// Sends every key of a file's plan until nobody listens.
fn send_links(
    files: &[Arc<dyn AwsFile>],
    place: usize,
    out: &mpsc::Sender<UsagePlanKey>,
) -> Result<(), TransferError> {
    let Some(plan) = files[place].plan() else { return Ok(()) };
    read(files, place, &mut |item| match item {
        AwsItem::PlanKey(Some(key)) => out.blocking_send(UsagePlanKey { plan: plan.clone(), key }).is_ok(),
        // The first reading found none of these.
        AwsItem::PlanKey(None) | AwsItem::Key(_) | AwsItem::Plan(_) => true,
    })
}
