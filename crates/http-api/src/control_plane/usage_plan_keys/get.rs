//! GetUsagePlanKey: `GET /usageplans/{usageplanId}/keys/{keyId}`.

use super::segment;
use crate::control_plane::{Asked, ControlPlane};
use crate::error::ApiError;
use crate::representation::Document;

pub(in crate::control_plane) async fn handle(
    plane: &ControlPlane,
    asked: Asked<'_>,
) -> Result<Document, ApiError> {
    let include_value = asked.may_be_told_values();
    let (id, key) = (asked.route.id()?, asked.route.second_id()?);
    let get = plane.application.get_usage_plan_key(asked.caller, &id, &key, include_value);
    Ok(Document::UsagePlanKey(segment(&id), plane.in_time(get).await?))
}
