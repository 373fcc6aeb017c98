//! The plain text properties of a plan.

use super::InvalidUsagePlan;
use crate::text::{fits, is_identifier, text_newtype};

/// The id of a plan: 1 to 128 characters of `[A-Za-z0-9_-]`. Fresh ones have six of `[a-z0-9]`, as on AWS.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsagePlanId(Box<str>);

/// A plan's name: 1 to 1,024 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsagePlanName(Box<str>);

/// An AWS Marketplace product code: 1 to 128 characters without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductCode(Box<str>);

text_newtype!(UsagePlanId);
text_newtype!(UsagePlanName);
text_newtype!(ProductCode);

impl UsagePlanId {
    /// Reads an id; `None` when no plan can have it, which a caller sees as a plan that is not there.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_identifier(text).then(|| Self(text.into()))
    }
}

impl UsagePlanName {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, InvalidUsagePlan> {
        if !text.is_empty() && fits(text, 1_024) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidUsagePlan::Name)
        }
    }
}

impl ProductCode {
    /// Reads a code; the empty text is none.
    pub fn parse(text: &str) -> Result<Option<Self>, InvalidUsagePlan> {
        if !fits(text, 128) || text.chars().any(char::is_control) {
            return Err(InvalidUsagePlan::ProductCode);
        }
        Ok((!text.is_empty()).then(|| Self(text.into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_has_a_name_of_1_to_1024_characters() {
        assert_eq!(UsagePlanName::parse(""), Err(InvalidUsagePlan::Name));
        assert!(UsagePlanName::parse(&"ä".repeat(1_024)).is_ok());
        assert_eq!(UsagePlanName::parse(&"ä".repeat(1_025)), Err(InvalidUsagePlan::Name));
        assert_eq!(UsagePlanName::parse("a\0b"), Err(InvalidUsagePlan::Name));
    }

    #[test]
    fn a_product_code_is_printable() {
        assert_eq!(ProductCode::parse(""), Ok(None));
        assert_eq!(ProductCode::parse("6vdsh72nf4"), Ok(Some(ProductCode("6vdsh72nf4".into()))));
        for wrong in ["a\nb", &"c".repeat(129)] {
            assert_eq!(ProductCode::parse(wrong), Err(InvalidUsagePlan::ProductCode));
        }
    }
}
