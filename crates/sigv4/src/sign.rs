//! Signing, for programs of ours that ask a server: the header form, with the body's hash declared.

use crate::ALGORITHM;
use crate::canonical;
use crate::credential::Credential;
use crate::error::SigV4Error;
use crate::head::Head;
use crate::payload::PayloadHash;
use crate::signed_headers::SignedHeaders;
use crate::signing_key::SigningKey;
use crate::string_to_sign::string_to_sign;
use crate::timestamp::Timestamp;
use crate::{SignedPath, hex};
use http::header::{AUTHORIZATION, HeaderValue};
use http::request::Parts;

/// What requests are signed with, and for which service and region.
#[derive(Clone, Copy)]
pub struct Signer<'a> {
    /// The public half of the credential.
    pub access_key_id: &'a str,
    /// The secret half.
    pub secret: &'a str,
    /// The region of the scope.
    pub region: &'a str,
    /// The service of the scope.
    pub service: &'a str,
}

impl Signer<'_> {
    /// Adds `x-amz-date`, `x-amz-content-sha256` and `authorization` to a request whose other headers are complete, `host`
    /// among them. All `x-amz-*` headers and `host` are signed.
    pub fn sign(&self, request: &mut Parts, payload: &PayloadHash, now: Timestamp) -> Result<(), SigV4Error> {
        request.headers.insert("x-amz-date", ascii(&now.to_string()));
        request
            .headers
            .insert("x-amz-content-sha256", ascii(str::from_utf8(&payload.hex()).unwrap_or_default()));
        let Self { access_key_id, secret, region, service } = self;
        let text = format!("{access_key_id}/{}/{region}/{service}/aws4_request", now.day());
        let credential = Credential::parse(&text)?;
        let names = request.headers.keys().map(|name| name.as_str());
        let mut names: Vec<&str> =
            names.filter(|name| *name == "host" || name.starts_with("x-amz-")).collect();
        names.sort_unstable();
        let names = names.join(";");
        let head = Head {
            method: request.method.as_str(),
            path: SignedPath::of(request.uri.path()),
            query: request.uri.query().unwrap_or_default(),
            authority: None,
            headers: &request.headers,
        };
        let canonical = canonical::without_payload(&head, SignedHeaders::parse(&names)?)?;
        let text = string_to_sign(&now.to_string(), credential.scope(), &canonical, payload);
        let signature = SigningKey::derive(secret, &credential).sign(&text);
        let authorization = format!(
            "{ALGORITHM} Credential={}, SignedHeaders={names}, Signature={}",
            credential.as_str(),
            String::from_utf8_lossy(&hex::encode(&signature))
        );
        request.headers.insert(AUTHORIZATION, ascii(&authorization));
        Ok(())
    }
}

fn ascii(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("what was parsed is visible ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Claim, Regions, Rules};
    use http::Request;

    #[test]
    fn what_is_signed_here_is_verified_here() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let signer = Signer {
            access_key_id: "GPAKEXAMPLE",
            secret: "wJalrXUtnFEMI",
            region: "us-east-1",
            service: "apigateway",
        };
        let request = Request::post("/apikeys?mode=import&format=csv").header("host", "127.0.0.1:8080");
        let (mut parts, ()) = request.header("x-amz-meta", "a  b").body(()).unwrap().into_parts();
        let body = PayloadHash::of(b"name,key\n");
        signer.sign(&mut parts, &body, now).unwrap();
        let head = Head {
            method: "POST",
            path: SignedPath::of("/apikeys"),
            query: "format=csv&mode=import",
            authority: None,
            headers: &parts.headers,
        };
        let rules = Rules { service: "apigateway", regions: Regions::Any, now };
        let claim = Claim::parse(&head, &rules).unwrap().unwrap();
        assert!(claim.verify(&claim.signing_key("wJalrXUtnFEMI"), &body).is_ok());
        assert!(claim.verify(&claim.signing_key("another"), &body).is_err());
        assert!(claim.verify(&claim.signing_key("wJalrXUtnFEMI"), &PayloadHash::of(b"")).is_err());
    }

    #[test]
    fn what_cannot_be_a_credential_is_refused() {
        let signer = Signer { access_key_id: "a/b", secret: "s", region: "us-east-1", service: "apigateway" };
        let (mut parts, ()) = Request::get("/").header("host", "h").body(()).unwrap().into_parts();
        assert!(signer.sign(&mut parts, &PayloadHash::of(b""), Timestamp::from_seconds(0)).is_err());
    }
}
