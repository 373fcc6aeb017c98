//! GetUsage: `GET /usageplans/{usageplanId}/usage`.

use crate::control_plane::{Asked, ControlPlane, pages};
use crate::error::ApiError;
use crate::input::InputError;
use crate::input::query::Query;
use crate::position::Positions;
use crate::representation::{Document, UsageDocument};
use gatepost_application::AppError;
use gatepost_application::usage::GetUsage;
use gatepost_domain::PageRequest;
use gatepost_domain::usage::UsageDays;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What is encoded in a value: not the hyphens of a date.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-');

pub(in crate::control_plane) async fn handle(
    plane: &ControlPlane,
    asked: Asked<'_>,
) -> Result<Document, ApiError> {
    let (plan, query) = (asked.route.id()?, &asked.query);
    let (first, last) = (query.one("startDate")?, query.one("endDate")?);
    let days = UsageDays::parse(first.as_deref(), last.as_deref()).map_err(AppError::from)?;
    let key = pages::filter(query, "keyId")?;
    let limit = pages::limit(query)?;
    let positions = Positions::of_usage(&plane.tokens, asked.caller.account, &plan, days, key.as_deref());
    let position = pages::filter(query, "position")?;
    let after = position.as_deref().map(|text| positions.read(text)).transpose()?;
    let input = GetUsage { plan: &plan, days, key: key.as_deref(), page: PageRequest { after, limit } };
    let usage = plane.in_time(plane.application.get_usage(asked.caller, input)).await?;
    let first_page = format!("/usageplans/{}/usage?{}", usage.plan, repeated(query)?);
    Ok(Document::Usage(UsageDocument {
        href: position.map_or(first_page.clone(), |position| format!("{first_page}&position={position}")),
        first: Some(first_page),
        position: usage.next.as_ref().map(|position| positions.write(position)),
        usage,
    }))
}

/// The query that leads to another page of the same usage.
fn repeated(query: &Query<'_>) -> Result<String, InputError> {
    let mut repeated = Vec::new();
    for name in ["startDate", "endDate", "keyId", "limit"] {
        if let Some(value) = query.one(name)? {
            repeated.push(format!("{name}={}", utf8_percent_encode(&value, VALUE)));
        }
    }
    Ok(repeated.join("&"))
}
