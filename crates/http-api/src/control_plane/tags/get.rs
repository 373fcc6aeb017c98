//! GetTags: `GET /tags/{resource_arn}`.

use super::resource;
use crate::control_plane::{Asked, ControlPlane};
use crate::error::ApiError;
use crate::representation::Document;
use gatepost_policy::Action;

pub(in crate::control_plane) async fn handle(
    plane: &ControlPlane,
    asked: Asked<'_>,
) -> Result<Document, ApiError> {
    let resource = resource(&asked, Action::Get)?;
    let tags = plane.in_time(plane.application.get_tags(asked.caller, &resource)).await?;
    Ok(Document::Tags(asked.route.id()?.into_owned(), tags))
}
