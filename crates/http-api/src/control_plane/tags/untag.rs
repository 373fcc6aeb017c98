//! UntagResource: `DELETE /tags/{resource_arn}?tagKeys=…`.

use super::resource;
use crate::control_plane::{Asked, ControlPlane};
use crate::error::ApiError;
use crate::input::InputError;
use crate::representation::Document;
use gatepost_policy::Action;

pub(in crate::control_plane) async fn handle(
    plane: &ControlPlane,
    asked: Asked<'_>,
) -> Result<Document, ApiError> {
    let resource = resource(&asked, Action::Patch)?;
    let given = asked.query.all("tagKeys")?;
    if given.is_empty() {
        return Err(InputError::Missing("tagKeys").into());
    }
    // SDKs repeat the parameter, AWS's documents separate by commas; no key of a tag has one.
    let keys: Vec<&str> = given.iter().flat_map(|keys| keys.split(',')).collect();
    plane.in_time(plane.application.untag_resource(asked.caller, &resource, &keys)).await?;
    Ok(Document::Empty)
}
