//! Every refusal, with AWS's code and message.
//!
//! `Display` is what the client reads: AWS's text where one is known, ours where none is. `Debug` is for the operator: it
//! says more where the client's text is deliberately vague, and repeats nothing of what the client sent as a credential.
//! The canonical request that AWS adds to a wrong signature's text is left out, because it repeats header values.

use crate::timestamp::Timestamp;
use std::fmt;

/// AWS's name for a kind of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// Something the signature needs is missing or malformed.
    IncompleteSignatureException,
    /// The signature is wrong, out of time, or for something else.
    InvalidSignatureException,
    /// Not a request that could be signed.
    BadRequestException,
}

impl ErrorCode {
    /// The code's text.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::IncompleteSignatureException => "IncompleteSignatureException",
            Self::InvalidSignatureException => "InvalidSignatureException",
            Self::BadRequestException => "BadRequestException",
        }
    }
}

/// Why a request that claims an identity is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigV4Error {
    /// A header and a presigned query at once.
    #[error("Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")]
    TwoMechanisms,
    /// A part of `Authorization` that is no pair; also what another scheme's header comes to.
    #[error("'{part}' not a valid key=value pair (missing equal-sign) in Authorization header: '{header}'.")]
    NotAPair {
        /// The part.
        part: Echo,
        /// The whole header.
        header: Echo,
    },
    /// `Authorization` lacks parameters, or the request a date.
    #[error("{}Authorization={header}", requirements(missing, *date))]
    IncompleteHeader {
        /// The parameters that are absent or empty.
        missing: Vec<&'static str>,
        /// Whether there is neither `X-Amz-Date` nor `Date`.
        date: bool,
        /// The whole header.
        header: Echo,
    },
    /// A presigned query lacks parameters.
    #[error("{}Re-examine the query-string parameters.", query_requirements(missing))]
    IncompleteQuery {
        /// The parameters that are absent or empty.
        missing: Vec<&'static str>,
    },
    /// A parameter of the header or the query that is given twice.
    #[error("'{0}' must not be given more than once.")]
    RepeatedParameter(&'static str),
    /// A header that must be alone and is not.
    #[error("The header '{0}' must not be given more than once.")]
    RepeatedHeader(Box<str>),
    /// Not the one algorithm.
    #[error("Unsupported AWS 'algorithm': '{0}' (only AWS4-HMAC-SHA256 for now). ")]
    UnsupportedAlgorithm(Echo),
    /// Not a moment of time.
    #[error("Date must be in ISO-8601 'basic format'. Got '{0}'. See http://en.wikipedia.org/wiki/ISO_8601")]
    NotADate(Echo),
    /// `X-Amz-Expires` is no number.
    #[error("X-Amz-Expires should be a number")]
    NotANumber,
    /// `X-Amz-Expires` is more than seven days.
    #[error(
        "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"
    )]
    ExpiresTooLate,
    /// Signed too long ago.
    #[error("Signature expired: {signed_at} is now earlier than {} ({now} - {})", now.minus(*valid), span(*valid))]
    Expired {
        /// When it was signed.
        signed_at: Timestamp,
        /// The present.
        now: Timestamp,
        /// How long it was good, in seconds.
        valid: u32,
    },
    /// Signed too far in the future.
    #[error("Signature not yet current: {signed_at} is still later than {} ({now} + {})", now.plus(*skew), span(*skew))]
    NotYetCurrent {
        /// When it was signed.
        signed_at: Timestamp,
        /// The present.
        now: Timestamp,
        /// How far clocks may differ, in seconds.
        skew: u32,
    },
    /// Not five parts, or an empty or odd one.
    #[error(
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{0}'"
    )]
    MalformedCredential(Echo),
    /// A scope that is not ours; all that is wrong with it.
    #[error("{}", scope_faults(.0))]
    WrongScope(Vec<ScopeFault>),
    /// Not lower-case names in ascending order.
    #[error("'SignedHeaders' must be lower-case header names in ascending order, separated by ';'.")]
    MalformedSignedHeaders,
    /// `host` is not signed.
    #[error("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")]
    UnsignedHost,
    /// A header that counts is not signed.
    #[error("'{0}' must be a 'SignedHeader' in the AWS Authorization.")]
    UnsignedHeader(Box<str>),
    /// A signed header that the request does not have.
    #[error("{MISMATCH}")]
    AbsentHeader(Box<str>),
    /// `x-amz-content-sha256` is `UNSIGNED-PAYLOAD` or anything else but a hash.
    #[error("'x-amz-content-sha256' must be the SHA-256 of the request body in lower-case hexadecimal.")]
    PayloadNotHashed,
    /// The query cannot be decoded.
    #[error("Invalid request input: bad percent-encoding in the query")]
    BadEscape,
    /// `Host` and `:authority` are two hosts.
    #[error("The Host header and the request target must name the same host.")]
    TwoHosts,
    /// The body is not the declared one.
    #[error("{MISMATCH}")]
    WrongBody,
    /// The signature is not that of this request under this secret.
    #[error("{MISMATCH}")]
    WrongSignature,
}

/// What is wrong with a credential scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScopeFault {
    /// Another region than the configured one.
    Region(Echo),
    /// Another service than the one named here.
    Service(Box<str>),
    /// Another end than `aws4_request`.
    Terminator(Echo),
    /// Another day than the date's.
    Day {
        /// The scope's.
        scope: Echo,
        /// The date.
        signed_at: Timestamp,
    },
}

/// A text of the client's in a message for the client: at most 1,024 bytes of it, and none in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Echo(Box<str>);

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your \
    AWS Secret Access Key and signing method. Consult the service documentation for details.";

const LONGEST_ECHO: usize = 1024;

impl SigV4Error {
    /// The code that goes with the message.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NotAPair { .. }
            | Self::IncompleteHeader { .. }
            | Self::IncompleteQuery { .. }
            | Self::RepeatedParameter(_)
            | Self::RepeatedHeader(_)
            | Self::UnsupportedAlgorithm(_)
            | Self::NotADate(_)
            | Self::NotANumber
            | Self::ExpiresTooLate
            | Self::MalformedCredential(_)
            | Self::MalformedSignedHeaders => ErrorCode::IncompleteSignatureException,
            Self::TwoMechanisms
            | Self::Expired { .. }
            | Self::NotYetCurrent { .. }
            | Self::WrongScope(_)
            | Self::UnsignedHost
            | Self::UnsignedHeader(_)
            | Self::AbsentHeader(_)
            | Self::PayloadNotHashed
            | Self::WrongBody
            | Self::WrongSignature => ErrorCode::InvalidSignatureException,
            Self::BadEscape | Self::TwoHosts => ErrorCode::BadRequestException,
        }
    }
}

impl fmt::Display for ScopeFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Region(given) => {
                write!(out, "Credential should be scoped to a valid region, not '{given}'.")
            }
            Self::Service(ours) => write!(out, "Credential should be scoped to correct service: '{ours}'."),
            Self::Terminator(given) => {
                write!(
                    out,
                    "Credential should be scoped with a valid terminator: 'aws4_request', not '{given}'."
                )
            }
            Self::Day { scope, signed_at } => write!(
                out,
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                 '{scope}' != '{}', from '{signed_at}'.",
                signed_at.day()
            ),
        }
    }
}

impl Echo {
    pub(crate) fn new(text: &str) -> Self {
        Self(text[..text.floor_char_boundary(LONGEST_ECHO)].into())
    }

    pub(crate) fn lossy(bytes: &[u8]) -> Self {
        Self::new(&String::from_utf8_lossy(bytes))
    }
}

impl fmt::Display for Echo {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for Echo {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "({} bytes)", self.0.len())
    }
}

fn requirements(missing: &[&str], date: bool) -> String {
    let mut text = String::new();
    for parameter in missing {
        text.push_str("Authorization header requires '");
        text.push_str(parameter);
        text.push_str("' parameter. ");
    }
    if date {
        text.push_str(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
        );
    }
    text
}

fn query_requirements(missing: &[&str]) -> String {
    missing.iter().map(|name| format!("AWS query-string parameters must include '{name}'. ")).collect()
}

fn scope_faults(faults: &[ScopeFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn span(seconds: u32) -> String {
    if seconds.is_multiple_of(60) { format!("{} min.", seconds / 60) } else { format!("{seconds} sec.") }
}
