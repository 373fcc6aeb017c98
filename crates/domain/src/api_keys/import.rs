//! What one row of an imported file says of a key.

use super::{ApiKeyName, Description};

/// The properties that an import can set. `None` means that the row leaves the property as it is: its column is
/// absent or its cell empty. A new key has no name, no description, and is enabled, where the row is silent; an
/// existing one keeps what it has, so that a file without `Enabled` cannot bring a revoked key back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportedFields {
    /// The name.
    pub name: Option<ApiKeyName>,
    /// The description.
    pub description: Option<Description>,
    /// Whether callers can use the key.
    pub enabled: Option<bool>,
}
