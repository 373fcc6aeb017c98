//! GetUsagePlanKeys: `GET /usageplans/{usageplanId}/keys`.

use super::segment;
use crate::control_plane::{Asked, ControlPlane, pages};
use crate::error::ApiError;
use crate::position::Positions;
use crate::representation::Document;
use gatepost_application::usage_plan_keys::ListUsagePlanKeys;

pub(in crate::control_plane) async fn handle(
    plane: &ControlPlane,
    asked: Asked<'_>,
) -> Result<Document, ApiError> {
    let (query, id) = (&asked.query, asked.route.id()?);
    let name_prefix = pages::filter(query, "name")?;
    let limit = pages::limit(query)?;
    let account = asked.caller.account;
    let positions = Positions::of_usage_plan_keys(&plane.tokens, account, &id, name_prefix.as_deref());
    let (listing, page) = pages::Asked::of(query, limit, positions)?;
    let include_values = asked.may_be_told_values();
    let input = ListUsagePlanKeys { plan: id.clone().into_owned(), name_prefix, include_values, page };
    let page = plane.in_time(plane.application.list_usage_plan_keys(asked.caller, input)).await?;
    Ok(Document::UsagePlanKeys(segment(&id), listing.shown(page, &["name"])?))
}
