use super::*;

fn stage(text: &str) -> ApiStage {
    ApiStage { id: StageId::parse(text).unwrap(), throttle: BTreeMap::new() }
}

#[test]
fn a_stage_is_one_api_and_one_stage() {
    let id = StageId::parse("a1b2:prod").unwrap();
    assert_eq!((id.api(), id.stage(), id.to_string().as_str()), ("a1b2", "prod", "a1b2:prod"));
    assert!(StageId::parse("a1b2:$default").is_ok());
    for wrong in ["", ":", "a", "a:", ":b", "a:b:c", "a:b c", "é:b", "$default:b"] {
        assert_eq!(StageId::parse(wrong), Err(InvalidUsagePlan::Stage), "{wrong}");
    }
}

#[test]
fn awss_template_of_a_blank_stage_is_told_unfilled() {
    let text = "Invalid API Stage {api: %s, stage: %s} specified for usageplan %s";
    assert_eq!(StageId::new("", "prod").unwrap_err().to_string(), text);
}

#[test]
fn a_method_is_a_path_and_a_verb() {
    for good in ["/pets/GET", "//GET", "/pets/{id}/ANY", "/a b/é/POST", "//pets/GET"] {
        assert_eq!(MethodPath::parse(good).unwrap().as_str(), good);
    }
    for wrong in
        ["", "/", "GET", "/GET", "pets/GET", "/pets", "/pets/get", "/pets/TRACE", "/p\n/GET", "/p\0/GET"]
    {
        assert_eq!(MethodPath::parse(wrong), Err(InvalidUsagePlan::Method(wrong.into())), "{wrong}");
    }
    assert!(MethodPath::parse(&format!("/{}/GET", "p".repeat(1_020))).is_err());
}

#[test]
fn a_stage_is_in_a_plan_once() {
    let twice = Stages::new(vec![stage("a:x"), stage("b:x"), stage("a:x")]).unwrap_err();
    assert_eq!(twice, InvalidUsagePlan::StageTwice(StageId::parse("a:x").unwrap()));
}

#[test]
fn stages_and_methods_are_bounded() {
    let many = |count: usize| Stages::new((0..count).map(|n| stage(&format!("a{n}:x"))).collect());
    assert!(many(Stages::MOST).is_ok());
    assert_eq!(many(Stages::MOST + 1), Err(InvalidUsagePlan::TooManyStages));
    let methods = |count: usize| {
        let method = |n| (MethodPath::parse(&format!("/{n}/GET")).unwrap(), Throttle::default());
        Stages::new(vec![ApiStage { throttle: (0..count).map(method).collect(), ..stage("a:x") }])
    };
    assert!(methods(Stages::MOST).is_ok());
    assert_eq!(methods(Stages::MOST + 1), Err(InvalidUsagePlan::TooManyStages));
}

#[test]
fn what_two_plans_share_is_found_in_the_order_of_the_first() {
    let one = Stages::new(vec![stage("a:x"), stage("b:x"), stage("c:x")]).unwrap();
    let other = Stages::new(vec![stage("c:x"), stage("b:x")]).unwrap();
    assert_eq!(one.shared_with(&other), Some(&StageId::parse("b:x").unwrap()));
    assert_eq!(one.shared_with(&Stages::new(vec![stage("a:y")]).unwrap()), None);
    assert_eq!(one.shared_with(&Stages::default()), None);
}
