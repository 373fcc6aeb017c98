//! CreateUsagePlanKey.

use super::link;
use crate::api_keys::ShownApiKey;
use crate::error::ErrorKind;
use crate::{AppError, Application, Caller};
use gatepost_domain::usage_plans::Attachment;

/// The longest piece of a wrong type that is repeated: it may be part of a key's value.
const MOST_ECHOED: usize = 12;

/// A key to be put into a plan, as the caller names it.
#[derive(Default)]
pub struct CreateUsagePlanKey {
    /// The key's id; needed.
    pub key: Option<String>,
    /// `API_KEY`; needed.
    pub key_type: Option<String>,
}

impl Application {
    /// Puts a key into a plan, and shows it; with its value if asked.
    pub async fn create_usage_plan_key(
        &self,
        caller: Caller,
        plan: &str,
        input: CreateUsagePlanKey,
        include_value: bool,
    ) -> Result<ShownApiKey, AppError> {
        check_type(input.key_type.as_deref())?;
        let asked = [link(plan, input.key.as_deref().unwrap_or_default())?];
        let most = self.limits.most_plans_per_key;
        let outcomes = self.storage.writer().attach_api_keys(caller.account, &asked, most).await?;
        let [asked] = asked;
        match outcomes.into_iter().next() {
            Some(Attachment::Done) => {}
            Some(Attachment::NoSuchPlan) => return Err(AppError::no_such_plan()),
            Some(Attachment::NoSuchKey) => return Err(AppError::no_such_key()),
            Some(Attachment::AlreadyThere) => return Err(AppError::already_in_plan(&asked)),
            Some(Attachment::StageShared(stage)) => {
                return Err(AppError::stage_shared(&asked.plan, &asked.key, &stage));
            }
            Some(Attachment::TooManyPlans) => return Err(AppError::too_many_plans_of_key()),
            None => return Err(AppError::internal("an attachment without an outcome")),
        }
        // Whoever took it out again meanwhile does not make this a failure; without a key there is nothing to show.
        let stored = self.storage.reader().find_api_key(caller.account, &asked.key).await?;
        let opener = include_value.then(|| self.custody.account(caller.account));
        ShownApiKey::new(stored.ok_or_else(AppError::no_such_key)?, opener.as_ref())
    }
}

fn check_type(given: Option<&str>) -> Result<(), AppError> {
    const PLACE: &str = "at 'keyType' failed to satisfy constraint: Member must";
    let message = match given {
        Some("API_KEY") => return Ok(()),
        Some(other) => {
            let shown: String = other.chars().take(MOST_ECHOED).collect();
            format!("1 validation error detected: Value '{shown}' {PLACE} satisfy enum value set: [API_KEY]")
        }
        None => format!("1 validation error detected: Value null {PLACE} not be null"),
    };
    Err(AppError::new(ErrorKind::Validation, message))
}
