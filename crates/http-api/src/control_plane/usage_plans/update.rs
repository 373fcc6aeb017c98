//! UpdateUsagePlan: `PATCH /usageplans/{usageplanId}`.

use super::limits::methods_of_text;
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
    let update = plane.application.update_usage_plan(asked.caller, &id, &operations, methods_of_text);
    let changed = plane.in_time(update).await?;
    Ok(Document::UsagePlan(plane.shown_plan(changed), TagsShown::Always))
}
