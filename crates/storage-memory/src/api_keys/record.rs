//! One key in one allocation.
//!
//! ```text
//! account 5 · created 8 · updated 8 · version 8 · flags 1 · id length 1 · name length 2 · digest 32
//! id · name · [tail length 4 · tail] · [plans 4 · number 4 each] · sealed value, to the end
//! ```
//! Account and creation come first and sort as bytes, so that they are the head of the key's place in a listing.
//! The tail holds what most keys lack: customer id, description, stage keys, labels, tags, each text after its
//! length. A new property goes to the tail's end. The plans that the key is in stand by their numbers, which outlive
//! them: whoever reads one asks whether its plan is still there.

use crate::usage_plans::PlanNumber;
use gatepost_domain::api_keys::{
    ApiKey, ApiKeyId, ApiKeyName, ApiKeyPosition, CustomerId, Description, Label, StageKey,
};
use gatepost_domain::{AccountId, Digest, Sealed, Tags, Timestamp, Version};
use gatepost_storage::{ImportedApiKey, StorageError, StoredApiKey};

/// A packed key. The default is what a free slot holds.
#[derive(Default)]
pub(crate) struct Record(Box<[u8]>);

const CREATED: usize = 5;
const UPDATED: usize = 13;
const VERSION: usize = 21;
const FLAGS: usize = 29;
const ID_LENGTH: usize = 30;
const NAME_LENGTH: usize = 31;
const DIGEST: usize = 33;
const ID: usize = 65;

const ENABLED: u8 = 1;
const TAIL: u8 = 2;
const PLANS: u8 = 4;

const PLANS_LENGTH: usize = 4;

impl Record {
    pub(crate) fn pack(account: AccountId, key: &ApiKey, digest: &Digest, sealed: &Sealed) -> Self {
        let tail = pack_tail(key);
        Self::join(
            Head {
                account,
                created: key.created,
                updated: key.updated,
                version: key.version,
                enabled: key.enabled,
            },
            &digest.0,
            key.id.as_str(),
            key.name.as_ref().map_or("", ApiKeyName::as_str),
            &tail,
            &[],
            &sealed.0,
        )
    }

    /// The new key that an imported row makes, in these plans.
    pub(crate) fn pack_imported(account: AccountId, row: &ImportedApiKey, plans: &[PlanNumber]) -> Self {
        let description = row.fields.description.as_ref();
        // The two lengths take at most four bytes.
        let mut tail = Vec::with_capacity(description.map_or(0, |text| text.as_str().len() + 4));
        if let Some(description) = description {
            put_text(&mut tail, "");
            put_text(&mut tail, description.as_str());
        }
        let head = Head {
            account,
            created: row.at,
            updated: row.at,
            version: Version::FIRST,
            enabled: row.fields.enabled.unwrap_or(true),
        };
        let name = row.fields.name.as_ref().map_or("", ApiKeyName::as_str);
        Self::join(head, &row.digest.0, row.id.as_str(), name, &tail, plans, &row.sealed.0)
    }

    /// This key with everything replaced but its account, creation, digest and sealed value.
    pub(crate) fn replaced(&self, key: &ApiKey, plans: &[PlanNumber]) -> Self {
        let tail = pack_tail(key);
        let mut record = Self::join(
            Head {
                account: key_account(&self.0),
                created: key.created,
                updated: key.updated,
                version: key.version,
                enabled: key.enabled,
            },
            self.digest(),
            key.id.as_str(),
            key.name.as_ref().map_or("", ApiKeyName::as_str),
            &tail,
            plans,
            self.sealed(),
        );
        record.0[CREATED..UPDATED].copy_from_slice(&self.0[CREATED..UPDATED]);
        record
    }

    /// This key in its next version, in these plans.
    pub(crate) fn moved_to(&self, plans: &[PlanNumber]) -> Self {
        let sealed = self.sealed();
        let before = self.sealed_start() - self.plans_space();
        let mut bytes = Vec::with_capacity(before + space_of(plans) + sealed.len());
        bytes.extend_from_slice(&self.0[..before]);
        put_plans(&mut bytes, plans);
        bytes.extend_from_slice(sealed);
        bytes[VERSION..FLAGS].copy_from_slice(&self.version().next().0.to_le_bytes());
        bytes[FLAGS] = bytes[FLAGS] & !PLANS | if plans.is_empty() { 0 } else { PLANS };
        Self(bytes.into_boxed_slice())
    }

    fn join(
        head: Head,
        digest: &[u8; 32],
        id: &str,
        name: &str,
        tail: &[u8],
        plans: &[PlanNumber],
        sealed: &[u8],
    ) -> Self {
        let id_length = u8::try_from(id.len()).expect("an id has at most 128 bytes");
        let name_length = u16::try_from(name.len()).expect("a name has at most 1,024 characters");
        let tail_length =
            u32::try_from(tail.len()).expect("the properties of a key are bounded by the domain");
        let tail_space = if tail.is_empty() { 0 } else { 4 + tail.len() };
        let mut bytes =
            Vec::with_capacity(ID + id.len() + name.len() + tail_space + space_of(plans) + sealed.len());
        bytes.extend_from_slice(&account_bytes(head.account));
        bytes.extend_from_slice(&sortable(head.created));
        bytes.extend_from_slice(&head.updated.micros().to_le_bytes());
        bytes.extend_from_slice(&head.version.0.to_le_bytes());
        let flags = if head.enabled { ENABLED } else { 0 }
            | if tail.is_empty() { 0 } else { TAIL }
            | if plans.is_empty() { 0 } else { PLANS };
        bytes.extend_from_slice(&[flags, id_length]);
        bytes.extend_from_slice(&name_length.to_le_bytes());
        bytes.extend_from_slice(digest);
        bytes.extend_from_slice(id.as_bytes());
        bytes.extend_from_slice(name.as_bytes());
        if !tail.is_empty() {
            bytes.extend_from_slice(&tail_length.to_le_bytes());
            bytes.extend_from_slice(tail);
        }
        put_plans(&mut bytes, plans);
        bytes.extend_from_slice(sealed);
        Self(bytes.into_boxed_slice())
    }

    /// Whether this is the key of that account with that id.
    pub(crate) fn has_id(&self, account: AccountId, id: &[u8]) -> bool {
        self.id() == id && self.0[..CREATED] == account_bytes(account)
    }

    /// Whether this is the key of that account with that digest.
    pub(crate) fn has_digest(&self, account: AccountId, digest: &Digest) -> bool {
        *self.digest() == digest.0 && self.0[..CREATED] == account_bytes(account)
    }

    pub(crate) fn account(&self) -> AccountId {
        key_account(&self.0)
    }

    pub(crate) fn created(&self) -> Timestamp {
        let ordered = u64::from_be_bytes(array(&self.0, CREATED));
        Timestamp::from_micros((ordered ^ (1 << 63)).cast_signed())
    }

    pub(crate) fn version(&self) -> Version {
        Version(u64::from_le_bytes(array(&self.0, VERSION)))
    }

    pub(crate) fn digest(&self) -> &[u8; 32] {
        self.0[DIGEST..].first_chunk().expect("every record has a digest")
    }

    pub(crate) fn id(&self) -> &[u8] {
        &self.0[ID..self.name_start()]
    }

    /// The name's bytes; empty where the key has none.
    pub(crate) fn name(&self) -> &[u8] {
        &self.0[self.name_start()..self.name_end()]
    }

    /// The customer id's bytes; empty where the key has none.
    pub(crate) fn customer_id(&self) -> &[u8] {
        Unpacker(self.tail()).text().unwrap_or_default()
    }

    /// Appends the key's place in its account's listing: account, creation, id.
    pub(crate) fn write_place(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0[..UPDATED]);
        out.extend_from_slice(self.id());
    }

    /// Appends account, a text of the key's, and the key's place among those with the same text. No text holds NUL,
    /// which therefore ends it.
    pub(crate) fn write_place_under(&self, text: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0[..CREATED]);
        out.extend_from_slice(text);
        out.push(0);
        out.extend_from_slice(&self.0[CREATED..UPDATED]);
        out.extend_from_slice(self.id());
    }

    pub(crate) fn position(&self) -> Result<ApiKeyPosition, StorageError> {
        Ok(ApiKeyPosition { created: self.created(), id: self.parsed_id()? })
    }

    pub(crate) fn unpack(&self) -> Result<StoredApiKey, StorageError> {
        let mut tail = Unpacker(self.tail());
        let customer_id =
            tail.optional("customer id", CustomerId::parse).map_err(|cell| self.corrupt(cell))?;
        let description =
            tail.optional("description", Description::parse).map_err(|cell| self.corrupt(cell))?;
        let stage_keys = tail.list("stage keys", StageKey::parse).map_err(|cell| self.corrupt(cell))?;
        let labels = tail.list("labels", Label::parse).map_err(|cell| self.corrupt(cell))?;
        let tags = tail.tags().ok_or_else(|| self.corrupt("tags"))?;
        let name = text(self.name()).and_then(|name| ApiKeyName::parse(name).ok());
        let key = ApiKey {
            id: self.parsed_id()?,
            name: name.ok_or_else(|| self.corrupt("name"))?,
            description,
            enabled: self.0[FLAGS] & ENABLED != 0,
            customer_id,
            stage_keys,
            labels,
            tags,
            created: self.created(),
            updated: Timestamp::from_micros(i64::from_le_bytes(array(&self.0, UPDATED))),
            version: self.version(),
        };
        Ok(StoredApiKey { key, sealed: Sealed(self.sealed().into()) })
    }

    pub(crate) fn parsed_id(&self) -> Result<ApiKeyId, StorageError> {
        text(self.id()).and_then(ApiKeyId::parse).ok_or_else(|| self.corrupt("id"))
    }

    /// The plans that the key was put into and not taken out of, whether they are still there or not.
    pub(crate) fn plans(&self) -> impl Iterator<Item = PlanNumber> {
        let end = self.sealed_start();
        let start = end - self.plans_space().saturating_sub(PLANS_LENGTH);
        self.0[start..end].as_chunks().0.iter().map(|number| PlanNumber(u32::from_le_bytes(*number)))
    }

    fn sealed(&self) -> &[u8] {
        &self.0[self.sealed_start()..]
    }

    fn sealed_start(&self) -> usize {
        self.plans_start() + self.plans_space()
    }

    fn plans_start(&self) -> usize {
        match self.tail().len() {
            0 => self.name_end(),
            tail => self.name_end() + 4 + tail,
        }
    }

    fn plans_space(&self) -> usize {
        if self.0[FLAGS] & PLANS == 0 {
            return 0;
        }
        PLANS_LENGTH + 4 * u32::from_le_bytes(array(&self.0, self.plans_start())) as usize
    }

    fn tail(&self) -> &[u8] {
        if self.0[FLAGS] & TAIL == 0 {
            return &[];
        }
        let start = self.name_end() + 4;
        let length = u32::from_le_bytes(array(&self.0, self.name_end()));
        &self.0[start..start + length as usize]
    }

    fn name_start(&self) -> usize {
        ID + usize::from(self.0[ID_LENGTH])
    }

    fn name_end(&self) -> usize {
        self.name_start() + usize::from(u16::from_le_bytes(array(&self.0, NAME_LENGTH)))
    }

    fn corrupt(&self, cell: &str) -> StorageError {
        // An id may be a value; its beginning tells enough.
        let id = String::from_utf8_lossy(self.id());
        StorageError::Corrupt(format!("api key {id:.4}..., {cell}"))
    }
}

/// What every record has in the same place.
#[derive(Clone, Copy)]
struct Head {
    account: AccountId,
    created: Timestamp,
    updated: Timestamp,
    version: Version,
    enabled: bool,
}

/// The beginning of every ordered key of an account.
pub(crate) fn account_bytes(account: AccountId) -> [u8; CREATED] {
    let [_, _, _, digits @ ..] = account.number().to_be_bytes();
    digits
}

/// A moment as bytes that sort as it does.
pub(crate) fn sortable(moment: Timestamp) -> [u8; 8] {
    (moment.micros().cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

fn key_account(bytes: &[u8]) -> AccountId {
    let mut number = [0; 8];
    number[3..].copy_from_slice(&bytes[..CREATED]);
    AccountId::from_number(u64::from_be_bytes(number)).expect("it was an account's number when it was packed")
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    *bytes[at..].first_chunk().expect("every record has its fixed part")
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn space_of(plans: &[PlanNumber]) -> usize {
    if plans.is_empty() { 0 } else { PLANS_LENGTH + 4 * plans.len() }
}

fn put_plans(out: &mut Vec<u8>, plans: &[PlanNumber]) {
    if plans.is_empty() {
        return;
    }
    let count = u32::try_from(plans.len()).expect("a plan's number has as many bits");
    out.extend_from_slice(&count.to_le_bytes());
    plans.iter().for_each(|plan| out.extend_from_slice(&plan.0.to_le_bytes()));
}

fn pack_tail(key: &ApiKey) -> Vec<u8> {
    let mut tail = Vec::new();
    let plain = key.customer_id.is_none()
        && key.description.is_none()
        && key.stage_keys.is_empty()
        && key.labels.is_empty()
        && key.tags.is_empty();
    if plain {
        return tail;
    }
    put_text(&mut tail, key.customer_id.as_ref().map_or("", CustomerId::as_str));
    put_text(&mut tail, key.description.as_ref().map_or("", Description::as_str));
    put_length(&mut tail, key.stage_keys.len());
    key.stage_keys.iter().for_each(|stage| put_text(&mut tail, stage.as_str()));
    put_length(&mut tail, key.labels.len());
    key.labels.iter().for_each(|label| put_text(&mut tail, label.as_str()));
    put_length(&mut tail, key.tags.iter().count());
    for (name, value) in key.tags.iter() {
        put_text(&mut tail, name);
        put_text(&mut tail, value);
    }
    tail
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_length(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// Seven bits a byte, the lowest first; the eighth says that more follow.
fn put_length(out: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        out.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

/// Reads a tail from its beginning. An empty one reads as nothing but absent properties.
struct Unpacker<'r>(&'r [u8]);

impl<'r> Unpacker<'r> {
    fn length(&mut self) -> Option<usize> {
        let mut length = 0;
        for shift in (0..28).step_by(7) {
            let Some((byte, rest)) = self.0.split_first() else {
                return (shift == 0).then_some(0);
            };
            self.0 = rest;
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(length);
            }
        }
        None
    }

    fn text(&mut self) -> Option<&'r [u8]> {
        let length = self.length()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(text)
    }

    fn optional<T, E>(
        &mut self,
        cell: &'static str,
        parse: fn(&str) -> Result<Option<T>, E>,
    ) -> Result<Option<T>, &'static str> {
        self.text().and_then(text).and_then(|text| parse(text).ok()).ok_or(cell)
    }

    fn list<T, E>(
        &mut self,
        cell: &'static str,
        parse: fn(&str) -> Result<T, E>,
    ) -> Result<Vec<T>, &'static str> {
        let length = self.length().ok_or(cell)?;
        (0..length)
            .map(|_| self.text().and_then(text).and_then(|text| parse(text).ok()).ok_or(cell))
            .collect()
    }

    fn tags(&mut self) -> Option<Tags> {
        let pairs: Option<Vec<_>> =
            (0..self.length()?).map(|_| Some((text(self.text()?)?, text(self.text()?)?))).collect();
        Tags::kept(pairs?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> StoredApiKey {
        let key = ApiKey {
            id: ApiKeyId::parse("gt748qoyk2").unwrap(),
            name: ApiKeyName::parse("käse").unwrap(),
            description: Description::parse(&"d".repeat(125_000)).unwrap(),
            enabled: true,
            customer_id: CustomerId::parse("customer").unwrap(),
            stage_keys: vec![StageKey::parse("api/prod").unwrap(), StageKey::parse("api/test").unwrap()],
            labels: (0..1_000).map(|n| Label::parse(&n.to_string()).unwrap()).collect(),
            tags: Tags::parse([("team", "a"), ("empty", "")]).unwrap(),
            created: Timestamp::from_micros(-5),
            updated: Timestamp::from_micros(i64::MAX),
            version: Version(u64::MAX),
        };
        StoredApiKey { key, sealed: Sealed(vec![7; 75].into()) }
    }

    fn bare() -> StoredApiKey {
        let mut bare = full();
        bare.key.name = None;
        bare.key.description = None;
        bare.key.customer_id = None;
        bare.key.stage_keys.clear();
        bare.key.labels.clear();
        bare.key.tags = Tags::default();
        bare
    }

    #[test]
    fn a_key_comes_out_as_it_went_in() {
        let account = AccountId::parse("999999999999").unwrap();
        for stored in [full(), bare()] {
            let record = Record::pack(account, &stored.key, &Digest([3; 32]), &stored.sealed);
            assert_eq!(record.unpack().unwrap(), stored);
            assert_eq!(record.account(), account);
            assert!(record.has_digest(account, &Digest([3; 32])));
            assert!(record.has_id(account, b"gt748qoyk2"));
            assert_eq!(record.position().unwrap(), stored.key.position());
        }
    }

    #[test]
    fn a_replaced_key_keeps_creation_digest_and_seal() {
        let account = AccountId::parse("000000000001").unwrap();
        let old = full();
        let record = Record::pack(account, &old.key, &Digest([3; 32]), &old.sealed);
        let mut key = bare().key;
        key.created = Timestamp::from_micros(99);
        let replaced = record.replaced(&key, &[]);
        key.created = old.key.created;
        assert_eq!(replaced.unpack().unwrap(), StoredApiKey { key, sealed: old.sealed });
        assert_eq!(replaced.digest(), &[3; 32]);
    }

    #[test]
    fn a_plain_key_takes_less_than_two_hundred_bytes() {
        let mut stored = bare();
        stored.key.name = ApiKeyName::parse("sixteen letters!").unwrap();
        let account = AccountId::parse("000000000001").unwrap();
        let record = Record::pack(account, &stored.key, &Digest([3; 32]), &stored.sealed);
        assert_eq!(record.0.len(), 166);
    }

    #[test]
    fn a_key_in_a_plan_takes_eight_bytes_more_and_four_for_each_other_plan() {
        let account = AccountId::parse("000000000001").unwrap();
        let numbers = |count: u32| (0..count).map(|n| PlanNumber(u32::MAX - n)).collect::<Vec<_>>();
        for mut stored in [full(), bare()] {
            stored.key.version = Version(1);
            let plain = Record::pack(account, &stored.key, &Digest([3; 32]), &stored.sealed);
            assert_eq!(plain.plans().count(), 0);
            let mut record = plain.moved_to(&[]);
            for (count, more) in [(1, 8), (10, 44), (300, 1_204), (0, 0)] {
                record = record.moved_to(&numbers(count));
                assert_eq!(record.plans().collect::<Vec<_>>(), numbers(count));
                assert_eq!(record.0.len(), plain.0.len() + more);
                let replaced = record.replaced(&stored.key, &numbers(2));
                assert_eq!(replaced.plans().collect::<Vec<_>>(), numbers(2));
                assert_eq!(replaced.unpack().unwrap(), stored);
            }
            stored.key.version = Version(6);
            assert_eq!(record.unpack().unwrap(), stored);
        }
    }

    #[test]
    fn moments_sort_as_bytes() {
        let moments = [i64::MIN, -1, 0, 1, i64::MAX].map(|micros| sortable(Timestamp::from_micros(micros)));
        assert!(moments.is_sorted());
    }
}
