//! Any request that AWS's own Rust signer signs is verified, and none that was changed afterwards.

use crate::request::{Request, verdict};
use crate::signer::Unsigned;
use gatepost_sigv4::{Regions, SignedPath};
use http::{HeaderName, HeaderValue};
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Something of a signed request that is changed.
#[derive(Clone, Debug)]
enum Change {
    Method(String),
    Path(String),
    AddParameter(Index, String),
    RemoveParameter(Index),
    LengthenParameter(Index),
    LengthenHeader(Index),
    RepeatHeader(Index),
    RemoveHeader(Index),
    AddAmzHeader,
    LengthenBody,
    FlipBody(Index, u8),
    FlipSignature(Index),
}

fn unsigned() -> impl Strategy<Value = Unsigned> {
    let how = (
        prop::option::of(1_u64..=604_800),
        any::<bool>(),
        prop::option::of("[A-Za-z0-9/+=]{1,20}"),
        "[a-z]{2}-[a-z]{4,9}-[1-9]",
        0_u64..4_000_000_000,
    );
    let body = prop::collection::vec(any::<u8>(), 0..48);
    (method(), path(), prop::collection::vec(parameter(), 0..6), headers(), body, how).prop_map(
        |(method, path, query, headers, body, how)| {
            let (presigned, declares_payload, token, region, signed_at) = how;
            Unsigned {
                method,
                path,
                query,
                headers,
                body,
                presigned,
                declares_payload,
                token,
                region,
                signed_at,
            }
        },
    )
}

fn method() -> impl Strategy<Value = String> {
    prop_oneof![select(vec!["GET", "POST", "PATCH", "PUT", "DELETE"]).prop_map(str::to_owned), "[A-Z]{1,9}"]
}

fn path() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        4 => "([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2}){0,10}",
        1 => select(vec!["", ".", "..", "...", "%2e%2E", "arn%3Aaws%3Aapigateway%3A%3A%2Fapikeys%2Fx"])
            .prop_map(str::to_owned),
    ];
    prop::collection::vec(segment, 1..6).prop_map(|segments| format!("/{}", segments.join("/")))
}

/// A part of a query. Escapes are of UTF-8: the signer cannot say anything else.
fn parameter() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "([A-Za-z0-9._~+!$'()*,;:@/?-]|%[2-7][0-9A-Fa-f]|%C3%A9|%e1%88%B4|%00){0,8}\
              (=([A-Za-z0-9._~+!$'()*,;:@/?=-]|%[2-7][0-9A-Fa-f]|%C3%A9|%e1%88%B4){0,8})?",
        1 => select(vec!["", "=", "a", "a=", "a=1", "a=%31", "A=1", "tagKeys=b", "tagKeys=a"]).prop_map(str::to_owned),
    ]
}

fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    // Only blanks: the signer leaves tabs as they are, botocore does not.
    let value = "[ -~]{0,16}";
    let name = prop_oneof![
        "x-amz-m[a-z]{0,4}",
        "[a-c][a-z0-9!#$%&'*+.^_`|~-]{0,6}",
        select(vec!["accept", "content-type", "content-length", "x-api-key"]).prop_map(str::to_owned),
    ];
    prop::collection::vec((name, value), 0..6)
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        method().prop_map(Change::Method),
        path().prop_map(Change::Path),
        (any::<Index>(), parameter()).prop_map(|(at, parameter)| Change::AddParameter(at, parameter)),
        any::<Index>().prop_map(Change::RemoveParameter),
        any::<Index>().prop_map(Change::LengthenParameter),
        any::<Index>().prop_map(Change::LengthenHeader),
        any::<Index>().prop_map(Change::RepeatHeader),
        any::<Index>().prop_map(Change::RemoveHeader),
        Just(Change::AddAmzHeader),
        Just(Change::LengthenBody),
        (any::<Index>(), 1_u8..).prop_map(|(at, bits)| Change::FlipBody(at, bits)),
        any::<Index>().prop_map(Change::FlipSignature),
    ]
}

impl Change {
    /// Makes the change; says whether it was one that the signature covers.
    fn make(self, request: &mut Request) -> bool {
        let mut parameters: Vec<String> =
            request.query.split('&').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        // Who signed covers all headers that these requests have.
        let names: Vec<HeaderName> = request.headers.keys().cloned().collect();
        match self {
            Self::Method(method) => {
                let changed = method != request.method;
                request.method = method;
                return changed;
            }
            Self::Path(path) => {
                let changed = SignedPath::of(&path) != SignedPath::of(&request.path);
                request.path = path;
                return changed;
            }
            Self::AddParameter(at, parameter) => {
                if parameter.is_empty() {
                    return false;
                }
                parameters.insert(at.index(parameters.len() + 1), parameter);
                request.query = parameters.join("&");
            }
            Self::RemoveParameter(at) => {
                if parameters.is_empty() {
                    return false;
                }
                parameters.remove(at.index(parameters.len()));
                request.query = parameters.join("&");
            }
            Self::LengthenParameter(at) => {
                if parameters.is_empty() {
                    return false;
                }
                let at = at.index(parameters.len());
                parameters[at].push('x');
                request.query = parameters.join("&");
            }
            Self::LengthenHeader(at) => {
                let value = request.headers.get_mut(at.get(&names)).expect("it is there");
                let longer = [value.as_bytes(), b"x"].concat();
                *value = HeaderValue::from_bytes(&longer).expect("a value");
            }
            Self::RepeatHeader(at) => {
                request.headers.append(at.get(&names), HeaderValue::from_static("x"));
            }
            Self::RemoveHeader(at) => {
                // Without this one there is no claim.
                if at.get(&names) == "authorization" {
                    return false;
                }
                request.headers.remove(at.get(&names));
            }
            Self::AddAmzHeader => {
                request.headers.append("x-amz-added", HeaderValue::from_static(""));
            }
            Self::LengthenBody => request.body.push(0),
            Self::FlipBody(at, bits) => {
                if request.body.is_empty() {
                    return false;
                }
                let at = at.index(request.body.len());
                request.body[at] ^= bits;
            }
            Self::FlipSignature(at) => {
                let flip = |text: &str| {
                    let start = text.find("Signature=").expect("signed") + "Signature=".len() + at.index(64);
                    let other = if text[start..].starts_with('0') { "1" } else { "0" };
                    format!("{}{other}{}", &text[..start], &text[start + 1..])
                };
                match request.headers.get_mut("authorization") {
                    Some(value) => {
                        let text = flip(value.to_str().expect("text"));
                        *value = HeaderValue::from_str(&text).expect("a value");
                    }
                    None => request.query = flip(&request.query),
                }
            }
        }
        true
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_aws_signs_is_verified(unsigned in unsigned()) {
        let request = unsigned.sign();
        prop_assert_eq!(verdict(&request, Regions::Any), Ok(true), "{:?}", request);
    }

    #[test]
    fn what_is_changed_afterwards_is_refused(unsigned in unsigned(), change in change()) {
        let mut request = unsigned.sign();
        prop_assume!(change.make(&mut request));
        prop_assert!(verdict(&request, Regions::Any).is_err(), "{:?}", request);
    }

    #[test]
    fn what_does_not_change_the_meaning_does_not_matter(unsigned in unsigned()) {
        let mut request = unsigned.sign();
        request.path = format!("/./{}", request.path);
        request.query = request.query.rsplit('&').collect::<Vec<_>>().join("&&").replace("%2F", "/");
        for value in request.headers.values_mut() {
            let spread = value.to_str().expect("text").replace(' ', "  ");
            *value = HeaderValue::from_str(&format!(" {spread} ")).expect("a value");
        }
        request.headers.insert("unsigned", HeaderValue::from_static("x"));
        prop_assert_eq!(verdict(&request, Regions::Any), Ok(true), "{:?}", request);
    }
}
