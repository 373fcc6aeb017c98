//! From a head to a claim, and from a claim to a verdict.
//!
//! What is wrong is reported in AWS's order: two mechanisms, what is missing, the date and its distance, `host` and what
//! else must be signed, the algorithm, the credential, its scope. The last, the signature, needs the secret.

use crate::ALGORITHM;
use crate::authorization::Authorization;
use crate::canonical;
use crate::credential::Credential;
use crate::error::{Echo, SigV4Error};
use crate::head::Head;
use crate::payload::PayloadHash;
use crate::presigned::Presigned;
use crate::signature::Signature;
use crate::signed_headers::SignedHeaders;
use crate::signing_key::SigningKey;
use crate::string_to_sign::string_to_sign;
use crate::timestamp::{MOST_SKEW, Timestamp};
use http::HeaderName;
use http::header::{AUTHORIZATION, DATE};
use std::fmt;

static AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
static AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
static AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
const AMZ: &str = "x-amz-";

/// What a claim is measured against.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The service of the scope: `apigateway`.
    pub service: &'a str,
    /// The regions of the scope.
    pub regions: Regions<'a>,
    /// The present.
    pub now: Timestamp,
}

/// Which regions a scope may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Regions<'a> {
    /// Whichever the client is configured for.
    Any,
    /// One.
    Only(&'a str),
}

/// Where the signature was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// In the header `Authorization`.
    Header,
    /// In the query.
    Presigned,
}

/// A request that says who sent it and is in order, but for the signature.
pub struct Claim {
    mechanism: Mechanism,
    credential: Credential,
    signed_at: Timestamp,
    /// `None` where it does not even look like one.
    signature: Option<Signature>,
    declared_payload: Option<PayloadHash>,
    has_security_token: bool,
    canonical: Vec<u8>,
}

/// A claim that turned out true, and the key that proved it.
pub struct Verified<'c> {
    pub(crate) claim: &'c Claim,
    pub(crate) key: &'c SigningKey,
}

/// What the two mechanisms have in common.
struct Parts<'a> {
    mechanism: Mechanism,
    algorithm: &'a str,
    credential: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
    signed_at: Timestamp,
    /// How long it is good, in seconds.
    valid: u32,
    has_security_token: bool,
}

impl Claim {
    /// Reads the claim of a request, if it makes one, and checks all that can be checked without the secret and the body.
    pub fn parse(head: &Head<'_>, rules: &Rules<'_>) -> Result<Option<Self>, SigV4Error> {
        match (head.only(&AUTHORIZATION)?, Presigned::is_in(head.query)) {
            (None, false) => Ok(None),
            (Some(_), true) => Err(SigV4Error::TwoMechanisms),
            (Some(value), false) => Self::from_header(value, head, rules).map(Some),
            (None, true) => Self::from_query(head, rules).map(Some),
        }
    }

    fn from_header(value: &[u8], head: &Head<'_>, rules: &Rules<'_>) -> Result<Self, SigV4Error> {
        let amz_date = head.only(&AMZ_DATE)?;
        // Only what it says where the other is absent.
        let date = if amz_date.is_none() { head.only(&DATE)? } else { None };
        let header = Authorization::parse(value, amz_date.is_some() || date.is_some())?;
        let signed_at = match (amz_date, date) {
            (Some(text), _) => parse_date(text, Timestamp::parse)?,
            (None, text) => parse_date(text.unwrap_or_default(), Timestamp::parse_date_header)?,
        };
        let parts = Parts {
            mechanism: Mechanism::Header,
            algorithm: header.algorithm,
            credential: header.credential,
            signed_headers: header.signed_headers,
            signature: header.signature,
            signed_at,
            valid: MOST_SKEW,
            has_security_token: head.only(&AMZ_SECURITY_TOKEN)?.is_some(),
        };
        Self::check(head, rules, &parts)
    }

    fn from_query(head: &Head<'_>, rules: &Rules<'_>) -> Result<Self, SigV4Error> {
        let query = Presigned::parse(head.query)?;
        let in_header = head.only(&AMZ_SECURITY_TOKEN)?.is_some();
        let parts = Parts {
            mechanism: Mechanism::Presigned,
            algorithm: &query.algorithm,
            credential: &query.credential,
            signed_headers: &query.signed_headers,
            signature: &query.signature,
            signed_at: parse_date(query.date.as_bytes(), Timestamp::parse)?,
            valid: query.expires.unwrap_or(MOST_SKEW),
            has_security_token: query.has_security_token || in_header,
        };
        Self::check(head, rules, &parts)
    }

    fn check(head: &Head<'_>, rules: &Rules<'_>, parts: &Parts<'_>) -> Result<Self, SigV4Error> {
        check_age(parts, rules.now)?;
        let signed = SignedHeaders::parse(parts.signed_headers)?;
        check_signed(head, signed)?;
        if parts.algorithm != ALGORITHM {
            return Err(SigV4Error::UnsupportedAlgorithm(Echo::new(parts.algorithm)));
        }
        let credential = Credential::parse(parts.credential)?;
        credential.check(rules, parts.signed_at)?;
        head.check_host()?;
        Ok(Self {
            mechanism: parts.mechanism,
            credential,
            signed_at: parts.signed_at,
            signature: Signature::parse(parts.signature),
            declared_payload: head.only(&AMZ_CONTENT_SHA256)?.map(PayloadHash::parse).transpose()?,
            has_security_token: parts.has_security_token,
            canonical: canonical::without_payload(head, signed)?,
        })
    }

    /// Where the signature was.
    #[must_use]
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// Who claims to have signed.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        self.credential.access_key_id()
    }

    /// Access key id and scope.
    #[must_use]
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// When it was signed.
    #[must_use]
    pub fn signed_at(&self) -> Timestamp {
        self.signed_at
    }

    /// Whether it carries a session token. Where no credentials are temporary, AWS's answer to one is
    /// UnrecognizedClientException.
    #[must_use]
    pub fn has_security_token(&self) -> bool {
        self.has_security_token
    }

    /// The body's hash as the client signed it, where it did.
    #[must_use]
    pub fn declared_payload(&self) -> Option<PayloadHash> {
        self.declared_payload
    }

    /// The key that a secret is for this claim's scope: four HMACs.
    #[must_use]
    pub fn signing_key(&self, secret: &str) -> SigningKey {
        SigningKey::derive(secret, &self.credential)
    }

    /// Verifies the signature before the body is read, where the client declared the body's hash. Says whether it did. The
    /// body itself is then still to be held against the declaration, by [`Claim::verify`] or [`Claim::check_body`].
    pub fn verify_head(&self, key: &SigningKey) -> Result<bool, SigV4Error> {
        match &self.declared_payload {
            Some(payload) => self.check_signature(key, payload).map(|()| true),
            None => Ok(false),
        }
    }

    /// Whether the body is the declared one, where one was declared.
    pub fn check_body(&self, body: &PayloadHash) -> Result<(), SigV4Error> {
        match &self.declared_payload {
            Some(declared) if declared != body => Err(SigV4Error::WrongBody),
            _ => Ok(()),
        }
    }

    /// Verifies the claim: the request is the one that was signed with this key, its body included.
    pub fn verify<'c>(&'c self, key: &'c SigningKey, body: &PayloadHash) -> Result<Verified<'c>, SigV4Error> {
        self.check_body(body)?;
        self.check_signature(key, body)?;
        Ok(Verified { claim: self, key })
    }

    fn check_signature(&self, key: &SigningKey, payload: &PayloadHash) -> Result<(), SigV4Error> {
        let text =
            string_to_sign(&self.signed_at.to_string(), self.credential.scope(), &self.canonical, payload);
        match &self.signature {
            Some(signature) if signature.signs(key, &text) => Ok(()),
            _ => Err(SigV4Error::WrongSignature),
        }
    }
}

/// Who and when, but neither signature nor headers.
impl fmt::Debug for Claim {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Claim")
            .field("mechanism", &self.mechanism)
            .field("credential", &self.credential.as_str())
            .field("signed_at", &self.signed_at)
            .finish_non_exhaustive()
    }
}

fn parse_date(text: &[u8], read: fn(&str) -> Option<Timestamp>) -> Result<Timestamp, SigV4Error> {
    let moment = str::from_utf8(text).ok().and_then(read);
    moment.ok_or_else(|| SigV4Error::NotADate(Echo::lossy(text)))
}

fn check_age(parts: &Parts<'_>, now: Timestamp) -> Result<(), SigV4Error> {
    let signed_at = parts.signed_at;
    if signed_at < now.minus(parts.valid) {
        return Err(SigV4Error::Expired { signed_at, now, valid: parts.valid });
    }
    if signed_at > now.plus(MOST_SKEW) {
        return Err(SigV4Error::NotYetCurrent { signed_at, now, skew: MOST_SKEW });
    }
    Ok(())
}

/// Whether all that must be signed is: `host`, and every `x-amz-*` header that the request has.
fn check_signed(head: &Head<'_>, signed: SignedHeaders<'_>) -> Result<(), SigV4Error> {
    if !signed.contains("host") {
        return Err(SigV4Error::UnsignedHost);
    }
    // A list longer than the headers is wrong anyway; what follows looks through it for each header.
    if signed.names().count() > head.headers.keys_len() + 1 {
        let absent = signed.names().find(|name| head.values(name).next().is_none());
        return Err(SigV4Error::AbsentHeader(absent.unwrap_or_default().into()));
    }
    for name in head.headers.keys().map(|name| name.as_str()) {
        if name.starts_with(AMZ) && !signed.contains(name) {
            return Err(SigV4Error::UnsignedHeader(name.into()));
        }
    }
    Ok(())
}
