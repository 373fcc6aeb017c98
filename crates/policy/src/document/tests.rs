use super::*;
use crate::ReadyMade;
use proptest::prelude::*;

const STATEMENT: &str = r#"{"Effect":"Allow","Action":"apigateway:GET","Resource":"*"}"#;

fn refusal(text: &str) -> String {
    match read(text) {
        Ok(_) => panic!("this was read: {text}"),
        Err(problem) => problem.to_string(),
    }
}

/// The refusal of a document of one statement, with these members in addition to or instead of the usual.
fn refusal_of_statement(effect: &str, action: &str, resource: &str, more: &str) -> String {
    refusal(&format!(
        r#"{{"Statement":{{"Effect":{effect},"Action":{action},"Resource":{resource}{more}}}}}"#
    ))
}

#[test]
fn the_forms_that_iam_takes() {
    let get = || Rule { actions: ActionSet::matching("apigateway:GET"), resources: [Glob::new("*")].into() };
    for (document, statements) in [
        (format!(r#"{{"Statement":{STATEMENT}}}"#), 1),
        (format!(r#"{{"Statement":[{STATEMENT}]}}"#), 1),
        (format!(r#" {{"Version":"2012-10-17","Id":"some","Statement":[{STATEMENT},{STATEMENT}]}} "#), 2),
        (format!(r#"{{"Statement":[{STATEMENT}],"Version":"2008-10-17"}}"#), 1),
        (
            r#"{"Statement":{"Sid":"a","Effect":"Allow","Action":["apigateway:GET"],"Resource":["*"]}}"#
                .to_owned(),
            1,
        ),
        (r#"{"Statement":{"Resource":"*","Action":"\u0061pigateway:GET","Effect":"Allow"}}"#.to_owned(), 1),
    ] {
        let rules = std::iter::repeat_with(get).take(statements).collect();
        assert_eq!(read(&document), Ok(Policy::new(Vec::new(), rules)), "{document}");
    }
}

#[test]
fn what_is_not_evaluated_is_refused_with_its_name() {
    for (name, value) in [
        ("Condition", r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#),
        ("NotAction", r#""apigateway:GET""#),
        ("NotResource", r#""*""#),
        ("Principal", r#""*""#),
        ("NotPrincipal", r#""*""#),
    ] {
        let refusal =
            refusal_of_statement(r#""Allow""#, r#""*""#, r#""*""#, &format!(r#","{name}":{value}"#));
        assert!(refusal.starts_with(&format!("Statement.{name} is not supported: ")), "{refusal}");
    }
    assert!(
        refusal(r#"{"Statement":[{"Effect":"Deny","NotAction":"apigateway:GET","Resource":"*"}]}"#)
            .starts_with("Statement[0].NotAction is not supported: list the actions")
    );
    assert_eq!(
        refusal_of_statement(
            r#""Deny""#,
            r#""*""#,
            r#"["*","arn:aws:apigateway:*::/apikeys/${aws:username}"]"#,
            ""
        ),
        "Statement.Resource[1] has a policy variable, which is not supported: write the text itself in place of ${...}, or `*`"
    );
}

#[test]
fn what_nobody_knows_is_refused() {
    let why = "is not known, and an element that is passed over could grant more than is written: remove it, or correct its spelling (upper and lower case count)";
    assert_eq!(
        refusal_of_statement(r#""Allow""#, r#""*""#, r#""*""#, r#","condition":{}"#),
        format!("Statement.condition {why}")
    );
    assert_eq!(refusal(&format!(r#"{{"Statement":[{STATEMENT}],"Comment":""}}"#)), format!("Comment {why}"));
    assert_eq!(
        refusal(&format!(r#"{{"Statement":[{STATEMENT}],"y9tXe4GwrU65cug8QyQKE8pRwIzUFznda7iO73Gn":1}}"#)),
        format!("(a member whose name is not shown) {why}")
    );
}

#[test]
fn a_member_given_twice_is_refused() {
    assert_eq!(
        refusal_of_statement(r#""Deny""#, r#""*""#, r#""*""#, r#","Effect":"Allow""#),
        "Statement.Effect is given twice: leave one"
    );
    assert_eq!(
        refusal(&format!(r#"{{"Statement":[{STATEMENT}],"Statement":[{STATEMENT}]}}"#)),
        "Statement is given twice: leave one"
    );
    assert_eq!(
        refusal_of_statement(r#""Deny""#, r#""*""#, r#""*""#, r#","Eff\u0065ct":"Allow""#),
        "Statement.Effect is given twice: leave one"
    );
}

#[test]
fn what_is_missing_or_of_the_wrong_type_is_named() {
    for (document, expected) in [
        ("[]", "the policy must be an object"),
        ("null", "the policy must be an object"),
        ("{}", "Statement is missing: add it, as an object or a list of objects"),
        (r#"{"Statement":[]}"#, "Statement is an empty list: it must have at least one item"),
        (r#"{"Statement":null}"#, "Statement must be an object"),
        (r#"{"Statement":[[]]}"#, "Statement[0] must be an object"),
        (r#"{"Statement":{}}"#, "Statement.Effect is missing: add it, as a string"),
        (
            r#"{"Statement":{"Effect":"Deny","Resource":"*"}}"#,
            "Statement.Action is missing: add it, as a string or a list of strings",
        ),
        (
            r#"{"Statement":{"Effect":"Deny","Action":"*"}}"#,
            "Statement.Resource is missing: add it, as a string or a list of strings",
        ),
        (r#"{"Version":"2012-10-18"}"#, "Version must be \"2012-10-17\" or \"2008-10-17\", or be left out"),
        (r#"{"Version":20121017}"#, "Version must be a string"),
        (r#"{"Version":null}"#, "Version must be a string"),
        (r#"{"Id":7}"#, "Id must be a string"),
        (r#"{"Statement":{"Sid":["a"]}}"#, "Statement.Sid must be a string"),
    ] {
        assert_eq!(refusal(document), expected);
    }
    for effect in ["allow", "ALLOW", "Deny ", ""] {
        assert_eq!(
            refusal_of_statement(&format!("\"{effect}\""), r#""*""#, r#""*""#, ""),
            "Statement.Effect must be \"Allow\" or \"Deny\", written so"
        );
    }
}

#[test]
fn a_pattern_that_could_match_nothing_is_refused() {
    let not_an_action = "must be `*` or an action with its service, such as \"apigateway:GET\"";
    let blank = "has white space or a control character in it, and would match nothing: remove it";
    for (action, expected) in [
        (r#""GET""#, format!("Statement.Action {not_an_action}")),
        (r#"["*",""]"#, format!("Statement.Action[1] {not_an_action}")),
        (r#""apigateway:DELETE ""#, format!("Statement.Action {blank}")),
        (r#""apigateway:DELETE\u0000""#, format!("Statement.Action {blank}")),
        (r#"[]"#, "Statement.Action is an empty list: it must have at least one item".to_owned()),
        (r#"true"#, "Statement.Action must be a string or a list of strings".to_owned()),
        (r#"["*",1]"#, "Statement.Action[1] must be a string".to_owned()),
        (
            r#""GatePost:RevealValues""#,
            "Statement.Action names no action of Gatepost's: these are gatepost:RevealValue and gatepost:ImportKeys"
                .to_owned(),
        ),
    ] {
        assert_eq!(refusal_of_statement(r#""Deny""#, action, r#""*""#, ""), expected);
    }
    let not_an_arn = "must be `*` or an ARN, such as \"arn:aws:apigateway:*::/apikeys/*\"";
    for (resource, expected) in [
        (r#""/apikeys/*""#, format!("Statement.Resource {not_an_arn}")),
        (r#"["*","","*"]"#, format!("Statement.Resource[1] {not_an_arn}")),
        (r#""arn:aws:apigateway:*::/apikeys\n""#, format!("Statement.Resource {blank}")),
    ] {
        assert_eq!(refusal_of_statement(r#""Deny""#, r#""*""#, resource, ""), expected);
    }
}

#[test]
fn the_refusal_names_every_action_of_ours() {
    let told = InvalidPolicy::NoSuchAction(String::new()).to_string();
    for action in crate::Action::ALL {
        assert_eq!(told.contains(action.name()), action.name().starts_with("gatepost:"), "{}", action.name());
    }
}

#[test]
fn what_is_not_json_is_told_with_its_place() {
    assert_eq!(
        refusal("{\n  \"Statement\": [],\n}"),
        "the policy cannot be read as JSON: trailing comma at line 3 column 1"
    );
    assert_eq!(
        refusal(&"[".repeat(6_000)),
        "the policy cannot be read as JSON: recursion limit exceeded at line 1 column 128"
    );
    for document in ["", "{", "{} {}", "{'Statement':1}", "\u{feff}{}", r#"{"Id":"\ud800"}"#] {
        assert!(refusal(document).starts_with("the policy cannot be read as JSON: "), "{document}");
    }
}

/// A document of so many characters that count, with blanks where they do not count and where they do.
fn document_of(characters: usize, blanks: &str) -> String {
    let document = |id: &str| format!(r#"{{"Id":"a \" b{id}",{blanks}"Statement":{STATEMENT}}}"#);
    let without = document("").len() - blanks.len();
    document(&"é".repeat(characters - without))
}

#[test]
fn the_bound_is_iams_and_counts_characters_without_white_space() {
    let most = Policy::MOST_CHARACTERS;
    for blanks in ["", " \t\r\n"] {
        assert!(read(&document_of(most, blanks)).is_ok());
        assert_eq!(read(&document_of(most + 1, blanks)), Err(InvalidPolicy::TooLong(most + 1)));
    }
    let short = document_of(1_000, "");
    let room = Policy::MOST_BYTES - short.len();
    assert!(read(&document_of(1_000, &" ".repeat(room))).is_ok());
    assert_eq!(
        read(&document_of(1_000, &" ".repeat(room + 1))),
        Err(InvalidPolicy::TooManyBytes(Policy::MOST_BYTES + 1))
    );
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Err(problem) = read(&String::from_utf8_lossy(&bytes)) {
            prop_assert!(!problem.to_string().is_empty());
        }
    }

    #[test]
    fn a_damaged_document_is_read_or_refused(
        ready_made in proptest::sample::select(&ReadyMade::ALL[..]),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<char>()), 1..4),
    ) {
        let mut letters: Vec<char> = ready_made.document().chars().collect();
        for (at, letter) in damage {
            *at.get_mut(&mut letters) = letter;
        }
        if let Err(problem) = read(&String::from_iter(letters)) {
            prop_assert!(!problem.to_string().is_empty());
        }
    }
}
