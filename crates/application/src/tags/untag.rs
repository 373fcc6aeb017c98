//! UntagResource.

use crate::{AppError, Application, Caller};
use gatepost_domain::ResourceArn;

impl Application {
    /// Takes the tags with these keys off a resource. Keys that it does not have are no failure.
    pub async fn untag_resource(
        &self,
        caller: Caller,
        resource: &ResourceArn,
        keys: &[&str],
    ) -> Result<(), AppError> {
        self.change_tags(caller, resource, |before| Ok(before.without(keys.iter().copied()))).await
    }
}
