//! Usage plans: which stages the keys of a plan may call, how fast, and how often.
//!
//! A plan names [`ApiStage`]s, each perhaps with throttles of its own methods, and has a [`Throttle`] and a [`Quota`]
//! that count for each of its keys. `patch` holds the changes that UpdateUsagePlan can make, `links` which keys may
//! be in which plans, [`usage`](crate::usage) what was used.

mod fields;
mod limits;
mod links;
mod patch;
mod stages;

pub use fields::{ProductCode, UsagePlanId, UsagePlanName};
pub use limits::{Period, Quota, QuotaHistory, Rate, Throttle};
pub use links::{Attachment, PlanOnKey, attach};
pub use patch::{InvalidUsagePlanPatch, Limit, MethodsChange, QuotaPart, ReadMethods, UsagePlanPatch};
pub use stages::{ApiStage, MethodPath, StageId, Stages};

use crate::api_keys::Description;
use crate::{Tags, Timestamp, Version};
use std::cmp::Ordering;

/// A usage plan.
#[derive(Clone, Debug, PartialEq)]
pub struct UsagePlan {
    /// What the plan is called in every other request.
    pub id: UsagePlanId,
    /// A name for people; need not be unique.
    pub name: UsagePlanName,
    /// What the plan is for.
    pub description: Option<Description>,
    /// An AWS Marketplace product.
    pub product_code: Option<ProductCode>,
    /// The stages that its keys may call.
    pub stages: Stages,
    /// How fast each of its keys may call them all together.
    pub throttle: Option<Throttle>,
    /// How often each of its keys may call them all together, now and on earlier days.
    pub quotas: QuotaHistory,
    /// Tags.
    pub tags: Tags,
    /// When it was made. With the id it fixes the plan's place in every listing.
    pub created: Timestamp,
    /// How often it has been written.
    pub version: Version,
}

/// The place of one plan in a listing. The greater one is listed first: newest first, ids from high to low among
/// plans of one microsecond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsagePlanPosition {
    /// When the plan was made.
    pub created: Timestamp,
    /// Its id.
    pub id: UsagePlanId,
}

impl Ord for UsagePlanPosition {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.created, self.id.as_str()).cmp(&(other.created, other.id.as_str()))
    }
}

impl PartialOrd for UsagePlanPosition {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl UsagePlan {
    /// Where this plan stands in a listing.
    #[must_use]
    pub fn position(&self) -> UsagePlanPosition {
        UsagePlanPosition { created: self.created, id: self.id.clone() }
    }
}

/// A property of a plan that breaks its rule. The texts are AWS's where they are known.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUsagePlan {
    /// Missing, empty, or more than 1,024 characters.
    #[error("Invalid Usage Plan name, must have 1 to 1024 characters.")]
    Name,
    /// More than 125,000 characters.
    #[error("Invalid Usage Plan description specified.")]
    Description,
    /// Not 1 to 128 printable characters.
    #[error("Invalid Usage Plan product code specified.")]
    ProductCode,
    /// A stage without its two parts; the unfilled template is AWS's.
    #[error("Invalid API Stage {{api: %s, stage: %s}} specified for usageplan %s")]
    Stage,
    /// One stage twice.
    #[error("Invalid API Stage specified: {0} is given twice")]
    StageTwice(StageId),
    /// More than a plan can have.
    #[error("Invalid API Stage specified: a usage plan can have at most {most} stages and {most} methods of them", most = Stages::MOST)]
    TooManyStages,
    /// Not `/path/VERB`.
    #[error(
        "Invalid method {0:?} specified in a throttle: must be a resource path and a method, such as /pets/GET"
    )]
    Method(String),
    /// Negative, or no number.
    #[error("Invalid throttle rate limit specified: must be a number from 0 to 1000000000")]
    Rate,
    /// Negative, or no integer.
    #[error("Invalid throttle burst limit specified: must be an integer from 0 to 2147483647")]
    Burst,
    /// Negative, or no integer.
    #[error("Invalid quota limit specified: must be an integer from 0 to 2147483647")]
    QuotaLimit,
    /// A quota without a limit.
    #[error("Invalid quota specified: limit and period are required")]
    QuotaIncomplete,
    /// None of the three.
    #[error(
        "1 validation error detected: Value '{0}' at 'quota.period' failed to satisfy constraint: Member must satisfy enum value set: [DAY, WEEK, MONTH]"
    )]
    Period(String),
    /// Beyond the period: the texts are those by which Terraform refuses.
    #[error("{}", limits::wrong_offset(*.0))]
    Offset(Period),
}
