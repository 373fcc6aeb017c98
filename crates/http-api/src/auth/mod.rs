//! Who asks, and whether it is them.
//!
//! A request is let in by two steps, because the head of a request is here before its body:
//! 1. [`Authentication::identify`] reads the head: which credential claims to have signed it, for when, for what. A
//!    signature that can be verified without the body is.
//! 2. [`Proof::settle`] verifies the rest when the body is here. Until then nobody parses or stores anything of it.
//!
//! `permission` says what the caller may do, `budget` how often a peer may fail.

mod budget;
pub(crate) mod permission;
mod sigv4;

pub use sigv4::SigV4;

use crate::browser::BrowserGuard;
use crate::error::ApiError;
use crate::observe::Seen;
use gatepost_application::Caller;
use gatepost_domain::AccountId;
use gatepost_sigv4::PayloadHash;
use http::request::Parts;
use permission::Permissions;
use sigv4::Owed;

/// Who may come in.
pub enum Authentication {
    /// Whoever signs with a credential.
    SigV4(Box<SigV4>),
    /// Everybody who is no web page; all act for one account.
    Off {
        /// The account.
        account: AccountId,
        /// What keeps web pages out.
        guard: BrowserGuard,
    },
}

/// Who a request is from, and what it may do.
pub(crate) struct Identity<'a> {
    pub(crate) caller: Caller,
    pub(crate) permissions: Permissions,
    pub(crate) proof: Proof<'a>,
}

/// What is still to be shown when the body is here.
pub(crate) enum Proof<'a> {
    /// Nothing: there is no body, or nobody is asked who they are.
    Given,
    /// That the body is the one that was signed.
    Owed(Box<Owed<'a>>),
}

impl Authentication {
    /// Reads who a request is from. `path` is the one that it is routed by.
    pub(crate) async fn identify(
        &self,
        request: &Parts,
        path: gatepost_sigv4::SignedPath<'_>,
        has_body: bool,
        seen: &mut Seen,
    ) -> Result<Identity<'_>, ApiError> {
        match self {
            Self::SigV4(sigv4) => sigv4.identify(request, path, has_body, seen).await,
            Self::Off { account, guard } => {
                guard.check(request)?;
                seen.account = Some(*account);
                let (caller, permissions) = (Caller { account: *account }, Permissions::All);
                Ok(Identity { caller, permissions, proof: Proof::Given })
            }
        }
    }
}

impl Proof<'_> {
    /// Whether anything is left to be shown.
    pub(crate) fn is_owed(&self) -> bool {
        matches!(self, Self::Owed(_))
    }

    /// Whether nothing is shown yet of who asks.
    pub(crate) fn is_unproven(&self) -> bool {
        matches!(self, Self::Owed(owed) if !owed.is_head_verified())
    }

    /// What a denial comes to: whoever has shown nothing yet is not told of whose account and policy it speaks.
    pub(crate) fn unproven(&self, denial: ApiError) -> ApiError {
        match self {
            Self::Owed(owed) if !owed.is_head_verified() => owed.deny(),
            Self::Owed(_) | Self::Given => denial,
        }
    }

    /// Refuses a request whose body is not the one that was signed, or whose credential is no longer what it was.
    pub(crate) async fn settle(self, body: &PayloadHash, seen: &mut Seen) -> Result<(), ApiError> {
        match self {
            Self::Given => Ok(()),
            Self::Owed(owed) => owed.settle(body, seen).await,
        }
    }
}
