//! What a signature costs: `cargo bench -p gatepost-sigv4 --bench verify`.
//!
//! The request is botocore's GetApiKey. Each line is the median of 15 rounds of 100,000, in nanoseconds of the time that the
//! thread had a core; beside it the quickest and the slowest round.

#![expect(clippy::print_stdout, reason = "a benchmark tells what it measured")]

use gatepost_sigv4::{
    Claim, Head, PayloadHash, Regions, Rules, SignedPath, SigningKey, SigningKeys, Timestamp,
};
use http::{HeaderMap, HeaderValue};
use std::hint::black_box;
use std::time::Duration;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// 20261123T070000Z
const NOW: i64 = 1_795_417_200;
const ROUNDS: usize = 15;
const TIMES: u32 = 100_000;

const HEADERS: [(&str, &str); 7] = [
    (
        "user-agent",
        "Botocore/1.44.5 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/b,E,Z,N,e cfg/retry-mode#standard",
    ),
    ("accept", "application/json"),
    ("x-amz-date", "20261123T070000Z"),
    (
        "authorization",
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261123/us-east-1/apigateway/aws4_request, SignedHeaders=accept;host;x-amz-date, Signature=b04d74c9ddaffc7a4f968c45613574f282f0f1434e9ddd01dafd69a6d18f50a7",
    ),
    ("amz-sdk-invocation-id", "00000000-0000-0000-0000-000000000007"),
    ("amz-sdk-request", "attempt=1; max=3"),
    ("host", "127.0.0.1:8080"),
];

const PRESIGNED: &str = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261123%2Feu-west-1%2Fapigateway%2Faws4_request&X-Amz-Date=20261123T070000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-amz-meta&X-Amz-Signature=eb79076d116fa70d576eb00fa9666ad6880e76e37efa45b2898dde54b27da057";

fn headers(sent: &[(&'static str, &'static str)]) -> HeaderMap {
    sent.iter()
        .map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value)))
        .collect()
}

fn claim(path: &str, query: &str, headers: &HeaderMap) -> Claim {
    let head = Head { method: "GET", path: SignedPath::of(path), query, authority: None, headers };
    let rules = Rules { service: "apigateway", regions: Regions::Any, now: Timestamp::from_seconds(NOW) };
    Claim::parse(&head, &rules).expect("in order").expect("signed")
}

fn get(headers: &HeaderMap) -> Claim {
    claim("/apikeys/gt748qoyk2", "includeValue=true", headers)
}

fn whole(headers: &HeaderMap, keys: &SigningKeys, claim: impl Fn(&HeaderMap) -> Claim) {
    let claim = claim(headers);
    let key = keys.get(&claim, 1).unwrap_or_else(|| claim.signing_key(SECRET));
    let verified = claim.verify(&key, &PayloadHash::of(b"")).expect("the signature is right");
    keys.keep(&verified, 1);
}

fn tell(what: &str, mut once: impl FnMut()) {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begun = core_time();
            (0..TIMES).for_each(|_| once());
            (core_time() - begun).as_secs_f64() * 1e9 / f64::from(TIMES)
        })
        .collect();
    rounds.sort_unstable_by(f64::total_cmp);
    println!("{:>7.0} ns  {what} ({:.0} to {:.0})", rounds[ROUNDS / 2], rounds[0], rounds[ROUNDS - 1]);
}

/// How long this thread has had a core. The system brings it up to date every few milliseconds.
fn core_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells");
    let nanoseconds = stat.split(' ').next().and_then(|text| text.parse().ok());
    Duration::from_nanos(nanoseconds.expect("a number"))
}

fn main() {
    let (sent, presigned) =
        (headers(&HEADERS), headers(&[("host", "127.0.0.1:8080"), ("x-amz-meta", "1  2")]));
    let keys = SigningKeys::new(1024);
    tell("a signed GetApiKey, signing key cached", || whole(&sent, &keys, get));
    tell("the same presigned", || whole(&presigned, &keys, |headers| claim("/apikeys", PRESIGNED, headers)));
    tell("a signed GetApiKey, signing key derived", || whole(&sent, &SigningKeys::new(1), get));

    println!("of which:");
    let claim = get(&sent);
    let key: SigningKey = claim.signing_key(SECRET);
    tell("the head read and made canonical", || drop(black_box(get(&sent))));
    tell("a signing key found", || drop(black_box(keys.get(&claim, 1))));
    tell("the hash of no body", || {
        black_box(PayloadHash::of(black_box(b"")));
    });
    let nothing = PayloadHash::of(b"");
    tell("the signature calculated and compared", || {
        black_box(claim.verify(&key, &nothing).is_ok());
    });
    tell("a signing key derived", || drop(black_box(claim.signing_key(SECRET))));
}
