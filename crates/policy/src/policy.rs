//! A policy that has been read, and what it says of a request.

use crate::InvalidPolicy;
use crate::action::{Action, ActionSet};
use crate::document;
use crate::glob::Glob;
use crate::resource::Resource;

/// What a credential may do. Made by [`Policy::parse`]; asked by [`Policy::verdict`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What is denied.
    denials: Box<[Rule]>,
    /// What is allowed, unless it is denied.
    allowances: Box<[Rule]>,
}

/// What a policy says of an action on a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A statement allows it and none denies it.
    Allowed,
    /// A statement denies it, whatever others say.
    DeniedExplicitly,
    /// No statement speaks of it.
    DeniedByDefault,
}

/// A statement without its effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) actions: ActionSet,
    pub(crate) resources: Box<[Glob]>,
}

impl Policy {
    /// The most characters that a document may have, not counting white space outside of strings: IAM's quota for a
    /// managed policy (IAM User Guide, "IAM and AWS STS quotas").
    pub const MOST_CHARACTERS: usize = 6_144;

    /// The most bytes that a document may have with its white space: what IAM's CreatePolicy takes.
    pub const MOST_BYTES: usize = 131_072;

    /// Reads a document. The error names the member that is wrong and repeats nothing that could be a secret.
    pub fn parse(text: &str) -> Result<Self, InvalidPolicy> {
        document::read(text)
    }

    /// Rules that no action of ours falls under are left out.
    pub(crate) fn new(denials: Vec<Rule>, allowances: Vec<Rule>) -> Self {
        let useful = |rules: Vec<Rule>| rules.into_iter().filter(|rule| !rule.actions.is_empty()).collect();
        Self { denials: useful(denials), allowances: useful(allowances) }
    }

    /// Whether the action may be done on the resource.
    ///
    /// Each pattern reads the resource once at most, and makes one step for each character and each 64 characters of
    /// the pattern. Nothing is allocated, save for a pattern with more than 64 characters between two stars.
    #[must_use]
    pub fn verdict(&self, action: Action, resource: &Resource) -> Verdict {
        let speaks = |rule: &Rule| {
            rule.actions.contains(action) && rule.resources.iter().any(|glob| glob.matches(resource.as_str()))
        };
        if self.denials.iter().any(speaks) {
            Verdict::DeniedExplicitly
        } else if self.allowances.iter().any(speaks) {
            Verdict::Allowed
        } else {
            Verdict::DeniedByDefault
        }
    }
}

#[cfg(test)]
mod tests;
