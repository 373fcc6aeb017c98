//! Policies for the usual cases, to be chosen by name.

use crate::Policy;

/// A policy that need not be written.
///
/// | | may | may not |
/// |---|---|---|
/// | `administrator` | everything | |
/// | `read-only` | `GET` everything | be told a key's value (`gatepost:RevealValue`), change anything |
/// | `key-issuer` | create keys one by one and put keys into usage plans; `GET` keys, usage plans and usage | be told the value of a key that it does not create, import, change or delete anything, create usage plans, set tags |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadyMade {
    /// Everything, what is added in later versions too.
    Administrator,
    /// To look, but not at values.
    ReadOnly,
    /// To give out new keys and find their way into plans.
    KeyIssuer,
}

impl ReadyMade {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Administrator, Self::ReadOnly, Self::KeyIssuer];

    /// As it is written in settings and commands.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::ReadOnly => "read-only",
            Self::KeyIssuer => "key-issuer",
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ready_made| ready_made.name() == name)
    }

    /// The document, to be kept or shown.
    #[must_use]
    pub const fn document(self) -> &'static str {
        match self {
            Self::Administrator => include_str!("ready_made/administrator.json"),
            Self::ReadOnly => include_str!("ready_made/read-only.json"),
            Self::KeyIssuer => include_str!("ready_made/key-issuer.json"),
        }
    }

    /// The document, read.
    #[must_use]
    pub fn policy(self) -> Policy {
        Policy::parse(self.document()).expect("a test reads each of them")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, Resource, Verdict};

    /// Every action on a resource of every kind, those of other services of AWS's too.
    fn requests() -> impl Iterator<Item = (Action, &'static str)> {
        const PATHS: [&str; 12] = [
            "/apikeys",
            "/apikeys/0604dt7kow",
            "/usageplans",
            "/usageplans/a1b2c3",
            "/usageplans/a1b2c3/keys",
            "/usageplans/a1b2c3/keys/0604dt7kow",
            "/usageplans/a1b2c3/keys/0604dt7kow/usage",
            "/usageplans/a1b2c3/usage",
            "/tags/arn:aws:apigateway:eu-west-1::/apikeys/0604dt7kow",
            "/account",
            "/restapis",
            "/restapis/a1b2c3d4e5/stages/prod",
        ];
        Action::ALL.into_iter().flat_map(|action| PATHS.map(|path| (action, path)))
    }

    fn allowed(ready_made: ReadyMade) -> Vec<(Action, &'static str)> {
        let policy = ready_made.policy();
        let is_allowed = |(action, path): &(Action, &str)| {
            let resource = Resource::new("eu-west-1", path).expect("a resource");
            policy.verdict(*action, &resource) == Verdict::Allowed
        };
        requests().filter(is_allowed).collect()
    }

    #[test]
    fn an_administrator_may_do_everything() {
        assert_eq!(allowed(ReadyMade::Administrator), requests().collect::<Vec<_>>());
    }

    #[test]
    fn read_only_is_to_get_and_no_more() {
        let gets: Vec<_> = requests().filter(|(action, _)| *action == Action::Get).collect();
        assert_eq!(allowed(ReadyMade::ReadOnly), gets);
    }

    #[test]
    fn a_key_issuer_creates_and_reads() {
        assert_eq!(
            allowed(ReadyMade::KeyIssuer),
            [
                (Action::Get, "/apikeys"),
                (Action::Get, "/apikeys/0604dt7kow"),
                (Action::Get, "/usageplans"),
                (Action::Get, "/usageplans/a1b2c3"),
                (Action::Get, "/usageplans/a1b2c3/keys"),
                (Action::Get, "/usageplans/a1b2c3/keys/0604dt7kow"),
                (Action::Get, "/usageplans/a1b2c3/keys/0604dt7kow/usage"),
                (Action::Get, "/usageplans/a1b2c3/usage"),
                (Action::Post, "/apikeys"),
                (Action::Post, "/usageplans/a1b2c3/keys"),
            ]
        );
    }

    #[test]
    fn they_go_by_their_names_alone() {
        for ready_made in ReadyMade::ALL {
            assert_eq!(ReadyMade::parse(ready_made.name()), Some(ready_made));
        }
        for name in ["", "Administrator", "readonly", "key-issuer "] {
            assert_eq!(ReadyMade::parse(name), None, "{name}");
        }
    }
}
