//! CreateUsagePlanKey: `POST /usageplans/{usageplanId}/keys`.

use super::segment;
use crate::control_plane::{Asked, ControlPlane};
use crate::error::ApiError;
use crate::input::InputError;
use crate::input::json::Members;
use crate::representation::Document;
use gatepost_application::usage_plan_keys::CreateUsagePlanKey;

pub(in crate::control_plane) async fn handle(
    plane: &ControlPlane,
    asked: Asked<'_>,
) -> Result<Document, ApiError> {
    let include_value = asked.may_be_told_values();
    let (caller, id) = (asked.caller, asked.route.id()?);
    let input = read(asked.body.json().await?)?;
    let attach = plane.application.create_usage_plan_key(caller, &id, input, include_value);
    let attached = plane.in_time(attach).await?;
    Ok(Document::UsagePlanKey(segment(&id), attached))
}

fn read(mut body: Members) -> Result<CreateUsagePlanKey, InputError> {
    let input = CreateUsagePlanKey { key: body.text("keyId")?, key_type: body.text("keyType")? };
    body.finish()?;
    Ok(input)
}
