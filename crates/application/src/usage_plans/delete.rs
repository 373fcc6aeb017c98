//! DeleteUsagePlan.

use crate::{AppError, Application, Caller, RETRIES};
use gatepost_domain::Version;
use gatepost_domain::usage_plans::{UsagePlan, UsagePlanId};
use gatepost_storage::StorageError;

impl Application {
    /// Removes a plan that has no stages; keys may be in it.
    pub async fn delete_usage_plan(&self, caller: Caller, id: &str) -> Result<(), AppError> {
        let id = UsagePlanId::parse(id).ok_or_else(AppError::no_such_plan)?;
        let expected = deletable(self.storage.reader().find_usage_plan(caller.account, &id).await?)?;
        match self.storage.writer().delete_usage_plan(caller.account, &id, expected).await {
            Ok(()) => return Ok(()),
            Err(StorageError::Stale(_)) => {}
            Err(error) => return Err(error.into()),
        }
        // Read again within a unit: where it is the only writer, nobody overtakes it twice.
        let mut unit = self.storage.begin().await?;
        for _ in 0..RETRIES {
            let expected = deletable(unit.find_usage_plan(caller.account, &id).await?)?;
            match unit.delete_usage_plan(caller.account, &id, expected).await {
                Ok(()) => return Ok(unit.commit().await?),
                Err(StorageError::Stale(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(AppError::concurrent_modification())
    }
}

/// The version of a plan that may be deleted.
fn deletable(found: Option<UsagePlan>) -> Result<Version, AppError> {
    let plan = found.ok_or_else(AppError::no_such_plan)?;
    match plan.stages.iter().next() {
        None => Ok(plan.version),
        Some(stage) => Err(AppError::plan_has_stages(&plan.id, &stage.id)),
    }
}
