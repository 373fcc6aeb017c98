//! The credential: `AKIDEXAMPLE/20150830/us-east-1/apigateway/aws4_request`, an access key id and a scope.

use crate::claim::{Regions, Rules};
use crate::error::{Echo, ScopeFault, SigV4Error};
use crate::timestamp::Timestamp;

const TERMINATOR: &str = "aws4_request";

/// The longest credential that is looked at, in bytes. AWS's access key ids have at most 128.
const LONGEST: usize = 512;

/// Who claims to have signed, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    text: Box<str>,
    /// Where the slashes are.
    cuts: [usize; 4],
}

impl Credential {
    /// Reads five parts between slashes, none of them empty, all of printable ASCII without blanks.
    pub fn parse(text: &str) -> Result<Self, SigV4Error> {
        let malformed = || SigV4Error::MalformedCredential(Echo::new(text));
        if text.len() > LONGEST {
            return Err(malformed());
        }
        let mut cuts = [0; 4];
        let mut found = 0;
        let mut part = 0;
        for (at, byte) in text.bytes().enumerate() {
            if byte == b'/' {
                if part == at || found == cuts.len() {
                    return Err(malformed());
                }
                cuts[found] = at;
                found += 1;
                part = at + 1;
            } else if !byte.is_ascii_graphic() {
                return Err(malformed());
            }
        }
        if found < cuts.len() || part == text.len() {
            return Err(malformed());
        }
        Ok(Self { text: text.into(), cuts })
    }

    /// The whole of it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whose secret signed.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.text[..self.cuts[0]]
    }

    /// All but the access key id.
    #[must_use]
    pub fn scope(&self) -> &str {
        &self.text[self.cuts[0] + 1..]
    }

    /// `YYYYMMDD`.
    #[must_use]
    pub fn day(&self) -> &str {
        &self.text[self.cuts[0] + 1..self.cuts[1]]
    }

    /// The region the client believes it is talking to.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.text[self.cuts[1] + 1..self.cuts[2]]
    }

    /// The service.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.text[self.cuts[2] + 1..self.cuts[3]]
    }

    pub(crate) fn terminator(&self) -> &str {
        &self.text[self.cuts[3] + 1..]
    }

    /// Whether the scope is ours and of the day on which the request was signed.
    pub(crate) fn check(&self, rules: &Rules<'_>, signed_at: Timestamp) -> Result<(), SigV4Error> {
        let mut faults = Vec::new();
        if let Regions::Only(region) = rules.regions
            && region != self.region()
        {
            faults.push(ScopeFault::Region(Echo::new(self.region())));
        }
        if self.service() != rules.service {
            faults.push(ScopeFault::Service(rules.service.into()));
        }
        if self.terminator() != TERMINATOR {
            faults.push(ScopeFault::Terminator(Echo::new(self.terminator())));
        }
        if !self.is_day_of(signed_at) {
            faults.push(ScopeFault::Day { scope: Echo::new(self.day()), signed_at });
        }
        if faults.is_empty() { Ok(()) } else { Err(SigV4Error::WrongScope(faults)) }
    }

    fn is_day_of(&self, moment: Timestamp) -> bool {
        let begins = Timestamp::parse_day(self.day());
        begins.is_some_and(|begins| (begins..begins.plus(24 * 60 * 60)).contains(&moment))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_parts_are_an_id_and_a_scope() {
        let credential = Credential::parse("AKID/20150830/us-east-1/apigateway/aws4_request").unwrap();
        assert_eq!(credential.access_key_id(), "AKID");
        assert_eq!(credential.scope(), "20150830/us-east-1/apigateway/aws4_request");
        assert_eq!(
            (credential.day(), credential.region(), credential.service(), credential.terminator()),
            ("20150830", "us-east-1", "apigateway", "aws4_request")
        );
    }

    #[test]
    fn anything_else_is_refused_with_its_text() {
        for text in [
            "",
            "AKID",
            "a/b/c/d",
            "a/b/c/d/e/f",
            "a/b/c/d/e/",
            "/b/c/d/e",
            "a//c/d/e",
            "a/b/c/d/",
            "a b/b/c/d/e",
            "ä/b/c/d/e",
        ] {
            let refusal = Credential::parse(text).unwrap_err().to_string();
            let expected = format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{text}'"
            );
            assert_eq!(refusal, expected);
        }
        assert!(Credential::parse(&format!("{}/b/c/d/e", "a".repeat(LONGEST))).is_err());
    }

    #[test]
    fn a_scope_that_is_not_ours_is_refused_for_all_its_faults() {
        let signed_at = Timestamp::parse("20130609T095204Z").unwrap();
        let rules = Rules { service: "apigateway", regions: Regions::Only("eu-west-1"), now: signed_at };
        let check =
            |text: &str| Credential::parse(text).unwrap().check(&rules, signed_at).map_err(|e| e.to_string());
        assert_eq!(check("a/20130609/eu-west-1/apigateway/aws4_request"), Ok(()));
        assert_eq!(
            check("a/b/c/d/e").unwrap_err(),
            "Credential should be scoped to a valid region, not 'c'. \
             Credential should be scoped to correct service: 'apigateway'. \
             Credential should be scoped with a valid terminator: 'aws4_request', not 'e'. \
             Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
             'b' != '20130609', from '20130609T095204Z'."
        );
        for text in [
            "a/20130608/eu-west-1/apigateway/aws4_request",
            "a/20130610/eu-west-1/apigateway/aws4_request",
            "a/2013069/eu-west-1/apigateway/aws4_request",
            "a/20130609/eu-west-2/apigateway/aws4_request",
            "a/20130609/eu-west-1/execute-api/aws4_request",
            "a/20130609/eu-west-1/apigateway/AWS4_request",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
        let anywhere = Rules { regions: Regions::Any, ..rules };
        let credential = Credential::parse("a/20130609/mars-north-1/apigateway/aws4_request").unwrap();
        assert_eq!(credential.check(&anywhere, signed_at), Ok(()));
    }
}
