//! ImportApiKeys: `POST /apikeys?mode=import&format=csv`.

use crate::control_plane::{Asked, ControlPlane};
use crate::error::{ApiError, ErrorCode};
use crate::input::query::Query;
use crate::representation::Document;
use gatepost_application::AppError;
use gatepost_application::api_keys::ImportApiKeys;
use std::sync::Arc;

pub(in crate::control_plane) async fn handle(
    plane: &ControlPlane,
    asked: Asked<'_>,
) -> Result<Document, ApiError> {
    check_format(&asked.query)?;
    let fail_on_warnings = asked.query.flag("failonwarnings")?.unwrap_or(false);
    let invocation_id = asked.invocation();
    let spools = &plane.application.spools;
    let spool = asked.body.owner().map_or_else(|| spools.open(), |owner| spools.open_for(&owner));
    let file = asked.body.spooled(spool).await?;
    plane.check_rate(asked.caller)?;
    let input = ImportApiKeys { file, fail_on_warnings, invocation_id };
    // On a task of its own: a client that goes away now does not leave half of its file behind.
    let application = Arc::clone(&plane.application);
    let import = tokio::spawn(async move { application.import_api_keys(asked.caller, input).await });
    let imported = import.await.map_err(AppError::internal)??;
    Ok(Document::ApiKeyIds(imported))
}

fn check_format(query: &Query<'_>) -> Result<(), ApiError> {
    const SHOWN: usize = 12;
    match query.one("format")?.as_deref() {
        None | Some("csv") => Ok(()),
        Some(other) => {
            let shown: String = other.chars().take(SHOWN).collect();
            Err(ApiError::new(
                ErrorCode::ValidationException,
                format!(
                    "1 validation error detected: Value '{shown}' at 'format' failed to satisfy constraint: \
                     Member must satisfy enum value set: [csv]"
                ),
            ))
        }
    }
}
