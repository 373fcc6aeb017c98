//! What custody promises, from outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use gatepost_custody::{CannotOpen, Custody, KeyRing, Random, SpoolCipher};
use gatepost_domain::api_keys::{ApiKeyId, ApiKeyValue, MinValueLength};
use gatepost_domain::{AccountId, Sealed};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that differ from call to call, and are the same in every run.
struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let next = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).to_be_bytes();
            chunk.copy_from_slice(&next[..chunk.len()]);
        }
    }
}

const VALUE: &str = "y9tXe4GwrU65cug8QyQKE8pRwIzUFznda7iO73Gn";
const OLD: &str = "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const NEW: &str = "2:Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";

fn random(seed: u64) -> Arc<Counting> {
    Arc::new(Counting(AtomicU64::new(seed)))
}

fn ring(text: &str) -> KeyRing {
    KeyRing::parse(text).unwrap()
}

fn custody(text: &str, secret: &Sealed) -> Arc<Custody> {
    Arc::new(Custody::open(ring(text), random(7), secret).unwrap())
}

fn value(text: &str) -> ApiKeyValue {
    ApiKeyValue::parse(text, MinValueLength::default()).unwrap()
}

fn id(text: &str) -> ApiKeyId {
    ApiKeyId::parse(text).unwrap()
}

fn account(text: &str) -> AccountId {
    AccountId::parse(text).unwrap()
}

#[test]
fn a_sealed_value_opens_for_its_own_account_and_key_only() {
    let custody = custody(OLD, &Custody::new_installation(&ring(OLD), &*random(1)));
    let ours = custody.account(account("000000000001"));
    let sealed = ours.seal(&id("k1"), &value(VALUE));
    assert_eq!(ours.open(&id("k1"), &sealed).ok().unwrap().reveal(), VALUE);
    assert_eq!(ours.open(&id("k2"), &sealed).err(), Some(CannotOpen::NotAuthentic));
    let theirs = custody.account(account("000000000002"));
    assert_eq!(theirs.open(&id("k1"), &sealed).err(), Some(CannotOpen::NotAuthentic));
}

#[test]
fn no_bit_of_a_sealed_value_can_change() {
    let custody = custody(OLD, &Custody::new_installation(&ring(OLD), &*random(1)));
    let ours = custody.account(account("000000000001"));
    let sealed = ours.seal(&id("k1"), &value(VALUE));
    for place in 0..sealed.0.len() * 8 {
        let mut altered = sealed.clone();
        altered.0[place / 8] ^= 1 << (place % 8);
        assert!(ours.open(&id("k1"), &altered).is_err(), "bit {place}");
    }
    assert!(ours.open(&id("k1"), &Sealed(sealed.0[..20].into())).is_err());
}

#[test]
fn sealing_twice_never_looks_the_same_and_never_shows_the_value() {
    let custody = custody(OLD, &Custody::new_installation(&ring(OLD), &*random(1)));
    let ours = custody.account(account("000000000001"));
    let (first, second) = (ours.seal(&id("k1"), &value(VALUE)), ours.seal(&id("k1"), &value(VALUE)));
    assert_ne!(first.0, second.0);
    assert!(!first.0.windows(8).any(|window| VALUE.as_bytes().windows(8).any(|part| part == window)));
    assert_eq!(format!("{first:?}"), format!("Sealed({} bytes)", first.0.len()));
}

#[test]
fn digests_tell_values_and_accounts_apart_and_survive_a_new_master_key() {
    let secret = Custody::new_installation(&ring(OLD), &*random(1));
    let (before, after) = (custody(OLD, &secret), custody(&format!("{OLD}\n{NEW}"), &secret));
    let digest = |custody: &Arc<Custody>, owner: &str, text: &str| {
        custody.account(account(owner)).digest(&value(text))
    };
    let ours = digest(&before, "000000000001", VALUE);
    assert_eq!(ours, digest(&after, "000000000001", VALUE));
    assert_ne!(ours, digest(&before, "000000000002", VALUE));
    assert_ne!(ours, digest(&before, "000000000001", &format!("{VALUE}x")));
    let elsewhere = custody(OLD, &Custody::new_installation(&ring(OLD), &*random(2)));
    assert_ne!(ours, digest(&elsewhere, "000000000001", VALUE));
}

#[test]
fn old_values_open_after_a_rotation_until_their_version_is_retired() {
    let secret = Custody::new_installation(&ring(OLD), &*random(1));
    let sealed = custody(OLD, &secret).account(account("000000000001")).seal(&id("k"), &value(VALUE));
    let rotated = custody(&format!("{OLD}\n{NEW}"), &secret);
    let ours = rotated.account(account("000000000001"));
    assert_eq!(ours.open(&id("k"), &sealed).ok().unwrap().reveal(), VALUE);
    assert_eq!(ours.seal(&id("k"), &value(VALUE)).0[1..5], [0, 0, 0, 2]);
    assert_eq!(Custody::open(ring(NEW), random(1), &secret).err(), Some(CannotOpen::UnknownVersion(1)));
}

#[test]
fn a_wrong_master_key_is_recognised_at_once() {
    let secret = Custody::new_installation(&ring(OLD), &*random(1));
    let wrong = ring(&NEW.replacen('2', "1", 1));
    assert_eq!(Custody::open(wrong, random(1), &secret).err(), Some(CannotOpen::NotAuthentic));
}

#[test]
fn a_position_opens_only_for_the_listing_it_was_made_for() {
    let secret = Custody::new_installation(&ring(OLD), &*random(1));
    let tokens = custody(OLD, &secret).token_key();
    let token = tokens.seal(b"listing", b"position");
    assert_eq!(
        **custody(OLD, &secret).token_key().open(b"listing", &token).as_deref().unwrap(),
        *b"position"
    );
    assert!(tokens.open(b"other listing", &token).is_err());
    assert!(tokens.open(b"listing", &token[..10]).is_err());
}

#[test]
fn spooled_chunks_cannot_be_read_swapped_or_opened_by_another_request() {
    let cipher = SpoolCipher::new(&*random(1));
    let (mut first, mut second, mut plain) = (Vec::new(), Vec::new(), Vec::new());
    cipher.seal(0, b"one", &mut first);
    cipher.seal(1, b"two", &mut second);
    assert_eq!(first.len(), SpoolCipher::sealed_len(3));
    cipher.open(1, &second, &mut plain).unwrap();
    assert_eq!(plain, b"two");
    assert!(cipher.open(1, &first, &mut plain).is_err());
    assert!(SpoolCipher::new(&*random(2)).open(0, &first, &mut plain).is_err());
}
