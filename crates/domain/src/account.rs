//! The account a resource belongs to.

use std::fmt;

/// Twelve decimal digits, as AWS numbers its accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(u64);

/// The text is not an account id.
#[derive(Debug, thiserror::Error)]
#[error("an account id has exactly twelve decimal digits")]
pub struct InvalidAccountId;

impl AccountId {
    /// Reads twelve decimal digits.
    pub fn parse(text: &str) -> Result<Self, InvalidAccountId> {
        if text.len() != 12 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidAccountId);
        }
        text.parse().map(Self).map_err(|_| InvalidAccountId)
    }

    /// The digits as a number, for packed storage; [`AccountId::from_number`] is the way back.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }

    /// An account from the number that [`AccountId::number`] gave.
    pub fn from_number(number: u64) -> Result<Self, InvalidAccountId> {
        if number < 1_000_000_000_000 { Ok(Self(number)) } else { Err(InvalidAccountId) }
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:012}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_twelve_digits_and_keeps_its_leading_zeros() {
        assert_eq!(AccountId::parse("000000000042").unwrap().to_string(), "000000000042");
        for wrong in ["", "1", "0000000000420", "00000000004x", "+00000000042", "٠٠٠٠٠٠"] {
            assert!(AccountId::parse(wrong).is_err(), "{wrong}");
        }
    }
}
