//! How the parts of an account are stored, wherever they come from: what is there stays as it is, what is missing is
//! added, and each is told.
//!
//! Plans are to be given before keys, and keys before links and usage that name them: what was refused takes its links
//! and its usage with it, for its id may be another's here.

use super::{InvalidKey, TransferError, TransferredKey};
use crate::plans_of_account::PlansOfAccount;
use crate::{AppError, Application, Caller};
use gatepost_domain::Digest;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::usage_plans::{Attachment, UsagePlan, UsagePlanId};
use gatepost_storage::{
    Entity, ImportTurn, KeptUsage, NewApiKey, NewUsagePlan, Restored, StorageError, UsagePlanKey,
};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::Duration;

/// How long another import of the account is waited for.
const PATIENCE: Duration = Duration::from_secs(4);
/// What one call of storage takes at most.
const MOST_AT_ONCE: usize = 10_000;

/// What became of one plan or key.
#[derive(Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is there now, or would be.
    Restored,
    /// It was there already: the same plan, or the same id with the same value.
    Present,
    /// It is not there, and why.
    Refused(Refusal),
}

/// Why a plan or a key stays out. A key's id may be its value (`generateDistinctId: false`), so messages show its
/// beginning only.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another key of the account has its value.
    #[error("its value already belongs to the key {:.4}...", .0.as_str())]
    ValueTaken(ApiKeyId),
    /// Another key of the account has its id.
    #[error("its id {:.4}... already belongs to a key with another value", .0.as_str())]
    IdTaken(ApiKeyId),
    /// It cannot be a key here.
    #[error(transparent)]
    Invalid(InvalidKey),
    /// Another plan of the account has its id.
    #[error("its id already belongs to another usage plan, named {0:?}")]
    PlanIdTaken(String),
    /// A plan that was deleted had its id.
    #[error("its id belonged to a usage plan that was deleted just now: try again in some minutes")]
    PlanIdLeaving,
    /// The account has as many plans as it may have.
    #[error("the account has as many usage plans as it may have (max-plans-per-account)")]
    TooManyPlans,
    /// It cannot be a plan here.
    #[error("{0}")]
    InvalidPlan(String),
    /// A server that was asked to make it says this.
    #[error("{0}")]
    Elsewhere(String),
}

/// What became of putting a key into a plan.
#[derive(Debug, PartialEq, Eq)]
pub enum Linked {
    /// It is in it now, or would be.
    Now,
    /// It was in it before.
    Before,
    /// It is not, because the plan or the key of that id here is another one.
    Other,
    /// It is not, because of this.
    Refused(Attachment),
    /// A server that was asked to do it says this.
    Elsewhere(String),
}

/// Why it is not.
impl fmt::Display for Linked {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now | Self::Refused(Attachment::Done) => out.write_str("it is now"),
            Self::Before | Self::Refused(Attachment::AlreadyThere) => out.write_str("it was before"),
            Self::Other => out.write_str("the plan or the key was refused"),
            Self::Refused(Attachment::NoSuchPlan) => out.write_str("there is no such usage plan"),
            Self::Refused(Attachment::NoSuchKey) => out.write_str("there is no such key"),
            Self::Refused(Attachment::StageShared(stage)) => {
                write!(out, "the key is in another plan that has the stage {stage} too")
            }
            Self::Refused(Attachment::TooManyPlans) => {
                out.write_str("the key is in as many usage plans as it may be (max-plans-per-key)")
            }
            Self::Elsewhere(why) => out.write_str(why),
        }
    }
}

/// What is told while an account is stored.
#[derive(Debug, PartialEq, Eq)]
pub enum Told {
    /// What became of a plan.
    Plan(UsagePlanId, Fate),
    /// What became of a key, by its number among the keys, from 1.
    Key(u64, Fate),
    /// What became of putting a key into a plan. Links of a refused key are not told where they came with it.
    Link(UsagePlanKey, Linked),
    /// So many days of usage were stored, or would be; those of which something was kept here stayed as they were.
    Usage(u64),
    /// So many were not, because their plan or key was refused.
    UsageLeftOut(u64),
}

/// By what a plan here is known to be the one that is to be stored, and whether links come apart from keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// An export of ours: by its id and its `created`.
    Export,
    /// AWS, which tells no dates: by its id and its name. Links come when all keys are stored.
    Aws,
}

pub(super) type Tell<'t> = &'t mut (dyn FnMut(Told) + Send);

/// Stores the parts of one account.
pub(super) struct Restorer<'a> {
    application: &'a Application,
    caller: Caller,
    from: From,
    dry_run: bool,
    plans: PlansOfAccount,
    refused_plans: HashSet<UsagePlanId>,
    refused_keys: HashSet<ApiKeyId>,
    /// In a dry run, the keys that would be new, and the plans that keys would be put into.
    would: HashMap<ApiKeyId, Vec<UsagePlanId>>,
    stored: bool,
    _turn: Box<dyn ImportTurn>,
}

/// Keys that could be stored, each with its number and its plans.
struct Batch {
    numbers: Vec<u64>,
    plans: Vec<Vec<UsagePlanId>>,
    keys: Vec<NewApiKey>,
}

impl<'a> Restorer<'a> {
    /// Waits for the account's turn to import. With `dry_run` nothing is stored, only told.
    pub(super) async fn new(
        application: &'a Application,
        caller: Caller,
        from: From,
        dry_run: bool,
    ) -> Result<Self, AppError> {
        let turn = application.storage.import_turn(caller.account, PATIENCE).await?;
        Ok(Self {
            application,
            caller,
            from,
            dry_run,
            plans: PlansOfAccount::read(application.storage.reader(), caller.account).await?,
            refused_plans: HashSet::new(),
            refused_keys: HashSet::new(),
            would: HashMap::new(),
            stored: false,
            _turn: turn.ok_or_else(AppError::concurrent_modification)?,
        })
    }

    /// What is worth doing when all is stored.
    pub(super) async fn finish(self) {
        if self.stored
            && let Err(error) = self.application.storage.settle_after_import().await
        {
            tracing::warn!(?error, "the storage was not settled after an import");
        }
    }

    /// Stores a plan.
    pub(super) async fn plan(&mut self, plan: UsagePlan, tell: Tell<'_>) -> Result<(), TransferError> {
        let id = plan.id.clone();
        let fate = match self.plans.find(&id) {
            Some(present) if self.from.is_same(present, &plan) => Fate::Present,
            Some(other) => Fate::Refused(Refusal::PlanIdTaken(other.name.as_str().to_owned())),
            None => self.new_plan(plan).await?,
        };
        self.told_plan(id, fate, tell);
        Ok(())
    }

    /// Notes a plan that cannot be stored.
    pub(super) fn invalid_plan(&mut self, id: UsagePlanId, why: String, tell: Tell<'_>) {
        self.told_plan(id, Fate::Refused(Refusal::InvalidPlan(why)), tell);
    }

    fn told_plan(&mut self, id: UsagePlanId, fate: Fate, tell: Tell<'_>) {
        if let Fate::Refused(_) = fate {
            self.refused_plans.insert(id.clone());
        }
        tell(Told::Plan(id, fate));
    }

    async fn new_plan(&mut self, plan: UsagePlan) -> Result<Fate, TransferError> {
        let most = self.application.limits.most_plans;
        let new = NewUsagePlan { plan, retry: None };
        if self.dry_run {
            if most.is_some_and(|most| self.plans.count() >= most) {
                return Ok(Fate::Refused(Refusal::TooManyPlans));
            }
        } else {
            let mut writer = self.application.storage.writer();
            match writer.insert_usage_plan(self.caller.account, &new, most).await {
                Ok(()) => self.stored = true,
                Err(StorageError::LimitReached(_)) => return Ok(Fate::Refused(Refusal::TooManyPlans)),
                Err(StorageError::AlreadyExists(_)) => return Ok(Fate::Refused(Refusal::PlanIdLeaving)),
                Err(error) => return Err(error.into()),
            }
        }
        self.plans.add(new.plan);
        Ok(Fate::Restored)
    }

    /// Stores keys, and puts those that are there then into their plans.
    pub(super) async fn keys(
        &mut self,
        keys: Vec<(u64, TransferredKey)>,
        tell: Tell<'_>,
    ) -> Result<(), TransferError> {
        let Batch { numbers, plans, keys } = self.sealed(keys).await;
        let ids: Vec<ApiKeyId> = keys.iter().map(|new| new.key.id.clone()).collect();
        let fates = self.fates(keys).await?;
        let mut links = Vec::new();
        for (((number, plans), id), fate) in numbers.into_iter().zip(plans).zip(ids).zip(fates) {
            if let Fate::Refused(_) = fate {
                self.refused_keys.insert(id);
            } else {
                links.extend(plans.into_iter().map(|plan| UsagePlanKey { plan, key: id.clone() }));
            }
            tell(Told::Key(number, fate));
        }
        self.links(links, tell).await?;
        if self.from == From::Export {
            // Nothing later names these keys.
            self.would.clear();
        }
        Ok(())
    }

    /// Notes a key that cannot be stored.
    pub(super) fn invalid_key(&mut self, number: u64, id: Option<ApiKeyId>, why: InvalidKey, tell: Tell<'_>) {
        self.refused_keys.extend(id);
        tell(Told::Key(number, Fate::Refused(Refusal::Invalid(why))));
    }

    async fn sealed(&self, keys: Vec<(u64, TransferredKey)>) -> Batch {
        let custody = self.application.custody.account(self.caller.account);
        let seal = move || {
            let mut batch = Batch { numbers: Vec::new(), plans: Vec::new(), keys: Vec::new() };
            for (number, TransferredKey { key, value, plans }) in keys {
                let (digest, sealed) = (custody.digest(&value), custody.seal(&key.id, &value));
                batch.numbers.push(number);
                batch.plans.push(plans);
                batch.keys.push(NewApiKey { key, digest, sealed, retry: None });
            }
            batch
        };
        self.application.cpu.run(seal).await
    }

    /// What becomes of each key, stored where it can be.
    async fn fates(&mut self, keys: Vec<NewApiKey>) -> Result<Vec<Fate>, TransferError> {
        let digests: Vec<Digest> = keys.iter().map(|new| new.digest).collect();
        let reader = self.application.storage.reader();
        let owners = reader.find_ids_by_digest(self.caller.account, &digests).await?;
        let (mut fates, mut places, mut new_keys) = (Vec::with_capacity(keys.len()), Vec::new(), Vec::new());
        for (place, (new, owner)) in keys.into_iter().zip(owners).enumerate() {
            // Where a key is new, what storage says takes this one's place.
            fates.push(owner.map_or(Fate::Restored, |owner| already_there(&new.key.id, owner)));
            if fates[place] == Fate::Restored {
                places.push(place);
                new_keys.push(new);
            }
        }
        if new_keys.is_empty() {
            return Ok(fates);
        }
        let stored =
            if self.dry_run { self.would_store(new_keys).await? } else { self.store(new_keys).await? };
        for (place, fate) in places.into_iter().zip(stored) {
            fates[place] = fate;
        }
        Ok(fates)
    }

    async fn would_store(&mut self, keys: Vec<NewApiKey>) -> Result<Vec<Fate>, TransferError> {
        let mut fates = Vec::with_capacity(keys.len());
        for new in keys {
            let id = new.key.id;
            let taken = self.application.storage.reader().find_api_key(self.caller.account, &id).await?;
            fates.push(if taken.is_some() {
                Fate::Refused(Refusal::IdTaken(id))
            } else {
                match self.would.entry(id) {
                    Entry::Occupied(_) => Fate::Present,
                    Entry::Vacant(new) => {
                        new.insert(Vec::new());
                        Fate::Restored
                    }
                }
            });
        }
        Ok(fates)
    }

    async fn store(&mut self, keys: Vec<NewApiKey>) -> Result<Vec<Fate>, TransferError> {
        let account = self.caller.account;
        let offered: Vec<(ApiKeyId, Digest)> =
            keys.iter().map(|new| (new.key.id.clone(), new.digest)).collect();
        let (storage, most) = (&self.application.storage, self.application.limits.most_keys);
        let outcomes = storage.writer().restore_api_keys(account, keys, most).await?;
        let mut fates = Vec::with_capacity(outcomes.len());
        for ((id, digest), outcome) in offered.into_iter().zip(outcomes) {
            fates.push(match outcome {
                Restored::Stored => {
                    self.stored = true;
                    Fate::Restored
                }
                Restored::Taken(
                    Entity::ApiKey
                    | Entity::UsagePlan
                    | Entity::UsageBatch
                    | Entity::Credential
                    | Entity::Retry,
                ) => Fate::Refused(Refusal::IdTaken(id)),
                // An earlier key of the file, or somebody else's since the look.
                Restored::Taken(Entity::ApiKeyValue) => {
                    let owner = storage.reader().find_ids_by_digest(account, &[digest]).await?;
                    match owner.into_iter().next().flatten() {
                        Some(owner) => already_there(&id, owner),
                        None => return Err(AppError::concurrent_modification().into()),
                    }
                }
            });
        }
        Ok(fates)
    }

    /// Puts keys into plans.
    pub(super) async fn links(
        &mut self,
        links: Vec<UsagePlanKey>,
        tell: Tell<'_>,
    ) -> Result<(), TransferError> {
        let (others, links): (Vec<_>, Vec<_>) = links.into_iter().partition(|link| {
            self.refused_plans.contains(&link.plan) || self.refused_keys.contains(&link.key)
        });
        others.into_iter().for_each(|link| tell(Told::Link(link, Linked::Other)));
        for links in links.chunks(MOST_AT_ONCE) {
            let most = self.application.limits.most_plans_per_key;
            let outcomes = if self.dry_run {
                self.would_attach(links, most).await?
            } else {
                let mut writer = self.application.storage.writer();
                writer.attach_api_keys(self.caller.account, links, most).await?
            };
            for (link, outcome) in links.iter().zip(outcomes) {
                let linked = match outcome {
                    Attachment::Done => Linked::Now,
                    Attachment::AlreadyThere => Linked::Before,
                    refused => Linked::Refused(refused),
                };
                self.stored |= linked == Linked::Now && !self.dry_run;
                tell(Told::Link(link.clone(), linked));
            }
        }
        Ok(())
    }

    async fn would_attach(
        &mut self,
        links: &[UsagePlanKey],
        most: usize,
    ) -> Result<Vec<Attachment>, TransferError> {
        let (reader, account) = (self.application.storage.reader(), self.caller.account);
        let keys: Vec<ApiKeyId> = links.iter().map(|link| link.key.clone()).collect();
        let present = reader.find_plans_of_keys(account, &keys).await?;
        let mut outcomes = Vec::with_capacity(links.len());
        for (link, mut plans) in links.iter().zip(present) {
            let is_there = !plans.is_empty()
                || self.would.contains_key(&link.key)
                || reader.find_api_key(account, &link.key).await?.is_some();
            plans.extend(self.would.get(&link.key).into_iter().flatten().cloned());
            let outcome = self.plans.judge(&plans, &link.plan, most);
            let outcome = match outcome {
                Attachment::NoSuchPlan => outcome,
                _ if !is_there => Attachment::NoSuchKey,
                outcome => outcome,
            };
            if outcome == Attachment::Done {
                self.would.entry(link.key.clone()).or_default().push(link.plan.clone());
            }
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }

    /// Stores usage.
    pub(super) async fn usage(
        &mut self,
        mut usage: Vec<KeptUsage>,
        tell: Tell<'_>,
    ) -> Result<(), TransferError> {
        let offered = usage.len();
        usage.retain(|one| {
            !self.refused_plans.contains(&one.link.plan) && !self.refused_keys.contains(&one.link.key)
        });
        if !self.dry_run {
            for usage in usage.chunks(MOST_AT_ONCE) {
                self.application.storage.writer().restore_usage(self.caller.account, usage).await?;
                self.stored = true;
            }
        }
        if usage.len() < offered {
            tell(Told::UsageLeftOut((offered - usage.len()) as u64));
        }
        tell(Told::Usage(usage.len() as u64));
        Ok(())
    }
}

impl From {
    fn is_same(self, present: &UsagePlan, plan: &UsagePlan) -> bool {
        match self {
            Self::Export => present.created == plan.created,
            Self::Aws => present.name == plan.name,
        }
    }
}

fn already_there(id: &ApiKeyId, owner: ApiKeyId) -> Fate {
    if *id == owner { Fate::Present } else { Fate::Refused(Refusal::ValueTaken(owner)) }
}
