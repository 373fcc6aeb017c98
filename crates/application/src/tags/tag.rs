//! TagResource.

use crate::{AppError, Application, Caller};
use gatepost_domain::{ResourceArn, Tags};

impl Application {
    /// Adds tags to a resource; one that it has gets the new value.
    pub async fn tag_resource(
        &self,
        caller: Caller,
        resource: &ResourceArn,
        tags: Vec<(String, String)>,
    ) -> Result<(), AppError> {
        let tags = Tags::parse(tags)?;
        self.change_tags(caller, resource, |before| before.with(tags.clone())).await
    }
}
