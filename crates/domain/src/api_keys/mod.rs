//! API keys: what one is, what each of its properties may hold, how it may be changed.
//!
//! The value is not part of [`ApiKey`]: it is kept only as digest and seal, and travels beside the key where
//! somebody may see it. `patch` holds the changes that UpdateApiKey can make, `import` those of one row of an
//! imported file, `filter` what a listing can be narrowed by.

mod fields;
mod filter;
mod import;
mod patch;
mod stage_key;
mod value;

pub use fields::{ApiKeyId, ApiKeyName, CustomerId, Description, Label};
pub use filter::{ApiKeyFilter, ApiKeyPosition};
pub use import::ImportedFields;
pub use patch::{ApiKeyPatch, InvalidPatch, ListChange, PatchOperation};
pub use stage_key::StageKey;
pub use value::{ApiKeyValue, MinValueLength};

use crate::{Tags, Timestamp, Version};

/// The most stage keys, and the most labels, that one key can carry. A bound of ours: AWS does not say.
pub const MOST_LIST_ITEMS: usize = 1_000;

/// An API key as its owner sees it, without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// What the key is called in every other request.
    pub id: ApiKeyId,
    /// A name for people; need not be unique.
    pub name: Option<ApiKeyName>,
    /// What the key is for.
    pub description: Option<Description>,
    /// Whether callers can use it.
    pub enabled: bool,
    /// An AWS Marketplace customer.
    pub customer_id: Option<CustomerId>,
    /// Stages named by the key itself, in the order given, none twice. They grant nothing by themselves.
    pub stage_keys: Vec<StageKey>,
    /// Labels in the order given, none twice.
    pub labels: Vec<Label>,
    /// Tags.
    pub tags: Tags,
    /// When it was made. With the id it fixes the key's place in every listing.
    pub created: Timestamp,
    /// When its properties were last changed.
    pub updated: Timestamp,
    /// How often it has been written.
    pub version: Version,
}

impl ApiKey {
    /// Where this key stands in a listing.
    #[must_use]
    pub fn position(&self) -> ApiKeyPosition {
        ApiKeyPosition { created: self.created, id: self.id.clone() }
    }
}

/// A property of a key that breaks its rule. The texts are AWS's where they are known.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidApiKey {
    /// More than 1,024 characters.
    #[error("Invalid API Key name, can be at most 1024 characters.")]
    Name,
    /// More than 125,000 characters.
    #[error("Invalid API Key description specified.")]
    Description,
    /// More than 1,024 characters.
    #[error("Invalid API Key customer identifier specified.")]
    CustomerId,
    /// Not of the form `restApiId/stageName`, or too many of them.
    #[error("Invalid stage identifier specified")]
    StageKey,
    /// Not 1 to 128 characters, or too many of them.
    #[error("Invalid API Key label specified.")]
    Label,
    /// Shorter than the installation accepts.
    #[error("API Key value should be at least {0} characters")]
    ValueTooShort(usize),
    /// More than 128 characters.
    #[error("API Key value exceeds maximum size of 128 characters")]
    ValueTooLong,
    /// Not printable ASCII, or with a blank or comma in it.
    #[error("Invalid API Key value specified.")]
    ValueCharacters,
    /// The value was asked to be the id too, and an id has only `[A-Za-z0-9_-]`.
    #[error(
        "Invalid API Key value specified: it can only serve as the identifier with characters of [A-Za-z0-9_-]."
    )]
    ValueAsId,
}
