//! The cache of derived keys.

use crate::request::{SECRET, claim};
use crate::signer::Unsigned;
use gatepost_sigv4::{Claim, PayloadHash, Regions, SigningKeys};
use std::thread;

/// A rightly signed claim, for the region of a number.
fn claim_for(region: usize) -> Claim {
    let unsigned = Unsigned {
        method: "GET".to_owned(),
        path: "/account".to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: Vec::new(),
        presigned: None,
        declares_payload: false,
        token: None,
        region: format!("region-{region}"),
        signed_at: 1_795_417_200,
    };
    claim(&unsigned.sign(), Regions::Any).expect("in order").expect("signed")
}

/// Verifies a claim with a key out of the cache or derived anew; says which.
fn was_cached(keys: &SigningKeys, claim: &Claim, generation: u64) -> bool {
    let cached = keys.get(claim, generation);
    let found = cached.is_some();
    let key = cached.unwrap_or_else(|| claim.signing_key(SECRET));
    let verified = claim.verify(&key, &PayloadHash::of(b"")).expect("the signature is right");
    keys.keep(&verified, generation);
    found
}

#[test]
fn a_key_that_verified_is_found_again_for_its_scope() {
    let (keys, one, other) = (SigningKeys::new(16), claim_for(1), claim_for(2));
    assert!(!was_cached(&keys, &one, 1));
    assert!(was_cached(&keys, &one, 1) && was_cached(&keys, &claim_for(1), 1));
    assert!(keys.get(&other, 1).is_none());
}

#[test]
fn a_key_of_another_generation_is_not_found() {
    let (keys, claim) = (SigningKeys::new(16), claim_for(1));
    assert!(!was_cached(&keys, &claim, 1));
    assert!(keys.get(&claim, 2).is_none());
    // What verifies under the new secret takes the place of the old.
    assert!(!was_cached(&keys, &claim, 2));
    assert!(keys.get(&claim, 1).is_none() && keys.get(&claim, 2).is_some());
}

#[test]
fn it_holds_as_many_as_it_may() {
    let keys = SigningKeys::new(64);
    let claims: Vec<Claim> = (0..640).map(claim_for).collect();
    for claim in &claims {
        was_cached(&keys, claim, 1);
    }
    let held = claims.iter().filter(|claim| keys.get(claim, 1).is_some()).count();
    // Ten times as many as there is room for leave no part with room.
    assert_eq!(held, 64);
}

#[test]
fn what_is_used_stays() {
    let (keys, used) = (SigningKeys::new(64), claim_for(0));
    was_cached(&keys, &used, 1);
    for region in 1..640 {
        was_cached(&keys, &claim_for(region), 1);
        assert!(was_cached(&keys, &used, 1), "after {region}");
    }
}

#[test]
fn threads_share_it() {
    let (keys, claims) = (SigningKeys::new(1024), (0..32).map(claim_for).collect::<Vec<_>>());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for claim in claims.iter().cycle().take(1_000) {
                    was_cached(&keys, claim, 1);
                }
            });
        }
    });
    assert!(claims.iter().all(|claim| keys.get(claim, 1).is_some()));
}
