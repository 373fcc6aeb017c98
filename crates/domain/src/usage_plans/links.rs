//! Which keys may be in which plans: a key may be in several, but not in two that share a stage, or a call could not
//! tell which plan it counts for.

use super::{StageId, Stages, UsagePlanId};

/// A plan that a key is in, or shall be put in.
#[derive(Clone, Copy, Debug)]
pub struct PlanOnKey<'a> {
    /// The plan.
    pub id: &'a UsagePlanId,
    /// Its stages.
    pub stages: &'a Stages,
}

/// What became of putting a key into a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attachment {
    /// It is in it now.
    Done,
    /// There is no such plan.
    NoSuchPlan,
    /// There is no such key.
    NoSuchKey,
    /// It was in it before.
    AlreadyThere,
    /// The key is in another plan that has this stage too.
    StageShared(StageId),
    /// The key is in as many plans as it may be.
    TooManyPlans,
}

/// Whether a key that is in `present` plans may also be put into `asked`; `most` is how many plans it may be in.
#[must_use]
pub fn attach(present: &[PlanOnKey<'_>], asked: PlanOnKey<'_>, most: usize) -> Attachment {
    if present.iter().any(|plan| plan.id == asked.id) {
        return Attachment::AlreadyThere;
    }
    if let Some(stage) = present.iter().find_map(|plan| asked.stages.shared_with(plan.stages)) {
        return Attachment::StageShared(stage.clone());
    }
    if present.len() >= most { Attachment::TooManyPlans } else { Attachment::Done }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage_plans::ApiStage;

    fn plan(id: &str, stages: &[&str]) -> (UsagePlanId, Stages) {
        let stages = stages
            .iter()
            .map(|stage| ApiStage { id: StageId::parse(stage).unwrap(), throttle: Default::default() });
        (UsagePlanId::parse(id).unwrap(), Stages::new(stages.collect()).unwrap())
    }

    fn attached(present: &[(UsagePlanId, Stages)], asked: &(UsagePlanId, Stages), most: usize) -> Attachment {
        let on_key = |(id, stages)| PlanOnKey { id, stages };
        let present: Vec<_> = present.iter().map(|(id, stages)| on_key((id, stages))).collect();
        attach(&present, on_key((&asked.0, &asked.1)), most)
    }

    #[test]
    fn a_key_is_in_plans_that_share_no_stage() {
        let present = [plan("one", &["a:x", "b:x"]), plan("two", &["c:x"]), plan("none", &[])];
        assert_eq!(attached(&present, &plan("new", &["a:y"]), 10), Attachment::Done);
        assert_eq!(attached(&present, &plan("new", &[]), 10), Attachment::Done);
        let shared = Attachment::StageShared(StageId::parse("c:x").unwrap());
        assert_eq!(attached(&present, &plan("new", &["d:x", "c:x"]), 10), shared);
    }

    #[test]
    fn a_key_is_in_a_plan_once_and_in_so_many_plans() {
        let present = [plan("one", &["a:x"]), plan("two", &[])];
        assert_eq!(attached(&present, &plan("one", &["a:x"]), 2), Attachment::AlreadyThere);
        assert_eq!(attached(&present, &plan("new", &[]), 2), Attachment::TooManyPlans);
        assert_eq!(
            attached(&present, &plan("new", &["a:x"]), 2),
            Attachment::StageShared(StageId::parse("a:x").unwrap())
        );
    }
}
