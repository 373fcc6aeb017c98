//! UpdateApiKey: `PATCH /apikeys/{api_Key}`.

use crate::control_plane::{Asked, ControlPlane};
use crate::error::ApiError;
use crate::input::InputError;
use crate::input::json::Members;
use crate::representation::{Document, TagsShown};
use gatepost_domain::api_keys::PatchOperation;

pub(in crate::control_plane) async fn handle(
    plane: &ControlPlane,
    asked: Asked<'_>,
) -> Result<Document, ApiError> {
    let id = asked.route.id()?;
    let operations = read(asked.body.json().await?)?;
    let operations: Vec<_> = operations.iter().map(Operation::as_patch).collect();
    let shown = plane.in_time(plane.application.update_api_key(asked.caller, &id, &operations)).await?;
    Ok(Document::ApiKey(shown, TagsShown::Always))
}

/// One operation as it was sent. `from` belongs to `copy`, which no path of a key supports.
struct Operation {
    op: Option<String>,
    path: Option<String>,
    value: Option<String>,
}

impl Operation {
    fn as_patch(&self) -> PatchOperation<'_> {
        let Self { op, path, value } = self;
        PatchOperation { op: op.as_deref(), path: path.as_deref(), value: value.as_deref() }
    }
}

fn read(mut body: Members) -> Result<Vec<Operation>, InputError> {
    let mut operations = Vec::new();
    for mut sent in body.objects("patchOperations")?.unwrap_or_default() {
        operations.push(Operation {
            op: sent.text("op")?,
            path: sent.text("path")?,
            value: sent.text("value")?,
        });
        sent.text("from")?;
        sent.finish()?;
    }
    body.finish()?;
    Ok(operations)
}
