//! Changes to a plan, as UpdateUsagePlan takes them.
//!
//! [`UsagePlanPatch::parse`] turns operation, path and text into a typed change or says, in AWS's words, why there is
//! no such change; [`UsagePlan::patched`] applies a list of them, in order, to a copy: all or none. A quota may come
//! in pieces, so what is incomplete is refused only after the last of them.
//!
//! A method is named in a path as AWS documents it (`~1` for each slash of the resource) or as Terraform sends it
//! (with plain slashes): both mean the same.

use super::{
    InvalidUsagePlan, MethodPath, Period, ProductCode, Quota, Rate, StageId, Throttle, UsagePlan,
    UsagePlanId, UsagePlanName,
};
use crate::Timestamp;
use crate::api_keys::{Description, PatchOperation};
use crate::usage::Day;
use std::collections::BTreeMap;

/// One change that a plan can take.
#[derive(Clone, Debug, PartialEq)]
pub enum UsagePlanPatch {
    /// Sets the name.
    Name(UsagePlanName),
    /// Sets or clears the description.
    Description(Option<Description>),
    /// Sets or clears the product code.
    ProductCode(Option<ProductCode>),
    /// Adds a stage, unless it is there.
    AddStage(StageId),
    /// Takes a stage out.
    RemoveStage(StageId),
    /// Changes the throttles of a stage's methods.
    Methods(StageId, MethodsChange),
    /// Sets a part of the plan's throttle.
    Throttle(Limit),
    /// Takes the plan's throttle away.
    NoThrottle,
    /// Sets a part of the quota.
    Quota(QuotaPart),
    /// Takes the quota away.
    NoQuota,
}

/// A change to the throttles of a stage's methods.
#[derive(Clone, Debug, PartialEq)]
pub enum MethodsChange {
    /// Replaces all of them.
    All(BTreeMap<MethodPath, Throttle>),
    /// Sets a part of one.
    One(MethodPath, Limit),
    /// Takes one away, if it is there.
    Remove(MethodPath),
}

/// A part of a throttle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// `rateLimit`.
    Rate(Rate),
    /// `burstLimit`.
    Burst(u32),
}

/// A part of a quota; what it may be is seen when all parts are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaPart {
    /// `limit`.
    Limit(i64),
    /// `offset`.
    Offset(i64),
    /// `period`.
    Period(Period),
}

/// Why an operation is not a change of a plan, or of this plan.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUsagePlanPatch {
    /// None of the four.
    #[error("Invalid patch operation specified. Must be 'add'|'remove'|'replace'|'copy'")]
    Operation,
    /// The path is not open to the operation. Two blanks after "path" and `apidId` are AWS's.
    #[error("Invalid patch path  '{path}' specified for op '{op}'. Must be one of: [{allowed}]")]
    Path {
        /// The path as given.
        path: String,
        /// The operation.
        op: &'static str,
        /// What it can be applied to.
        allowed: &'static str,
    },
    /// The operation needs a value, which may be the empty text.
    #[error("Invalid patch operation specified. The op '{0}' needs a value")]
    ValueMissing(&'static str),
    /// A stage to be removed is not named by exactly two parts.
    #[error("Invalid API Stage specified")]
    Stage,
    /// The plan has no such stage.
    #[error("Invalid API Stage {{api: {api}, stage: {stage}}} specified for usageplan {plan}", api = .stage.api(), stage = .stage.stage())]
    NoSuchStage {
        /// The stage.
        stage: StageId,
        /// The plan.
        plan: UsagePlanId,
    },
    /// The value of `/apiStages/…/throttle` is not a JSON object of throttles.
    #[error(
        "Invalid throttle specified: must be a JSON object such as {{\"/pets/GET\":{{\"rateLimit\":1.0,\"burstLimit\":1}}}}"
    )]
    Methods,
    /// The value breaks the property's rule.
    #[error(transparent)]
    Value(#[from] InvalidUsagePlan),
}

/// Reads the throttles of methods from the JSON text that `/apiStages/…/throttle` takes.
pub type ReadMethods = fn(&str) -> Result<BTreeMap<MethodPath, Throttle>, InvalidUsagePlanPatch>;

const REPLACE: &str = "/name, /description, /productCode, /throttle/rateLimit, /throttle/burstLimit, /quota/limit, /quota/offset, /quota/period, /apiStages/<apidId:stageName>/throttle, /apiStages/<apidId:stageName>/throttle/<resourcePath>/<httpMethod>/rateLimit, /apiStages/<apidId:stageName>/throttle/<resourcePath>/<httpMethod>/burstLimit";
const ADD: &str = "/apiStages, /productCode, /throttle/rateLimit, /throttle/burstLimit, /quota/limit, /quota/offset, /quota/period, /apiStages/<apidId:stageName>/throttle, /apiStages/<apidId:stageName>/throttle/<resourcePath>/<httpMethod>/rateLimit, /apiStages/<apidId:stageName>/throttle/<resourcePath>/<httpMethod>/burstLimit";
const REMOVE: &str = "/apiStages, /quota, /throttle, /productCode, /apiStages/<apidId:stageName>/throttle/<resourcePath>/<httpMethod>, /apiStages/<apidId:stageName>/throttle";

impl UsagePlanPatch {
    /// Reads one operation; `methods` reads the JSON that one path takes as its value.
    pub fn parse(operation: PatchOperation<'_>, methods: ReadMethods) -> Result<Self, InvalidUsagePlanPatch> {
        let path = operation.path.unwrap_or_default();
        let (op, allowed, read): (_, _, fn(_, _, _) -> _) = match operation.op {
            Some("replace") => ("replace", REPLACE, Self::replace),
            Some("add") => ("add", ADD, Self::add),
            Some("remove") => ("remove", REMOVE, Self::remove),
            Some("copy") => ("copy", "", |_, _, _| Ok(None)),
            Some(_) | None => return Err(InvalidUsagePlanPatch::Operation),
        };
        let found = read(path, Text { op, text: operation.value }, methods)?;
        found.ok_or_else(|| InvalidUsagePlanPatch::Path { path: path.to_owned(), op, allowed })
    }

    fn replace(path: &str, value: Text<'_>, methods: ReadMethods) -> Found {
        match path {
            "/name" => Ok(Some(Self::Name(UsagePlanName::parse(value.given()?)?))),
            "/description" => {
                let text = Description::parse(value.given()?).map_err(|_| InvalidUsagePlan::Description)?;
                Ok(Some(Self::Description(text)))
            }
            _ => Self::set(path, value, methods),
        }
    }

    fn add(path: &str, value: Text<'_>, methods: ReadMethods) -> Found {
        match path {
            "/apiStages" => Ok(Some(Self::AddStage(StageId::parse(value.given()?)?))),
            _ => Self::set(path, value, methods),
        }
    }

    /// What `add` and `replace` have in common.
    fn set(path: &str, value: Text<'_>, methods: ReadMethods) -> Found {
        if let Some((stage, rest)) = stage_path(path)? {
            return match rest {
                "" => Ok(Some(Self::Methods(stage, MethodsChange::All(methods(value.given()?)?)))),
                rest => Self::set_method(stage, rest, value),
            };
        }
        Ok(Some(match path {
            "/productCode" => Self::ProductCode(ProductCode::parse(value.given()?)?),
            "/throttle/rateLimit" => Self::Throttle(value.rate()?),
            "/throttle/burstLimit" => Self::Throttle(value.burst()?),
            "/quota/limit" => Self::Quota(QuotaPart::Limit(value.integer(InvalidUsagePlan::QuotaLimit)?)),
            // No text that is no number says which period's bound it breaks: a day's is the narrowest.
            "/quota/offset" => {
                Self::Quota(QuotaPart::Offset(value.integer(InvalidUsagePlan::Offset(Period::Day))?))
            }
            "/quota/period" => Self::Quota(QuotaPart::Period(Period::parse(value.given()?)?)),
            _ => return Ok(None),
        }))
    }

    fn set_method(stage: StageId, rest: &str, value: Text<'_>) -> Found {
        let Some((method, limit)) = rest.rsplit_once('/') else { return Ok(None) };
        let limit = match limit {
            "rateLimit" => value.rate()?,
            "burstLimit" => value.burst()?,
            _ => return Ok(None),
        };
        Ok(Some(Self::Methods(stage, MethodsChange::One(method_of(method)?, limit))))
    }

    fn remove(path: &str, value: Text<'_>, _: ReadMethods) -> Found {
        if let Some((stage, rest)) = stage_path(path)? {
            return Ok(Some(match rest {
                "" => Self::Methods(stage, MethodsChange::All(BTreeMap::new())),
                rest => Self::Methods(stage, MethodsChange::Remove(method_of(rest)?)),
            }));
        }
        Ok(Some(match path {
            "/apiStages" => {
                let stage = StageId::parse(value.text.unwrap_or_default());
                Self::RemoveStage(stage.map_err(|_| InvalidUsagePlanPatch::Stage)?)
            }
            "/productCode" => Self::ProductCode(None),
            "/throttle" => Self::NoThrottle,
            "/quota" => Self::NoQuota,
            _ => return Ok(None),
        }))
    }
}

type Found = Result<Option<UsagePlanPatch>, InvalidUsagePlanPatch>;

/// The value of an operation.
#[derive(Clone, Copy)]
struct Text<'a> {
    op: &'static str,
    text: Option<&'a str>,
}

impl<'a> Text<'a> {
    fn given(self) -> Result<&'a str, InvalidUsagePlanPatch> {
        self.text.ok_or(InvalidUsagePlanPatch::ValueMissing(self.op))
    }

    fn integer(self, wrong: InvalidUsagePlan) -> Result<i64, InvalidUsagePlanPatch> {
        self.given()?.parse().map_err(|_| wrong.into())
    }

    fn rate(self) -> Result<Limit, InvalidUsagePlanPatch> {
        let rate = self.given()?.parse().map_err(|_| InvalidUsagePlan::Rate)?;
        Ok(Limit::Rate(Rate::new(rate)?))
    }

    fn burst(self) -> Result<Limit, InvalidUsagePlanPatch> {
        Ok(Limit::Burst(Throttle::burst(self.integer(InvalidUsagePlan::Burst)?)?))
    }
}

/// The stage of a path `/apiStages/<api>:<stage>/throttle[/…]`, and what follows; a stage that cannot be one makes it
/// another path.
fn stage_path(path: &str) -> Result<Option<(StageId, &str)>, InvalidUsagePlanPatch> {
    let Some((stage, rest)) = path.strip_prefix("/apiStages/").and_then(|path| path.split_once('/')) else {
        return Ok(None);
    };
    let Ok(stage) = StageId::parse(stage) else { return Ok(None) };
    match rest.strip_prefix("throttle") {
        Some("") => Ok(Some((stage, ""))),
        Some(rest) => Ok(rest.strip_prefix('/').filter(|rest| !rest.is_empty()).map(|rest| (stage, rest))),
        None => Ok(None),
    }
}

fn method_of(pointer: &str) -> Result<MethodPath, InvalidUsagePlan> {
    MethodPath::parse(&pointer.replace("~1", "/").replace("~0", "~"))
}

/// A plan under change.
struct Draft {
    plan: UsagePlan,
    limit: Option<i64>,
    offset: Option<i64>,
    period: Option<Period>,
}

impl Draft {
    fn apply(&mut self, change: UsagePlanPatch) -> Result<(), InvalidUsagePlanPatch> {
        let plan = &mut self.plan;
        match change {
            UsagePlanPatch::Name(name) => plan.name = name,
            UsagePlanPatch::Description(description) => plan.description = description,
            UsagePlanPatch::ProductCode(code) => plan.product_code = code,
            UsagePlanPatch::AddStage(stage) => plan.stages.add(stage),
            UsagePlanPatch::RemoveStage(stage) => {
                self.methods(&stage)?;
                self.plan.stages.remove(&stage);
            }
            UsagePlanPatch::Methods(stage, change) => change.apply(self.methods(&stage)?),
            UsagePlanPatch::Throttle(limit) => limit.apply(plan.throttle.get_or_insert_default()),
            UsagePlanPatch::NoThrottle => plan.throttle = None,
            UsagePlanPatch::Quota(QuotaPart::Limit(limit)) => self.limit = Some(limit),
            UsagePlanPatch::Quota(QuotaPart::Offset(offset)) => self.offset = Some(offset),
            UsagePlanPatch::Quota(QuotaPart::Period(period)) => self.period = Some(period),
            UsagePlanPatch::NoQuota => (self.limit, self.offset, self.period) = (None, None, None),
        }
        Ok(())
    }

    fn methods(
        &mut self,
        stage: &StageId,
    ) -> Result<&mut BTreeMap<MethodPath, Throttle>, InvalidUsagePlanPatch> {
        let plan = &self.plan.id;
        match self.plan.stages.find_mut(stage) {
            Some(stage) => Ok(&mut stage.throttle),
            None => Err(InvalidUsagePlanPatch::NoSuchStage { stage: stage.clone(), plan: plan.clone() }),
        }
    }

    fn quota(&self) -> Result<Option<Quota>, InvalidUsagePlan> {
        match (self.limit, self.offset, self.period) {
            (None, None, None) => Ok(None),
            (Some(limit), offset, Some(period)) => {
                Quota::new(limit, offset.unwrap_or_default(), period).map(Some)
            }
            _ => Err(InvalidUsagePlan::QuotaIncomplete),
        }
    }
}

impl MethodsChange {
    fn apply(self, methods: &mut BTreeMap<MethodPath, Throttle>) {
        match self {
            Self::All(all) => *methods = all,
            Self::One(method, limit) => limit.apply(methods.entry(method).or_default()),
            Self::Remove(method) => {
                methods.remove(&method);
            }
        }
    }
}

impl Limit {
    fn apply(self, throttle: &mut Throttle) {
        match self {
            Self::Rate(rate) => throttle.rate = Some(rate),
            Self::Burst(burst) => throttle.burst = Some(burst),
        }
    }
}

impl UsagePlan {
    /// This plan after the changes, in their order: all or none. Without changes it stays as it is; with any, it has
    /// its next version, even where nothing differs. A changed quota counts from today on.
    pub fn patched(
        &self,
        changes: Vec<UsagePlanPatch>,
        now: Timestamp,
    ) -> Result<UsagePlan, InvalidUsagePlanPatch> {
        if changes.is_empty() {
            return Ok(self.clone());
        }
        let before = self.quotas.current();
        let mut draft = Draft {
            plan: self.clone(),
            limit: before.map(|quota| quota.limit().into()),
            offset: before.map(|quota| quota.offset().into()),
            period: before.map(Quota::period),
        };
        for change in changes {
            draft.apply(change)?;
        }
        let quota = draft.quota()?;
        let mut plan = draft.plan;
        plan.stages = plan.stages.checked()?;
        if quota != before {
            plan.quotas.change(Day::of(now), quota);
        }
        plan.version = self.version.next();
        Ok(plan)
    }
}

#[cfg(test)]
mod tests;
