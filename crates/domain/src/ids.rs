//! Where fresh names come from.

use crate::api_keys::{ApiKeyId, ApiKeyValue};
use crate::credentials::{AccessKeyId, SecretAccessKey};
use crate::usage_plans::UsagePlanId;

/// A source of unpredictable names. The server passes one over the system's random numbers, tests one that
/// they can foresee.
pub trait Ids: Send + Sync + 'static {
    /// A new key id: ten characters of `[a-z0-9]`. It may collide; whoever inserts it must be ready to ask again.
    fn api_key_id(&self) -> ApiKeyId;

    /// So many new ids for keys that are stored together. They had better be neighbours: an ordered index then takes
    /// them in a few places, and not each in another.
    fn api_key_ids(&self, count: usize) -> Vec<ApiKeyId> {
        (0..count).map(|_| self.api_key_id()).collect()
    }

    /// A new key value: forty characters of `[A-Za-z0-9]`.
    fn api_key_value(&self) -> ApiKeyValue;

    /// A new plan id: six characters of `[a-z0-9]`. It may collide; whoever inserts it must be ready to ask again.
    fn usage_plan_id(&self) -> UsagePlanId;

    /// A new access key id: `GPAK` and sixteen characters of `[A-Z2-7]`, 80 random bits.
    fn access_key_id(&self) -> AccessKeyId;

    /// A new secret to sign with: forty characters of `[A-Za-z0-9]`.
    fn secret_access_key(&self) -> SecretAccessKey;

    /// Sixteen random bytes that name one request.
    fn request_id(&self) -> [u8; 16];
}
