//! Everything that is refused, with code and message. Each case is a request that botocore signed and one thing about it.

use crate::request::{Request, moment, verdict};
use crate::vectors::BOTOCORE;
use gatepost_sigv4::{Regions, Timestamp};
use http::HeaderValue;

const INCOMPLETE: &str = "IncompleteSignatureException";
const INVALID: &str = "InvalidSignatureException";
const BAD_REQUEST: &str = "BadRequestException";
const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS \
    Secret Access Key and signing method. Consult the service documentation for details.";

fn signed(name: &str) -> Request {
    Request::all(BOTOCORE).find(|request| request.name == name).expect("a request of that name")
}

/// Code and message of the refusal of a request.
fn refusal(request: &Request) -> (&'static str, String) {
    let refusal = verdict(request, Regions::Any).expect_err("it is refused");
    (refusal.code().name(), refusal.to_string())
}

/// The refusal of GetApiKey with another text in its `Authorization`.
fn with_authorization(from: &str, to: &str) -> (&'static str, String) {
    let mut request = signed("get");
    let value = request.headers["authorization"].to_str().expect("text");
    assert!(value.contains(from));
    request.headers.insert("authorization", value.replace(from, to).parse().expect("a value"));
    refusal(&request)
}

/// The refusal of GetApiKey with a header more, or another value of one.
fn with_header(name: &'static str, value: &'static str) -> (&'static str, String) {
    let mut request = signed("get");
    request.headers.insert(name, HeaderValue::from_static(value));
    refusal(&request)
}

/// The refusal of a presigned URL with another text in its query.
fn with_query(from: &str, to: &str) -> (&'static str, String) {
    let mut request = signed("presigned-get");
    assert!(request.query.contains(from));
    request.query = request.query.replace(from, to);
    refusal(&request)
}

fn at(request: &mut Request, seconds: i64) -> &Request {
    request.now = Timestamp::from_seconds(request.now.seconds() + seconds);
    request
}

fn is(code: &'static str, message: impl Into<String>) -> (&'static str, String) {
    (code, message.into())
}

#[test]
fn a_request_without_either_mechanism_claims_nothing() {
    let mut request = signed("get");
    request.headers.remove("authorization");
    assert_eq!(verdict(&request, Regions::Any), Ok(false));
    request.query = "%zz&x-amz-signature=1".to_owned();
    assert_eq!(verdict(&request, Regions::Any), Ok(false));
}

#[test]
fn two_mechanisms_at_once_are_refused() {
    let message = "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.";
    for query in ["X-Amz-Algorithm=AWS4-HMAC-SHA256", "a=b&X-Amz-Signature", "%58-Amz-Date=1"] {
        let mut request = signed("get");
        request.query = query.to_owned();
        assert_eq!(refusal(&request), is(INVALID, message), "{query}");
    }
    let mut request = signed("presigned-get");
    request.headers.insert("authorization", HeaderValue::from_static(""));
    assert_eq!(refusal(&request), is(INVALID, message));
}

#[test]
fn another_scheme_is_refused() {
    let message =
        "'eyJ' not a valid key=value pair (missing equal-sign) in Authorization header: 'Bearer eyJ'.";
    assert_eq!(with_header("authorization", "Bearer eyJ"), is(INCOMPLETE, message));
}

#[test]
fn what_is_missing_is_named() {
    assert_eq!(
        with_header("authorization", "AWS4-HMAC-SHA256"),
        is(
            INCOMPLETE,
            "Authorization header requires 'Credential' parameter. \
             Authorization header requires 'Signature' parameter. \
             Authorization header requires 'SignedHeaders' parameter. Authorization=AWS4-HMAC-SHA256"
        )
    );
    let mut undated = signed("get");
    undated.headers.remove("x-amz-date");
    let header = undated.headers["authorization"].to_str().unwrap();
    let message = format!(
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization={header}"
    );
    assert_eq!(refusal(&undated), is(INCOMPLETE, message));
    assert_eq!(
        with_query("X-Amz-Signature=", "X-Amz-Signature=&x="),
        is(
            INCOMPLETE,
            "AWS query-string parameters must include 'X-Amz-Signature'. Re-examine the query-string parameters."
        )
    );
}

#[test]
fn what_is_given_twice_is_refused() {
    let twice = |what: &str| is(INCOMPLETE, format!("'{what}' must not be given more than once."));
    assert_eq!(with_authorization("SignedHeaders", "Signature=00, SignedHeaders"), twice("Signature"));
    assert_eq!(with_query("X-Amz-Date", "X-Amz-Expires=1&X-Amz-Date"), twice("X-Amz-Expires"));
    for name in ["authorization", "x-amz-date", "host", "x-amz-security-token", "x-amz-content-sha256"] {
        let mut request = signed("get");
        request.headers.append(name, HeaderValue::from_static("1"));
        request.headers.append(name, HeaderValue::from_static("1"));
        let (code, message) = refusal(&request);
        // Those that botocore did not sign are refused for that.
        let unsigned = format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.");
        let repeated = format!("The header '{name}' must not be given more than once.");
        assert!(
            (code, &message) == (INVALID, &unsigned) || (code, &message) == (INCOMPLETE, &repeated),
            "{message}"
        );
    }
    let mut request = signed("session-token");
    request.headers.append("x-amz-security-token", HeaderValue::from_static("1"));
    let message = "The header 'x-amz-security-token' must not be given more than once.";
    assert_eq!(refusal(&request), is(INCOMPLETE, message));
    let mut request = signed("date-header");
    request.headers.append("date", HeaderValue::from_static("1"));
    assert_eq!(refusal(&request), is(INCOMPLETE, "The header 'date' must not be given more than once."));
}

#[test]
fn a_date_must_be_one() {
    let message = |got: &str| {
        format!(
            "Date must be in ISO-8601 'basic format'. Got '{got}'. See http://en.wikipedia.org/wiki/ISO_8601"
        )
    };
    assert_eq!(with_header("x-amz-date", "201"), is(INCOMPLETE, message("201")));
    assert_eq!(with_query("X-Amz-Date=2", "X-Amz-Date=x2"), is(INCOMPLETE, message("x20261123T070000Z")));
    // Only the header `Date` may be an HTTP date.
    let http = "Mon, 23 Nov 2026 07:00:00 GMT";
    assert_eq!(with_header("x-amz-date", http), is(INCOMPLETE, message(http)));
}

#[test]
fn clocks_may_differ_by_five_minutes_either_way() {
    for seconds in [-300, -1, 1, 300] {
        assert_eq!(verdict(at(&mut signed("get"), seconds), Regions::Any), Ok(true), "{seconds}");
    }
    let expired = "Signature expired: 20261123T070000Z is now earlier than 20261123T070001Z (20261123T070501Z - 5 min.)";
    assert_eq!(refusal(at(&mut signed("get"), 301)), is(INVALID, expired));
    let early = "Signature not yet current: 20261123T070000Z is still later than 20261123T065959Z (20261123T065459Z + 5 min.)";
    assert_eq!(refusal(at(&mut signed("get"), -301)), is(INVALID, early));
}

#[test]
fn a_presigned_url_is_good_until_it_expires() {
    // An hour, seven days, a second.
    for (name, good) in [("presigned-get", 3600), ("presigned-list", 604_800), ("presigned-tags", 1)] {
        for seconds in [-300, 0, good] {
            assert_eq!(verdict(at(&mut signed(name), seconds), Regions::Any), Ok(true), "{name} {seconds}");
        }
        for seconds in [-301, good + 1] {
            assert_eq!(refusal(at(&mut signed(name), seconds)).0, INVALID, "{name} {seconds}");
        }
    }
    let expired = "Signature expired: 20261123T070000Z is now earlier than 20261123T070001Z (20261123T080001Z - 60 min.)";
    assert_eq!(refusal(at(&mut signed("presigned-get"), 3601)), is(INVALID, expired));
    let expired = "Signature expired: 20261123T070000Z is now earlier than 20261123T070001Z (20261123T070002Z - 1 sec.)";
    assert_eq!(refusal(at(&mut signed("presigned-tags"), 2)), is(INVALID, expired));
}

#[test]
fn a_presigned_url_is_good_for_seven_days_at_most() {
    let week = "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds";
    assert_eq!(with_query("Expires=3600", "Expires=604801"), is(INCOMPLETE, week));
    assert_eq!(with_query("Expires=3600", "Expires=-1"), is(INCOMPLETE, "X-Amz-Expires should be a number"));
    // Longer than was signed, but not too long.
    assert_eq!(with_query("Expires=3600", "Expires=604800"), is(INVALID, MISMATCH));
    assert_eq!(with_query("&X-Amz-Expires=3600", ""), is(INVALID, MISMATCH));
}

#[test]
fn host_and_every_amz_header_must_be_signed() {
    let host = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";
    assert_eq!(with_authorization("accept;host", "accept"), is(INVALID, host));
    let date = "'x-amz-date' must be a 'SignedHeader' in the AWS Authorization.";
    assert_eq!(with_authorization(";x-amz-date", ""), is(INVALID, date));
    let other = "'x-amz-meta' must be a 'SignedHeader' in the AWS Authorization.";
    assert_eq!(with_header("x-amz-meta", ""), is(INVALID, other));
    let mut presigned = signed("presigned-get");
    presigned.headers.insert("x-amz-meta", HeaderValue::from_static("1"));
    assert_eq!(refusal(&presigned), is(INVALID, other));
    // What AWS's front end adds is not.
    let mut traced = signed("get");
    traced.headers.insert("x-amzn-trace-id", HeaderValue::from_static("Root=1"));
    assert_eq!(verdict(&traced, Regions::Any), Ok(true));
}

#[test]
fn the_list_of_signed_headers_has_one_spelling() {
    let message = "'SignedHeaders' must be lower-case header names in ascending order, separated by ';'.";
    for list in ["host;accept;x-amz-date", "Accept;host;x-amz-date", "accept;accept;host;x-amz-date"] {
        assert_eq!(with_authorization("accept;host;x-amz-date", list), is(INCOMPLETE, message), "{list}");
    }
    // A header that is not there; many that are not there.
    assert_eq!(with_authorization("accept;", "accept;accept-encoding;"), is(INVALID, MISMATCH));
    let many = (1000..9000).map(|n| format!("a{n};")).collect::<String>();
    assert_eq!(with_authorization("accept;", &many), is(INVALID, MISMATCH));
}

#[test]
fn there_is_one_algorithm() {
    let message = |given: &str| {
        is(INCOMPLETE, format!("Unsupported AWS 'algorithm': '{given}' (only AWS4-HMAC-SHA256 for now). "))
    };
    for other in ["AWS4-HMAC-SHA25", "AWS4-ECDSA-P256-SHA256", "aws4-hmac-sha256"] {
        assert_eq!(with_authorization("AWS4-HMAC-SHA256", other), message(other));
        assert_eq!(with_query("AWS4-HMAC-SHA256", other), message(other));
    }
}

#[test]
fn a_scope_must_be_whole_and_ours() {
    let five = "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKIAIOSFODNN7EXAMPLE/20261123/us-east-1/apigateway'";
    assert_eq!(with_authorization("/aws4_request", ""), is(INCOMPLETE, five));
    let service = "Credential should be scoped to correct service: 'apigateway'.";
    assert_eq!(with_authorization("/apigateway/", "/execute-api/"), is(INVALID, service));
    assert_eq!(with_query("%2Fapigateway%2F", "%2Flambda%2F"), is(INVALID, service));
    let terminator =
        "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'.";
    assert_eq!(with_authorization("/aws4_request", "/aws5_request"), is(INVALID, terminator));
    let day = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20261122' != '20261123', from '20261123T070000Z'.";
    assert_eq!(with_authorization("/20261123/", "/20261122/"), is(INVALID, day));
    assert_eq!(with_query("%2F20261123%2F", "%2F20261122%2F"), is(INVALID, day));
    // Any region will do, but not another one than was signed.
    assert_eq!(with_authorization("/us-east-1/", "/us-east-2/"), is(INVALID, MISMATCH));
}

#[test]
fn a_payload_must_be_hashed() {
    let message = "'x-amz-content-sha256' must be the SHA-256 of the request body in lower-case hexadecimal.";
    for declared in ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "", "44136FA3"] {
        let mut request = signed("declared-payload");
        request.headers.insert("x-amz-content-sha256", HeaderValue::from_static(declared));
        assert_eq!(refusal(&request), is(INVALID, message), "{declared}");
    }
    let mut request = signed("declared-payload");
    request.body = b"[]".to_vec();
    assert_eq!(refusal(&request), is(INVALID, MISMATCH));
    assert_eq!(with_header("x-amz-content-sha256", "UNSIGNED-PAYLOAD").0, INVALID);
}

#[test]
fn a_signature_must_be_that_of_the_request() {
    assert_eq!(with_authorization("Signature=b04d", "Signature=b04e"), is(INVALID, MISMATCH));
    assert_eq!(with_authorization("Signature=b04d", "Signature=B04D"), is(INVALID, MISMATCH));
    assert_eq!(with_authorization("Signature=b04d", "Signature=b0"), is(INVALID, MISMATCH));
    assert_eq!(with_query("X-Amz-Signature=", "X-Amz-Signature=é"), is(INVALID, MISMATCH));
    assert_eq!(with_header("accept", "*/*"), is(INVALID, MISMATCH));
    let mut request = signed("get");
    request.path = "/apikeys/gt748qoyk3".to_owned();
    assert_eq!(refusal(&request), is(INVALID, MISMATCH));
    request = signed("create");
    request.method = "PUT".to_owned();
    assert_eq!(refusal(&request), is(INVALID, MISMATCH));
}

#[test]
fn what_cannot_be_signed_is_a_bad_request() {
    let escape = "Invalid request input: bad percent-encoding in the query";
    let mut request = signed("get");
    request.query.push_str("&x=%zz");
    assert_eq!(refusal(&request), is(BAD_REQUEST, escape));
    assert_eq!(with_query("X-Amz-Date=", "X-Amz-Date=%x"), is(BAD_REQUEST, escape));
    let mut request = signed("get");
    request.authority = Some("localhost:8080".to_owned());
    let hosts = "The Host header and the request target must name the same host.";
    assert_eq!(refusal(&request), is(BAD_REQUEST, hosts));
}

#[test]
fn a_url_that_names_no_expiry_is_good_as_long_as_a_header() {
    // Signed by AWS's other SDKs so; botocore always names one. The signature is that of this very query.
    let mut request = signed("presigned-without-expiry");
    assert_eq!(verdict(at(&mut request, 300), Regions::Any), Ok(true));
    assert_eq!(refusal(at(&mut request, 1)).0, INVALID);
    assert_eq!(moment("20261123T070501Z"), request.now);
}
