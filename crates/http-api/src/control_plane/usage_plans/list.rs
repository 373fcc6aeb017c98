//! GetUsagePlans: `GET /usageplans`.

use crate::control_plane::{Asked, ControlPlane, pages};
use crate::error::ApiError;
use crate::position::Positions;
use crate::representation::Document;
use gatepost_application::usage_plans::ListUsagePlans;
use gatepost_domain::Page;

pub(in crate::control_plane) async fn handle(
    plane: &ControlPlane,
    asked: Asked<'_>,
) -> Result<Document, ApiError> {
    let query = &asked.query;
    let of_key = pages::filter(query, "keyId")?;
    let limit = pages::limit(query)?;
    let positions = Positions::of_usage_plans(&plane.tokens, asked.caller.account, of_key.as_deref());
    let (listing, page) = pages::Asked::of(query, limit, positions)?;
    let input = ListUsagePlans { of_key, page };
    let page = plane.in_time(plane.application.list_usage_plans(asked.caller, input)).await?;
    let items = page.items.into_iter().map(|found| plane.shown_plan(found)).collect();
    Ok(Document::UsagePlans(listing.shown(Page { items, next: page.next }, &["keyId"])?))
}
