//! GetApiKeys: `GET /apikeys`.

use super::get::asks;
use crate::control_plane::{Asked, ControlPlane};
use crate::error::ApiError;
use crate::input::InputError;
use crate::input::query::Query;
use crate::position::ApiKeyPositions;
use crate::representation::{ApiKeyPage, Document};
use gatepost_application::AppError;
use gatepost_application::api_keys::ListApiKeys;
use gatepost_domain::api_keys::{ApiKeyFilter, CustomerId};
use gatepost_domain::{PageLimit, PageRequest};
use gatepost_policy::Action;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

pub(in crate::control_plane) async fn handle(
    plane: &ControlPlane,
    asked: Asked<'_>,
) -> Result<Document, ApiError> {
    let query = &asked.query;
    let filter = filter(query)?;
    let limit = limit(query)?;
    let include_values = asks(query, "includeValues")?;
    if include_values {
        asked.permissions.demand(Action::RevealValue, asked.resource)?;
    }
    let positions = ApiKeyPositions::new(&plane.tokens, asked.caller.account, &filter);
    let after = query.one("position")?.filter(|text| !text.is_empty());
    let after = after.map(|text| positions.read(&text)).transpose()?;
    let is_later_page = after.is_some();
    let input = ListApiKeys { filter, include_values, page: PageRequest { after, limit } };
    let page = plane.in_time(plane.application.list_api_keys(asked.caller, input)).await?;
    Ok(Document::ApiKeys(ApiKeyPage {
        next: page.next.map(|position| positions.write(&position)),
        items: page.items,
        query: repeated(query, limit)?,
        is_later_page,
    }))
}

fn filter(query: &Query<'_>) -> Result<ApiKeyFilter, ApiError> {
    let customer_id = query.one("customerId")?;
    let customer_id =
        CustomerId::parse(customer_id.as_deref().unwrap_or_default()).map_err(AppError::from)?;
    let name_prefix = query.one("name")?.filter(|prefix| !prefix.is_empty());
    Ok(ApiKeyFilter { name_prefix: name_prefix.map(|prefix| prefix.into_owned().into()), customer_id })
}

fn limit(query: &Query<'_>) -> Result<PageLimit, InputError> {
    let Some(text) = query.one("limit")? else {
        return Ok(PageLimit::DEFAULT);
    };
    let digits = text.strip_prefix(['-', '+']).unwrap_or(&text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InputError::WrongType { name: "limit".to_owned(), wanted: "an integer" });
    }
    // What does not fit any number is out of range like every other.
    Ok(text.parse().map_or(PageLimit::DEFAULT, PageLimit::or_default))
}

/// The query that leads to another page of the same listing.
fn repeated(query: &Query<'_>, limit: PageLimit) -> Result<String, InputError> {
    let mut repeated = format!("limit={}", limit.get());
    for name in ["name", "customerId", "includeValues"] {
        if let Some(value) = query.one(name)? {
            repeated.push_str(&format!("&{name}={}", utf8_percent_encode(&value, NON_ALPHANUMERIC)));
        }
    }
    Ok(repeated)
}
