//! Changes to a key, as UpdateApiKey takes them.
//!
//! AWS writes a change as operation, path and a text. [`ApiKeyPatch::parse`] turns one into a typed change or
//! says, in AWS's words, why there is no such change; [`ApiKey::patched`] applies a list of them, in order, to a
//! copy: all or none. A new path is a new variant here, its row in the table of [`ApiKeyPatch::parse`], and an
//! arm of `apply`.

use super::{ApiKey, ApiKeyName, CustomerId, Description, InvalidApiKey, Label, MOST_LIST_ITEMS, StageKey};
use crate::Timestamp;

/// One change as a caller writes it.
#[derive(Clone, Copy, Debug)]
pub struct PatchOperation<'a> {
    /// `add`, `remove`, `replace` or `copy`.
    pub op: Option<&'a str>,
    /// A path such as `/name`.
    pub path: Option<&'a str>,
    /// The new text.
    pub value: Option<&'a str>,
}

/// One change that a key can take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiKeyPatch {
    /// Sets or clears the name.
    Name(Option<ApiKeyName>),
    /// Sets or clears the description.
    Description(Option<Description>),
    /// Enables or disables.
    Enabled(bool),
    /// Sets or clears the customer.
    CustomerId(Option<CustomerId>),
    /// Changes the stage keys.
    Stages(ListChange<StageKey>),
    /// Changes the labels.
    Labels(ListChange<Label>),
}

/// A change to a list without duplicates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListChange<T> {
    /// Puts an item at the end, unless it is there.
    Add(T),
    /// Takes an item out, if it is there.
    Remove(T),
    /// Takes everything out.
    Clear,
}

/// Why an operation is not a change of a key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPatch {
    /// None of the four.
    #[error("Invalid patch operation specified. Must be 'add'|'remove'|'replace'|'copy'")]
    Operation,
    /// The path is not open to the operation. Two blanks after "path" are AWS's.
    #[error("Invalid patch path  '{path}' specified for op '{op}'. Must be one of: [{allowed}]")]
    Path {
        /// The path as given.
        path: String,
        /// The operation.
        op: &'static str,
        /// What it can be applied to.
        allowed: &'static str,
    },
    /// The operation needs a value, which may be the empty text.
    #[error("Invalid patch operation specified. The op '{0}' needs a value")]
    ValueMissing(&'static str),
    /// The value breaks the property's rule.
    #[error(transparent)]
    Value(#[from] InvalidApiKey),
}

impl ApiKeyPatch {
    /// Reads one operation.
    pub fn parse(operation: PatchOperation<'_>) -> Result<Self, InvalidPatch> {
        let path = operation.path.unwrap_or_default();
        let refused = |op, allowed| Err(InvalidPatch::Path { path: path.to_owned(), op, allowed });
        match operation.op {
            Some("replace") => match path {
                "/name" | "/description" | "/enabled" | "/customerId" => Self::replace(path, operation.value),
                _ => refused("replace", "/description, /enabled, /name, /customerId"),
            },
            Some(op @ ("add" | "remove")) => {
                let op = if op == "add" { "add" } else { "remove" };
                match path {
                    "/stages" => Ok(Self::Stages(list_change(op, operation.value, StageKey::parse)?)),
                    "/labels" => Ok(Self::Labels(list_change(op, operation.value, Label::parse)?)),
                    _ => refused(op, "/stages, /labels"),
                }
            }
            Some("copy") => refused("copy", ""),
            Some(_) | None => Err(InvalidPatch::Operation),
        }
    }

    fn replace(path: &str, value: Option<&str>) -> Result<Self, InvalidPatch> {
        let value = value.ok_or(InvalidPatch::ValueMissing("replace"))?;
        Ok(match path {
            "/name" => Self::Name(ApiKeyName::parse(value)?),
            "/description" => Self::Description(Description::parse(value)?),
            "/customerId" => Self::CustomerId(CustomerId::parse(value)?),
            // AWS never refuses this one: what is not "true" is false.
            _ => Self::Enabled(value.eq_ignore_ascii_case("true")),
        })
    }

    fn apply(self, key: &mut ApiKey) -> Result<(), InvalidApiKey> {
        match self {
            Self::Name(name) => key.name = name,
            Self::Description(description) => key.description = description,
            Self::Enabled(enabled) => key.enabled = enabled,
            Self::CustomerId(customer_id) => key.customer_id = customer_id,
            Self::Stages(change) => change.apply(&mut key.stage_keys, InvalidApiKey::StageKey)?,
            Self::Labels(change) => change.apply(&mut key.labels, InvalidApiKey::Label)?,
        }
        Ok(())
    }
}

impl ApiKey {
    /// This key after the changes, in their order: all or none. Without changes it stays as it is; with any, it is
    /// updated `now` and has its next version, even where nothing differs, as on AWS.
    pub fn patched(&self, changes: Vec<ApiKeyPatch>, now: Timestamp) -> Result<ApiKey, InvalidApiKey> {
        let mut key = self.clone();
        if changes.is_empty() {
            return Ok(key);
        }
        for change in changes {
            change.apply(&mut key)?;
        }
        key.updated = now.max(self.updated);
        key.version = self.version.next();
        Ok(key)
    }
}

impl<T: PartialEq> ListChange<T> {
    fn apply(self, list: &mut Vec<T>, too_many: InvalidApiKey) -> Result<(), InvalidApiKey> {
        match self {
            Self::Add(item) if list.contains(&item) => {}
            Self::Add(_) if list.len() >= MOST_LIST_ITEMS => return Err(too_many),
            Self::Add(item) => list.push(item),
            Self::Remove(item) => list.retain(|other| *other != item),
            Self::Clear => list.clear(),
        }
        Ok(())
    }
}

/// `add` needs an item, `remove` an item or the empty text, which clears the list.
fn list_change<T>(
    op: &'static str,
    value: Option<&str>,
    parse: fn(&str) -> Result<T, InvalidApiKey>,
) -> Result<ListChange<T>, InvalidPatch> {
    let value = value.ok_or(InvalidPatch::ValueMissing(op))?;
    Ok(match (op, value) {
        ("remove", "") => ListChange::Clear,
        ("remove", item) => ListChange::Remove(parse(item)?),
        (_, item) => ListChange::Add(parse(item)?),
    })
}

#[cfg(test)]
mod tests;
