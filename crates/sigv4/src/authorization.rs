//! The header: `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
//!
//! Parts are separated by commas, blanks or both, in any order, as AWS takes them. Parameters that nobody knows do not
//! count. Another scheme's header (`Bearer …`) fails here, with the text AWS has for it.

use crate::error::{Echo, SigV4Error};

/// The header's parts, none of them empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authorization<'a> {
    /// What stands in front of the parameters.
    pub algorithm: &'a str,
    /// `Credential`.
    pub credential: &'a str,
    /// `SignedHeaders`.
    pub signed_headers: &'a str,
    /// `Signature`.
    pub signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Reads the header's value. `dated` says whether the request has a header that dates it, because AWS names all
    /// that is missing in one message.
    pub fn parse(value: &'a [u8], dated: bool) -> Result<Self, SigV4Error> {
        let header = || Echo::lossy(value);
        // By bytes, which are many: it takes a third of the time of a search for characters.
        let mut parts =
            value.split(|byte| matches!(byte, b' ' | b'\t' | b',')).filter(|part| !part.is_empty());
        let algorithm = parts.next().unwrap_or_default();
        let mut found = [("Credential", ""), ("Signature", ""), ("SignedHeaders", "")];
        for part in parts {
            let pair = str::from_utf8(part).ok().and_then(|part| part.split_once('='));
            let Some((name, value)) = pair else {
                return Err(SigV4Error::NotAPair { part: Echo::lossy(part), header: header() });
            };
            if let Some((known, place)) = found.iter_mut().find(|(known, _)| *known == name)
                && !std::mem::replace(place, value).is_empty()
            {
                return Err(SigV4Error::RepeatedParameter(known));
            }
        }
        let missing: Vec<_> =
            found.iter().filter_map(|(name, value)| value.is_empty().then_some(*name)).collect();
        if !missing.is_empty() || !dated {
            return Err(SigV4Error::IncompleteHeader { missing, date: !dated, header: header() });
        }
        let [(_, credential), (_, signature), (_, signed_headers)] = found;
        // One that is not text is another one than ours.
        Ok(Self {
            algorithm: str::from_utf8(algorithm).unwrap_or("?"),
            credential,
            signed_headers,
            signature,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(value: &str, dated: bool) -> String {
        Authorization::parse(value.as_bytes(), dated).unwrap_err().to_string()
    }

    #[test]
    fn parts_come_in_any_order_between_commas_or_blanks() {
        let expected = Authorization {
            algorithm: "AWS4-HMAC-SHA256",
            credential: "a/b/c/d/e",
            signed_headers: "host;x-amz-date",
            signature: "00",
        };
        for value in [
            "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host;x-amz-date, Signature=00",
            "AWS4-HMAC-SHA256 Credential=a/b/c/d/e,SignedHeaders=host;x-amz-date,Signature=00",
            "AWS4-HMAC-SHA256  Signature=00 SignedHeaders=host;x-amz-date Credential=a/b/c/d/e",
            "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host;x-amz-date, Signature=00, New=1,",
        ] {
            assert_eq!(Authorization::parse(value.as_bytes(), true), Ok(expected), "{value}");
        }
    }

    #[test]
    fn another_scheme_is_no_pair() {
        assert_eq!(
            refusal("Bearer eyJ.x-_y", false),
            "'eyJ.x-_y' not a valid key=value pair (missing equal-sign) in Authorization header: 'Bearer eyJ.x-_y'."
        );
        assert!(Authorization::parse(b"Bearer \xff", true).is_err());
    }

    #[test]
    fn all_that_is_missing_is_named() {
        assert_eq!(
            refusal("a", false),
            "Authorization header requires 'Credential' parameter. \
             Authorization header requires 'Signature' parameter. \
             Authorization header requires 'SignedHeaders' parameter. \
             Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=a"
        );
        assert_eq!(
            refusal("Basic dXNlcg==", true),
            "Authorization header requires 'Credential' parameter. \
             Authorization header requires 'Signature' parameter. \
             Authorization header requires 'SignedHeaders' parameter. Authorization=Basic dXNlcg=="
        );
        assert!(refusal("", true).starts_with("Authorization header requires 'Credential'"));
        let undated = refusal("A Credential=a,SignedHeaders=b,Signature=c", false);
        assert!(undated.starts_with("Authorization header requires existence"), "{undated}");
    }

    #[test]
    fn a_parameter_given_twice_is_refused() {
        let twice = "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=00, Credential=b";
        assert_eq!(
            Authorization::parse(twice.as_bytes(), true),
            Err(SigV4Error::RepeatedParameter("Credential"))
        );
    }

    #[test]
    fn what_the_client_sent_is_not_in_what_is_logged() {
        let refusal = Authorization::parse(b"Bearer sesame", true).unwrap_err();
        assert!(!format!("{refusal:?}").contains("sesame"));
    }
}
