//! GetTags.

use super::Tagged;
use crate::{AppError, Application, Caller};
use gatepost_domain::{ResourceArn, Tags};

impl Application {
    /// Shows the tags of a resource.
    pub async fn get_tags(&self, caller: Caller, resource: &ResourceArn) -> Result<Tags, AppError> {
        Ok(Tagged::find(self.storage.reader(), caller.account, resource).await?.into_tags())
    }
}
