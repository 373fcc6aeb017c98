//! The query of a presigned URL: `X-Amz-Algorithm=…&X-Amz-Credential=…&…&X-Amz-Signature=…`.

use crate::canonical::query::{decode, pairs};
use crate::error::SigV4Error;
use crate::timestamp::LONGEST_EXPIRY;

/// What the signature covers everything but.
pub(crate) const SIGNATURE: &str = "X-Amz-Signature";

/// Any of these makes a request a presigned one. In the order in which AWS names what is missing; the last two may be.
const PARAMETERS: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    SIGNATURE,
    "X-Amz-SignedHeaders",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
];
const REQUIRED: usize = 5;

/// The query's parameters, decoded; those that every presigned URL has are not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presigned {
    /// `X-Amz-Algorithm`.
    pub algorithm: String,
    /// `X-Amz-Credential`.
    pub credential: String,
    /// `X-Amz-Signature`.
    pub signature: String,
    /// `X-Amz-SignedHeaders`.
    pub signed_headers: String,
    /// `X-Amz-Date`.
    pub date: String,
    /// `X-Amz-Expires` in seconds, at most seven days. AWS's SDKs leave it out for services other than S3 when nobody
    /// sets it; such a URL is good for as long as a signed header is.
    pub expires: Option<u32>,
    /// Whether there is an `X-Amz-Security-Token`.
    pub has_security_token: bool,
}

impl Presigned {
    /// Whether a query claims to be a presigned one.
    #[must_use]
    pub fn is_in(query: &str) -> bool {
        parameters(query).next().is_some()
    }

    /// Reads a query, given without its `?`, that [`Presigned::is_in`].
    pub fn parse(query: &str) -> Result<Self, SigV4Error> {
        let mut found: [Option<String>; PARAMETERS.len()] = Default::default();
        for (which, raw) in parameters(query) {
            let value = String::from_utf8_lossy(&decode(raw)?).into_owned();
            if found[which].replace(value).is_some() {
                return Err(SigV4Error::RepeatedParameter(PARAMETERS[which]));
            }
        }
        let absent = |value: &Option<String>| value.as_deref().unwrap_or_default().is_empty();
        let missing: Vec<_> =
            (0..REQUIRED).filter(|which| absent(&found[*which])).map(|which| PARAMETERS[which]).collect();
        if !missing.is_empty() {
            return Err(SigV4Error::IncompleteQuery { missing });
        }
        let [algorithm, credential, signature, signed_headers, date, expires, token] = found;
        Ok(Self {
            algorithm: algorithm.unwrap_or_default(),
            credential: credential.unwrap_or_default(),
            signature: signature.unwrap_or_default(),
            signed_headers: signed_headers.unwrap_or_default(),
            date: date.unwrap_or_default(),
            expires: expires.as_deref().map(parse_expires).transpose()?,
            has_security_token: token.is_some(),
        })
    }
}

/// The parameters of ours in a query: which one, and its value as sent. A name that cannot be decoded is none of them.
fn parameters(query: &str) -> impl Iterator<Item = (usize, &str)> {
    pairs(query).filter_map(|(name, value)| {
        let which = if name.contains('%') {
            let name = decode(name).ok()?;
            PARAMETERS.iter().position(|known| known.as_bytes() == name)?
        } else {
            // None of ours has a blank, so a `+` need not be decoded.
            PARAMETERS.iter().position(|known| *known == name)?
        };
        Some((which, value))
    })
}

fn parse_expires(text: &str) -> Result<u32, SigV4Error> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(SigV4Error::NotANumber);
    }
    // What does not fit is too late as well.
    let seconds = text.parse().unwrap_or(u32::MAX);
    if seconds > LONGEST_EXPIRY { Err(SigV4Error::ExpiresTooLate) } else { Ok(seconds) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a%2Fb%2Fc%2Fd%2Fe&limit=5&X-Amz-Date=t\
        &X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx&X-Amz-Signature=00";

    #[test]
    fn values_are_decoded() {
        let presigned = Presigned::parse(WHOLE).unwrap();
        assert_eq!(presigned.algorithm, "AWS4-HMAC-SHA256");
        assert_eq!((presigned.credential.as_str(), presigned.signature.as_str()), ("a/b/c/d/e", "00"));
        assert_eq!((presigned.signed_headers.as_str(), presigned.date.as_str()), ("host;x", "t"));
        assert_eq!((presigned.expires, presigned.has_security_token), (Some(60), false));
        let encoded = WHOLE.replace("X-Amz-Date", "%58-Amz%2dDate") + "&X-Amz-Security-Token=";
        let presigned = Presigned::parse(&encoded).unwrap();
        assert_eq!((presigned.date.as_str(), presigned.has_security_token), ("t", true));
    }

    #[test]
    fn any_one_parameter_is_a_claim() {
        for query in ["X-Amz-Algorithm", "a=b&X-Amz-Signature=", "%58-Amz-Date=1", "%zz&X-Amz-Expires=%zz"] {
            assert!(Presigned::is_in(query), "{query}");
        }
        for query in
            ["", "a=b", "x-amz-signature=1", "X-Amz-Signature2=1", "a=X-Amz-Signature", "X-Amz-Date%zz"]
        {
            assert!(!Presigned::is_in(query), "{query}");
        }
    }

    #[test]
    fn all_that_is_missing_is_named() {
        assert_eq!(
            Presigned::parse("X-Amz-Credential=a&X-Amz-Date=").unwrap_err().to_string(),
            "AWS query-string parameters must include 'X-Amz-Algorithm'. \
             AWS query-string parameters must include 'X-Amz-Signature'. \
             AWS query-string parameters must include 'X-Amz-SignedHeaders'. \
             AWS query-string parameters must include 'X-Amz-Date'. Re-examine the query-string parameters."
        );
    }

    #[test]
    fn a_parameter_given_twice_is_refused_however_it_is_spelt() {
        for again in ["X-Amz-Signature=00", "X%2DAmz-Signature=", "X-Amz-Expires=60", "X-Amz-Credential=a"] {
            let twice = format!("{WHOLE}&{again}");
            assert!(matches!(Presigned::parse(&twice), Err(SigV4Error::RepeatedParameter(_))), "{again}");
        }
    }

    #[test]
    fn it_expires_within_seven_days() {
        let with =
            |expires: &str| Presigned::parse(&WHOLE.replace("Expires=60", &format!("Expires={expires}")));
        assert_eq!(with("604800").unwrap().expires, Some(604_800));
        assert_eq!(with("0").unwrap().expires, Some(0));
        for late in ["604801", "4294967296", "99999999999999999999"] {
            assert_eq!(with(late), Err(SigV4Error::ExpiresTooLate));
        }
        for odd in ["", "-1", "%2B5", "5s", "5.0", "%zz"] {
            assert!(matches!(with(odd), Err(SigV4Error::NotANumber | SigV4Error::BadEscape)), "{odd}");
        }
        assert_eq!(Presigned::parse(&WHOLE.replace("X-Amz-Expires=60&", "")).unwrap().expires, None);
    }
}
