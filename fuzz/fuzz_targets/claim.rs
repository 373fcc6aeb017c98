//! A head of any bytes is judged without a panic, and nobody gets through without the secret.
//!
//! The input is method and target on a line, then headers, a line each, names and values parted by the first colon. What
//! the http crate does not take as a header is left out, as hyper would refuse it.
#![no_main]

use gatepost_sigv4::{Claim, Head, MOST_SKEW, Mechanism, PayloadHash, Regions, Rules, SignedPath, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;

/// 20261123T070000Z, the time of the corpus.
const NOW: i64 = 1_795_417_200;

fuzz_target!(|input: &[u8]| {
    let mut lines = input.split(|byte| *byte == b'\n');
    let Ok(line) = str::from_utf8(lines.next().unwrap_or_default()) else { return };
    let (method, target) = line.split_once(' ').unwrap_or(("GET", line));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = HeaderMap::new();
    for line in lines.take(100) {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or_default();
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    let head = Head { method, path: SignedPath::of(path), query, authority: None, headers: &headers };
    let now = Timestamp::from_seconds(NOW);
    match Claim::parse(&head, &Rules { service: "apigateway", regions: Regions::Any, now }) {
        Ok(None) => assert!(!headers.contains_key("authorization")),
        Ok(Some(claim)) => {
            assert_eq!(claim.credential().service(), "apigateway");
            assert!(headers.contains_key("host"));
            let age = NOW - claim.signed_at().seconds();
            assert!(age >= -i64::from(MOST_SKEW));
            assert!(age <= i64::from(MOST_SKEW) || claim.mechanism() == Mechanism::Presigned);
            let key = claim.signing_key("not the secret that signed the corpus");
            assert_eq!(claim.verify_head(&key).is_err(), claim.declared_payload().is_some());
            assert!(claim.verify(&key, &PayloadHash::of(b"")).is_err());
        }
        Err(refusal) => {
            assert!(!refusal.to_string().is_empty() && refusal.code().name().ends_with("Exception"));
            assert!(format!("{refusal:?}").len() < 4096);
        }
    }
});
