//! DeleteUsagePlanKey.

use super::link;
use crate::{AppError, Application, Caller};

impl Application {
    /// Takes a key out of a plan.
    pub async fn delete_usage_plan_key(&self, caller: Caller, plan: &str, key: &str) -> Result<(), AppError> {
        let asked = link(plan, key)?;
        if self.storage.writer().detach_api_key(caller.account, &asked).await? {
            return Ok(());
        }
        Err(match self.storage.reader().find_usage_plan(caller.account, &asked.plan).await? {
            Some(_) => AppError::no_such_key(),
            None => AppError::no_such_plan(),
        })
    }
}
