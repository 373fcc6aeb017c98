//! The actions that a policy speaks of, and sets of them.

use crate::glob::Glob;

/// Something that a request does. The crate's first page says which request asks for which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// `apigateway:GET`
    Get,
    /// `apigateway:POST`
    Post,
    /// `apigateway:PUT`
    Put,
    /// `apigateway:PATCH`
    Patch,
    /// `apigateway:DELETE`
    Delete,
    /// `gatepost:RevealValue`: to be told the value of a key that was there before.
    RevealValue,
    /// `gatepost:ImportKeys`: to add and change keys in bulk.
    ImportKeys,
}

impl Action {
    /// Every one.
    pub const ALL: [Self; 7] =
        [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete, Self::RevealValue, Self::ImportKeys];

    /// As it is written in a policy and told in a refusal.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "apigateway:GET",
            Self::Post => "apigateway:POST",
            Self::Put => "apigateway:PUT",
            Self::Patch => "apigateway:PATCH",
            Self::Delete => "apigateway:DELETE",
            Self::RevealValue => "gatepost:RevealValue",
            Self::ImportKeys => "gatepost:ImportKeys",
        }
    }
}

/// Which actions a statement is about. Its patterns are matched once, when it is read, so that a verdict begins with
/// one look at a bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ActionSet(u8);

impl ActionSet {
    /// Those whose name matches, in any case of letters.
    pub(crate) fn matching(pattern: &str) -> Self {
        let glob = Glob::new(&pattern.to_ascii_lowercase());
        let matching = Action::ALL.iter().filter(|action| glob.matches(&action.name().to_ascii_lowercase()));
        Self(matching.fold(0, |bits, action| bits | Self::bit(*action)))
    }

    pub(crate) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn contains(self, action: Action) -> bool {
        self.0 & Self::bit(action) != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    const fn bit(action: Action) -> u8 {
        1 << action as u8
    }
}
