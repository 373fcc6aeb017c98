//! Where time and chance really come from. Everything below is handed these.

use gatepost_custody::Random;
use gatepost_domain::api_keys::{ApiKeyId, ApiKeyValue};
use gatepost_domain::credentials::{AccessKeyId, SecretAccessKey};
use gatepost_domain::usage_plans::UsagePlanId;
use gatepost_domain::{Clock, Ids, Timestamp};
use rand::distr::{Alphanumeric, SampleString};
use rand::{Rng, RngExt};
use std::iter;
use std::time::{SystemTime, UNIX_EPOCH};
use zeroize::Zeroizing;

/// The system's clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since_epoch = system_now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }
}

/// The system's clock, for those who want its own type.
#[expect(clippy::disallowed_methods, reason = "the server is where the clock is taken, to be passed on")]
pub(crate) fn system_now() -> SystemTime {
    SystemTime::now()
}

/// A secret of 238 random bits.
fn forty_characters() -> Zeroizing<Box<str>> {
    let text = Alphanumeric.sample_string(&mut SystemRandom::generator(), 40);
    Zeroizing::new(text.into_boxed_str())
}

/// How many ids of ten digits there are.
const API_KEY_IDS: u64 = 36_u64.pow(10);

/// The id that a number below [`API_KEY_IDS`] is.
fn api_key_id(mut number: u64) -> ApiKeyId {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut id = [0; 10];
    for place in id.iter_mut().rev() {
        *place = DIGITS[(number % 36) as usize];
        number /= 36;
    }
    let id = std::str::from_utf8(&id).ok().and_then(ApiKeyId::parse);
    id.expect("ten of these digits are an id")
}

/// A cryptographically secure generator per thread, seeded by the operating system.
pub(crate) struct SystemRandom;

impl SystemRandom {
    #[expect(clippy::disallowed_methods, reason = "the server is where chance is taken, to be passed on")]
    fn generator() -> impl Rng {
        rand::rng()
    }
}

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        Self::generator().fill_bytes(bytes);
    }
}

impl Ids for SystemRandom {
    fn api_key_id(&self) -> ApiKeyId {
        api_key_id(Self::generator().random_range(0..API_KEY_IDS))
    }

    /// In order from a random one, with random gaps: different from each other, and next to each other in an index.
    fn api_key_ids(&self, count: usize) -> Vec<ApiKeyId> {
        const GAP: u64 = 1 << 20;
        let mut generator = Self::generator();
        let mut number = generator.random_range(0..API_KEY_IDS);
        let next = || {
            number = (number + generator.random_range(1..=GAP)) % API_KEY_IDS;
            api_key_id(number)
        };
        iter::repeat_with(next).take(count).collect()
    }

    fn api_key_value(&self) -> ApiKeyValue {
        ApiKeyValue::trusted(forty_characters())
    }

    fn usage_plan_id(&self) -> UsagePlanId {
        const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        let mut generator = Self::generator();
        let id: String =
            (0..6).map(|_| char::from(DIGITS[generator.random_range(0..DIGITS.len())])).collect();
        UsagePlanId::parse(&id).expect("letters and digits are a plan id")
    }

    fn access_key_id(&self) -> AccessKeyId {
        const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let mut random = [0; 16];
        self.fill(&mut random);
        let digits = random.map(|byte| char::from(DIGITS[usize::from(byte % 32)]));
        let id = format!("GPAK{}", String::from_iter(digits));
        AccessKeyId::parse(&id).expect("letters and digits are an access key id")
    }

    fn secret_access_key(&self) -> SecretAccessKey {
        SecretAccessKey::trusted(forty_characters())
    }

    fn request_id(&self) -> [u8; 16] {
        let mut id = [0; 16];
        self.fill(&mut id);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_made_together_are_different_and_neighbours() {
        let ids = SystemRandom.api_key_ids(1_000);
        let pairs = || ids.iter().map(ApiKeyId::as_str).zip(ids[1..].iter().map(ApiKeyId::as_str));
        // After the last id there is comes the first, and a thousand gaps are too few to see two of these borders.
        assert!(pairs().filter(|(one, next)| one >= next).count() <= 1, "{ids:?}");
        assert!(pairs().filter(|(one, next)| one[..4] != next[..4]).count() <= 1, "{ids:?}");
        assert_ne!(ids, SystemRandom.api_key_ids(1_000));
    }

    #[test]
    fn ids_are_in_the_order_of_their_numbers() {
        assert_eq!(api_key_id(0).as_str(), "0000000000");
        assert_eq!(api_key_id(36 * 36 + 35).as_str(), "000000010z");
        assert_eq!(api_key_id(API_KEY_IDS - 1).as_str(), "zzzzzzzzzz");
    }
}
