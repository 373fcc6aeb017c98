use super::*;
use crate::{Tags, Version, api_keys::ApiKeyId};
use proptest::prelude::*;

fn key() -> ApiKey {
    ApiKey {
        id: ApiKeyId::parse("gt748qoyk2").unwrap(),
        name: ApiKeyName::parse("before").unwrap(),
        description: None,
        enabled: true,
        customer_id: None,
        stage_keys: vec![],
        labels: vec![],
        tags: Tags::default(),
        created: Timestamp::from_micros(1),
        updated: Timestamp::from_micros(1),
        version: Version::FIRST,
    }
}

fn parse(op: &str, path: &str, value: Option<&str>) -> Result<ApiKeyPatch, InvalidPatch> {
    ApiKeyPatch::parse(PatchOperation { op: Some(op), path: Some(path), value })
}

fn patched(operations: &[(&str, &str, &str)]) -> ApiKey {
    let changes = operations.iter().map(|(op, path, value)| parse(op, path, Some(value)).unwrap()).collect();
    key().patched(changes, Timestamp::from_micros(2)).unwrap()
}

#[test]
fn exactly_the_operations_of_the_references_table_are_supported() {
    let paths = ["/customerId", "/description", "/enabled", "/labels", "/name", "/stages"];
    let supported = |op: &str| -> Vec<&str> {
        paths.into_iter().filter(|path| parse(op, path, Some("a/b")).is_ok()).collect()
    };
    assert_eq!(supported("replace"), ["/customerId", "/description", "/enabled", "/name"]);
    assert_eq!(supported("add"), ["/labels", "/stages"]);
    assert_eq!(supported("remove"), ["/labels", "/stages"]);
    assert_eq!(supported("copy"), [""; 0]);
}

#[test]
fn a_wrong_path_is_refused_in_the_words_of_aws() {
    let text = |op| parse(op, "/id", Some("x")).unwrap_err().to_string();
    assert_eq!(
        text("replace"),
        "Invalid patch path  '/id' specified for op 'replace'. Must be one of: [/description, /enabled, /name, /customerId]"
    );
    assert_eq!(
        text("add"),
        "Invalid patch path  '/id' specified for op 'add'. Must be one of: [/stages, /labels]"
    );
    assert_eq!(text("test"), "Invalid patch operation specified. Must be 'add'|'remove'|'replace'|'copy'");
}

#[test]
fn anything_but_true_disables() {
    for (text, enabled) in
        [("true", true), ("TRUE", true), ("not-a-boolean", false), ("", false), ("1", false)]
    {
        assert_eq!(patched(&[("replace", "/enabled", text)]).enabled, enabled, "{text}");
    }
}

#[test]
fn the_empty_text_clears_and_an_absent_value_is_refused() {
    assert_eq!(patched(&[("replace", "/name", "")]).name, None);
    for (op, path) in [("replace", "/name"), ("add", "/stages"), ("remove", "/labels")] {
        assert!(matches!(parse(op, path, None), Err(InvalidPatch::ValueMissing(_))));
    }
    let cleared = patched(&[("add", "/labels", "a"), ("add", "/labels", "b"), ("remove", "/labels", "")]);
    assert!(cleared.labels.is_empty());
}

#[test]
fn operations_apply_in_order_and_adding_twice_or_removing_the_absent_changes_nothing() {
    let key = patched(&[
        ("add", "/stages", "api/one"),
        ("add", "/stages", "api/two"),
        ("add", "/stages", "api/one"),
        ("remove", "/stages", "api/three"),
        ("remove", "/stages", "api/one"),
        ("replace", "/name", "first"),
        ("replace", "/name", "second"),
    ]);
    assert_eq!(key.stage_keys, [StageKey::parse("api/two").unwrap()]);
    assert_eq!(key.name, ApiKeyName::parse("second").unwrap());
}

#[test]
fn a_change_moves_version_and_date_and_no_change_moves_neither() {
    assert_eq!(key().patched(vec![], Timestamp::from_micros(9)).unwrap(), key());
    let changed = patched(&[("replace", "/name", "before")]);
    assert_eq!((changed.version, changed.updated), (Version(2), Timestamp::from_micros(2)));
}

#[test]
fn a_list_is_bounded() {
    let add = |n: usize| parse("add", "/labels", Some(&format!("l{n}"))).unwrap();
    let full = key().patched((0..MOST_LIST_ITEMS).map(add).collect(), Timestamp::from_micros(2)).unwrap();
    let one_more = full.patched(vec![add(MOST_LIST_ITEMS)], Timestamp::from_micros(3));
    assert_eq!(one_more, Err(InvalidApiKey::Label));
}

proptest! {
    #[test]
    fn any_operation_is_a_change_or_a_refusal_and_never_a_panic(
        op in prop_oneof![Just("add".to_owned()), Just("remove".into()), Just("replace".into()), Just("copy".into()), ".*"],
        path in prop_oneof![Just("/name".to_owned()), Just("/stages".into()), Just("/labels".into()), ".*"],
        value in proptest::option::of(".*"),
    ) {
        if let Ok(change) = parse(&op, &path, value.as_deref()) {
            prop_assert!(key().patched(vec![change], Timestamp::from_micros(2)).is_ok());
        }
    }

    #[test]
    fn a_list_of_changes_is_the_changes_one_by_one(texts in proptest::collection::vec(("[ab]", any::<bool>()), 0..8)) {
        let changes: Vec<_> = texts
            .iter()
            .map(|(text, add)| parse(if *add { "add" } else { "remove" }, "/labels", Some(text)).unwrap())
            .collect();
        let at_once = key().patched(changes.clone(), Timestamp::from_micros(2)).unwrap();
        let one_by_one = changes
            .into_iter()
            .fold(key(), |key, change| key.patched(vec![change], Timestamp::from_micros(2)).unwrap());
        prop_assert_eq!(at_once.labels, one_by_one.labels);
    }
}
