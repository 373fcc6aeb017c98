//! Documents: text made into a policy, or a reason why not.
//!
//! Not derived with serde, which keeps the last of two members of one name and passes over those it does not know.
//! [`json`] keeps all that was written; here each member is taken by name, and what is left over is refused.

mod json;

use json::Json;

use crate::InvalidPolicy;
use crate::action::ActionSet;
use crate::glob::Glob;
use crate::policy::{Policy, Rule};

const STATEMENTS: &str = "an object or a list of objects";
const TEXTS: &str = "a string or a list of strings";
const TEXT: &str = "a string";

/// Elements of IAM's statements that are not evaluated here, and what to do without them.
const UNSUPPORTED: [(&str, &str); 5] = [
    (
        "Condition",
        "conditions are not evaluated, and without its condition the statement would say something else; remove the statement, or the Condition if it is meant to hold always",
    ),
    ("NotAction", "list the actions that are meant in Action"),
    (
        "NotResource",
        "list the resources that are meant in Resource, or deny the others in a statement of their own",
    ),
    ("Principal", "a policy speaks of the credential that carries it; remove this"),
    ("NotPrincipal", "a policy speaks of the credential that carries it; remove this"),
];

/// The longest unknown name that is repeated: a secret has more characters.
const MOST_ECHOED: usize = 19;

enum Effect {
    Allow,
    Deny,
}

/// The way from text to policy.
pub(crate) fn read(text: &str) -> Result<Policy, InvalidPolicy> {
    check_length(text)?;
    let json = serde_json::from_str(text).map_err(|error| InvalidPolicy::NotJson(error.to_string()))?;
    let mut document = Members::new(String::new(), json)?;
    if let Some(version) = document.text("Version")?
        && !["2012-10-17", "2008-10-17"].contains(&version.as_str())
    {
        return Err(InvalidPolicy::Version);
    }
    document.text("Id")?;
    let statements = document.needed("Statement", STATEMENTS)?;
    document.finish()?;

    let (mut denials, mut allowances) = (Vec::new(), Vec::new());
    for (place, statement) in items("Statement", statements)? {
        match read_statement(Members::new(place, statement)?)? {
            (Effect::Deny, rule) => denials.push(rule),
            (Effect::Allow, rule) => allowances.push(rule),
        }
    }
    Ok(Policy::new(denials, allowances))
}

fn check_length(text: &str) -> Result<(), InvalidPolicy> {
    if text.len() > Policy::MOST_BYTES {
        return Err(InvalidPolicy::TooManyBytes(text.len()));
    }
    let characters = count_without_blanks(text);
    if characters > Policy::MOST_CHARACTERS {
        return Err(InvalidPolicy::TooLong(characters));
    }
    Ok(())
}

/// Characters, save the white space that JSON allows between its tokens.
fn count_without_blanks(text: &str) -> usize {
    let (mut in_string, mut is_escaped) = (false, false);
    let counts = |letter: &char| {
        let was_in_string = in_string;
        match letter {
            '"' if !is_escaped => in_string = !in_string,
            _ => {}
        }
        is_escaped = in_string && !is_escaped && *letter == '\\';
        was_in_string || !matches!(letter, ' ' | '\t' | '\n' | '\r')
    };
    text.chars().filter(counts).count()
}

fn read_statement(mut statement: Members) -> Result<(Effect, Rule), InvalidPolicy> {
    for (name, advice) in UNSUPPORTED {
        if statement.take(name).is_some() {
            return Err(InvalidPolicy::Unsupported { member: statement.place_of(name), advice });
        }
    }
    statement.text("Sid")?;
    let effect = match statement.needed_text("Effect")?.as_str() {
        "Allow" => Effect::Allow,
        "Deny" => Effect::Deny,
        _ => return Err(InvalidPolicy::Effect(statement.place_of("Effect"))),
    };
    let actions = statement.patterns("Action", read_action)?;
    let resources = statement.patterns("Resource", read_resource)?;
    statement.finish()?;
    let actions = actions.into_iter().fold(ActionSet::default(), ActionSet::union);
    Ok((effect, Rule { actions, resources: resources.into() }))
}

fn read_action(place: String, pattern: &str) -> Result<ActionSet, InvalidPolicy> {
    if pattern != "*" && !pattern.contains(':') {
        return Err(InvalidPolicy::NotAnAction(place));
    }
    let actions = ActionSet::matching(pattern);
    // Of other services we know no actions; of ours we do, and a misspelt one in a Deny would deny nothing.
    let is_ours = pattern.get(..9).is_some_and(|service| service.eq_ignore_ascii_case("gatepost:"));
    if is_ours && actions.is_empty() { Err(InvalidPolicy::NoSuchAction(place)) } else { Ok(actions) }
}

/// Partition, region and account count for nothing: resources have one of each, and callers choose the region that they
/// sign for, so a denial in one region would deny nothing.
fn read_resource(place: String, pattern: &str) -> Result<Glob, InvalidPolicy> {
    const IGNORED: [usize; 3] = [1, 3, 4];
    let mut fields: Vec<&str> = pattern.splitn(6, ':').collect();
    let last = fields.len() - 1;
    if pattern == "*" {
        return Ok(Glob::new(pattern));
    }
    if fields[0] != "arn" {
        return Err(InvalidPolicy::NotAnArn(place));
    }
    // A `*` that begins the last field may stand for those that are missing, and so may one before a path.
    let is_path = last == 2 && fields[1] == "*" && fields[2].starts_with('/');
    if last < 5 && !fields[last].starts_with('*') && !is_path {
        return Err(InvalidPolicy::ShortArn(place));
    }
    IGNORED.into_iter().filter(|field| *field < last).for_each(|field| fields[field] = "*");
    Ok(Glob::new(&fields.join(":")))
}

/// What holds of actions and of resources.
fn check_pattern(place: &str, pattern: &str) -> Result<(), InvalidPolicy> {
    if pattern.contains("${") {
        Err(InvalidPolicy::Variable(place.to_owned()))
    } else if pattern.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        Err(InvalidPolicy::Blank(place.to_owned()))
    } else {
        Ok(())
    }
}

/// The items of a list with their places; a value by itself is a list of one.
fn items(place: &str, value: Json) -> Result<Vec<(String, Json)>, InvalidPolicy> {
    match value {
        Json::List(items) if items.is_empty() => Err(InvalidPolicy::Empty(place.to_owned())),
        Json::List(items) => {
            Ok(items.into_iter().enumerate().map(|(at, item)| (format!("{place}[{at}]"), item)).collect())
        }
        single => Ok(vec![(place.to_owned(), single)]),
    }
}

/// The members of an object that have not been taken yet.
struct Members {
    /// Where the object stands; empty for the document itself.
    within: String,
    members: Vec<(String, Json)>,
}

impl Members {
    fn new(within: String, json: Json) -> Result<Self, InvalidPolicy> {
        let Json::Object(members) = json else {
            let member = if within.is_empty() { "the policy".to_owned() } else { within };
            return Err(InvalidPolicy::WrongType { member, wanted: "an object" });
        };
        let object = Self { within, members };
        let mut names: Vec<&str> = object.members.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(twice) => Err(InvalidPolicy::Twice(object.echo_of(twice[0]))),
            None => Ok(object),
        }
    }

    fn take(&mut self, name: &str) -> Option<Json> {
        let at = self.members.iter().position(|(given, _)| given == name)?;
        Some(self.members.swap_remove(at).1)
    }

    fn needed(&mut self, name: &str, wanted: &'static str) -> Result<Json, InvalidPolicy> {
        self.take(name).ok_or_else(|| InvalidPolicy::Missing { member: self.place_of(name), wanted })
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, InvalidPolicy> {
        self.take(name).map(|value| text(&self.place_of(name), value, TEXT)).transpose()
    }

    fn needed_text(&mut self, name: &str) -> Result<String, InvalidPolicy> {
        let value = self.needed(name, TEXT)?;
        text(&self.place_of(name), value, TEXT)
    }

    /// The patterns of a member, each made into what it means.
    fn patterns<T>(
        &mut self,
        name: &str,
        read: fn(String, &str) -> Result<T, InvalidPolicy>,
    ) -> Result<Vec<T>, InvalidPolicy> {
        let value = self.needed(name, TEXTS)?;
        let wanted = if matches!(value, Json::List(_)) { TEXT } else { TEXTS };
        let pattern = |(place, item): (String, Json)| {
            let pattern = text(&place, item, wanted)?;
            check_pattern(&place, &pattern)?;
            read(place, &pattern)
        };
        items(&self.place_of(name), value)?.into_iter().map(pattern).collect()
    }

    /// Ends the reading: a member that was not taken is one that nobody knows.
    fn finish(self) -> Result<(), InvalidPolicy> {
        match self.members.first() {
            None => Ok(()),
            Some((name, _)) => Err(InvalidPolicy::Unknown(self.echo_of(name))),
        }
    }

    fn place_of(&self, name: &str) -> String {
        if self.within.is_empty() { name.to_owned() } else { format!("{}.{name}", self.within) }
    }

    /// The place of a member that may not be one of ours.
    fn echo_of(&self, name: &str) -> String {
        let is_plain =
            (1..=MOST_ECHOED).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        self.place_of(if is_plain { name } else { "(a member whose name is not shown)" })
    }
}

fn text(place: &str, value: Json, wanted: &'static str) -> Result<String, InvalidPolicy> {
    match value {
        Json::Text(text) => Ok(text),
        Json::List(_) | Json::Object(_) | Json::Other => {
            Err(InvalidPolicy::WrongType { member: place.to_owned(), wanted })
        }
    }
}

#[cfg(test)]
mod tests;
