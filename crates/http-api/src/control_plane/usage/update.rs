//! UpdateUsage: `PATCH /usageplans/{usageplanId}/keys/{keyId}/usage`.

use crate::control_plane::patch::{self, SentOperation};
use crate::control_plane::{Asked, ControlPlane};
use crate::error::ApiError;
use crate::input::InputError;
use crate::input::json::Members;
use crate::representation::{Document, UsageDocument};

pub(in crate::control_plane) async fn handle(
    plane: &ControlPlane,
    asked: Asked<'_>,
) -> Result<Document, ApiError> {
    let (plan, key) = (asked.route.id()?, asked.route.second_id()?);
    let operations = read(asked.body.json().await?)?;
    let operations: Vec<_> = operations.iter().map(SentOperation::as_patch).collect();
    let usage = plane.in_time(plane.application.update_usage(asked.caller, &plan, &key, &operations)).await?;
    let href = format!("/usageplans/{}/keys/{key}/usage", usage.plan);
    Ok(Document::Usage(UsageDocument { href, first: None, position: None, usage }))
}

/// AWS's sample of this operation misspells the member as `patchOperation`; either will do, but not both.
fn read(body: Members) -> Result<Vec<SentOperation>, InputError> {
    let misspelt = "patchOperation";
    if body.has(misspelt) { patch::read_as(misspelt, body) } else { patch::read(body) }
}
