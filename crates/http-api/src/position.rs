//! The `position` of a page: opaque, bound to its listing, good on every replica.
//!
//! It is the sealed place of the last item shown, in base64url. It opens only for the same account, operation and
//! filters, so a position from elsewhere is refused rather than misread.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost_custody::TokenKey;
use gatepost_domain::api_keys::{ApiKeyFilter, ApiKeyId, ApiKeyPosition};
use gatepost_domain::usage::UsageDays;
use gatepost_domain::usage_plans::{UsagePlanId, UsagePlanPosition};
use gatepost_domain::{AccountId, Timestamp};
use std::marker::PhantomData;

/// A position that was not handed out for this listing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid position specified")]
pub struct InvalidPosition;

/// The place of an item in a listing that is ordered by date and id.
pub trait Place: Sized {
    /// Date and id.
    fn parts(&self) -> (Timestamp, &str);

    /// The place with this date and id, if the id is one.
    fn of(created: Timestamp, id: &str) -> Option<Self>;
}

/// Makes and reads the positions of one listing.
pub struct Positions<'k, P> {
    key: &'k TokenKey,
    listing: Vec<u8>,
    place: PhantomData<P>,
}

impl<'k> Positions<'k, ApiKeyPosition> {
    /// The positions of an account's keys under a filter.
    #[must_use]
    pub fn of_api_keys(key: &'k TokenKey, account: AccountId, filter: &ApiKeyFilter) -> Self {
        let customer_id = filter.customer_id.as_ref().map(AsRef::as_ref);
        Self::new(key, account, "GetApiKeys", [filter.name_prefix.as_deref(), customer_id])
    }

    /// The positions of the keys of a plan whose name begins with the prefix.
    #[must_use]
    pub fn of_usage_plan_keys(
        key: &'k TokenKey,
        account: AccountId,
        plan: &str,
        name_prefix: Option<&str>,
    ) -> Self {
        Self::new(key, account, "GetUsagePlanKeys", [Some(plan), name_prefix])
    }

    /// The positions of the keys in the usage of a plan over some days, or of one key in it.
    #[must_use]
    pub fn of_usage(
        key: &'k TokenKey,
        account: AccountId,
        plan: &str,
        days: UsageDays,
        only: Option<&str>,
    ) -> Self {
        let [first, last] = [days.first(), days.last()].map(|day| day.to_string());
        Self::new(key, account, "GetUsage", [Some(plan), Some(&first), Some(&last), only])
    }
}

impl<'k> Positions<'k, UsagePlanPosition> {
    /// The positions of an account's plans, or of those that a key is in.
    #[must_use]
    pub fn of_usage_plans(key: &'k TokenKey, account: AccountId, of_key: Option<&str>) -> Self {
        Self::new(key, account, "GetUsagePlans", [of_key])
    }
}

impl<'k, P: Place> Positions<'k, P> {
    fn new<const N: usize>(
        key: &'k TokenKey,
        account: AccountId,
        operation: &str,
        filters: [Option<&str>; N],
    ) -> Self {
        let mut listing = operation.as_bytes().to_vec();
        listing.extend_from_slice(&account.number().to_be_bytes());
        for part in filters {
            let part = part.unwrap_or_default();
            listing.extend_from_slice(&(part.len() as u64).to_be_bytes());
            listing.extend_from_slice(part.as_bytes());
        }
        Self { key, listing, place: PhantomData }
    }

    /// The text of a position.
    #[must_use]
    pub fn write(&self, position: &P) -> String {
        let (created, id) = position.parts();
        let mut plain = created.micros().to_be_bytes().to_vec();
        plain.extend_from_slice(id.as_bytes());
        URL_SAFE_NO_PAD.encode(self.key.seal(&self.listing, &plain))
    }

    /// The position of a text.
    pub fn read(&self, text: &str) -> Result<P, InvalidPosition> {
        let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidPosition)?;
        let plain = self.key.open(&self.listing, &sealed).map_err(|_| InvalidPosition)?;
        let (created, id) = plain.split_first_chunk().ok_or(InvalidPosition)?;
        let created = Timestamp::from_micros(i64::from_be_bytes(*created));
        std::str::from_utf8(id).ok().and_then(|id| P::of(created, id)).ok_or(InvalidPosition)
    }
}

impl Place for ApiKeyPosition {
    fn parts(&self) -> (Timestamp, &str) {
        (self.created, self.id.as_str())
    }

    fn of(created: Timestamp, id: &str) -> Option<Self> {
        Some(Self { created, id: ApiKeyId::parse(id)? })
    }
}

impl Place for UsagePlanPosition {
    fn parts(&self) -> (Timestamp, &str) {
        (self.created, self.id.as_str())
    }

    fn of(created: Timestamp, id: &str) -> Option<Self> {
        Some(Self { created, id: UsagePlanId::parse(id)? })
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
        let text = Positions::of_api_keys(&key, account(1), &filter("ab", "c")).write(&position());
        assert!(!text.contains("gt748qoyk2"));
        let read = |account, filter: ApiKeyFilter| Positions::of_api_keys(&key, account, &filter).read(&text);
        assert_eq!(read(account(1), filter("ab", "c")), Ok(position()));
        assert_eq!(read(account(2), filter("ab", "c")), Err(InvalidPosition));
        for (prefix, customer) in [("", ""), ("a", "bc"), ("abc", ""), ("ab", "")] {
            assert_eq!(read(account(1), filter(prefix, customer)), Err(InvalidPosition));
        }
    }

    #[test]
    fn a_position_of_plans_or_of_a_plans_keys_is_read_back_by_its_own_listing_only() {
        let key = key();
        let plan =
            UsagePlanPosition { created: position().created, id: UsagePlanId::parse("cqdia0").unwrap() };
        let plans = |number, of_key| Positions::of_usage_plans(&key, account(number), of_key);
        let text = plans(1, Some("k")).write(&plan);
        assert_eq!(plans(1, Some("k")).read(&text), Ok(plan));
        for (number, of_key) in [(2, Some("k")), (1, Some("l")), (1, None)] {
            assert_eq!(plans(number, of_key).read(&text), Err(InvalidPosition));
        }
        let keys =
            |number, plan, prefix| Positions::of_usage_plan_keys(&key, account(number), plan, Some(prefix));
        let text = keys(1, "cqdia0", "a").write(&position());
        assert_eq!(keys(1, "cqdia0", "a").read(&text), Ok(position()));
        for (number, plan, prefix) in [(2, "cqdia0", "a"), (1, "cqdia1", "a"), (1, "cqdia0", "b")] {
            assert_eq!(keys(number, plan, prefix).read(&text), Err(InvalidPosition));
        }
        let filter = filter("cqdia0", "a");
        assert_eq!(Positions::of_api_keys(&key, account(1), &filter).read(&text), Err(InvalidPosition));
    }

    #[test]
    fn a_position_in_usage_is_read_back_for_the_same_plan_and_days_only() {
        let key = key();
        let days = |first, last| UsageDays::parse(Some(first), Some(last)).unwrap();
        let usage = |number, plan, days, only| Positions::of_usage(&key, account(number), plan, days, only);
        let asked = days("2026-09-01", "2026-09-30");
        let text = usage(1, "cqdia0", asked, None).write(&position());
        assert_eq!(usage(1, "cqdia0", asked, None).read(&text), Ok(position()));
        for other in [
            usage(2, "cqdia0", asked, None),
            usage(1, "cqdia1", asked, None),
            usage(1, "cqdia0", days("2026-09-02", "2026-09-30"), None),
            usage(1, "cqdia0", days("2026-09-01", "2026-09-29"), None),
            usage(1, "cqdia0", asked, Some("gt748qoyk2")),
            Positions::of_usage_plan_keys(&key, account(1), "cqdia0", None),
        ] {
            assert_eq!(other.read(&text), Err(InvalidPosition));
        }
    }

    proptest! {
        #[test]
        fn no_other_text_is_a_position(text in ".{0,80}", at in 0_usize..60, with in "[A-Za-z0-9_-]") {
            let key = key();
            let positions = Positions::of_api_keys(&key, account(1), &ApiKeyFilter::default());
            prop_assert_eq!(positions.read(&text), Err(InvalidPosition));
            let mut altered = positions.write(&position());
            if altered.get(at..=at) != Some(with.as_str()) {
                altered.replace_range(at..=at, &with);
                prop_assert_eq!(positions.read(&altered), Err(InvalidPosition));
            }
        }
    }
}
