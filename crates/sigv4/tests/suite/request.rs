//! Requests as the tests of this crate have them.

use gatepost_sigv4::{Claim, Head, PayloadHash, Regions, Rules, SigV4Error, SignedPath, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue};

/// The secret of all that is signed in these tests, from AWS's documentation.
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// A request, and what it is held against.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) name: String,
    pub(crate) service: String,
    pub(crate) now: Timestamp,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) authority: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The requests of a file: each behind a line `=== name service time`, as on the wire. The body ends before the line
    /// break in front of the next.
    pub(crate) fn all(file: &str) -> impl Iterator<Item = Self> {
        file.strip_suffix('\n').unwrap_or(file).split("\n=== ").skip(1).map(Self::read)
    }

    fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\n\n").expect("a head and a body");
        let (about, head) = head.split_once('\n').expect("a first line");
        let (line, headers) = head.split_once('\n').expect("headers");
        let [name, service, now] = about.split(' ').collect::<Vec<_>>().try_into().expect("three words");
        let (method, target) =
            line.strip_suffix(" HTTP/1.1").and_then(|line| line.split_once(' ')).expect("a request line");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = Self {
            name: name.to_owned(),
            service: service.to_owned(),
            now: moment(now),
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            authority: None,
            headers: HeaderMap::new(),
            body: body.as_bytes().to_vec(),
        };
        // A folded line is part of the one before it (RFC 9112, section 5.2); no server passes it on as it is.
        for line in headers.replace("\n ", "  ").lines() {
            let (name, value) = line.split_once(':').expect("a header");
            let name: HeaderName = name.parse().expect("a header's name");
            request
                .headers
                .append(name, HeaderValue::from_bytes(value.trim().as_bytes()).expect("a header's value"));
        }
        request
    }
}

/// A moment in ISO 8601's basic format.
pub(crate) fn moment(text: &str) -> Timestamp {
    let read = chrono::NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ").expect("a moment");
    Timestamp::from_seconds(read.and_utc().timestamp())
}

/// The claim that a request makes.
pub(crate) fn claim(request: &Request, regions: Regions<'_>) -> Result<Option<Claim>, SigV4Error> {
    let head = Head {
        method: &request.method,
        path: SignedPath::of(&request.path),
        query: &request.query,
        authority: request.authority.as_deref(),
        headers: &request.headers,
    };
    Claim::parse(&head, &Rules { service: &request.service, regions, now: request.now })
}

/// What becomes of a request under [`SECRET`]: whether it claims an identity, or why it is refused.
pub(crate) fn verdict(request: &Request, regions: Regions<'_>) -> Result<bool, SigV4Error> {
    let Some(claim) = claim(request, regions)? else { return Ok(false) };
    let key = claim.signing_key(SECRET);
    let declared = claim.verify_head(&key)?;
    assert_eq!(declared, request.headers.contains_key("x-amz-content-sha256"));
    claim.verify(&key, &PayloadHash::of(&request.body))?;
    Ok(true)
}
