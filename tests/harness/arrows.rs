//! Which crate may depend on which: the floor plan as a table, and the check of a workspace against it.
//!
//! Only normal dependencies count; what a crate's own tests use is not part of the product. A new crate is a new row,
//! and a crate without a row fails the check.

use std::collections::{BTreeMap, BTreeSet};

/// A package's name and the names of what it depends on.
pub type Dependencies = BTreeMap<String, BTreeSet<String>>;

/// What each crate of ours may use of ours. Names are without the `gatepost-` in front.
const ALLOWED: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("policy", &[]),
    ("sigv4", &[]),
    ("telemetry", &[]),
    ("custody", &["domain"]),
    ("storage", &["domain"]),
    ("config", &["domain"]),
    ("storage-memory", &["storage", "domain", "telemetry"]),
    ("storage-postgres", &["storage", "domain"]),
    ("storage-sqlite", &["storage", "domain"]),
    ("application", &["storage", "custody", "domain", "policy", "telemetry"]),
    ("http-api", &["application", "telemetry", "domain", "custody", "policy", "sigv4"]),
    (
        "server",
        &[
            "application",
            "config",
            "custody",
            "domain",
            "http-api",
            "policy",
            "sigv4",
            "storage",
            "storage-memory",
            "storage-postgres",
            "storage-sqlite",
            "telemetry",
        ],
    ),
    ("bench", &["server", "domain", "sigv4"]),
    ("integration-tests", &["server", "storage", "storage-memory", "domain", "sigv4"]),
];

/// Libraries that only some crates may use: the name, who may, and why the others may not.
const RESERVED: &[(&str, &[&str], &str)] = &[
    (
        "sqlx",
        &["storage-sqlite", "storage-postgres", "bench", "integration-tests"],
        "SQL stays in the SQL backends",
    ),
    ("hyper", &["http-api", "server", "bench", "integration-tests"], "HTTP ends at http-api"),
    ("hyper-util", &["http-api", "server", "bench", "integration-tests"], "HTTP ends at http-api"),
];

/// Everything that breaks the plan, one line each; empty when all is well.
pub fn violations(workspace: &Dependencies) -> Vec<String> {
    let ours: BTreeSet<&str> = workspace.keys().map(|name| short(name)).collect();
    let mut found = Vec::new();
    for (package, dependencies) in workspace {
        let package = short(package);
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == package) else {
            found.push(format!("{package} is not in the table"));
            continue;
        };
        for dependency in dependencies.iter().map(|name| short(name)) {
            if ours.contains(dependency) && !allowed.contains(&dependency) {
                found.push(format!("{package} must not depend on {dependency}"));
            }
            for (library, users, why) in RESERVED {
                if *library == dependency && !users.contains(&package) {
                    found.push(format!("{package} must not use {library}: {why}"));
                }
            }
        }
    }
    found
}

fn short(package: &str) -> &str {
    package.strip_prefix("gatepost-").unwrap_or(package)
}
