//! An answer as text for inline snapshots: status, error code, and the body member by member.
//!
//! Ids, values and dates differ from run to run, so they are replaced, wherever they appear, by what they are; a date
//! is replaced only when it has the shape of its representation, so that a wrong shape shows.

use serde_json::Value;

use crate::http::Answer;

/// The status line and the body of an answer, with what differs from run to run masked.
pub fn masked(answer: &Answer) -> String {
    let code = answer.header("x-amzn-errortype").map(|code| format!(" {code}")).unwrap_or_default();
    if answer.body.is_empty() {
        return format!("{}{code}", answer.status);
    }
    format!("{}{code}\n{:#}", answer.status, masked_body(answer.json()))
}

/// A body with ids, values and dates masked.
pub fn masked_body(mut body: Value) -> Value {
    let mut invented = Vec::new();
    collect(&body, &mut invented);
    replace(&mut body, &invented);
    body
}

fn collect(body: &Value, invented: &mut Vec<(String, &'static str)>) {
    match body {
        Value::Array(items) => items.iter().for_each(|item| collect(item, invented)),
        Value::Object(members) => {
            for (name, member) in members {
                let texts = member.as_array().map_or(std::slice::from_ref(member), Vec::as_slice);
                let mask = match name.as_str() {
                    "id" | "ids" => "[id]",
                    "value" => "[value]",
                    "position" => "[position]",
                    _ => "",
                };
                if mask.is_empty() {
                    collect(member, invented);
                } else {
                    invented
                        .extend(texts.iter().filter_map(Value::as_str).map(|text| (text.to_owned(), mask)));
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn replace(body: &mut Value, invented: &[(String, &'static str)]) {
    match body {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, invented)),
        Value::Object(members) => {
            for (name, member) in members {
                match date(name, member) {
                    Some(mask) => *member = mask.into(),
                    None => replace(member, invented),
                }
            }
        }
        Value::String(text) => {
            for (known, mask) in invented {
                *text = text.replace(known, mask);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn date(name: &str, member: &Value) -> Option<&'static str> {
    if !name.ends_with("Date") {
        return None;
    }
    match member {
        // An integer of this century.
        Value::Number(seconds) => {
            seconds.as_u64().filter(|seconds| *seconds > 1_700_000_000).map(|_| "[epoch]")
        }
        Value::String(text) => {
            let shape: String =
                text.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
            (shape == "0000-00-00T00:00:00Z").then_some("[iso]")
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
