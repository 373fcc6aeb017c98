//! GetAccount: what AWS says of an account, which is the same for every account here.

use crate::{Application, Caller};

/// An account, as clients see it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Account {
    /// Requests a second that AWS lets all APIs of an account have by default. Gatepost does not hold anybody to it.
    pub rate_limit: f64,
    /// Requests at once, likewise.
    pub burst_limit: u32,
    /// What clients look for before they use it.
    pub features: &'static [&'static str],
    /// The version of keys.
    pub api_key_version: &'static str,
}

impl Application {
    /// Shows the caller's account.
    #[must_use]
    pub fn get_account(&self, _: Caller) -> Account {
        Account { rate_limit: 10_000.0, burst_limit: 5_000, features: &["UsagePlans"], api_key_version: "4" }
    }
}
