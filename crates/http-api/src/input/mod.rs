//! Input: bytes of a request made into names and values, strictly.
//!
//! [`json`] reads a body, [`query`] a query string, [`path`] one segment of a path. All three promise:
//! - any bytes give either a value or an [`InputError`], never a panic;
//! - what is malformed, given twice, of the wrong type or (in a body) unknown is refused, not guessed at;
//! - no text that comes out holds NUL;
//! - an error shows a client what is wrong and where, and nothing of what it sent, save a member or parameter
//!   name short and plain enough not to be a key's value.
//!
//! What a value means is not decided here: that is the domain's parsing.

use std::fmt;

pub mod json;
pub mod path;
pub mod query;

/// The longest name that is repeated to the client. The shortest key value has 20 characters.
const MAX_ECHO: usize = 19;

/// Why input was refused, in the words the client is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// The body is not JSON.
    #[error("Invalid request input: the body is not valid JSON at line {line} column {column}")]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in bytes.
        column: usize,
    },
    /// The body is JSON, but nested beyond all need.
    #[error("Invalid request input: the body is nested too deeply")]
    TooDeep,
    /// The body is JSON, but not an object.
    #[error("Invalid request input: the body must be a JSON object")]
    NotAnObject,
    /// A member or parameter is given more than once.
    #[error("Invalid request input: {} is given twice", .0.or("a member"))]
    Twice(Echo),
    /// There is no such member.
    #[error("Invalid request input: {}{}", if .0.is_shown() { "unknown member " } else { "" }, .0.or("an unknown member"))]
    Unknown(Echo),
    /// A member or parameter is needed.
    #[error("Invalid request input: '{0}' is required")]
    Missing(&'static str),
    /// A member or parameter has the wrong type.
    #[error("Invalid request input: '{name}' must be {wanted}")]
    WrongType {
        /// Where it is: names of ours only.
        name: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A text holds NUL, which no storage keeps.
    #[error("Invalid request input: text must not contain NUL")]
    Nul,
    /// A `%` without two hexadecimal digits.
    #[error("Invalid request input: bad percent-encoding in the {0}")]
    BadEscape(Place),
    /// Decoded, it is not UTF-8.
    #[error("Invalid request input: the {0} is not UTF-8")]
    NotUtf8(Place),
}

/// A part of the request target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A segment of the path.
    Path,
    /// The query string.
    Query,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Path => "path",
            Self::Query => "query",
        })
    }
}

/// A name that the client made up, kept only when it may be repeated: at most 19 characters of `[A-Za-z0-9_]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Echo(Option<String>);

impl Echo {
    /// `within` is where the name stands, in names of ours.
    fn new(within: &str, name: &str) -> Self {
        let is_plain = (1..=MAX_ECHO).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        Self(is_plain.then(|| format!("'{}'", join(within, name))))
    }

    fn is_shown(&self) -> bool {
        self.0.is_some()
    }

    fn or<'a>(&'a self, unnamed: &'a str) -> &'a str {
        self.0.as_deref().unwrap_or(unnamed)
    }
}

fn join(within: &str, name: &str) -> String {
    if within.is_empty() { name.to_owned() } else { format!("{within}.{name}") }
}

fn without_nul<T: AsRef<str>>(text: T) -> Result<T, InputError> {
    if text.as_ref().contains('\0') { Err(InputError::Nul) } else { Ok(text) }
}

/// `true` and `false` as text, in any case, as the AWS clients' serialisers differ in it.
fn parse_flag(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}
