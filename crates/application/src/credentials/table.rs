//! The credentials that requests are signed with, opened once and kept until they change.
//!
//! [`CredentialTable::follow`] reads the change feed, and forgets what was changed. What is kept is believed for
//! [`TRUSTED`] after the feed last answered; when it is silent for longer, every request reads storage again, so a
//! credential that was disabled anywhere is refused here within a second, or nothing is admitted at all.

use crate::AppError;
use gatepost_custody::Custody;
use gatepost_domain::credentials::{AccessKeyId, SecretAccessKey};
use gatepost_domain::{AccountId, Timestamp};
use gatepost_policy::{Policy, ReadyMade};
use gatepost_storage::{Change, News, Storage, StorageError, StoredCredential};
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

/// So long what is kept is believed after the feed has answered.
pub const TRUSTED: Duration = Duration::from_millis(900);
/// So long one question to the feed waits for changes.
const PATIENCE: Duration = Duration::from_millis(300);
/// And so long for an answer at all.
const ANSWERED: Duration = Duration::from_millis(800);
/// The pause after a failure.
const PAUSE: Duration = Duration::from_millis(100);
/// More credentials than anybody signs with; beyond it all are read anew.
const MOST: usize = 10_000;
/// So many credentials are read from storage at once.
const READING: usize = 4;
/// A use is noted once in such a time, which is what `last_used` promises.
const NOTED_EVERY: i64 = 60_000_000;

/// A credential that may sign.
pub struct Signer {
    /// Its id.
    pub id: AccessKeyId,
    /// Whose resources it sees.
    pub account: AccountId,
    /// What it may do.
    pub policy: Policy,
    /// What it signs with.
    pub secret: SecretAccessKey,
    /// Counted up by every change, so that what was derived from the one before is not used for it.
    pub generation: u64,
    /// When its use was last noted, in microseconds; `None` for the root credential, whose use is not kept.
    noted: Option<AtomicI64>,
}

/// The credential of the environment: never stored, the same on all replicas, and it may do everything.
pub struct Root {
    /// Its id.
    pub id: AccessKeyId,
    /// Its account.
    pub account: AccountId,
    /// Its secret.
    pub secret: SecretAccessKey,
}

/// Who may sign.
pub struct CredentialTable {
    storage: Arc<dyn Storage>,
    custody: Arc<Custody>,
    root: Option<Arc<Signer>>,
    known: RwLock<Known>,
    reading: Semaphore,
    used: Mutex<HashMap<AccessKeyId, Timestamp>>,
}

#[derive(Default)]
struct Known {
    signers: HashMap<AccessKeyId, Arc<Signer>>,
    believed_until: Option<Instant>,
    /// Counts what was forgotten: who read storage before must not keep what it read.
    forgotten: u64,
}

impl CredentialTable {
    /// A table of what this storage holds.
    #[must_use]
    pub fn new(storage: Arc<dyn Storage>, custody: Arc<Custody>, root: Option<Root>) -> Self {
        let everything = || Policy::parse(ReadyMade::Administrator.document()).expect("a ready-made policy");
        let root = root.map(|Root { id, account, secret }| {
            Arc::new(Signer { id, account, policy: everything(), secret, generation: 0, noted: None })
        });
        let reading = Semaphore::new(READING);
        Self { storage, custody, root, known: RwLock::default(), reading, used: Mutex::default() }
    }

    /// The enabled credential with this id.
    pub async fn find(&self, id: &AccessKeyId) -> Result<Option<Arc<Signer>>, AppError> {
        if let Some(root) = self.root.as_ref().filter(|root| root.id == *id) {
            return Ok(Some(Arc::clone(root)));
        }
        let forgotten = {
            let known = self.known();
            if known.is_believed()
                && let Some(signer) = known.signers.get(id)
            {
                return Ok(Some(Arc::clone(signer)));
            }
            known.forgotten
        };
        // Rare, and in a box no part of every request.
        Box::pin(self.read(id, forgotten)).await
    }

    async fn read(&self, id: &AccessKeyId, forgotten: u64) -> Result<Option<Arc<Signer>>, AppError> {
        // Whoever asks for ids that there are none of must not take all of the storage's connections.
        let _turn = self.reading.acquire().await.map_err(AppError::internal)?;
        let stored = self.storage.reader().find_credential(id).await?;
        let Some(stored) = stored.filter(|stored| stored.credential.enabled) else { return Ok(None) };
        let signer = Arc::new(self.open(stored)?);
        let mut known = self.known_mut();
        if known.is_believed() && known.forgotten == forgotten {
            if known.signers.len() >= MOST {
                known.signers.clear();
            }
            known.signers.insert(id.clone(), Arc::clone(&signer));
        }
        Ok(Some(signer))
    }

    fn open(&self, StoredCredential { credential, sealed }: StoredCredential) -> Result<Signer, AppError> {
        let unusable = |why: String| AppError::internal(format!("credential {}: {why}", credential.id));
        let secret =
            self.custody.open_secret(&credential, &sealed).map_err(|why| unusable(why.to_string()))?;
        let policy = Policy::parse(&credential.policy).map_err(|why| unusable(why.to_string()))?;
        let noted = credential.last_used.map_or(i64::MIN, Timestamp::micros);
        Ok(Signer {
            id: credential.id,
            account: credential.account,
            policy,
            secret,
            generation: credential.version.0,
            noted: Some(AtomicI64::new(noted)),
        })
    }

    /// Notes that a credential has signed a request that was verified.
    pub fn note_use(&self, signer: &Signer, now: Timestamp) {
        let Some(noted) = &signer.noted else { return };
        let before = noted.load(Ordering::Relaxed);
        if now.micros().saturating_sub(before) < NOTED_EVERY {
            return;
        }
        // Of several that come at once, one notes it.
        if noted.compare_exchange(before, now.micros(), Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.used().insert(signer.id.clone(), now);
        }
    }

    /// Writes down what [`note_use`](Self::note_use) gathered; what cannot be written is kept for the next time.
    pub async fn flush_uses(&self) -> Result<(), StorageError> {
        // Taken out only when it is written: this may be given up in the middle.
        let list: Vec<_> = self.used().iter().map(|(id, at)| (id.clone(), *at)).collect();
        if list.is_empty() {
            return Ok(());
        }
        self.storage.writer().note_use(&list).await?;
        let mut used = self.used();
        for (id, at) in list {
            if used.get(&id) == Some(&at) {
                used.remove(&id);
            }
        }
        Ok(())
    }

    /// Follows the changes of storage, for ever.
    pub async fn follow(&self) {
        loop {
            if let Err(error) = self.follow_one_feed().await {
                tracing::debug!(error = &error as &dyn std::error::Error, "the feed of credentials fails");
            }
            self.forget_all();
            sleep(PAUSE).await;
        }
    }

    /// Until the feed fails, is silent for too long, or can no longer tell what was changed.
    async fn follow_one_feed(&self) -> Result<(), StorageError> {
        let start = self.storage.snapshot().await?.cursor();
        let mut feed = self.storage.changes(start).await?;
        // Whoever reads from now on reads what the feed begins with, or later.
        self.forget_all();
        loop {
            let asked = now();
            let Ok(news) = timeout(ANSWERED, feed.next(PATIENCE)).await else { return Ok(()) };
            match news? {
                News::Resync => return Ok(()),
                News::Changes(changes) => self.heard(&changes, asked),
            }
        }
    }

    fn heard(&self, changes: &[Change], asked: Instant) {
        let mut known = self.known_mut();
        for change in changes {
            match change {
                Change::Credential { id, .. } => {
                    known.signers.remove(id);
                    known.forgotten += 1;
                }
                Change::ApiKey { .. }
                | Change::Import { .. }
                | Change::UsagePlan { .. }
                | Change::Usage { .. } => {}
            }
        }
        known.believed_until = Some(asked + TRUSTED);
    }

    fn forget_all(&self) {
        let mut known = self.known_mut();
        known.signers.clear();
        known.forgotten += 1;
        known.believed_until = None;
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn known_mut(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn used(&self) -> MutexGuard<'_, HashMap<AccessKeyId, Timestamp>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn is_believed(&self) -> bool {
        self.believed_until.is_some_and(|until| now() < until)
    }
}

#[expect(clippy::disallowed_methods, reason = "the runtime's clock, as of its timeouts; tests hold it still")]
fn now() -> Instant {
    Instant::now()
}
