//! What the benchmarks fill a database with.

use gatepost_domain::api_keys::{ApiKeyId, ApiKeyName, ImportedFields};
use gatepost_domain::{AccountId, Digest, Sealed, Timestamp};
use gatepost_storage::ImportedApiKey;
use gatepost_storage_sqlite::{SqliteOptions, SqliteStorage};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// A small generator, so that every run does the same.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn text(&mut self, length: usize) -> String {
        (0..length).map(|_| char::from(LETTERS[(self.next() % 36) as usize])).collect()
    }

    pub(crate) fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.chunks_exact_mut(8).for_each(|eight| eight.copy_from_slice(&self.next().to_le_bytes()));
        bytes
    }
}

pub(crate) fn account() -> AccountId {
    AccountId::from_number(123_456_789_012).expect("twelve digits are an account")
}

pub(crate) fn moment(n: u64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + n as i64)
}

/// The ids of ten thousand rows are neighbours, as an import makes them.
fn id(n: u64) -> ApiKeyId {
    const BATCH: u64 = 10_000;
    let mut number = Random(n / BATCH).next() % 36_u64.pow(9) * 36 + n % BATCH * (1 << 19);
    let mut digits = [0; 10];
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdefghijklmnopqrstuvwxyz"[(number % 36) as usize];
        number /= 36;
    }
    let digits = std::str::from_utf8(&digits).expect("ASCII");
    ApiKeyId::parse(digits).expect("ten digits are an id")
}

/// Row `n`: ten letters of id, sixteen of name, a sealed value of forty.
pub(crate) fn row(n: u64) -> ImportedApiKey {
    let mut random = Random(n << 20);
    ImportedApiKey {
        row: n,
        digest: Digest(random.bytes()),
        id: id(n),
        sealed: Sealed(vec![n as u8; 75].into()),
        fields: ImportedFields {
            name: ApiKeyName::parse(&random.text(16)).expect("letters are a name"),
            description: None,
            enabled: Some(true),
        },
        plans: Vec::new(),
        at: moment(n),
    }
}

pub(crate) async fn open(path: &Path) -> Arc<SqliteStorage> {
    let options = SqliteOptions { path: path.to_owned(), migrate: true, serve: true };
    Arc::new(SqliteStorage::open(options).await.expect("opens"))
}

pub(crate) fn percentile(times: &mut [Duration], of_hundred: usize) -> Duration {
    times.sort_unstable();
    times.get(times.len() * of_hundred / 100).or(times.last()).copied().unwrap_or_default()
}
