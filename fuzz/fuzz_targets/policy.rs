//! A policy of any text is read or refused without a panic, and a pattern matches what its words mean.
//!
//! The first line of the input is a pattern, without the `arn:` in front; the second a path; the rest is a document.
#![no_main]

use gatepost_policy::{Action, Policy, Resource, Verdict};
use libfuzzer_sys::fuzz_target;

/// Whether the pattern matches, told a row of a table at a time: which starts of the text the pattern so far matches.
fn means(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let mut matched = vec![false; text.len() + 1];
    matched[0] = true;
    for wanted in pattern.chars() {
        if wanted == '*' {
            let first = matched.iter().position(|is| *is).unwrap_or(matched.len());
            matched[first..].fill(true);
        } else {
            for at in (0..text.len()).rev() {
                matched[at + 1] = matched[at] && (wanted == '?' || wanted == text[at]);
            }
            matched[0] = false;
        }
    }
    matched[text.len()]
}

/// The pattern with `*` for the fields that count for nothing, partition, region and account, where it has them.
fn without_place(pattern: &str) -> String {
    let mut fields: Vec<&str> = pattern.splitn(6, ':').collect();
    let last = fields.len() - 1;
    for (at, field) in fields.iter_mut().enumerate() {
        if at < last && matches!(at, 1 | 3 | 4) {
            *field = "*";
        }
    }
    fields.join(":")
}

fuzz_target!(|text: &str| {
    let mut lines = text.splitn(3, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (pattern, path, document) = (line(), line(), line());
    let Ok(resource) = Resource::new("eu-west-1", &format!("/{path}")) else {
        unreachable!("both are well formed")
    };

    match Policy::parse(document) {
        Ok(policy) => {
            let verdicts = || Action::ALL.map(|action| policy.verdict(action, &resource));
            assert_eq!(verdicts(), verdicts());
        }
        Err(problem) => assert!(!problem.to_string().is_empty()),
    }

    let is_plain = |letter: char| !letter.is_control() && !matches!(letter, '"' | '\\' | ' ');
    if !pattern.chars().all(is_plain) {
        return;
    }
    let pattern = format!("arn:{pattern}");
    let read = |effect| {
        Policy::parse(&format!(
            r#"{{"Statement":[{{"Effect":"{effect}","Action":"*","Resource":"{pattern}"}},{{"Effect":"Allow","Action":"apigateway:GET","Resource":"*"}}]}}"#
        ))
    };
    let (Ok(allows), Ok(denies)) = (read("Allow"), read("Deny")) else { return };
    let matches = means(&without_place(&pattern), resource.as_str());
    let of = |yes, no| if matches { yes } else { no };
    assert_eq!(allows.verdict(Action::Put, &resource), of(Verdict::Allowed, Verdict::DeniedByDefault));
    assert_eq!(denies.verdict(Action::Get, &resource), of(Verdict::DeniedExplicitly, Verdict::Allowed));
});
