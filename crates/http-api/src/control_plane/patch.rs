//! The body of a PATCH: `{"patchOperations":[{"op","path","value","from"}]}`.

use crate::input::InputError;
use crate::input::json::Members;
use gatepost_domain::api_keys::PatchOperation;

/// One operation as it was sent. `from` belongs to `copy`, which no path supports.
pub(super) struct SentOperation {
    op: Option<String>,
    path: Option<String>,
    value: Option<String>,
}

impl SentOperation {
    /// The operation as the domain reads it.
    pub(super) fn as_patch(&self) -> PatchOperation<'_> {
        let Self { op, path, value } = self;
        PatchOperation { op: op.as_deref(), path: path.as_deref(), value: value.as_deref() }
    }
}

/// Reads the operations of a body.
pub(super) fn read(body: Members) -> Result<Vec<SentOperation>, InputError> {
    read_as("patchOperations", body)
}

/// Reads the operations of a body that calls them otherwise.
pub(super) fn read_as(name: &str, mut body: Members) -> Result<Vec<SentOperation>, InputError> {
    let mut operations = Vec::new();
    for mut sent in body.objects(name)?.unwrap_or_default() {
        operations.push(SentOperation {
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
