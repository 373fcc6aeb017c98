//! Requests that others signed: AWS's published test suite, and botocore.

use crate::request::{Request, verdict};
use gatepost_sigv4::{Regions, SigV4Error};

const AWS: &str = include_str!("vectors/aws.txt");
pub(crate) const BOTOCORE: &str = include_str!("vectors/botocore.txt");

/// Signed over the path as sent, as S3 has it. This service signs the path without empty and dot segments, and the same
/// requests signed so are in the suite as `…-normalized`.
const NOT_NORMALIZED: [&str; 6] = [
    "get-relative-relative-unnormalized",
    "get-relative-unnormalized",
    "get-slash-dot-slash-unnormalized",
    "get-slash-pointless-dot-unnormalized",
    "get-slash-unnormalized",
    "get-slashes-unnormalized",
];

/// The session token is added after signing, as a few services have it.
const TOKEN_NOT_SIGNED: &str = "post-sts-header-after";

#[test]
fn what_aws_publishes_is_verified() {
    let mut verified = 0;
    for request in Request::all(AWS) {
        let (name, how) = request.name.split_once('/').unwrap();
        let answer = verdict(&request, Regions::Any);
        if NOT_NORMALIZED.contains(&name) {
            assert_eq!(answer, Err(SigV4Error::WrongSignature), "{}", request.name);
        } else if name == TOKEN_NOT_SIGNED {
            let refusal = match how {
                "header" => SigV4Error::UnsignedHeader("x-amz-security-token".into()),
                _ => SigV4Error::WrongSignature,
            };
            assert_eq!(answer, Err(refusal), "{}", request.name);
        } else {
            assert_eq!(answer, Ok(true), "{}", request.name);
            verified += 1;
        }
    }
    assert_eq!(verified, 63);
}

#[test]
fn what_botocore_signs_is_verified() {
    let mut verified = 0;
    for request in Request::all(BOTOCORE) {
        assert_eq!(verdict(&request, Regions::Any), Ok(true), "{}", request.name);
        verified += 1;
    }
    assert_eq!(verified, 36);
}

#[test]
fn where_one_region_is_configured_the_others_are_refused() {
    let (mut here, mut elsewhere) = (0, 0);
    for request in Request::all(BOTOCORE) {
        match verdict(&request, Regions::Only("eu-west-1")) {
            Ok(true) => here += 1,
            Err(SigV4Error::WrongScope(faults)) => {
                let expected = "Credential should be scoped to a valid region, not 'us-east-1'.";
                assert_eq!(faults[0].to_string(), expected);
                elsewhere += 1;
            }
            other => panic!("{}: {other:?}", request.name),
        }
    }
    assert_eq!((here, elsewhere), (15, 21));
}

#[test]
fn over_http2_the_authority_stands_for_the_host() {
    for mut request in Request::all(BOTOCORE) {
        let host = request.headers.remove("host").unwrap();
        assert!(verdict(&request, Regions::Any).is_err(), "{}", request.name);
        request.authority = Some(host.to_str().unwrap().to_owned());
        assert_eq!(verdict(&request, Regions::Any), Ok(true), "{}", request.name);
        request.authority = Some("127.0.0.1:8081".to_owned());
        assert_eq!(verdict(&request, Regions::Any), Err(SigV4Error::WrongSignature), "{}", request.name);
        request.headers.insert("host", host.clone());
        assert_eq!(verdict(&request, Regions::Any), Err(SigV4Error::TwoHosts), "{}", request.name);
        // Both sent, and one host.
        request.authority = Some(host.to_str().unwrap().to_owned());
        assert_eq!(verdict(&request, Regions::Any), Ok(true), "{}", request.name);
    }
}
