//! The operations on usage plans, each translating a request into a call and its result into a document.

mod limits;

pub(super) mod create;
pub(super) mod delete;
pub(super) mod get;
pub(super) mod list;
pub(super) mod update;

use super::ControlPlane;
use crate::representation::ShownUsagePlan;
use gatepost_domain::usage::Day;
use gatepost_domain::usage_plans::UsagePlan;

impl ControlPlane {
    /// A plan as it is shown today.
    fn shown_plan(&self, plan: UsagePlan) -> ShownUsagePlan {
        ShownUsagePlan { plan, today: Day::of(self.application.clock.now()) }
    }
}
