//! GetUsagePlan.

use crate::{AppError, Application, Caller};
use gatepost_domain::usage_plans::{UsagePlan, UsagePlanId};

impl Application {
    /// Shows one plan.
    pub async fn get_usage_plan(&self, caller: Caller, id: &str) -> Result<UsagePlan, AppError> {
        let id = UsagePlanId::parse(id).ok_or_else(AppError::no_such_plan)?;
        let found = self.storage.reader().find_usage_plan(caller.account, &id).await?;
        found.ok_or_else(AppError::no_such_plan)
    }
}
