//! TagResource: `PUT /tags/{resource_arn}`.

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
    let mut body = asked.body.json().await?;
    let tags = body.text_map("tags")?.ok_or(InputError::Missing("tags"))?;
    body.finish()?;
    plane.in_time(plane.application.tag_resource(asked.caller, &resource, tags)).await?;
    Ok(Document::Empty)
}
