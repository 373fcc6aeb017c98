//! UpdateUsagePlan.

use crate::{AppError, Application, Caller, RETRIES};
use gatepost_domain::api_keys::PatchOperation;
use gatepost_domain::usage_plans::{ReadMethods, UsagePlan, UsagePlanId, UsagePlanPatch};
use gatepost_storage::{PlanChanged, StorageError};

impl Application {
    /// Changes a plan by the operations, in their order: all or none. `methods` reads the JSON that one path takes as
    /// its value.
    pub async fn update_usage_plan(
        &self,
        caller: Caller,
        id: &str,
        operations: &[PatchOperation<'_>],
        methods: ReadMethods,
    ) -> Result<UsagePlan, AppError> {
        let id = UsagePlanId::parse(id).ok_or_else(AppError::no_such_plan)?;
        let parse = |operation: &PatchOperation<'_>| UsagePlanPatch::parse(*operation, methods);
        let changes = operations.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        let patched = |found: Option<UsagePlan>| {
            let before = found.ok_or_else(AppError::no_such_plan)?;
            let after = before.patched(changes.clone(), self.clock.now())?;
            Ok::<_, AppError>((before.version, after))
        };
        let (expected, plan) = patched(self.storage.reader().find_usage_plan(caller.account, &id).await?)?;
        if plan.version == expected {
            return Ok(plan);
        }
        match self.storage.writer().update_usage_plan(caller.account, &plan, expected).await {
            Ok(changed) => return shown(plan, changed),
            Err(StorageError::Stale(_)) => {}
            Err(error) => return Err(error.into()),
        }
        // Read again within a unit: where it is the only writer, nobody overtakes it twice.
        let mut unit = self.storage.begin().await?;
        for _ in 0..RETRIES {
            let (expected, plan) = patched(unit.find_usage_plan(caller.account, &id).await?)?;
            match unit.update_usage_plan(caller.account, &plan, expected).await {
                Ok(changed) => {
                    let plan = shown(plan, changed)?;
                    unit.commit().await?;
                    return Ok(plan);
                }
                Err(StorageError::Stale(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(AppError::concurrent_modification())
    }
}

fn shown(plan: UsagePlan, changed: PlanChanged) -> Result<UsagePlan, AppError> {
    match changed {
        PlanChanged::Done => Ok(plan),
        PlanChanged::StageShared { stage, key } => Err(AppError::stage_shared(&plan.id, &key, &stage)),
    }
}
