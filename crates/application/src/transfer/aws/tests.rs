use super::*;
use proptest::prelude::*;

/// Keys as version 2 prints them, from an account with one that was made by CloudFormation.
const KEYS_V2: &str = include_str!("samples/api-keys-v2.json");
/// The same as version 1 prints them, in two pages.
const KEYS_V1: &str = include_str!("samples/api-keys-v1.json");
const PLANS: &str = include_str!("samples/usage-plans.json");
const PLAN_KEYS: &str = include_str!("samples/usage-plan-keys.json");

fn items(input: &[u8]) -> Result<Vec<AwsItem>, CannotReadAws> {
    let mut items = Vec::new();
    read(input, &mut |item| {
        items.push(item);
        true
    })?;
    Ok(items)
}

/// Every key of a file, in words.
fn keys(input: &str) -> Vec<String> {
    let mut dates = WholeSeconds::default();
    let told = |item| match item {
        AwsItem::Key(key) => match key.key(&mut dates) {
            Ok(TransferredKey { key, value, plans }) => format!("{key:?} {} {plans:?}", value.reveal()),
            Err(why) => why.to_string(),
        },
        AwsItem::Plan(_) => "a plan".to_owned(),
        AwsItem::PlanKey(id) => format!("a plan's key {}", id.unwrap()),
    };
    items(input.as_bytes()).unwrap().into_iter().map(told).collect()
}

fn plans(input: &str) -> Vec<Result<UsagePlan, String>> {
    let plan = |item| match item {
        AwsItem::Plan(plan) => {
            let id = plan.id().unwrap();
            plan.plan(id, Timestamp::from_micros(86_400_000_000))
        }
        AwsItem::Key(_) | AwsItem::PlanKey(_) => Err("no plan".to_owned()),
    };
    items(input.as_bytes()).unwrap().into_iter().map(plan).collect()
}

#[test]
fn both_versions_of_the_cli_tell_the_same_keys() {
    assert_eq!(keys(KEYS_V1), keys(KEYS_V2));
    let mut dates = WholeSeconds::default();
    let read: Vec<_> = items(KEYS_V2.as_bytes()).unwrap();
    assert_eq!(read.len(), 3);
    let keys: Vec<_> = read
        .into_iter()
        .map(|item| match item {
            AwsItem::Key(key) => key.key(&mut dates).unwrap(),
            AwsItem::Plan(_) | AwsItem::PlanKey(_) => panic!("no key"),
        })
        .collect();
    let [TransferredKey { key, value, .. }, _, bare] = &keys[..] else { panic!("three keys") };
    assert_eq!((key.id.as_str(), value.reveal()), ("gt748qoyk2", "pZ3nVq8LtB1wXeR5yKc7GmHs2JdFa9UoT4iQ6Nb0"));
    assert_eq!((key.name.as_ref().unwrap().as_str(), key.enabled), ("Küche, \"billing\"", true));
    assert_eq!(key.customer_id.as_ref().unwrap().as_str(), "ACME-7");
    assert_eq!(key.stage_keys.iter().map(StageKey::as_str).collect::<Vec<_>>(), ["a1b2c3d4e5/prod"]);
    let tags: Vec<_> = key.tags.iter().collect();
    assert_eq!(tags, [("aws:cloudformation:stack-name", "billing"), ("team", "payments")]);
    assert_eq!((key.created.seconds(), key.updated.seconds()), (1_666_784_691, 1_666_788_291));
    assert!(keys[0].key.created > keys[1].key.created, "of one second, in the order of the listing");
    assert_eq!(keys[0].key.created.seconds(), keys[1].key.created.seconds());
    assert_eq!((&bare.key.name, bare.value.reveal().len(), bare.key.enabled), (&None, 20, false));
}

#[test]
fn plans_have_stages_throttles_quotas_and_tags() {
    let plans = plans(PLANS);
    assert_eq!(plans.len(), 2);
    let (full, bare) = (plans[0].as_ref().unwrap(), plans[1].as_ref().unwrap());
    assert_eq!((full.id.as_str(), full.name.as_str()), ("cqdia0", "gold"));
    let stages: Vec<_> = full.stages.iter().map(|stage| stage.id.to_string()).collect();
    assert_eq!(stages, ["a1b2c3d4e5:prod", "f6g7h8i9j0:prod"]);
    let methods: Vec<_> = full.stages.iter().flat_map(|stage| &stage.throttle).collect();
    assert_eq!(
        methods,
        [
            (&MethodPath::parse("//GET").unwrap(), &Throttle::new(Some(0.5), Some(1)).unwrap()),
            (&MethodPath::parse("/pets/POST").unwrap(), &Throttle::new(Some(2.0), Some(4)).unwrap())
        ]
    );
    assert_eq!(full.throttle, Some(Throttle::new(Some(100.0), Some(200)).unwrap()));
    assert_eq!(full.quotas.current(), Some(Quota::new(10_000, 2, Period::Month).unwrap()));
    assert_eq!(full.quotas.changes().len(), 1);
    assert_eq!(full.product_code.as_ref().unwrap().as_str(), "6vdsh72nf4");
    assert_eq!(
        full.tags.iter().collect::<Vec<_>>(),
        [("aws:cloudformation:stack-name", "billing"), ("env", "p")]
    );
    assert_eq!((bare.stages.is_empty(), bare.throttle, bare.quotas.current()), (true, None, None));
}

#[test]
fn keys_of_a_plan_are_told_from_keys() {
    assert_eq!(keys(PLAN_KEYS), ["a plan's key gt748qoyk2", "a plan's key 58v93i1885"]);
}

#[test]
fn a_key_that_breaks_a_rule_is_refused_by_itself() {
    let key = |more: &str| {
        let key = format!(
            "{{\"items\":[{{\"id\":\"a\",\"value\":\"{}\",\"createdDate\":7,\"lastUpdatedDate\":7{more}}}]}}",
            "v".repeat(20)
        );
        keys(&key).remove(0)
    };
    assert!(key("").starts_with("ApiKey {"), "{}", key(""));
    assert!(key(",\"later\":{\"a\":[null]}").starts_with("ApiKey {"), "AWS may add members");
    assert!(key(",\"name\":null,\"tags\":null").starts_with("ApiKey {"));
    let keys_of = |item: &str| keys(&format!("[{item}]")).remove(0);
    let dates = "\"createdDate\":7,\"lastUpdatedDate\":\"2022-10-26T13:44:51+02:00\"";
    assert_eq!(
        keys_of(&format!("{{\"id\":\"a\",{dates}}}")),
        "it has no value: print the keys again with `aws apigateway get-api-keys --include-values`"
    );
    let value = format!("\"value\":\"{}\"", "v".repeat(20));
    assert_eq!(keys_of(&format!("{{{value},{dates}}}")), "its id is none that a key can have");
    assert_eq!(
        keys_of(&format!("{{\"id\":\"a\",\"value\":\"{}\",{dates}}}", "v".repeat(19))),
        "API Key value should be at least 20 characters"
    );
    assert_eq!(keys_of(&format!("{{\"id\":\"a\",{value}}}")), "its createdDate is missing or no date");
    for wrong in ["\"yesterday\"", "\"2022-10-26\"", "1e300", "null"] {
        let item = format!("{{\"id\":\"a\",{value},\"createdDate\":7,\"lastUpdatedDate\":{wrong}}}");
        assert!(keys_of(&item).contains("missing or no date"), "{wrong}: {}", keys_of(&item));
    }
}

#[test]
fn a_plan_that_breaks_a_rule_is_refused_by_itself() {
    for (plan, why) in [
        (r#"{"id":"u1","apiStages":[]}"#, "Invalid Usage Plan name"),
        (r#"{"id":"u1","name":"n","apiStages":[{"apiId":"a"}]}"#, "Invalid API Stage {api: %s"),
        (r#"{"id":"u1","name":"n","quota":{"limit":1}}"#, "Invalid quota specified"),
        (r#"{"id":"u1","name":"n","quota":{"limit":-1,"period":"DAY"}}"#, "Invalid quota limit"),
        (r#"{"id":"u1","name":"n","throttle":{"rateLimit":-1}}"#, "Invalid throttle rate limit"),
    ] {
        let told = plans(&format!("[{plan}]")).remove(0).unwrap_err();
        assert!(told.starts_with(why), "{told}");
    }
}

#[test]
fn what_aws_does_not_print_is_refused_by_its_place_without_its_text() {
    let refused =
        |text: &str| items(text.as_bytes()).err().unwrap_or_else(|| panic!("taken: {text}")).to_string();
    for nothing in ["", " \n", "{}", "{\"position\":\"hunter2\"}"] {
        assert_eq!(refused(nothing), "it has no `items`", "{nothing}");
    }
    for (text, told) in [
        ("id,value\na,hunter2", "line 1, column 1: not the JSON"),
        ("\u{fffd}", "line 1, column 1: not the JSON"),
        ("{\"items\":[]} hunter2", "line 1, column 14: not the JSON"),
        ("{\"items\":[{\"id\":\"hunter2", "it ends within a document"),
        ("{\"items\":[", "it ends within a document"),
        ("{\"items\":[]}\n{\"items\":[\"hunter2\"]}", "line 2, column 19: neither a key nor a usage plan"),
        ("{\"items\":\"hunter2\"}", "line 1, column 18: neither a key nor"),
        ("\"hunter2\"", "line 1, column 9: neither a key nor"),
        ("[{\"enabled\":\"hunter2\"}]", "line 1, column 21: neither a key nor"),
    ] {
        let refused = refused(text);
        assert!(refused.starts_with(told) && !refused.contains("hunter2"), "{text}: {refused}");
    }
}

#[test]
fn reading_ends_when_no_more_is_wanted() {
    let mut taken = 0;
    read(KEYS_V1.as_bytes(), &mut |_| {
        taken += 1;
        taken < 2
    })
    .unwrap();
    assert_eq!(taken, 2);
}

/// A layout: how the items are cut into pages, and how each page is written.
fn layouts() -> impl Strategy<Value = (usize, Vec<(usize, u8)>)> {
    (0_usize..40)
        .prop_flat_map(|items| (Just(items), proptest::collection::vec((0_usize..12, 0_u8..5), 1..12)))
}

proptest! {
    #[test]
    fn items_are_the_same_however_they_are_laid_out_in_pages((count, pages) in layouts(), mark: bool, cut in 1_usize..40) {
        let item = |nth: usize| format!("{{\"id\":\"key{nth}\",\"type\":\"API_KEY\",\"name\":\"{{\\\"items\\\":[]}}\"}}");
        let (mut text, mut next) = (if mark { "\u{feff}" } else { "" }.to_owned(), 0);
        let rest = pages.len();
        for (at, (most, form)) in pages.into_iter().enumerate() {
            let most = if at + 1 == rest { count } else { most };
            let page: Vec<_> = (next..count.min(next + most)).map(item).collect();
            next += page.len();
            let list = format!("[{}]", page.join(if form % 2 == 0 { "," } else { " ,\n\t" }));
            text += &match form {
                0 => format!("{{\"items\":{list}}}"),
                1 => format!("{{\n    \"items\": {list},\n    \"position\": \"a+b/c==\"\n}}\n"),
                2 => format!("{{\"NextToken\":{{\"a\":[\"items\"]}},\"items\":{list}}}\r\n"),
                3 => format!("{{\"item\":{list},\"position\":null}}"),
                _ => list,
            };
        }
        // However the bytes come.
        struct Slowly<'a>(&'a [u8], usize);
        impl Read for Slowly<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let most = self.1.min(buffer.len());
                self.0.read(&mut buffer[..most])
            }
        }
        let mut found = Vec::new();
        read(Slowly(text.as_bytes(), cut), &mut |item| {
            if let AwsItem::PlanKey(id) = item {
                found.push(id.unwrap().as_str().to_owned());
            }
            true
        }).unwrap();
        prop_assert_eq!(found, (0..count).map(|nth| format!("key{nth}")).collect::<Vec<_>>());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(prop_oneof![
        4 => proptest::sample::select(b"{}[]\":,items0 \n".to_vec()), 1 => any::<u8>(),
    ], 0..200)) {
        let _ = items(&bytes);
    }

    #[test]
    fn a_date_is_one_moment_in_every_form(seconds in 0_i64..4_000_000_000, hours in -12_i32..=14, fraction in 0_u32..1_000) {
        let offset = chrono::FixedOffset::east_opt(hours * 3_600).unwrap();
        let iso = DateTime::from_timestamp(seconds, 0).unwrap().with_timezone(&offset).to_rfc3339();
        for text in [seconds.to_string(), format!("{seconds}.{fraction:03}"), format!("{iso:?}")] {
            let date: Date = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(date.0, Some(seconds), "{}", text);
        }
    }
}
