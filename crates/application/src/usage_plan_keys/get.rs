//! GetUsagePlanKey.

use super::link;
use crate::api_keys::ShownApiKey;
use crate::{AppError, Application, Caller};

impl Application {
    /// Shows a key of a plan; with its value if asked.
    pub async fn get_usage_plan_key(
        &self,
        caller: Caller,
        plan: &str,
        key: &str,
        include_value: bool,
    ) -> Result<ShownApiKey, AppError> {
        let asked = link(plan, key)?;
        let reader = self.storage.reader();
        let Some(stored) = reader.find_usage_plan_key(caller.account, &asked).await? else {
            // What is not in the plan is the plan's fault only where there is such a key.
            return Err(match reader.find_api_key(caller.account, &asked.key).await? {
                Some(_) => AppError::no_such_plan(),
                None => AppError::no_such_key(),
            });
        };
        let opener = include_value.then(|| self.custody.account(caller.account));
        ShownApiKey::new(stored, opener.as_ref())
    }
}
