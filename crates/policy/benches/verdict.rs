//! What a verdict costs: `cargo bench -p gatepost-policy --bench verdict`.
//!
//! The least mean of many short rounds, so that other work on the machine counts little.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![expect(clippy::print_stdout, reason = "a benchmark tells what it measured")]

use gatepost_policy::{Action, Policy, ReadyMade, Resource};
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: u32 = 200;

fn main() {
    let key = resource("/apikeys/0604dt7kow");
    let in_plan = resource("/usageplans/a1b2c3/keys/0604dt7kow");
    for ready_made in ReadyMade::ALL {
        let (policy, name) = (ready_made.policy(), ready_made.name());
        verdict(&format!("{name}: GET a key"), &policy, Action::Get, &key);
        verdict(&format!("{name}: GET a key of a plan"), &policy, Action::Get, &in_plan);
        verdict(&format!("{name}: reveal a value"), &policy, Action::RevealValue, &key);
    }

    let hostile = [("a".to_owned(), "b"), ("a?".to_owned(), "b"), ("a".repeat(60), "?b")];
    let long = resource(&format!("/{}", "a".repeat(2_000)));
    for (piece, end) in hostile {
        let pattern = format!("arn:{}{end}*", format!("*{piece}").repeat(6_000 / (piece.len() + 1)));
        let document = format!(r#"{{"Statement":{{"Effect":"Allow","Action":"*","Resource":"{pattern}"}}}}"#);
        let policy = Policy::parse(&document).expect("a policy");
        verdict(
            &format!("a pattern of 6,000 characters, *{piece:.3}..., on 2,000"),
            &policy,
            Action::Get,
            &long,
        );
    }

    for ready_made in ReadyMade::ALL {
        least_mean(&format!("{}: read", ready_made.name()), 100, || {
            black_box(Policy::parse(black_box(ready_made.document())).expect("a policy"));
        });
    }
}

fn resource(path: &str) -> Resource {
    Resource::new("eu-west-1", path).expect("a resource")
}

fn verdict(what: &str, policy: &Policy, action: Action, resource: &Resource) {
    let count = if resource.as_str().len() > 1_000 { 100 } else { 5_000 };
    let said = policy.verdict(action, resource);
    least_mean(&format!("{what}: {said:?}"), count, || {
        black_box(black_box(policy).verdict(black_box(action), black_box(resource)));
    });
}

fn least_mean(what: &str, count: u32, mut once: impl FnMut()) {
    let mut round = || {
        let begun = Instant::now();
        (0..count).for_each(|_| once());
        begun.elapsed().as_nanos() as f64 / f64::from(count)
    };
    let least = (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min);
    println!("{least:>10.1} ns  {what}");
}
