//! The audit log: who did what to which key, allowed or denied, from where, under which request id; a line of JSON
//! each, written before the answer is sent. Only of strangers who are refused too often some are summed up
//! ([`strangers`]).
//!
//! A path is shown only as far as it cannot be a key's value: callers do put a value where an id belongs.

mod strangers;

use crate::Operation;
use crate::error::ErrorCode;
use crate::input::path::decode_segment;
use crate::wire::peer::Peer;
use gatepost_domain::credentials::AccessKeyId;
use gatepost_domain::{AccountId, ResourceArn, Timestamp};
use http::StatusCode;
use serde::Serialize;
use std::sync::Arc;
use strangers::Strangers;

/// Where lines go. It must not lose a line that it took.
pub trait AuditSink: Send + Sync + 'static {
    /// Takes a line with its line break.
    fn write(&self, line: &[u8]);
}

/// The lines of one plane, on their way to where they go.
pub(crate) struct AuditLog {
    sink: Arc<dyn AuditSink>,
    strangers: Arc<Strangers>,
}

/// The longest id that is shown. The shortest value of a key has 20 characters.
const LONGEST_ID: usize = 19;

/// One request, as it is remembered.
pub(crate) struct Entry<'e> {
    pub(crate) at: Timestamp,
    pub(crate) request_id: &'e str,
    pub(crate) operation: Option<Operation>,
    pub(crate) account: Option<AccountId>,
    pub(crate) access_key: Option<&'e AccessKeyId>,
    pub(crate) claimed: Option<&'e str>,
    pub(crate) peer: Peer,
    pub(crate) resource: Option<&'e str>,
    pub(crate) status: StatusCode,
    pub(crate) error: Option<ErrorCode>,
}

/// A line's members, in their order.
#[derive(Serialize)]
struct Line<'e> {
    at: String,
    request_id: &'e str,
    operation: &'e str,
    outcome: &'e str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claimed_access_key: Option<&'e str>,
    peer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'e str>,
}

impl AuditLog {
    pub(crate) fn new(sink: Arc<dyn AuditSink>) -> Self {
        Self { strangers: Strangers::new(Arc::clone(&sink)), sink }
    }

    /// Notes a request that is answered now. One whose account is known, because it was shown or nobody is asked for it,
    /// always has its line.
    pub(crate) fn note(&self, entry: &Entry<'_>, now: Timestamp) {
        if entry.account.is_some() || self.strangers.may_write(entry.peer, now) {
            self.sink.write(&entry.line());
        }
    }
}

impl Entry<'_> {
    fn line(&self) -> Vec<u8> {
        let line = Line {
            at: self.at.to_string(),
            request_id: self.request_id,
            operation: self.operation.map_or("Unknown", Operation::name),
            outcome: self.outcome(),
            status: self.status.as_u16(),
            account: self.account.map(|account| account.to_string()),
            access_key: self.access_key.map(AccessKeyId::as_str),
            claimed_access_key: self.claimed.filter(|_| self.access_key.is_none()),
            peer: self.peer.to_string(),
            resource: self.resource.map(shown),
            error: self.error.map(ErrorCode::name),
        };
        let mut line = serde_json::to_vec(&line).expect("texts and numbers are JSON");
        line.push(b'\n');
        line
    }

    fn outcome(&self) -> &'static str {
        match self.error {
            None => "allowed",
            Some(ErrorCode::UnauthorizedException | ErrorCode::AccessDeniedException) => "denied",
            Some(
                ErrorCode::MissingAuthenticationTokenException
                | ErrorCode::IncompleteSignatureException
                | ErrorCode::UnrecognizedClientException
                | ErrorCode::InvalidSignatureException,
            ) => "unauthenticated",
            Some(_) => "refused",
        }
    }
}

/// A path as it was sent, without what may be a secret. Decoded, a value may hold slashes. In place of an ARN its
/// resource is shown: `/tags/apikeys/ID`.
fn shown(path: &str) -> String {
    if let Some(resource) = path.strip_prefix("/tags/").and_then(tagged) {
        return format!("/tags{}", shown(&resource.path()));
    }
    let segments = path.split('/').map(|segment| if segment.len() > LONGEST_ID { "***" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

fn tagged(segment: &str) -> Option<ResourceArn> {
    ResourceArn::parse(&decode_segment(segment).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_who_did_what_from_where() {
        let access_key = AccessKeyId::parse("GPAKEXAMPLE").unwrap();
        let entry = Entry {
            at: Timestamp::from_micros(1_800_000_000_000_000),
            request_id: "7a1d63b2-5c8e-4d5f-9f3e-0c6f2d9b8a41",
            operation: Some(Operation::DeleteApiKey),
            account: AccountId::parse("000000000042").ok(),
            access_key: Some(&access_key),
            claimed: Some("GPAKEXAMPLE"),
            peer: Peer::Ip("192.0.2.7".parse().unwrap()),
            resource: Some("/apikeys/gt748qoyk2"),
            status: StatusCode::UNAUTHORIZED,
            error: Some(ErrorCode::UnauthorizedException),
        };
        assert_eq!(
            String::from_utf8(entry.line()).unwrap(),
            "{\"at\":\"2027-01-15T08:00:00Z\",\"request_id\":\"7a1d63b2-5c8e-4d5f-9f3e-0c6f2d9b8a41\",\
             \"operation\":\"DeleteApiKey\",\"outcome\":\"denied\",\"status\":401,\"account\":\"000000000042\",\
             \"access_key\":\"GPAKEXAMPLE\",\"peer\":\"192.0.2.7\",\"resource\":\"/apikeys/gt748qoyk2\",\
             \"error\":\"UnauthorizedException\"}\n"
        );
    }

    #[test]
    fn what_may_be_a_value_is_not_shown() {
        assert_eq!(shown("/apikeys/gt748qoyk2"), "/apikeys/gt748qoyk2");
        assert_eq!(shown("/apikeys/QWERTYUIOPASDFGHJKLZ"), "/apikeys/***");
        assert_eq!(shown("/apikeys/QWERTYUIOPA%2FSDFGHJKLZ"), "/apikeys/***");
        assert_eq!(
            shown("/tags/arn%3Aaws%3Aapigateway%3AQWERTYUIOPASDFGHJKLZ%3A%3A%2Frestapis"),
            "/tags/***"
        );
    }

    #[test]
    fn of_an_arn_the_resource_is_shown() {
        let tags = |arn: &str| shown(&format!("/tags/arn%3Aaws%3Aapigateway%3A{arn}"));
        assert_eq!(tags("us-east-1%3A%3A%2Fapikeys%2Fgt748qoyk2"), "/tags/apikeys/gt748qoyk2");
        assert_eq!(tags("us-east-1%3a%3a%2fusageplans%2Fn371pt"), "/tags/usageplans/n371pt");
        // The region is the caller's own, and an id may be a value.
        assert_eq!(tags("QWERTYUIOPASDFGHJKLZ%3A%3A%2Fapikeys%2Fgt748qoyk2"), "/tags/apikeys/gt748qoyk2");
        assert_eq!(tags("us-east-1%3A%3A%2Fapikeys%2FQWERTYUIOPASDFGHJKLZ"), "/tags/apikeys/***");
    }
}
