use proptest::prelude::*;

use super::*;

fn query(raw: &str) -> Query<'_> {
    Query::parse(raw).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_parameter_without_escapes_is_not_copied() {
    let query = query("mode=import&format=csv&&flag&x=a=b");
    assert!(matches!(query.one("mode"), Ok(Some(Cow::Borrowed("import")))));
    assert_eq!(query.one("format").unwrap().unwrap(), "csv");
    assert_eq!(query.one("flag").unwrap().unwrap(), "");
    assert_eq!(query.one("x").unwrap().unwrap(), "a=b");
    assert_eq!(query.one("Mode").unwrap(), None);
}

#[test]
fn no_query_has_no_parameters() {
    assert_eq!(query("").one("").unwrap(), None);
    assert_eq!(query("&&").one("a").unwrap(), None);
}

#[test]
fn names_and_values_are_decoded_and_a_plus_is_a_blank() {
    let query = query("n%61me=a+b%2Bc%26d%3De&k+l=%C3%A9");
    assert_eq!(query.one("name").unwrap().unwrap(), "a b+c&d=e");
    assert_eq!(query.one("k l").unwrap().unwrap(), "é");
}

#[test]
fn a_parameter_given_twice_is_refused() {
    let query = query("a=1&b=x&a=2&a=1");
    let error = query.one("a").unwrap_err();
    assert_eq!(error.to_string(), "Invalid request input: 'a' is given twice");
    assert_eq!(query.one("b").unwrap().unwrap(), "x");
}

#[test]
fn a_flag_is_true_or_false_in_any_case() {
    let query = query("a=true&b=False&c=1&d=&e");
    assert_eq!(query.flag("a").unwrap(), Some(true));
    assert_eq!(query.flag("b").unwrap(), Some(false));
    assert_eq!(query.flag("z").unwrap(), None);
    for name in ["c", "d", "e"] {
        let error = query.flag(name).unwrap_err();
        assert_eq!(error.to_string(), format!("Invalid request input: '{name}' must be a boolean"));
    }
}

#[test]
fn a_malformed_query_is_refused_as_a_whole() {
    for (raw, text) in [
        ("a=1&unused=%", "bad percent-encoding in the query"),
        ("%zz=1", "bad percent-encoding in the query"),
        ("a=%+1", "bad percent-encoding in the query"),
        ("a=%ff", "the query is not UTF-8"),
        ("a=%00", "text must not contain NUL"),
    ] {
        let error = Query::parse(raw).err().unwrap();
        assert_eq!(error.to_string(), format!("Invalid request input: {text}"));
    }
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(raw in any::<String>(), alike in "[a-c=&%0-9a-f+]{0,32}") {
        for raw in [raw, alike] {
            if let Ok(query) = Query::parse(&raw) {
                // What was accepted as a whole has no malformed part.
                prop_assert!(!matches!(query.one("a"), Err(InputError::BadEscape(_) | InputError::NotUtf8(_))));
            }
        }
    }
}
