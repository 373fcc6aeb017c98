//! JSON bodies.
//!
//! [`Members::parse`] reads a body; the handler then takes each member it knows by name and type and ends with
//! [`Members::finish`], which refuses what is left. So a request is read in one place, a misspelt member never
//! passes for an absent one, and a new operation needs no types of its own:
//!
//! ```ignore
//! let mut members = Members::parse(&body)?;
//! let name = members.text("name")?;
//! let enabled = members.flag("enabled")?;
//! members.finish()?;
//! ```
//!
//! `null` is absent, an empty body is `{}`. Not derived with serde, because its errors repeat what was sent,
//! which may be a key's value; [`Members`] has no `Debug` form for the same reason.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Echo, InputError, join, parse_flag, without_nul};

/// A JSON value, as it was written: members are in their order, with duplicates.
enum Json {
    Null,
    Bool(bool),
    /// A number without point and exponent; one that does not fit is out of every range, like the last that does.
    Integer(i64),
    /// Any other number.
    Decimal(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// The members of an object that have not been taken yet.
pub struct Members {
    /// Where the object stands in the body; empty for the body itself.
    within: String,
    members: Vec<(String, Json)>,
}

impl Members {
    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self, InputError> {
        if body.is_empty() {
            return Ok(Self { within: String::new(), members: Vec::new() });
        }
        let json = serde_json::from_slice(body).map_err(|error| {
            // Its only mark of this one error is its text; a test holds it to that.
            if error.to_string().starts_with("recursion limit exceeded") {
                InputError::TooDeep
            } else {
                InputError::NotJson { line: error.line(), column: error.column() }
            }
        })?;
        match json {
            Json::Object(members) => Self::new(String::new(), members),
            Json::Null
            | Json::Bool(_)
            | Json::Integer(_)
            | Json::Decimal(_)
            | Json::Text(_)
            | Json::List(_) => Err(InputError::NotAnObject),
        }
    }

    fn new(within: String, members: Vec<(String, Json)>) -> Result<Self, InputError> {
        // Sorted, because comparing each with each would take minutes for a megabyte of members.
        let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(InputError::Twice(Echo::new(&within, twice[0])));
        }
        Ok(Self { within, members })
    }

    /// Whether a member is given, be it null.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.members.iter().any(|(given, _)| given == name)
    }

    /// A string.
    pub fn text(&mut self, name: &str) -> Result<Option<String>, InputError> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::Text(text)) => without_nul(text).map(Some),
            Some(_) => Err(self.wrong(name, "a string")),
        }
    }

    /// A boolean, or the strings `true` and `false` in any case.
    pub fn flag(&mut self, name: &str) -> Result<Option<bool>, InputError> {
        let flag = match self.take(name) {
            None => return Ok(None),
            Some(Json::Bool(flag)) => Some(flag),
            Some(Json::Text(text)) => parse_flag(&text),
            Some(_) => None,
        };
        flag.map(Some).ok_or_else(|| self.wrong(name, "a boolean"))
    }

    /// Any number.
    pub fn number(&mut self, name: &str) -> Result<Option<f64>, InputError> {
        match self.take(name) {
            None => Ok(None),
            #[expect(clippy::cast_precision_loss, reason = "what it loses is beyond every bound there is")]
            Some(Json::Integer(integer)) => Ok(Some(integer as f64)),
            Some(Json::Decimal(decimal)) => Ok(Some(decimal)),
            Some(_) => Err(self.wrong(name, "a number")),
        }
    }

    /// A number without point and exponent.
    pub fn integer(&mut self, name: &str) -> Result<Option<i64>, InputError> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::Integer(integer)) => Ok(Some(integer)),
            Some(_) => Err(self.wrong(name, "an integer")),
        }
    }

    // Not public: its texts are still unchecked.
    fn list(&mut self, name: &str) -> Result<Option<Vec<Json>>, InputError> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::List(items)) => Ok(Some(items)),
            Some(_) => Err(self.wrong(name, "a list")),
        }
    }

    /// A list of objects; each is to be finished by the caller.
    pub fn objects(&mut self, name: &str) -> Result<Option<Vec<Members>>, InputError> {
        let Some(items) = self.list(name)? else { return Ok(None) };
        let object = |(at, item)| match item {
            Json::Object(members) => Self::new(self.path_of(&format!("{name}[{at}]")), members),
            _ => Err(self.wrong(&format!("{name}[{at}]"), "an object")),
        };
        items.into_iter().enumerate().map(object).collect::<Result<_, _>>().map(Some)
    }

    /// An object, to be finished by the caller.
    pub fn object(&mut self, name: &str) -> Result<Option<Members>, InputError> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::Object(members)) => Self::new(self.path_of(name), members).map(Some),
            Some(_) => Err(self.wrong(name, "an object")),
        }
    }

    /// An object whose members are strings under names that the client chooses, in their order.
    pub fn text_map(&mut self, name: &str) -> Result<Option<Vec<(String, String)>>, InputError> {
        let Some(Members { members, .. }) = self.object(name)? else { return Ok(None) };
        let text = |(key, value)| match value {
            Json::Text(text) => Ok((without_nul(key)?, without_nul(text)?)),
            _ => Err(self.wrong(name, "an object of strings")),
        };
        members.into_iter().map(text).collect::<Result<_, _>>().map(Some)
    }

    /// An object whose members are objects under names that the client chooses, in their order; each is to be finished
    /// by the caller.
    pub fn object_map(&mut self, name: &str) -> Result<Option<Vec<(String, Members)>>, InputError> {
        self.object(name)?.map(Members::into_objects).transpose()
    }

    /// All members, which are objects under names that the client chooses, in their order. Such a name is no part of
    /// a message.
    pub fn into_objects(self) -> Result<Vec<(String, Members)>, InputError> {
        let Self { within, members } = self;
        let object = |(name, value)| match value {
            Json::Object(members) => Ok((without_nul(name)?, Self::new(within.clone(), members)?)),
            _ => Err(InputError::WrongType { name: within.clone(), wanted: "an object of objects" }),
        };
        members.into_iter().map(object).collect()
    }

    /// Ends the reading: a member that was not taken is one that nobody knows.
    pub fn finish(self) -> Result<(), InputError> {
        match self.members.first() {
            None => Ok(()),
            Some((name, _)) => Err(InputError::Unknown(Echo::new(&self.within, name))),
        }
    }

    /// A member's full name, for the caller's own messages: `stageKeys[0].restApiId`.
    fn path_of(&self, name: &str) -> String {
        join(&self.within, name)
    }

    fn take(&mut self, name: &str) -> Option<Json> {
        let at = self.members.iter().position(|(given, _)| given == name)?;
        match self.members.swap_remove(at).1 {
            Json::Null => None,
            value => Some(value),
        }
    }

    fn wrong(&self, name: &str, wanted: &'static str) -> InputError {
        InputError::WrongType { name: self.path_of(name), wanted }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Tree)
    }
}

struct Tree;

impl<'de> Visitor<'de> for Tree {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Json, E> {
        Ok(Json::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Integer(i64::try_from(number).unwrap_or(i64::MAX)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(Json::Decimal(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = entries.next_entry()? {
            members.push(member);
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests;
