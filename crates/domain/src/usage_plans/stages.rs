//! The stages of a plan.

use super::{InvalidUsagePlan, Throttle};
use crate::text::{fits, is_identifier, text_newtype};
use std::collections::BTreeMap;
use std::fmt;

/// A stage of an API, written `apiId:stage`. Opaque otherwise: the product has no REST APIs to check it against.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StageId {
    api: Box<str>,
    stage: Box<str>,
}

/// A stage of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiStage {
    /// Which.
    pub id: StageId,
    /// How fast each key may call single methods of it.
    pub throttle: BTreeMap<MethodPath, Throttle>,
}

/// A method of an API, written `/pets/GET`; those of the root resource `//GET`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MethodPath(Box<str>);

/// The stages of one plan in the order in which they were added, none twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stages(Vec<ApiStage>);

text_newtype!(MethodPath);

impl StageId {
    /// A stage from its two parts, each 1 to 128 characters of `[A-Za-z0-9_-]`, or the stage `$default`.
    pub fn new(api: &str, stage: &str) -> Result<Self, InvalidUsagePlan> {
        if is_identifier(api) && (is_identifier(stage) || stage == "$default") {
            Ok(Self { api: api.into(), stage: stage.into() })
        } else {
            Err(InvalidUsagePlan::Stage)
        }
    }

    /// A stage from `apiId:stage`.
    pub fn parse(text: &str) -> Result<Self, InvalidUsagePlan> {
        let (api, stage) = text.split_once(':').ok_or(InvalidUsagePlan::Stage)?;
        Self::new(api, stage)
    }

    /// The id of the API.
    #[must_use]
    pub fn api(&self) -> &str {
        &self.api
    }

    /// The name of the stage.
    #[must_use]
    pub fn stage(&self) -> &str {
        &self.stage
    }
}

impl fmt::Display for StageId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.api, self.stage)
    }
}

impl MethodPath {
    /// Reads `/path/VERB`: a path that begins with a slash, and one of the seven methods or `ANY`.
    pub fn parse(text: &str) -> Result<Self, InvalidUsagePlan> {
        const VERBS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "ANY"];
        let parts = text.rsplit_once('/').filter(|(path, verb)| {
            path.starts_with('/') && VERBS.contains(verb) && !path.contains(char::is_control)
        });
        match parts {
            Some(_) if fits(text, 1_024) => Ok(Self(text.into())),
            _ => Err(InvalidUsagePlan::Method(text.chars().take(256).collect())),
        }
    }
}

impl Stages {
    /// The most stages of a plan, and the most methods of them all that have a throttle. A bound of ours.
    pub const MOST: usize = 1_000;

    /// A plan's stages.
    pub fn new(stages: Vec<ApiStage>) -> Result<Self, InvalidUsagePlan> {
        let mut all = Self::default();
        for stage in stages {
            if all.find(&stage.id).is_some() {
                return Err(InvalidUsagePlan::StageTwice(stage.id));
            }
            all.0.push(stage);
        }
        all.checked()
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &ApiStage> {
        self.0.iter()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The stage with this id.
    #[must_use]
    pub fn find(&self, id: &StageId) -> Option<&ApiStage> {
        self.0.iter().find(|stage| stage.id == *id)
    }

    /// The first stage that both have.
    #[must_use]
    pub fn shared_with(&self, others: &Stages) -> Option<&StageId> {
        self.0.iter().map(|stage| &stage.id).find(|id| others.find(id).is_some())
    }

    pub(super) fn find_mut(&mut self, id: &StageId) -> Option<&mut ApiStage> {
        self.0.iter_mut().find(|stage| stage.id == *id)
    }

    pub(super) fn add(&mut self, id: StageId) {
        if self.find(&id).is_none() {
            self.0.push(ApiStage { id, throttle: BTreeMap::new() });
        }
    }

    pub(super) fn remove(&mut self, id: &StageId) {
        self.0.retain(|stage| stage.id != *id);
    }

    pub(super) fn checked(self) -> Result<Self, InvalidUsagePlan> {
        let methods: usize = self.0.iter().map(|stage| stage.throttle.len()).sum();
        if self.0.len().max(methods) > Self::MOST { Err(InvalidUsagePlan::TooManyStages) } else { Ok(self) }
    }
}

#[cfg(test)]
mod tests;
