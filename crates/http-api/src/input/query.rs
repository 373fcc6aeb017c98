//! The query string.
//!
//! [`Query::parse`] checks all of it; the accessors decode what they are asked for, so that a query without
//! escapes is never copied and none costs nothing. Parameters nobody asks for are ignored, as AWS does, but
//! must be well-formed. A `+` is a blank, a parameter without `=` has the value `""`.

use std::borrow::Cow;

use super::path::percent_decode;
use super::{Echo, InputError, Place, parse_flag, without_nul};

/// A query string that is known to be well-formed.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    raw: &'a str,
}

impl<'a> Query<'a> {
    /// Checks a query string, given without its `?`.
    pub fn parse(raw: &'a str) -> Result<Self, InputError> {
        let query = Self { raw };
        query.pairs().try_for_each(|pair| pair.map(drop))?;
        Ok(query)
    }

    /// The value of a parameter that may be given once.
    pub fn one(&self, name: &str) -> Result<Option<Cow<'a, str>>, InputError> {
        let mut found = None;
        for value in self.values(name) {
            if found.replace(value?).is_some() {
                return Err(InputError::Twice(Echo::new("", name)));
            }
        }
        Ok(found)
    }

    /// The values of a parameter that may be given several times, in their order.
    pub fn all(&self, name: &str) -> Result<Vec<Cow<'a, str>>, InputError> {
        self.values(name).collect()
    }

    /// A parameter that is `true` or `false`, in any case.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, InputError> {
        let Some(value) = self.one(name)? else { return Ok(None) };
        let wrong = || InputError::WrongType { name: name.to_owned(), wanted: "a boolean" };
        parse_flag(&value).map(Some).ok_or_else(wrong)
    }

    fn values(&self, name: &str) -> impl Iterator<Item = Result<Cow<'a, str>, InputError>> {
        self.pairs().filter_map(move |pair| match pair {
            Ok((given, value)) => (given == name).then_some(Ok(value)),
            Err(error) => Some(Err(error)),
        })
    }

    fn pairs(&self) -> impl Iterator<Item = Result<(Cow<'a, str>, Cow<'a, str>), InputError>> + use<'a> {
        self.raw.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        })
    }
}

fn decode(raw: &str) -> Result<Cow<'_, str>, InputError> {
    let raw = if raw.contains('+') { Cow::Owned(raw.replace('+', " ")) } else { Cow::Borrowed(raw) };
    without_nul(percent_decode(raw, Place::Query)?)
}

#[cfg(test)]
mod tests;
