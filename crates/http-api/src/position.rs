//! The `position` of a page: opaque, bound to its listing, good on every replica.
//!
//! It is the sealed place of the last key shown, in base64url. It opens only for the same account, operation and
//! filters, so a position from elsewhere is refused rather than misread.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost_custody::TokenKey;
use gatepost_domain::api_keys::{ApiKeyFilter, ApiKeyId, ApiKeyPosition};
use gatepost_domain::{AccountId, Timestamp};

/// A position that was not handed out for this listing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid position specified")]
pub struct InvalidPosition;

/// Makes and reads the positions of one listing of keys.
pub struct ApiKeyPositions<'k> {
    key: &'k TokenKey,
    listing: Vec<u8>,
}

impl<'k> ApiKeyPositions<'k> {
    /// The positions of an account's keys under a filter.
    #[must_use]
    pub fn new(key: &'k TokenKey, account: AccountId, filter: &ApiKeyFilter) -> Self {
        let mut listing = b"GetApiKeys".to_vec();
        listing.extend_from_slice(&account.number().to_be_bytes());
        let prefix = filter.name_prefix.as_deref();
        for part in [prefix, filter.customer_id.as_ref().map(AsRef::as_ref)] {
            let part = part.unwrap_or_default();
            listing.extend_from_slice(&(part.len() as u64).to_be_bytes());
            listing.extend_from_slice(part.as_bytes());
        }
        Self { key, listing }
    }

    /// The text of a position.
    #[must_use]
    pub fn write(&self, position: &ApiKeyPosition) -> String {
        let mut plain = position.created.micros().to_be_bytes().to_vec();
        plain.extend_from_slice(position.id.as_str().as_bytes());
        URL_SAFE_NO_PAD.encode(self.key.seal(&self.listing, &plain))
    }

    /// The position of a text.
    pub fn read(&self, text: &str) -> Result<ApiKeyPosition, InvalidPosition> {
        let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidPosition)?;
        let plain = self.key.open(&self.listing, &sealed).map_err(|_| InvalidPosition)?;
        let (created, id) = plain.split_first_chunk().ok_or(InvalidPosition)?;
        let id = std::str::from_utf8(id).ok().and_then(ApiKeyId::parse).ok_or(InvalidPosition)?;
        Ok(ApiKeyPosition { created: Timestamp::from_micros(i64::from_be_bytes(*created)), id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost_custody::{Custody, KeyRing, Random};
    use gatepost_domain::api_keys::CustomerId;
    use proptest::prelude::*;
    use std::sync::Arc;

    struct Fives;

    impl Random for Fives {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(5);
        }
    }

    fn key() -> TokenKey {
        let secret = Custody::new_installation(&KeyRing::generate(&Fives), &Fives);
        Custody::open(KeyRing::generate(&Fives), Arc::new(Fives), &secret).unwrap().token_key()
    }

    fn account(number: u64) -> AccountId {
        AccountId::from_number(number).unwrap()
    }

    fn position() -> ApiKeyPosition {
        ApiKeyPosition {
            created: Timestamp::from_micros(1_465_424_516_000_001),
            id: ApiKeyId::parse("gt748qoyk2").unwrap(),
        }
    }

    fn filter(prefix: &str, customer: &str) -> ApiKeyFilter {
        let name_prefix = (!prefix.is_empty()).then(|| prefix.into());
        ApiKeyFilter { name_prefix, customer_id: CustomerId::parse(customer).unwrap() }
    }

    #[test]
    fn a_position_is_read_back_by_its_own_listing_only() {
        let key = key();
        let text = ApiKeyPositions::new(&key, account(1), &filter("ab", "c")).write(&position());
        assert!(!text.contains("gt748qoyk2"));
        let read = |account, filter: ApiKeyFilter| ApiKeyPositions::new(&key, account, &filter).read(&text);
        assert_eq!(read(account(1), filter("ab", "c")), Ok(position()));
        assert_eq!(read(account(2), filter("ab", "c")), Err(InvalidPosition));
        for (prefix, customer) in [("", ""), ("a", "bc"), ("abc", ""), ("ab", "")] {
            assert_eq!(read(account(1), filter(prefix, customer)), Err(InvalidPosition));
        }
    }

    proptest! {
        #[test]
        fn no_other_text_is_a_position(text in ".{0,80}", at in 0_usize..60, with in "[A-Za-z0-9_-]") {
            let key = key();
            let positions = ApiKeyPositions::new(&key, account(1), &ApiKeyFilter::default());
            prop_assert_eq!(positions.read(&text), Err(InvalidPosition));
            let mut altered = positions.write(&position());
            if altered.get(at..=at) != Some(with.as_str()) {
                altered.replace_range(at..=at, &with);
                prop_assert_eq!(positions.read(&altered), Err(InvalidPosition));
            }
        }
    }
}
