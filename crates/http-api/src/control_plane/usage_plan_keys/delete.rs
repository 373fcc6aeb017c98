//! DeleteUsagePlanKey: `DELETE /usageplans/{usageplanId}/keys/{keyId}`.

use crate::control_plane::{Asked, ControlPlane};
use crate::error::ApiError;
use crate::representation::Document;

pub(in crate::control_plane) async fn handle(
    plane: &ControlPlane,
    asked: Asked<'_>,
) -> Result<Document, ApiError> {
    let (id, key) = (asked.route.id()?, asked.route.second_id()?);
    plane.in_time(plane.application.delete_usage_plan_key(asked.caller, &id, &key)).await?;
    Ok(Document::Empty)
}
