//! AWS's Rust signer, as a client would use it.

use crate::request::{Request, SECRET};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use gatepost_sigv4::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use std::time::{Duration, SystemTime};

/// What is to be signed, and how.
#[derive(Clone, Debug)]
pub(crate) struct Unsigned {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Vec<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) presigned: Option<u64>,
    pub(crate) declares_payload: bool,
    pub(crate) token: Option<String>,
    pub(crate) region: String,
    pub(crate) signed_at: u64,
}

impl Unsigned {
    /// The request as AWS's signer leaves it.
    pub(crate) fn sign(self) -> Request {
        let mut settings = SigningSettings::default();
        settings.expires_in = self.presigned.map(Duration::from_secs);
        if self.presigned.is_some() {
            settings.signature_location = SignatureLocation::QueryParams;
        } else if self.declares_payload {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let identity = Credentials::new("AKIDEXAMPLE", SECRET, self.token.clone(), None, "test").into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("apigateway")
            .time(SystemTime::UNIX_EPOCH + Duration::from_secs(self.signed_at))
            .settings(settings)
            .build()
            .expect("all is set")
            .into();
        let query = self.query.join("&");
        let target = if query.is_empty() { self.path } else { format!("{}?{query}", self.path) };
        let uri: Uri = format!("http://127.0.0.1:8080{target}").parse().expect("a URI");
        let text = uri.to_string();
        let fields = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let to_sign = SignableRequest::new(&self.method, text, fields, SignableBody::Bytes(&self.body));
        let signed = sign(to_sign.expect("can be signed"), &parameters).expect("is signed");

        let mut out = http::Request::builder().uri(uri).body(()).expect("a request");
        let (instructions, _) = signed.into_parts();
        instructions.apply_to_request_http1x(&mut out);
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name: HeaderName = name.parse().expect("a name");
            headers.append(name, HeaderValue::from_str(value).expect("a value"));
        }
        headers.extend(out.headers().clone());
        headers.insert("host", HeaderValue::from_static("127.0.0.1:8080"));
        Request {
            name: "oracle".to_owned(),
            service: "apigateway".to_owned(),
            now: Timestamp::from_seconds(self.signed_at as i64),
            method: self.method,
            path: out.uri().path().to_owned(),
            query: out.uri().query().unwrap_or_default().to_owned(),
            authority: None,
            headers,
            body: self.body,
        }
    }
}
