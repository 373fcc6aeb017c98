//! The operations on the tags of keys and plans.

mod get;
mod tag;
mod untag;

use crate::{AppError, Application, Caller, RETRIES};
use gatepost_domain::api_keys::ApiKey;
use gatepost_domain::usage_plans::UsagePlan;
use gatepost_domain::{AccountId, InvalidTag, ResourceArn, Tags, Version};
use gatepost_storage::{PlanChanged, Reader, StorageError, Writer};

/// What carries tags, as it was read.
enum Tagged {
    ApiKey(ApiKey),
    UsagePlan(UsagePlan),
}

impl Tagged {
    async fn find(
        reader: &(impl Reader + ?Sized),
        account: AccountId,
        resource: &ResourceArn,
    ) -> Result<Self, AppError> {
        match resource {
            ResourceArn::ApiKey(id) => {
                let found = reader.find_api_key(account, id).await?;
                Ok(Self::ApiKey(found.ok_or_else(AppError::no_such_key)?.key))
            }
            ResourceArn::UsagePlan(id) => {
                let found = reader.find_usage_plan(account, id).await?;
                Ok(Self::UsagePlan(found.ok_or_else(AppError::no_such_plan)?))
            }
        }
    }

    fn tags(&self) -> &Tags {
        match self {
            Self::ApiKey(key) => &key.tags,
            Self::UsagePlan(plan) => &plan.tags,
        }
    }

    fn into_tags(self) -> Tags {
        match self {
            Self::ApiKey(key) => key.tags,
            Self::UsagePlan(plan) => plan.tags,
        }
    }

    /// The same with other tags, in its next version, and the version that it had. A key's `lastUpdatedDate` is that
    /// of its properties, and stays.
    fn with(mut self, tags: Tags) -> (Self, Version) {
        let (old, version) = match &mut self {
            Self::ApiKey(key) => (&mut key.tags, &mut key.version),
            Self::UsagePlan(plan) => (&mut plan.tags, &mut plan.version),
        };
        *old = tags;
        let expected = *version;
        *version = expected.next();
        (self, expected)
    }

    async fn write(
        &self,
        writer: &mut (impl Writer + ?Sized),
        account: AccountId,
        expected: Version,
    ) -> Result<(), StorageError> {
        match self {
            Self::ApiKey(key) => writer.update_api_key(account, key, expected).await,
            Self::UsagePlan(plan) => match writer.update_usage_plan(account, plan, expected).await? {
                PlanChanged::Done => Ok(()),
                PlanChanged::StageShared { stage, .. } => Err(StorageError::Corrupt(format!(
                    "usage plan {} shares the stage {stage}, which it had before",
                    plan.id
                ))),
            },
        }
    }
}

impl Application {
    /// Changes the tags of a resource, all or none. Where nothing differs, nothing is written.
    async fn change_tags(
        &self,
        caller: Caller,
        resource: &ResourceArn,
        change: impl Fn(Tags) -> Result<Tags, InvalidTag>,
    ) -> Result<(), AppError> {
        let changed = |found: Tagged| {
            let tags = change(found.tags().clone())?;
            Ok::<_, AppError>((tags != *found.tags()).then(|| found.with(tags)))
        };
        let account = caller.account;
        let found = Tagged::find(self.storage.reader(), account, resource).await?;
        let Some((tagged, expected)) = changed(found)? else { return Ok(()) };
        match tagged.write(&mut *self.storage.writer(), account, expected).await {
            Ok(()) => return Ok(()),
            Err(StorageError::Stale(_)) => {}
            Err(error) => return Err(error.into()),
        }
        // Read again within a unit: where it is the only writer, nobody overtakes it twice.
        let mut unit = self.storage.begin().await?;
        for _ in 0..RETRIES {
            let found = Tagged::find(&*unit, account, resource).await?;
            let Some((tagged, expected)) = changed(found)? else { return Ok(()) };
            match tagged.write(&mut *unit, account, expected).await {
                Ok(()) => return Ok(unit.commit().await?),
                Err(StorageError::Stale(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(AppError::concurrent_modification())
    }
}
