//! The arrows of the floor plan, read from the workspace itself.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, MetadataCommand};
use integration_tests::arrows::{Dependencies, violations};

/// Normal dependencies of every crate in the workspace.
fn workspace() -> Dependencies {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let metadata = MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .exec()
        .expect("cargo describes the workspace");
    let normal = |package: &cargo_metadata::Package| -> BTreeSet<String> {
        let normal =
            package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
        normal.map(|dependency| dependency.name.clone()).collect()
    };
    metadata.packages.iter().map(|package| (package.name.to_string(), normal(package))).collect()
}

#[test]
fn every_dependency_follows_an_arrow() {
    assert_eq!(violations(&workspace()), Vec::<String>::new());
}

#[test]
fn every_floor_is_looked_at() {
    let workspace = workspace();
    for floor in ["domain", "custody", "storage", "storage-memory", "application", "http-api", "server"] {
        assert!(workspace.contains_key(&format!("gatepost-{floor}")), "{floor}");
    }
    assert!(workspace["gatepost-storage"].contains("gatepost-domain"), "dependencies are seen");
}

#[test]
fn a_planted_wrong_arrow_is_found() {
    for (package, dependency, found) in [
        ("gatepost-domain", "gatepost-custody", "domain must not depend on custody"),
        ("gatepost-storage", "gatepost-custody", "storage must not depend on custody"),
        ("gatepost-application", "gatepost-storage-memory", "application must not depend on storage-memory"),
        ("gatepost-application", "gatepost-http-api", "application must not depend on http-api"),
        ("gatepost-http-api", "gatepost-storage", "http-api must not depend on storage"),
        ("gatepost-bench", "gatepost-application", "bench must not depend on application"),
        ("gatepost-application", "hyper", "application must not use hyper: HTTP ends at http-api"),
        (
            "gatepost-storage-memory",
            "sqlx",
            "storage-memory must not use sqlx: SQL stays in the SQL backends",
        ),
    ] {
        let mut workspace = workspace();
        workspace.get_mut(package).expect("a crate of ours").insert(dependency.to_owned());
        assert_eq!(violations(&workspace), [found]);
    }
    let mut workspace = workspace();
    workspace.insert("gatepost-newcomer".to_owned(), BTreeSet::new());
    assert_eq!(violations(&workspace), ["newcomer is not in the table"]);
}
