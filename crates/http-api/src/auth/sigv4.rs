//! AWS Signature Version 4: the look-up of the credential between what `gatepost-sigv4` parses and what it verifies.

use super::budget::FailureBudget;
use super::permission::Permissions;
use super::{Identity, Proof};
use crate::error::{ApiError, ErrorCode};
use crate::observe::Seen;
use crate::wire::peer::Peer;
use gatepost_application::Caller;
use gatepost_application::credentials::{CredentialTable, Signer};
use gatepost_domain::Clock;
use gatepost_domain::credentials::AccessKeyId;
use gatepost_sigv4::{
    Claim, Head, PayloadHash, Regions, Rules, SigV4Error, SignedPath, SigningKey, SigningKeys, Timestamp,
};
use http::request::Parts;
use std::sync::Arc;

/// What clients call the service in the scope of a signature.
const SERVICE: &str = "apigateway";
/// So many signing keys are kept, one for each credential, day and region.
const MOST_SIGNING_KEYS: usize = 10_000;

/// Lets in whoever signs with a credential.
pub struct SigV4 {
    credentials: Arc<CredentialTable>,
    clock: Arc<dyn Clock>,
    signing_keys: SigningKeys,
    failures: FailureBudget,
}

/// A claim whose signature covers a body that is still to come.
pub(crate) struct Owed<'a> {
    gate: &'a SigV4,
    claim: Claim,
    signer: Arc<Signer>,
    key: SigningKey,
    peer: Peer,
    /// The body's hash was declared and signed, and the signature is right.
    is_head_verified: bool,
}

impl SigV4 {
    /// A gate for these credentials.
    #[must_use]
    pub fn new(credentials: Arc<CredentialTable>, clock: Arc<dyn Clock>) -> Self {
        let signing_keys = SigningKeys::new(MOST_SIGNING_KEYS);
        Self { credentials, clock, signing_keys, failures: FailureBudget::new() }
    }

    pub(super) async fn identify(
        &self,
        request: &Parts,
        path: SignedPath<'_>,
        has_body: bool,
        seen: &mut Seen,
    ) -> Result<Identity<'_>, ApiError> {
        let peer = seen.peer;
        let failed = |failure: ApiError| self.failures.spend(peer, failure);
        let claim = self.claim(request, path).map_err(failed)?.ok_or_else(|| failed(ApiError::unsigned()))?;
        seen.claimed = Some(claim.access_key_id().into());
        let signer = self.signer(&claim).await?.ok_or_else(|| failed(unrecognized()))?;
        let key = match self.signing_keys.get(&claim, signer.generation) {
            Some(key) => key,
            None => claim.signing_key(signer.secret.reveal()),
        };
        let caller = Caller { account: signer.account };
        let region = claim.credential().region().into();
        let permissions = Permissions::Of { signer: Arc::clone(&signer), region };
        let head = claim.verify_head(&key).map_err(|error| failed(error.into()))?;
        let owed = Owed { gate: self, claim, signer, key, peer, is_head_verified: head };
        if has_body {
            if head {
                owed.tell(seen);
            }
            return Ok(Identity { caller, permissions, proof: Proof::Owed(Box::new(owed)) });
        }
        owed.verify(&PayloadHash::of(b""), seen)?;
        Ok(Identity { caller, permissions, proof: Proof::Given })
    }

    fn claim(&self, request: &Parts, path: SignedPath<'_>) -> Result<Option<Claim>, ApiError> {
        let head = Head {
            method: request.method.as_str(),
            path,
            query: request.uri.query().unwrap_or_default(),
            authority: request.uri.authority().map(|authority| authority.as_str()),
            headers: &request.headers,
        };
        // Resources belong to an account; the region that a client says is no namespace.
        let now = Timestamp::from_seconds(self.clock.now().seconds());
        Ok(Claim::parse(&head, &Rules { service: SERVICE, regions: Regions::Any, now })?)
    }

    /// The credential that a claim names, unless it is one of another service's making.
    async fn signer(&self, claim: &Claim) -> Result<Option<Arc<Signer>>, ApiError> {
        match AccessKeyId::parse(claim.access_key_id()) {
            Ok(id) if !claim.has_security_token() => Ok(self.credentials.find(&id).await?),
            Ok(_) | Err(_) => Ok(None),
        }
    }
}

impl Owed<'_> {
    pub(super) fn is_head_verified(&self) -> bool {
        self.is_head_verified
    }

    /// The credential may have been changed while the body came.
    pub(super) async fn settle(&self, body: &PayloadHash, seen: &mut Seen) -> Result<(), ApiError> {
        self.verify(body, seen)?;
        let now = self.gate.credentials.find(&self.signer.id).await?;
        if now.is_some_and(|now| now.generation == self.signer.generation) {
            return Ok(());
        }
        Err(unrecognized())
    }

    fn verify(&self, body: &PayloadHash, seen: &mut Seen) -> Result<(), ApiError> {
        let Self { gate, claim, signer, key, peer, .. } = self;
        let verified = claim.verify(key, body).map_err(|error| gate.failures.spend(*peer, error.into()))?;
        self.tell(seen);
        gate.signing_keys.keep(&verified, signer.generation);
        gate.credentials.note_use(signer, gate.clock.now());
        Ok(())
    }

    /// Notes whose request it is, once that is shown.
    fn tell(&self, seen: &mut Seen) {
        seen.account = Some(self.signer.account);
        seen.signer = Some(Arc::clone(&self.signer));
    }

    /// A denial that tells nothing of the credential, and costs as much as a wrong signature.
    pub(super) fn deny(&self) -> ApiError {
        let message = "The caller is not authorized to import. Sign x-amz-content-sha256 to be told why.";
        self.gate.failures.spend(self.peer, ApiError::new(ErrorCode::UnauthorizedException, message))
    }
}

fn unrecognized() -> ApiError {
    let message = "The security token included in the request is invalid.";
    ApiError::new(ErrorCode::UnrecognizedClientException, message)
}

impl From<SigV4Error> for ApiError {
    fn from(error: SigV4Error) -> Self {
        let code = match error.code() {
            gatepost_sigv4::ErrorCode::IncompleteSignatureException => {
                ErrorCode::IncompleteSignatureException
            }
            gatepost_sigv4::ErrorCode::InvalidSignatureException => ErrorCode::InvalidSignatureException,
            gatepost_sigv4::ErrorCode::BadRequestException => ErrorCode::BadRequestException,
        };
        Self::new(code, error.to_string())
    }
}
