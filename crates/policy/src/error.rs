//! Why a document is not a policy.

use crate::Policy;

/// Why a document is not a policy, in words for whoever wrote it.
///
/// A member is told by its place, `Statement[0].Action[1]`, counted from 0. Values are not repeated, nor names that
/// are long or odd enough to be a secret in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// More characters than a managed policy of IAM may have.
    #[error(
        "the policy has {0} characters, white space not counted; at most {most} are allowed: join patterns with `*`, or leave out Sid and Id",
        most = Policy::MOST_CHARACTERS
    )]
    TooLong(usize),
    /// More bytes than IAM takes, white space and all.
    #[error("the policy has {0} bytes; at most {most} are allowed", most = Policy::MOST_BYTES)]
    TooManyBytes(usize),
    /// Not JSON, or nested beyond all need.
    #[error("the policy cannot be read as JSON: {0}")]
    NotJson(String),
    /// The member has the wrong type.
    #[error("{member} must be {wanted}")]
    WrongType {
        /// Which.
        member: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// The member is needed.
    #[error("{member} is missing: add it, as {wanted}")]
    Missing {
        /// Which.
        member: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// The member is given more than once, and which one would count is anyone's guess.
    #[error("{0} is given twice: leave one")]
    Twice(String),
    /// There is no such member.
    #[error(
        "{0} is not known, and an element that is passed over could grant more than is written: remove it, or correct its spelling (upper and lower case count)"
    )]
    Unknown(String),
    /// An element of IAM that is not evaluated here.
    #[error("{member} is not supported: {advice}")]
    Unsupported {
        /// Which.
        member: String,
        /// Why, and what to write instead.
        advice: &'static str,
    },
    /// Another version of the policy language.
    #[error("Version must be \"2012-10-17\" or \"2008-10-17\", or be left out")]
    Version,
    /// Neither of the two effects.
    #[error("{0} must be \"Allow\" or \"Deny\", written so")]
    Effect(String),
    /// A list without items.
    #[error("{0} is an empty list: it must have at least one item")]
    Empty(String),
    /// A policy variable.
    #[error(
        "{0} has a policy variable, which is not supported: write the text itself in place of ${{...}}, or `*`"
    )]
    Variable(String),
    /// White space or a control character, with which a pattern matches nothing.
    #[error("{0} has white space or a control character in it, and would match nothing: remove it")]
    Blank(String),
    /// Not an action.
    #[error("{0} must be `*` or an action with its service, such as \"apigateway:GET\"")]
    NotAnAction(String),
    /// A `gatepost:` action that is not one.
    #[error("{0} names no action of Gatepost's: these are gatepost:RevealValue and gatepost:ImportKeys")]
    NoSuchAction(String),
    /// Not a resource.
    #[error("{0} must be `*` or an ARN, such as \"arn:aws:apigateway:*::/apikeys/*\"")]
    NotAnArn(String),
    /// An ARN whose region or account cannot be told from its path.
    #[error(
        "{0} must be a whole ARN, such as \"arn:aws:apigateway:*::/apikeys/*\": a `*` stands for whole fields of it"
    )]
    ShortArn(String),
}
