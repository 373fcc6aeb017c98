//! UpdateApiKey: `PATCH /apikeys/{api_Key}`.

use crate::control_plane::patch::{self, SentOperation};
use crate::control_plane::{Asked, ControlPlane};
use crate::error::ApiError;
use crate::representation::{Document, TagsShown};

pub(in crate::control_plane) async fn handle(
    plane: &ControlPlane,
    asked: Asked<'_>,
) -> Result<Document, ApiError> {
    let id = asked.route.id()?;
    let operations = patch::read(asked.body.json().await?)?;
    let operations: Vec<_> = operations.iter().map(SentOperation::as_patch).collect();
    let shown = plane.in_time(plane.application.update_api_key(asked.caller, &id, &operations)).await?;
    Ok(Document::ApiKey(shown, TagsShown::Always))
}
