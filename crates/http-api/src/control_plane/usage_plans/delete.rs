//! DeleteUsagePlan: `DELETE /usageplans/{usageplanId}`.

use crate::control_plane::{Asked, ControlPlane};
use crate::error::ApiError;
use crate::representation::Document;

pub(in crate::control_plane) async fn handle(
    plane: &ControlPlane,
    asked: Asked<'_>,
) -> Result<Document, ApiError> {
    let id = asked.route.id()?;
    plane.in_time(plane.application.delete_usage_plan(asked.caller, &id)).await?;
    Ok(Document::Empty)
}
