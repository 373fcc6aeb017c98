//! GetApiKey: `GET /apikeys/{api_Key}`.

use crate::control_plane::{Asked, ControlPlane};
use crate::error::ApiError;
use crate::input::InputError;
use crate::input::query::Query;
use crate::representation::{Document, TagsShown};
use gatepost_policy::Action;

pub(in crate::control_plane) async fn handle(
    plane: &ControlPlane,
    asked: Asked<'_>,
) -> Result<Document, ApiError> {
    let id = asked.route.id()?;
    let include_value = asks(&asked.query, "includeValue")? || asks(&asked.query, "include_value")?;
    if include_value {
        asked.permissions.demand(Action::RevealValue, asked.resource)?;
    }
    let shown = plane.in_time(plane.application.get_api_key(asked.caller, &id, include_value)).await?;
    Ok(Document::ApiKey(shown, TagsShown::Always))
}

/// Anything but true is false here, as on AWS.
pub(super) fn asks(query: &Query<'_>, name: &str) -> Result<bool, InputError> {
    Ok(query.one(name)?.is_some_and(|text| text.eq_ignore_ascii_case("true")))
}
