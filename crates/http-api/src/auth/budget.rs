//! How often a peer may fail to say who it is.
//!
//! Only failures count, and only failures are refused: whoever signs rightly is never kept out by what others behind
//! the same address do. A peer that is over its budget learns no more which part of its signature was wrong.

use crate::error::ApiError;
use crate::wire::peer::Peer;
use governor::clock::{Clock as _, MonotonicClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

/// Failures a second that a peer has in the long run.
const PER_SECOND: NonZeroU32 = NonZeroU32::new(5).expect("5 is not 0");
/// And at once.
const BURST: NonZeroU32 = NonZeroU32::new(100).expect("100 is not 0");
/// With more peers than this the ones that have their whole budget again are forgotten.
const MOST_PEERS: usize = 10_000;

/// And looked for once in so many failures.
const SWEEP: u32 = 1_024;

pub(super) struct FailureBudget {
    peers: RateLimiter<IpAddr, DashMapStateStore<IpAddr>, MonotonicClock>,
    failures: AtomicU32,
}

impl FailureBudget {
    pub(super) fn new() -> Self {
        let quota = Quota::per_second(PER_SECOND).allow_burst(BURST);
        let peers = RateLimiter::new(quota, DashMapStateStore::default(), MonotonicClock);
        Self { peers, failures: AtomicU32::new(0) }
    }

    /// Counts a failure of this peer, and says what it is told: its failure, or that there were too many.
    pub(super) fn spend(&self, peer: Peer, failure: ApiError) -> ApiError {
        let Some(host) = peer.host() else { return failure };
        self.forget();
        match self.peers.check_key(&host) {
            Ok(()) => failure,
            Err(refused) => {
                let wait = refused.wait_time_from(MonotonicClock.now());
                ApiError::too_many_failures(wait.as_secs_f64().ceil().max(1.0) as u64, &failure)
            }
        }
    }
}

impl FailureBudget {
    fn forget(&self) {
        let is_due = self.failures.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEEP);
        if is_due && self.peers.len() > MOST_PEERS {
            self.peers.retain_recent();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    fn spend(budget: &FailureBudget, peer: &str) -> ErrorCode {
        let failure = ApiError::new(ErrorCode::InvalidSignatureException, "wrong");
        budget.spend(Peer::from(peer.parse::<IpAddr>().unwrap()), failure).code
    }

    #[test]
    fn a_peer_that_fails_too_often_is_told_nothing_more() {
        let budget = FailureBudget::new();
        for _ in 0..BURST.get() {
            assert_eq!(spend(&budget, "192.0.2.1"), ErrorCode::InvalidSignatureException);
        }
        assert_eq!(spend(&budget, "192.0.2.1"), ErrorCode::TooManyRequestsException);
        assert_eq!(spend(&budget, "::ffff:192.0.2.1"), ErrorCode::TooManyRequestsException);
        assert_eq!(spend(&budget, "192.0.2.2"), ErrorCode::InvalidSignatureException);
    }

    #[test]
    fn a_host_has_a_whole_network_of_ipv6_addresses() {
        let budget = FailureBudget::new();
        for host in 0..BURST.get() {
            assert_eq!(spend(&budget, &format!("2001:db8::{host:x}")), ErrorCode::InvalidSignatureException);
        }
        assert_eq!(spend(&budget, "2001:db8::ffff:1"), ErrorCode::TooManyRequestsException);
        assert_eq!(spend(&budget, "2001:db8:0:1::1"), ErrorCode::InvalidSignatureException);
    }
}
