use super::*;
use Verdict::{Allowed, DeniedByDefault, DeniedExplicitly};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

fn statement(effect: &str, actions: &[&str], resources: &[&str]) -> String {
    format!(r#"{{"Effect":"{effect}","Action":{actions:?},"Resource":{resources:?}}}"#)
}

fn policy(statements: &[String]) -> Policy {
    let document = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","));
    Policy::parse(&document).unwrap_or_else(|problem| panic!("{problem}: {document}"))
}

fn resource(path: &str) -> Resource {
    Resource::new("eu-west-1", path).expect("a resource")
}

#[test]
fn what_is_not_allowed_is_denied() {
    let policy =
        policy(&[statement("Allow", &["apigateway:GET"], &["arn:aws:apigateway:eu-west-1::/apikeys"])]);
    assert_eq!(policy.verdict(Action::Get, &resource("/apikeys")), Allowed);
    assert_eq!(policy.verdict(Action::Get, &resource("/apikeys/a")), DeniedByDefault);
    assert_eq!(policy.verdict(Action::Post, &resource("/apikeys")), DeniedByDefault);
}

#[test]
fn a_denial_wins_wherever_it_stands() {
    let allow = statement("Allow", &["*"], &["*"]);
    let deny = statement("Deny", &["apigateway:DELETE"], &["arn:aws:apigateway:*::/apikeys/keep*"]);
    for statements in [[allow.clone(), deny.clone()], [deny, allow]] {
        let policy = policy(&statements);
        assert_eq!(policy.verdict(Action::Delete, &resource("/apikeys/keepme")), DeniedExplicitly);
        assert_eq!(policy.verdict(Action::Delete, &resource("/apikeys/other")), Allowed);
        assert_eq!(policy.verdict(Action::Get, &resource("/apikeys/keepme")), Allowed);
    }
}

#[test]
fn actions_match_in_any_case_and_resources_in_theirs() {
    let policy = policy(&[
        statement("Allow", &["ApiGateway:get", "GATEPOST:reveal*"], &["arn:aws:apigateway:*::/apikeys"]),
        statement("Allow", &["apigateway:p?t"], &["arn:aws:apigateway:*::/ApiKeys"]),
    ]);
    assert_eq!(policy.verdict(Action::Get, &resource("/apikeys")), Allowed);
    assert_eq!(policy.verdict(Action::RevealValue, &resource("/apikeys")), Allowed);
    assert_eq!(policy.verdict(Action::ImportKeys, &resource("/apikeys")), DeniedByDefault);
    assert_eq!(policy.verdict(Action::Put, &resource("/apikeys")), DeniedByDefault);
    assert_eq!(policy.verdict(Action::Put, &resource("/ApiKeys")), Allowed);
    assert_eq!(policy.verdict(Action::Post, &resource("/ApiKeys")), DeniedByDefault);
}

#[test]
fn every_action_goes_by_its_own_name() {
    for allowed in Action::ALL {
        let policy = policy(&[statement("Allow", &[allowed.name()], &["*"])]);
        for asked in Action::ALL {
            let expected = if asked == allowed { Allowed } else { DeniedByDefault };
            assert_eq!(policy.verdict(asked, &resource("/apikeys")), expected, "{allowed:?} {asked:?}");
        }
    }
}

#[test]
fn wildcards_cross_slashes_and_colons() {
    for pattern in [
        "*",
        "arn:*",
        "arn:*:/usageplans/*/keys",
        "arn:aws:apigateway:??-west-?::/usageplans/*/keys",
        "arn:aws:apigateway:*/keys",
    ] {
        let policy = policy(&[statement("Allow", &["apigateway:*"], &[pattern])]);
        assert_eq!(policy.verdict(Action::Post, &resource("/usageplans/a/b/keys")), Allowed, "{pattern}");
    }
}

#[test]
fn no_region_partition_or_account_gets_around_a_denial() {
    for denied in [
        "arn:aws:apigateway:us-east-1::/apikeys*",
        "arn:aws-cn:apigateway:cn-north-1::/apikeys*",
        "arn:aws:apigateway:us-*:123456789012:/apikeys*",
        "arn:aws:apigateway:*/apikeys*",
        "arn:aws:*/apikeys*",
    ] {
        let policy = policy(&[statement("Allow", &["*"], &["*"]), statement("Deny", &["*"], &[denied])]);
        for region in ["us-east-1", "eu-west-1", "cn-north-1", "xx-1"] {
            let key = Resource::new(region, "/apikeys/a").expect("a resource");
            assert_eq!(policy.verdict(Action::RevealValue, &key), DeniedExplicitly, "{denied} in {region}");
            let plan = Resource::new(region, "/usageplans").expect("a resource");
            assert_eq!(policy.verdict(Action::Get, &plan), Allowed, "{denied} in {region}");
        }
    }
}

#[test]
fn an_arn_that_may_be_about_a_region_is_refused() {
    for short in
        ["arn", "arn:aws", "arn:aws:apigateway:us-*", "arn:aws:apigateway:us-east-1/apikeys", "arn:a*"]
    {
        let document = format!(r#"{{"Statement": {}}}"#, statement("Deny", &["*"], &[short]));
        assert!(matches!(Policy::parse(&document), Err(InvalidPolicy::ShortArn(_))), "{short}");
    }
}

#[test]
fn another_service_is_only_text() {
    let policy = policy(&[
        statement("Allow", &["apigateway:GET"], &["arn:aws:execute-api:*::/apikeys"]),
        statement("Allow", &["s3:*", "apigateway:SetWebACL"], &["*"]),
    ]);
    for action in Action::ALL {
        assert_eq!(policy.verdict(action, &resource("/apikeys")), DeniedByDefault);
    }
}

fn any_statement() -> impl Strategy<Value = String> {
    const ACTIONS: [&str; 8] = [
        "*",
        "apigateway:*",
        "apigateway:P*",
        "apigateway:GET",
        "apigateway:?E*",
        "gatepost:*",
        "gatepost:RevealValue",
        "ec2:*",
    ];
    const RESOURCES: [&str; 8] = [
        "*",
        "arn:aws:apigateway:*::/apikeys",
        "arn:aws:apigateway:*::/apikeys/*",
        "arn:aws:apigateway:eu-west-1::/*",
        "arn:aws:apigateway:us-*::/*",
        "arn:*/usageplans/*/keys",
        "arn:aws:apigateway:*::/apikeys/a?",
        "arn:aws:s3:::bucket",
    ];
    let actions = subsequence(ACTIONS.as_slice(), 1..=3);
    let resources = subsequence(RESOURCES.as_slice(), 1..=3);
    (select(&["Allow", "Deny"][..]), actions, resources)
        .prop_map(|(effect, actions, resources)| statement(effect, &actions, &resources))
}

fn any_statements() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(any_statement(), 1..6)
}

/// All requests that the statements above tell apart.
fn requests() -> impl Iterator<Item = (Action, Resource)> {
    let paths = ["/apikeys", "/apikeys/ab", "/apikeys/abc", "/usageplans/p/keys", "/restapis"];
    let resources = paths.into_iter().flat_map(|path| {
        ["eu-west-1", "us-east-1"].map(|region| Resource::new(region, path).expect("a resource"))
    });
    resources.flat_map(|resource| Action::ALL.map(|action| (action, resource.clone())))
}

proptest! {
    #[test]
    fn the_whole_says_what_its_statements_say(statements in any_statements()) {
        let whole = policy(&statements);
        let parts: Vec<Policy> = statements.iter().map(|one| policy(std::slice::from_ref(one))).collect();
        for (action, resource) in requests() {
            let said: Vec<Verdict> = parts.iter().map(|part| part.verdict(action, &resource)).collect();
            let expected = [DeniedExplicitly, Allowed].into_iter().find(|verdict| said.contains(verdict));
            prop_assert_eq!(whole.verdict(action, &resource), expected.unwrap_or(DeniedByDefault));
        }
    }

    #[test]
    fn the_order_of_statements_means_nothing(
        (statements, shuffled) in any_statements().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle()))
    ) {
        let (one, other) = (policy(&statements), policy(&shuffled));
        for (action, resource) in requests() {
            prop_assert_eq!(one.verdict(action, &resource), other.verdict(action, &resource));
        }
    }

    #[test]
    fn one_more_denial_never_allows_more(statements in any_statements(), more in any_statement(), at in 0_usize..6) {
        let before = policy(&statements);
        let mut statements = statements;
        statements.insert(at.min(statements.len()), more.replace("Allow", "Deny"));
        let after = policy(&statements);
        for (action, resource) in requests() {
            if after.verdict(action, &resource) == Allowed {
                prop_assert_eq!(before.verdict(action, &resource), Allowed);
            }
        }
    }

    #[test]
    fn one_more_allowance_never_lifts_a_denial(statements in any_statements(), more in any_statement()) {
        let before = policy(&statements);
        let mut statements = statements;
        statements.push(more.replace("Deny", "Allow"));
        let after = policy(&statements);
        for (action, resource) in requests() {
            if before.verdict(action, &resource) == DeniedExplicitly {
                prop_assert_eq!(after.verdict(action, &resource), DeniedExplicitly);
            }
        }
    }
}
