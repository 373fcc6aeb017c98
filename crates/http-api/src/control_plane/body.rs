//! The body of a request. Whoever reads it gets what the caller has signed, or an error.

use super::BodyLimits;
use super::unverified::{Held, UnverifiedBodies};
use crate::auth::Proof;
use crate::error::ApiError;
use crate::input::json::Members;
use crate::observe::Seen;
use crate::wire::body::{BodyReading, BodySink, read_into, read_small, read_small_within};
use bytes::Bytes;
use gatepost_application::{AppError, Spool, SpoolError, SpoolWriter};
use gatepost_sigv4::{PayloadHash, PayloadHasher};
use http::HeaderMap;
use hyper::body::Incoming;
use std::ops::Deref;

/// The largest JSON body.
const MOST_JSON: u64 = 1024 * 1024;

/// A body that may be read once.
pub(super) enum RequestBody<'r> {
    /// It was read.
    Here(SmallBody<'r>),
    /// It is still to come.
    ToCome(BodyToCome<'r>),
}

/// A body in memory. What it holds of the budget of unverified bodies it holds until it is dropped.
pub(super) struct SmallBody<'r> {
    bytes: Bytes,
    _held: Option<Held<'r>>,
}

pub(super) struct BodyToCome<'r> {
    pub(super) incoming: Incoming,
    pub(super) headers: &'r HeaderMap,
    pub(super) limits: BodyLimits,
    pub(super) unverified: &'r UnverifiedBodies,
    pub(super) seen: &'r mut Seen,
    pub(super) proof: Proof<'r>,
}

impl Deref for SmallBody<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl<'r> RequestBody<'r> {
    /// Reads JSON.
    pub(super) async fn json(self) -> Result<Members, ApiError> {
        Ok(Members::parse(&self.bytes().await?)?)
    }

    /// Reads a small body.
    pub(super) async fn bytes(self) -> Result<SmallBody<'r>, ApiError> {
        match self {
            Self::Here(body) => Ok(body),
            Self::ToCome(body) => body.bytes().await,
        }
    }

    /// Whose share of the spools an import file takes: until it is shown who sent it, that of whoever it is from; nobody's
    /// where nobody is asked who they are.
    pub(super) fn owner(&self) -> Option<String> {
        let Self::ToCome(BodyToCome { seen, proof, .. }) = self else { return None };
        let claimed = seen.claimed.as_deref()?;
        let is_shown = !proof.is_unproven();
        Some(if is_shown { claimed.to_owned() } else { format!("{claimed} from {}", seen.peer) })
    }

    /// Reads an import file into a spool.
    pub(super) async fn spooled(self, spool: SpoolWriter) -> Result<Spool, ApiError> {
        match self {
            Self::Here(body) => {
                let mut spooling = Spooling { spool, hasher: None };
                spooling.take(body.bytes).await.map_err(AppError::from)?;
                Ok(spooling.spool.finish().await.map_err(AppError::from)?)
            }
            Self::ToCome(body) => body.spooled(spool).await,
        }
    }
}

impl<'r> BodyToCome<'r> {
    pub(super) async fn bytes(self) -> Result<SmallBody<'r>, ApiError> {
        let reading = BodyReading::new(MOST_JSON, self.limits.silence, self.headers);
        let mut held = self.held();
        let bytes = match &mut held {
            Some(held) => read_small_within(self.incoming, reading, held).await?,
            None => read_small(self.incoming, reading).await?,
        };
        self.seen.unread_body = false;
        if self.proof.is_owed() {
            self.proof.settle(&PayloadHash::of(&bytes), self.seen).await?;
        }
        Ok(SmallBody { bytes, _held: held })
    }

    /// Room for it among the unverified bodies: in its host's part; in nobody's where nobody is asked who they are. None:
    /// it is shown who sends it.
    fn held(&self) -> Option<Held<'r>> {
        match self.proof {
            Proof::Given => Some(self.unverified.hold(None)),
            Proof::Owed(_) if self.proof.is_unproven() => Some(self.unverified.hold(self.seen.peer.host())),
            Proof::Owed(_) => None,
        }
    }

    async fn spooled(self, spool: SpoolWriter) -> Result<Spool, ApiError> {
        let reading = BodyReading::new(self.limits.most_import, self.limits.silence, self.headers);
        let hasher = self.proof.is_owed().then(PayloadHasher::default);
        let mut spooling = Spooling { spool, hasher };
        read_into(self.incoming, reading, &mut spooling).await?;
        self.seen.unread_body = false;
        if let Some(hasher) = spooling.hasher {
            self.proof.settle(&hasher.finish(), self.seen).await?;
        }
        Ok(spooling.spool.finish().await.map_err(AppError::from)?)
    }
}

/// Spools pieces, and takes their hash where somebody asks for it.
struct Spooling {
    spool: SpoolWriter,
    hasher: Option<PayloadHasher>,
}

impl BodySink for Spooling {
    type Error = SpoolError;

    async fn take(&mut self, piece: Bytes) -> Result<(), SpoolError> {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&piece);
        }
        self.spool.write(&piece).await
    }
}
