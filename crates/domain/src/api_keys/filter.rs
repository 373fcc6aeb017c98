//! What a listing of keys can be narrowed by, and where in it one stands.

use super::{ApiKeyId, CustomerId};
use crate::Timestamp;
use std::cmp::Ordering;

/// Which keys a listing shows. Both conditions must hold where both are given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiKeyFilter {
    /// Keys whose name begins with this text, case and all. Keys without a name never match.
    pub name_prefix: Option<Box<str>>,
    /// Keys of exactly this customer.
    pub customer_id: Option<CustomerId>,
}

/// The place of one key in a listing. The greater one is listed first: newest first, ids from high to low among
/// keys of one microsecond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyPosition {
    /// When the key was made.
    pub created: Timestamp,
    /// Its id.
    pub id: ApiKeyId,
}

impl Ord for ApiKeyPosition {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.created, self.id.as_str()).cmp(&(other.created, other.id.as_str()))
    }
}

impl PartialOrd for ApiKeyPosition {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
