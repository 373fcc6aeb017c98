//! Where time and chance really come from. Everything below is handed these.

use gatepost_custody::Random;
use gatepost_domain::api_keys::{ApiKeyId, ApiKeyValue};
use gatepost_domain::{Clock, Ids, Timestamp};
use rand::distr::{Alphanumeric, SampleString};
use rand::{Rng, RngExt};
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
        const DIGITS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        // One draw for all ten digits.
        let mut number = Self::generator().random_range(0..36_u64.pow(10));
        let id: [u8; 10] = std::array::from_fn(|_| {
            let digit = number % 36;
            number /= 36;
            DIGITS[digit as usize]
        });
        let id = std::str::from_utf8(&id).ok().and_then(ApiKeyId::parse);
        id.expect("ten of these digits are an id")
    }

    fn api_key_value(&self) -> ApiKeyValue {
        let value = Alphanumeric.sample_string(&mut Self::generator(), 40);
        ApiKeyValue::trusted(Zeroizing::new(value.into_boxed_str()))
    }

    fn request_id(&self) -> [u8; 16] {
        let mut id = [0; 16];
        self.fill(&mut id);
        id
    }
}
