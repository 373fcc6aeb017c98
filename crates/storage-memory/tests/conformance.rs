//! Every promise of the storage traits, kept in memory.

use gatepost_domain::{Clock, Timestamp};
use gatepost_storage_memory::MemoryStorage;
use std::sync::Arc;

struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the test is where a clock is chosen")]
    fn now(&self) -> Timestamp {
        let since = std::time::UNIX_EPOCH.elapsed().expect("it is later than 1970");
        Timestamp::from_micros(i64::try_from(since.as_micros()).expect("it is not yet the year 294,000"))
    }
}

async fn storage() -> Box<MemoryStorage> {
    Box::new(MemoryStorage::new(Arc::new(SystemClock)))
}

gatepost_storage::conformance::cases!(storage);
