//! GetUsagePlan: `GET /usageplans/{usageplanId}`.

use crate::control_plane::{Asked, ControlPlane};
use crate::error::ApiError;
use crate::representation::{Document, TagsShown};

pub(in crate::control_plane) async fn handle(
    plane: &ControlPlane,
    asked: Asked<'_>,
) -> Result<Document, ApiError> {
    let id = asked.route.id()?;
    let found = plane.in_time(plane.application.get_usage_plan(asked.caller, &id)).await?;
    Ok(Document::UsagePlan(plane.shown_plan(found), TagsShown::Always))
}
