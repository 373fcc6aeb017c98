//! What a run of the backends is made of: calls with few different names, so that they meet.

use gatepost_domain::api_keys::{
    ApiKey, ApiKeyFilter, ApiKeyId, ApiKeyName, CustomerId, Description, ImportedFields, Label, StageKey,
};
use gatepost_domain::credentials::{AccessKeyId, Credential, CredentialName};
use gatepost_domain::{AccountId, Digest, Sealed, Tags, Timestamp, Version};
use gatepost_storage::{ImportedApiKey, NewApiKey, RetryToken, StoredCredential};
use proptest::prelude::*;

/// A key in numbers: its id, its value, when it was made, and which texts it has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sketch {
    id: u8,
    value: u8,
    at: i64,
    name: u8,
    customer: u8,
    rest: u8,
}

/// A credential in numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct CredentialSketch {
    id: u8,
    at: i64,
    name: u8,
    rest: u8,
}

/// A write.
#[derive(Clone, Debug)]
pub(super) enum Write {
    Insert { key: Sketch, retry: Option<u8>, most: Option<u64> },
    Update { key: Sketch, expected: u64 },
    Delete { id: u8 },
    Import { rows: Vec<(Sketch, u8)>, most: Option<u64> },
    Restore { keys: Vec<Sketch>, most: Option<u64> },
    Remember { token: u8 },
    InsertCredential { credential: CredentialSketch },
    UpdateCredential { credential: CredentialSketch, expected: u64 },
    DeleteCredential { id: u8 },
    NoteUse { used: Vec<(u8, i64)> },
}

/// A step of a run.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// One write of its own.
    Single(u64, Write),
    /// Some in a unit of work, committed or dropped.
    Unit(u64, Vec<Write>, bool),
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let account = || 1..3_u64;
    let step = prop_oneof![
        3 => (account(), write()).prop_map(|(account, write)| Step::Single(account, write)),
        1 => (account(), prop::collection::vec(write(), 1..5), any::<bool>())
            .prop_map(|(account, writes, commits)| Step::Unit(account, writes, commits)),
    ];
    prop::collection::vec(step, 1..40)
}

fn write() -> impl Strategy<Value = Write> {
    let most = || prop::option::weighted(0.2, 0..12_u64);
    let rows = prop::collection::vec((sketch(), 0..18_u8), 0..6);
    prop_oneof![
        4 => (sketch(), prop::option::weighted(0.4, 0..4_u8), most())
            .prop_map(|(key, retry, most)| Write::Insert { key, retry, most }),
        3 => (sketch(), 1..4_u64).prop_map(|(key, expected)| Write::Update { key, expected }),
        2 => (0..10_u8).prop_map(|id| Write::Delete { id }),
        3 => (rows, most()).prop_map(|(rows, most)| Write::Import { rows, most }),
        1 => (prop::collection::vec(sketch(), 0..5), most())
            .prop_map(|(keys, most)| Write::Restore { keys, most }),
        1 => (0..4_u8).prop_map(|token| Write::Remember { token }),
        3 => credential().prop_map(|credential| Write::InsertCredential { credential }),
        3 => (credential(), 1..4_u64)
            .prop_map(|(credential, expected)| Write::UpdateCredential { credential, expected }),
        1 => (0..ACCESS_KEY_IDS.len() as u8).prop_map(|id| Write::DeleteCredential { id }),
        2 => prop::collection::vec((0..ACCESS_KEY_IDS.len() as u8, -2..6_i64), 0..5)
            .prop_map(|used| Write::NoteUse { used }),
    ]
}

fn sketch() -> impl Strategy<Value = Sketch> {
    (0..10_u8, 0..10_u8, -2..4_i64, 0..NAMES.len() as u8, 0..CUSTOMERS.len() as u8, any::<u8>())
        .prop_map(|(id, value, at, name, customer, rest)| Sketch { id, value, at, name, customer, rest })
}

fn credential() -> impl Strategy<Value = CredentialSketch> {
    (0..ACCESS_KEY_IDS.len() as u8, -2..4_i64, 0..NAMES.len() as u8, any::<u8>())
        .prop_map(|(id, at, name, rest)| CredentialSketch { id, at, name, rest })
}

/// Ids that another way to compare would put in another order, or take for one.
const ACCESS_KEY_IDS: [&str; 6] = [
    "AKIA000000000000",
    "AKIA0000000000000",
    "akia000000000000",
    "AKIA_00000000000",
    "_KIA000000000000",
    "0KIA000000000000",
];

/// Texts that are easily mangled by a database, or by its way to compare.
const NAMES: [&str; 9] = ["", "a", "ab", "A", "ä", "a%b_", "a\\", "\u{1f511}", "Ω'\"\t;--"];
const CUSTOMERS: [&str; 4] = ["", "c", "C", "ç\u{10ffff}"];
/// Every beginning of a name, and some that are none.
const PREFIXES: [&str; 10] = ["", "a", "A", "a%", "a_", "a\\", "ä", "\u{1f511}", "a\0", "\u{10ffff}"];

pub(super) fn accounts() -> [AccountId; 2] {
    [1, 2].map(account)
}

pub(super) fn account(number: u64) -> AccountId {
    AccountId::from_number(number).unwrap()
}

pub(super) fn ids() -> impl Iterator<Item = ApiKeyId> {
    (0..10).map(id)
}

pub(super) fn access_key_ids() -> impl Iterator<Item = AccessKeyId> {
    (0..ACCESS_KEY_IDS.len() as u8).map(access_key_id)
}

pub(super) fn digests() -> Vec<Digest> {
    (0..10).map(digest).collect()
}

pub(super) fn tokens() -> impl Iterator<Item = RetryToken> {
    (0..4).map(token)
}

pub(super) fn filters() -> impl Iterator<Item = ApiKeyFilter> {
    let prefixes = [None].into_iter().chain(PREFIXES.map(Some));
    prefixes.flat_map(|prefix| {
        CUSTOMERS.map(|customer| ApiKeyFilter {
            name_prefix: prefix.map(Into::into),
            customer_id: CustomerId::parse(customer).unwrap(),
        })
    })
}

/// Two cases of one letter, so that ids are compared byte by byte.
pub(super) fn id(number: u8) -> ApiKeyId {
    let letter = ["k", "K"][usize::from(number % 2)];
    ApiKeyId::parse(&format!("{letter}-{}", number / 2)).unwrap()
}

pub(super) fn access_key_id(number: u8) -> AccessKeyId {
    AccessKeyId::parse(ACCESS_KEY_IDS[usize::from(number)]).unwrap()
}

pub(super) fn token(number: u8) -> RetryToken {
    RetryToken([number; 32])
}

fn digest(value: u8) -> Digest {
    Digest([value.wrapping_mul(29); 32])
}

impl CredentialSketch {
    pub(super) fn stored(self, of: AccountId, version: Version) -> StoredCredential {
        let bit = |n: u8| self.rest & (1 << n) != 0;
        let credential = Credential {
            id: access_key_id(self.id),
            account: of,
            name: CredentialName::parse(&NAMES[usize::from(self.name)].replace('\t', " ")).ok(),
            enabled: bit(0),
            policy: if bit(1) { "{\"a\":\"ä\\u0000\n\u{1f511}'\"}".repeat(1_000) } else { String::new() }
                .into(),
            created: Timestamp::from_micros(self.at),
            last_used: bit(2).then(|| Timestamp::from_micros(self.at + 1)),
            version,
        };
        // As text, a secret is no more than its length.
        StoredCredential { credential, sealed: Sealed(vec![255; usize::from(self.rest)].into()) }
    }
}

impl Sketch {
    pub(super) fn new_key(self, retry: Option<u8>) -> NewApiKey {
        let key = self.key(Version::FIRST);
        NewApiKey { key, digest: digest(self.value), sealed: self.sealed(), retry: retry.map(token) }
    }

    pub(super) fn key(self, version: Version) -> ApiKey {
        let bit = |n: u8| self.rest & (1 << n) != 0;
        let when = |wanted: bool, text: &'static str| if wanted { vec![text] } else { Vec::new() };
        let stages = [when(bit(0), "api/prod"), when(bit(1), "a-1/t_2")].concat();
        let labels = [when(bit(2), "b"), when(bit(3), "a,\"{}")].concat();
        let tags = if bit(4) { vec![("k@1", "v = +/:"), ("Ключ", "")] } else { Vec::new() };
        ApiKey {
            id: id(self.id),
            name: ApiKeyName::parse(NAMES[usize::from(self.name)]).unwrap(),
            description: Description::parse(if bit(5) { "two\nlines, \"{quoted}\"" } else { "" }).unwrap(),
            enabled: bit(6),
            customer_id: CustomerId::parse(CUSTOMERS[usize::from(self.customer)]).unwrap(),
            stage_keys: stages.into_iter().map(|text| StageKey::parse(text).unwrap()).collect(),
            labels: labels.into_iter().map(|text| Label::parse(text).unwrap()).collect(),
            tags: Tags::parse(tags).unwrap(),
            created: Timestamp::from_micros(self.at),
            updated: Timestamp::from_micros(self.at + 1),
            version,
        }
    }

    /// A row; of `sets`, each bit or value says whether the row sets a property.
    pub(super) fn row(self, number: usize, sets: u8) -> ImportedApiKey {
        let key = self.key(Version::FIRST);
        ImportedApiKey {
            row: number as u64 + 1,
            digest: digest(self.value),
            id: key.id,
            sealed: self.sealed(),
            fields: ImportedFields {
                name: key.name.filter(|_| sets & 1 != 0),
                description: key.description.filter(|_| sets & 2 != 0),
                enabled: [None, Some(false), Some(true)][usize::from(sets / 4 % 3)],
            },
            plans: Vec::new(),
            at: Timestamp::from_micros(self.at),
        }
    }

    fn sealed(self) -> Sealed {
        Sealed(vec![self.id, self.value, 0, 255].into())
    }
}
