//! How often an account may ask the control plane of this replica.

use crate::error::ApiError;
use gatepost_domain::AccountId;
use governor::clock::{Clock as _, MonotonicClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use std::num::NonZeroU32;
use std::time::Duration;

/// So many requests a second, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ControlRate {
    /// Requests a second.
    pub per_second: f64,
    /// Requests at once.
    pub burst: NonZeroU32,
}

/// Keeps each account within its rate.
pub struct RateGuard(RateLimiter<AccountId, DashMapStateStore<AccountId>, MonotonicClock>);

impl RateGuard {
    /// A guard of a rate greater than 0.
    #[must_use]
    pub fn new(rate: ControlRate) -> Self {
        let each = Duration::from_secs_f64(1.0 / rate.per_second).max(Duration::from_nanos(1));
        let quota = Quota::with_period(each).expect("a nanosecond is not 0").allow_burst(rate.burst);
        Self(RateLimiter::new(quota, DashMapStateStore::default(), MonotonicClock))
    }

    pub(crate) fn check(&self, account: AccountId) -> Result<(), ApiError> {
        self.0.check_key(&account).map_err(|refused| {
            let wait = refused.wait_time_from(MonotonicClock.now());
            ApiError::too_many_requests(wait.as_secs_f64().ceil().max(1.0) as u64)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_account_has_its_own_burst_and_is_told_when_to_come_back() {
        let guard = RateGuard::new(ControlRate { per_second: 0.1, burst: NonZeroU32::new(2).unwrap() });
        let account = |number| AccountId::from_number(number).unwrap();
        assert!(guard.check(account(1)).is_ok() && guard.check(account(1)).is_ok());
        let answer = guard.check(account(1)).unwrap_err().into_answer();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["retry-after"]),
            (429, &"10".parse().unwrap())
        );
        assert!(guard.check(account(2)).is_ok());
    }
}
