//! What a claim tells, and the two stages of its verification.

use crate::request::{Request, SECRET, claim};
use crate::vectors::BOTOCORE;
use gatepost_sigv4::{Claim, Mechanism, PayloadHash, Regions, SigV4Error};

fn claim_of(name: &str) -> Claim {
    let request = Request::all(BOTOCORE).find(|request| request.name == name).expect("of that name");
    claim(&request, Regions::Any).expect("in order").expect("signed")
}

#[test]
fn a_claim_tells_who_when_and_how() {
    let claim = claim_of("get");
    assert_eq!((claim.mechanism(), claim.access_key_id()), (Mechanism::Header, "AKIAIOSFODNN7EXAMPLE"));
    assert_eq!(claim.credential().scope(), "20261123/us-east-1/apigateway/aws4_request");
    assert_eq!(claim.signed_at().to_string(), "20261123T070000Z");
    assert!(!claim.has_security_token() && claim.declared_payload().is_none());
    assert_eq!(claim_of("presigned-get").mechanism(), Mechanism::Presigned);
    assert!(
        claim_of("session-token").has_security_token() && claim_of("presigned-token").has_security_token()
    );
    assert_eq!(claim_of("declared-payload").declared_payload(), Some(PayloadHash::of(b"{}")));
}

#[test]
fn a_claim_shows_neither_signature_nor_headers() {
    let shown = format!("{:?}", claim_of("session-token"));
    assert!(shown.contains("AKIAIOSFODNN7EXAMPLE"), "{shown}");
    assert!(!shown.contains("AQoDYXdzEPT") && !shown.contains("signature"), "{shown}");
}

#[test]
fn a_declared_payload_lets_the_head_be_verified_first() {
    let claim = claim_of("declared-payload");
    assert_eq!(claim.verify_head(&claim.signing_key(SECRET)), Ok(true));
    assert_eq!(claim.verify_head(&claim.signing_key("another")), Err(SigV4Error::WrongSignature));
    assert_eq!(claim.check_body(&PayloadHash::of(b"{}")), Ok(()));
    assert_eq!(claim.check_body(&PayloadHash::of(b"")), Err(SigV4Error::WrongBody));
    let other = claim.verify(&claim.signing_key(SECRET), &PayloadHash::of(b"")).err();
    assert_eq!(other, Some(SigV4Error::WrongBody));
}

#[test]
fn without_one_the_verdict_waits_for_the_body() {
    let claim = claim_of("create-nothing");
    let (key, body) = (claim.signing_key(SECRET), PayloadHash::of(b"{}"));
    assert_eq!(claim.verify_head(&claim.signing_key("another")), Ok(false));
    assert_eq!(claim.check_body(&PayloadHash::of(b"")), Ok(()));
    assert!(claim.verify(&key, &body).is_ok());
    assert_eq!(claim.verify(&key, &PayloadHash::of(b"")).err(), Some(SigV4Error::WrongSignature));
    assert_eq!(claim.verify(&claim.signing_key("another"), &body).err(), Some(SigV4Error::WrongSignature));
}
