//! GetApiKeys: `GET /apikeys`.

use super::get::asks;
use crate::control_plane::{Asked, ControlPlane, pages};
use crate::error::ApiError;
use crate::input::query::Query;
use crate::position::Positions;
use crate::representation::Document;
use gatepost_application::AppError;
use gatepost_application::api_keys::ListApiKeys;
use gatepost_domain::api_keys::{ApiKeyFilter, CustomerId};
use gatepost_policy::Action;

pub(in crate::control_plane) async fn handle(
    plane: &ControlPlane,
    asked: Asked<'_>,
) -> Result<Document, ApiError> {
    let query = &asked.query;
    let filter = filter(query)?;
    let limit = pages::limit(query)?;
    let include_values = asks(query, "includeValues")?;
    if include_values {
        asked.permissions.demand(Action::RevealValue, asked.resource)?;
    }
    let positions = Positions::of_api_keys(&plane.tokens, asked.caller.account, &filter);
    let (listing, page) = pages::Asked::of(query, limit, positions)?;
    let input = ListApiKeys { filter, include_values, page };
    let page = plane.in_time(plane.application.list_api_keys(asked.caller, input)).await?;
    Ok(Document::ApiKeys(listing.shown(page, &["name", "customerId", "includeValues"])?))
}

fn filter(query: &Query<'_>) -> Result<ApiKeyFilter, ApiError> {
    let customer_id = query.one("customerId")?;
    let customer_id =
        CustomerId::parse(customer_id.as_deref().unwrap_or_default()).map_err(AppError::from)?;
    Ok(ApiKeyFilter { name_prefix: pages::filter(query, "name")?.map(Into::into), customer_id })
}
