use super::*;
use crate::usage_plans::{ApiStage, QuotaHistory, Stages};
use crate::{Tags, Version};

const NOW: Timestamp = Timestamp::from_micros(1_465_424_516_000_000);

fn methods(text: &str) -> Result<BTreeMap<MethodPath, Throttle>, InvalidUsagePlanPatch> {
    // One method a line stands for the JSON that other floors read.
    text.lines().map(|line| Ok((MethodPath::parse(line)?, Throttle::new(Some(1.0), Some(1))?))).collect()
}

fn parse(op: &str, path: &str, value: Option<&str>) -> Result<UsagePlanPatch, InvalidUsagePlanPatch> {
    UsagePlanPatch::parse(PatchOperation { op: Some(op), path: Some(path), value }, methods)
}

fn stage(text: &str) -> StageId {
    StageId::parse(text).unwrap()
}

fn plan() -> UsagePlan {
    UsagePlan {
        id: UsagePlanId::parse("u1").unwrap(),
        name: UsagePlanName::parse("gold").unwrap(),
        description: None,
        product_code: None,
        stages: Stages::new(vec![ApiStage { id: stage("a:x"), throttle: BTreeMap::new() }]).unwrap(),
        throttle: None,
        quotas: QuotaHistory::starting(Day::of(NOW), None),
        tags: Tags::default(),
        created: NOW,
        version: Version::FIRST,
    }
}

/// The plan after operations, each with its value.
fn patched(operations: &[(&str, &str, &str)]) -> Result<UsagePlan, InvalidUsagePlanPatch> {
    let changes =
        operations.iter().map(|(op, path, value)| parse(op, path, Some(value))).collect::<Result<_, _>>()?;
    plan().patched(changes, NOW)
}

fn message(operations: &[(&str, &str, &str)]) -> String {
    patched(operations).unwrap_err().to_string()
}

#[test]
fn texts_are_replaced() {
    let after = patched(&[
        ("replace", "/name", "silver"),
        ("replace", "/description", "d"),
        ("add", "/productCode", "c"),
    ]);
    let after = after.unwrap();
    assert_eq!(after.name.as_str(), "silver");
    assert_eq!(after.description, Description::parse("d").unwrap());
    assert_eq!(after.product_code, ProductCode::parse("c").unwrap());
    let cleared = after.patched(
        vec![
            parse("remove", "/productCode", None).unwrap(),
            parse("replace", "/description", Some("")).unwrap(),
        ],
        NOW,
    );
    let cleared = cleared.unwrap();
    assert_eq!((cleared.product_code, cleared.description), (None, None));
    assert_eq!(cleared.version, Version(3));
    assert_eq!(message(&[("replace", "/name", "")]), InvalidUsagePlan::Name.to_string());
}

#[test]
fn stages_are_added_and_removed_by_value() {
    let after = patched(&[
        ("add", "/apiStages", "b:y"),
        ("add", "/apiStages", "a:x"),
        ("remove", "/apiStages", "a:x"),
    ]);
    let stages: Vec<_> = after.unwrap().stages.iter().map(|one| one.id.to_string()).collect();
    assert_eq!(stages, ["b:y"]);
}

#[test]
fn a_stage_to_be_removed_needs_its_two_parts() {
    for value in [None, Some(""), Some("a"), Some("a:b:c")] {
        let refused = parse("remove", "/apiStages", value).unwrap_err();
        assert_eq!(refused.to_string(), "Invalid API Stage specified", "{value:?}");
    }
}

#[test]
fn a_stage_that_the_plan_has_not_is_told_with_the_plan() {
    let text = "Invalid API Stage {api: b, stage: y} specified for usageplan u1";
    for (op, path, value) in [
        ("remove", "/apiStages", "b:y"),
        ("replace", "/apiStages/b:y/throttle", "/pets/GET"),
        ("add", "/apiStages/b:y/throttle//pets/GET/rateLimit", "1"),
        ("remove", "/apiStages/b:y/throttle", ""),
        ("remove", "/apiStages/b:y/throttle//pets/GET", ""),
    ] {
        assert_eq!(message(&[(op, path, value)]), text, "{op} {path}");
    }
}

#[test]
fn a_path_that_is_none_is_told_with_those_that_are() {
    let text = "Invalid patch path  '/apiStages/x:dev' specified for op 'remove'. Must be one of: [/apiStages, /quota, \
                /throttle, /productCode, /apiStages/<apidId:stageName>/throttle/<resourcePath>/<httpMethod>, \
                /apiStages/<apidId:stageName>/throttle]";
    assert_eq!(message(&[("remove", "/apiStages/x:dev", "")]), text);
    for (op, path) in [
        ("replace", ""),
        ("replace", "/apiStages"),
        ("replace", "/throttle"),
        ("replace", "/quota"),
        ("replace", "/tags"),
        ("replace", "/apiStages/a:x/throttle/"),
        ("replace", "/apiStages/a:x/throttle//pets/GET"),
        ("replace", "/apiStages/a:x/throttle//pets/GET/limit"),
        ("add", "/name"),
        ("add", "/description"),
        ("remove", "/name"),
        ("remove", "/throttle/rateLimit"),
        ("remove", "/apiStages/a/throttle"),
        ("copy", "/name"),
    ] {
        let refused = parse(op, path, Some("1")).unwrap_err();
        assert!(matches!(refused, InvalidUsagePlanPatch::Path { .. }), "{op} {path}: {refused}");
    }
    assert_eq!(parse("move", "/name", Some("x")), Err(InvalidUsagePlanPatch::Operation));
}

#[test]
fn a_value_that_is_missing_is_told() {
    for (op, path) in [
        ("replace", "/name"),
        ("add", "/apiStages"),
        ("add", "/quota/limit"),
        ("replace", "/throttle/rateLimit"),
    ] {
        let refused = parse(op, path, None).unwrap_err().to_string();
        assert_eq!(refused, format!("Invalid patch operation specified. The op '{op}' needs a value"));
    }
}

#[test]
fn limits_are_made_from_nothing_and_in_pieces() {
    let after = patched(&[
        ("replace", "/throttle/rateLimit", "0.1"),
        ("add", "/throttle/burstLimit", "20"),
        ("add", "/quota/period", "MONTH"),
        ("replace", "/quota/limit", "500"),
        ("replace", "/quota/offset", "3"),
    ]);
    let after = after.unwrap();
    assert_eq!(after.throttle, Some(Throttle::new(Some(0.1), Some(20)).unwrap()));
    assert_eq!(after.quotas.current(), Some(Quota::new(500, 3, Period::Month).unwrap()));
    let gone = vec![parse("remove", "/throttle", None).unwrap(), parse("remove", "/quota", None).unwrap()];
    let gone = after.patched(gone, NOW).unwrap();
    assert_eq!((gone.throttle, gone.quotas.current()), (None, None));
}

#[test]
fn a_period_may_be_changed_together_with_an_offset_that_only_the_new_one_allows() {
    let change = |operations: &[(&str, &str)]| {
        let monthly = patched(&[
            ("add", "/quota/limit", "5"),
            ("add", "/quota/period", "MONTH"),
            ("add", "/quota/offset", "20"),
        ]);
        let changes = operations.iter().map(|(path, value)| parse("replace", path, Some(value)).unwrap());
        monthly.unwrap().patched(changes.collect(), NOW)
    };
    assert!(change(&[("/quota/period", "DAY"), ("/quota/offset", "0")]).is_ok());
    let refused = change(&[("/quota/period", "DAY")]).unwrap_err();
    assert_eq!(refused, InvalidUsagePlan::Offset(Period::Day).into());
}

#[test]
fn half_a_quota_is_refused() {
    for path in ["/quota/limit", "/quota/offset"] {
        assert_eq!(message(&[("replace", path, "5")]), InvalidUsagePlan::QuotaIncomplete.to_string());
    }
}

#[test]
fn numbers_that_are_none_are_refused() {
    for (path, values) in [
        ("/throttle/rateLimit", &["", "x", "-1", "NaN", "inf", "1e99"][..]),
        ("/throttle/burstLimit", &["", "1.5", "-1", "2147483648"]),
        ("/quota/limit", &["", "x", "1.0", "99999999999999999999"]),
        ("/quota/offset", &["", "x"]),
        ("/quota/period", &["", "YEAR", "day"]),
    ] {
        for value in values {
            assert!(parse("replace", path, Some(value)).is_err(), "{path} {value}");
        }
    }
}

#[test]
fn a_method_is_named_with_plain_slashes_or_as_a_pointer() {
    let throttle = Throttle::new(Some(5.0), Some(2)).unwrap();
    for (path, method) in [
        ("/apiStages/a:x/throttle//pets/GET", "/pets/GET"),
        ("/apiStages/a:x/throttle/~1pets/GET", "/pets/GET"),
        ("/apiStages/a:x/throttle/~1pets~1{id}/GET", "/pets/{id}/GET"),
        ("/apiStages/a:x/throttle///GET", "//GET"),
        ("/apiStages/a:x/throttle/~1/GET", "//GET"),
        ("/apiStages/a:x/throttle/~1a~0b/GET", "/a~b/GET"),
    ] {
        let after = patched(&[
            ("replace", &format!("{path}/rateLimit"), "5"),
            ("add", &format!("{path}/burstLimit"), "2"),
        ]);
        let after = after.unwrap();
        let stages = after.stages.find(&stage("a:x")).unwrap();
        assert_eq!(
            stages.throttle,
            BTreeMap::from([(MethodPath::parse(method).unwrap(), throttle)]),
            "{path}"
        );
        let removed = after.patched(vec![parse("remove", path, None).unwrap()], NOW).unwrap();
        assert!(removed.stages.find(&stage("a:x")).unwrap().throttle.is_empty());
    }
}

#[test]
fn all_methods_of_a_stage_are_replaced_and_removed_at_once() {
    let after = patched(&[
        ("add", "/apiStages/a:x/throttle//old/GET/rateLimit", "5"),
        ("replace", "/apiStages/a:x/throttle", "/pets/GET\n//GET"),
    ]);
    let after = after.unwrap();
    let stages = after.stages.find(&stage("a:x")).unwrap();
    assert_eq!(stages.throttle.keys().map(MethodPath::as_str).collect::<Vec<_>>(), ["//GET", "/pets/GET"]);
    let removed =
        after.patched(vec![parse("remove", "/apiStages/a:x/throttle", None).unwrap()], NOW).unwrap();
    assert!(removed.stages.find(&stage("a:x")).unwrap().throttle.is_empty());
}

#[test]
fn nothing_is_done_when_one_change_fails() {
    let before = plan();
    let changes = vec![
        parse("replace", "/name", Some("other")).unwrap(),
        parse("remove", "/apiStages", Some("b:y")).unwrap(),
    ];
    assert!(before.patched(changes, NOW).is_err());
    assert_eq!(before, plan());
    assert_eq!(before.patched(vec![], NOW).unwrap(), before);
}

#[test]
fn a_plan_cannot_grow_beyond_its_bounds() {
    let add = (0..Stages::MOST).map(|n| parse("add", "/apiStages", Some(&format!("b{n}:y"))).unwrap());
    assert_eq!(plan().patched(add.collect(), NOW), Err(InvalidUsagePlan::TooManyStages.into()));
}

#[test]
fn a_changed_quota_counts_from_today_and_the_days_before_keep_theirs() {
    let later = NOW.plus_micros(3 * 86_400_000_000);
    let first = patched(&[("add", "/quota/limit", "5"), ("add", "/quota/period", "DAY")]).unwrap();
    let change = vec![parse("replace", "/quota/limit", Some("9")).unwrap()];
    let after = first.patched(change, later).unwrap();
    let limit = |day: Day| after.quotas.at_end_of(day).unwrap().limit();
    assert_eq!((limit(Day::of(NOW)), limit(Day::of(later))), (5, 9));
    let renamed = first.patched(vec![parse("replace", "/name", Some("n")).unwrap()], later).unwrap();
    assert_eq!(renamed.quotas, first.quotas);
}
