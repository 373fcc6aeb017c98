use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn refusal(body: impl AsRef<[u8]>) -> String {
    match Members::parse(body.as_ref()) {
        Ok(_) => panic!("not refused"),
        Err(error) => error.to_string(),
    }
}

fn members(body: &str) -> Members {
    Members::parse(body.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn members_are_taken_by_name_and_type() {
    let mut body = members(
        r#"{"name":"n\u00e9","enabled":true,"distinct":"FALSE","description":null,
            "stageKeys":[{"restApiId":"r","stageName":"s"}],"tags":{"k":"v","l":""},"inner":{"a":"b"},
            "rate":0.5,"whole":7,"limit":-3,"most":18446744073709551615,"methods":{"/pets/GET":{"burst":1}}}"#,
    );
    assert_eq!(body.text("name").unwrap().unwrap(), "né");
    assert_eq!(body.flag("enabled").unwrap(), Some(true));
    assert_eq!(body.flag("distinct").unwrap(), Some(false));
    assert_eq!(body.text("description").unwrap(), None);
    let mut stages = body.objects("stageKeys").unwrap().unwrap();
    assert_eq!(stages.len(), 1);
    assert_eq!(stages[0].text("restApiId").unwrap().unwrap(), "r");
    assert_eq!(stages[0].text("stageName").unwrap().unwrap(), "s");
    stages.remove(0).finish().unwrap();
    assert_eq!((body.number("rate").unwrap(), body.number("whole").unwrap()), (Some(0.5), Some(7.0)));
    assert_eq!((body.integer("limit").unwrap(), body.integer("most").unwrap()), (Some(-3), Some(i64::MAX)));
    let mut methods = body.object_map("methods").unwrap().unwrap();
    assert_eq!((methods.len(), methods[0].0.as_str()), (1, "/pets/GET"));
    assert_eq!(methods[0].1.integer("burst").unwrap(), Some(1));
    methods.remove(0).1.finish().unwrap();
    let tags = body.text_map("tags").unwrap().unwrap();
    assert_eq!(tags, [("k".into(), "v".into()), ("l".into(), String::new())]);
    let mut inner = body.object("inner").unwrap().unwrap();
    assert_eq!(inner.text("a").unwrap().unwrap(), "b");
    inner.finish().unwrap();
    assert_eq!(body.text("absent").unwrap(), None);
    body.finish().unwrap();
}

#[test]
fn an_empty_body_is_an_empty_object() {
    members("").finish().unwrap();
    members(" {} ").finish().unwrap();
}

#[test]
fn what_is_not_json_is_refused_with_its_position() {
    for (body, line, column) in [
        (&b"{\"a\":}"[..], 1, 6),
        (b"{\n\"a\":1,}", 2, 7),
        (b" ", 1, 1),
        (b"{} x", 1, 4),
        (b"{}{}", 1, 3),
        (b"{\"a\":\"\xff\"}", 1, 7),
        (b"{\"a\":\"\\ud800\"}", 1, 13),
        (b"{\"a\":\"raw\0nul\"}", 1, 10),
        (b"{\"a\":1e999}", 1, 10),
        (b"{\"a\":NaN}", 1, 6),
        (b"{\"a\":01}", 1, 7),
        (b"\xef\xbb\xbf{}", 1, 1),
    ] {
        let text =
            format!("Invalid request input: the body is not valid JSON at line {line} column {column}");
        assert_eq!(refusal(body), text, "{}", body.escape_ascii());
    }
}

#[test]
fn deep_nesting_is_refused_and_not_followed() {
    let message = "Invalid request input: the body is nested too deeply";
    assert_eq!(refusal("[".repeat(10_000)), message);
    assert_eq!(refusal("{\"a\":".repeat(10_000)), message);
    let deepest = format!("{{\"a\":{}{}}}", "[".repeat(120), "]".repeat(120));
    assert!(Members::parse(deepest.as_bytes()).is_ok());
}

#[test]
fn a_body_that_is_not_an_object_is_refused() {
    for body in ["null", "true", "1", "1.5", "\"text\"", "[]", "[{}]"] {
        assert_eq!(refusal(body), "Invalid request input: the body must be a JSON object", "{body}");
    }
}

#[test]
fn a_member_given_twice_is_refused_at_every_level() {
    assert_eq!(refusal(r#"{"name":"a","b":1,"name":"a"}"#), "Invalid request input: 'name' is given twice");
    assert_eq!(refusal(r#"{"name":"a","n\u0061me":null}"#), "Invalid request input: 'name' is given twice");
    let objects = members(r#"{"stageKeys":[{},{"a":1,"a":2}]}"#).objects("stageKeys").err().unwrap();
    assert_eq!(objects.to_string(), "Invalid request input: 'stageKeys[1].a' is given twice");
    let tags = members(r#"{"tags":{"k":"a","k":"b"}}"#).text_map("tags").unwrap_err();
    assert_eq!(tags.to_string(), "Invalid request input: 'tags.k' is given twice");
}

#[test]
fn a_hundred_thousand_members_are_compared_in_no_time() {
    let list: Vec<String> = (0..100_000).map(|n| format!("\"m{n}\":0")).collect();
    #[expect(clippy::disallowed_methods, reason = "a coarse bound against quadratic time")]
    let started = std::time::Instant::now();
    assert!(members(&format!("{{{}}}", list.join(","))).finish().is_err());
    #[expect(clippy::disallowed_methods, reason = "a coarse bound against quadratic time")]
    let took = started.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_wrong_type_is_refused_by_its_full_name() {
    let all = r#"{"a":1.5,"b":"maybe","e":[{},null],"f":[],"g":{"k":1},"h":{},"i":false,"j":[{"m":{"/k/GET":{"r":"1"}}}]}"#;
    let method = || members(all).objects("j").unwrap().unwrap().remove(0).object_map("m").unwrap().unwrap();
    for (error, text) in [
        (members(all).text("a").unwrap_err(), "'a' must be a string"),
        (members(all).text("i").unwrap_err(), "'i' must be a string"),
        (members(all).flag("b").unwrap_err(), "'b' must be a boolean"),
        (members(all).flag("a").unwrap_err(), "'a' must be a boolean"),
        (members(all).objects("e").err().unwrap(), "'e[1]' must be an object"),
        (members(all).object("f").err().unwrap(), "'f' must be an object"),
        (members(all).text_map("g").unwrap_err(), "'g' must be an object of strings"),
        (members(all).objects("h").err().unwrap(), "'h' must be a list"),
        (members(all).number("b").unwrap_err(), "'b' must be a number"),
        (members(all).integer("a").unwrap_err(), "'a' must be an integer"),
        (members(all).integer("i").unwrap_err(), "'i' must be an integer"),
        (members(all).object_map("g").err().unwrap(), "'g' must be an object of objects"),
        (members(all).object_map("f").err().unwrap(), "'f' must be an object"),
        (method().remove(0).1.number("r").unwrap_err(), "'j[0].m.r' must be a number"),
    ] {
        assert_eq!(error.to_string(), format!("Invalid request input: {text}"));
    }
}

#[test]
fn a_member_nobody_took_is_refused_and_its_name_told_only_if_it_cannot_be_a_key() {
    for (body, text) in [
        (r#"{"nam":"x"}"#, "unknown member 'nam'"),
        (r#"{"nineteen_characters":null}"#, "unknown member 'nineteen_characters'"),
        (r#"{"twenty_characters_id":1}"#, "an unknown member"),
        (r#"{"with blank":1}"#, "an unknown member"),
        (r#"{"":1}"#, "an unknown member"),
        (r#"{"n\u0000":1}"#, "an unknown member"),
    ] {
        assert_eq!(members(body).finish().unwrap_err().to_string(), format!("Invalid request input: {text}"));
    }
    let mut nested = members(r#"{"stageKeys":[{"x":1}]}"#).objects("stageKeys").unwrap().unwrap();
    let error = nested.remove(0).finish().unwrap_err();
    assert_eq!(error.to_string(), "Invalid request input: unknown member 'stageKeys[0].x'");
    let twice = refusal(r#"{"a name that is far too long":1,"a name that is far too long":2}"#);
    assert_eq!(twice, "Invalid request input: a member is given twice");
}

#[test]
fn text_with_nul_is_refused_wherever_it_stands() {
    let all = r#"{"a":"x\u0000","c":{"\u0000":"x"},"d":{"x":"\u0000"}}"#;
    for error in [
        members(all).text("a").unwrap_err(),
        members(all).text_map("c").unwrap_err(),
        members(all).text_map("d").unwrap_err(),
    ] {
        assert_eq!(error.to_string(), "Invalid request input: text must not contain NUL");
    }
    assert_eq!(members(r#"{"a":"x\\u0000"}"#).text("a").unwrap().unwrap(), r"x\u0000");
}

fn read_all(mut body: Members) -> Result<(), InputError> {
    body.text("a")?;
    body.flag("b")?;
    for mut object in body.objects("d")?.unwrap_or_default() {
        object.text("a")?;
        object.finish()?;
    }
    body.text_map("e")?;
    body.finish()
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Err(error) = Members::parse(&body).and_then(read_all) {
            prop_assert!(error.to_string().starts_with("Invalid request input: "));
        }
    }

    #[test]
    fn anything_like_json_is_read_or_refused(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "{", "}", "[", "]", ",", ":", "\"a\"", "\"b\"", "\"c\"", "\"d\"", "\"e\"", "1", "-2.5e3", "true",
                "null", "\"\\u0000\"", "\"", "\\", " ",
            ]),
            0..24,
        )
    ) {
        if let Err(error) = Members::parse(parts.concat().as_bytes()).and_then(read_all) {
            prop_assert!(error.to_string().starts_with("Invalid request input: "));
        }
    }

    #[test]
    fn any_text_without_nul_comes_out_as_it_went_in(text in "[^\0]*") {
        let body = serde_json::json!({ "a": text }).to_string();
        prop_assert_eq!(members(&body).text("a").unwrap().unwrap(), text);
    }

    #[test]
    fn an_error_never_repeats_a_value(value in "[A-Za-z0-9]{20,60}") {
        for body in [
            format!(r#"{{"{value}":1}}"#),
            format!(r#"{{"{value}":1,"{value}":2}}"#),
            format!(r#"{{"a":"{value}}}"#),
            format!(r#"{{"a":"{value}" {value}}}"#),
            format!(r#"{{"b":"{value}"}}"#),
            format!(r#"{{"c":["{value}",1]}}"#),
            format!(r#"{{"e":{{"{value}":1}}}}"#),
            format!(r#""{value}""#),
            value.clone(),
        ] {
            let error = Members::parse(body.as_bytes()).and_then(read_all).unwrap_err();
            prop_assert!(!error.to_string().contains(&value));
            let debug = format!("{error:?}");
            prop_assert!(!debug.contains(&value));
        }
    }
}
