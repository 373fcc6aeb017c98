//! CreateUsagePlan.

use crate::{AppError, Application, Caller};
use gatepost_domain::api_keys::Description;
use gatepost_domain::usage::Day;
use gatepost_domain::usage_plans::{
    ApiStage, InvalidUsagePlan, MethodPath, Period, Quota, QuotaHistory, StageId, Stages, Throttle,
    UsagePlan, UsagePlanName,
};
use gatepost_domain::{Tags, Version};
use gatepost_storage::{Entity, FirstAnswer, NewUsagePlan, RetryToken, StorageError};

/// A fresh id collides about once in 2 * 10^9 / plans; a second collision in a row is not chance.
const ID_ATTEMPTS: usize = 4;

/// A plan to be made, as the caller describes it.
#[derive(Default)]
pub struct CreateUsagePlan {
    /// Needed.
    pub name: Option<String>,
    /// Empty or absent: none.
    pub description: Option<String>,
    /// The stages, none twice.
    pub stages: Vec<ApiStageAsked>,
    /// How fast.
    pub throttle: Option<ThrottleAsked>,
    /// How often.
    pub quota: Option<QuotaAsked>,
    /// Keys and values.
    pub tags: Vec<(String, String)>,
    /// What a retry of this request would have too.
    pub retry: Option<RetryToken>,
}

/// A stage, as the caller describes it.
pub struct ApiStageAsked {
    /// The id of its API.
    pub api: String,
    /// Its name.
    pub stage: String,
    /// The throttles of methods, each named `/path/VERB`.
    pub throttle: Vec<(String, ThrottleAsked)>,
}

/// A throttle, as the caller describes it.
#[derive(Clone, Copy, Default)]
pub struct ThrottleAsked {
    /// Requests a second.
    pub rate: Option<f64>,
    /// Requests at once.
    pub burst: Option<i64>,
}

/// A quota, as the caller describes it.
#[derive(Default)]
pub struct QuotaAsked {
    /// Requests in each period; needed.
    pub limit: Option<i64>,
    /// Days by which a period begins later; absent: 0.
    pub offset: Option<i64>,
    /// `DAY`, `WEEK` or `MONTH`; needed.
    pub period: Option<String>,
}

impl Application {
    /// Makes a plan, and shows it.
    pub async fn create_usage_plan(
        &self,
        caller: Caller,
        input: CreateUsagePlan,
    ) -> Result<UsagePlan, AppError> {
        let retry = input.retry;
        let mut new = NewUsagePlan { plan: self.new_usage_plan(input)?, retry };
        let mut attempts = ID_ATTEMPTS;
        loop {
            attempts -= 1;
            let most = self.limits.most_plans;
            match self.storage.writer().insert_usage_plan(caller.account, &new, most).await {
                Ok(()) => return Ok(new.plan),
                Err(StorageError::AlreadyExists(Entity::UsagePlan)) if attempts > 0 => {
                    new.plan.id = self.ids.usage_plan_id();
                }
                Err(error @ StorageError::AlreadyExists(Entity::Retry)) => {
                    return self.plan_of_first_request(caller, retry).await?.ok_or_else(|| error.into());
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The plan that an earlier request with this token made, as it is now.
    async fn plan_of_first_request(
        &self,
        caller: Caller,
        token: Option<RetryToken>,
    ) -> Result<Option<UsagePlan>, AppError> {
        let Some(token) = token else { return Ok(None) };
        let reader = self.storage.reader();
        let Some(FirstAnswer::UsagePlan(id)) = reader.recall(caller.account, &token).await? else {
            return Ok(None);
        };
        Ok(reader.find_usage_plan(caller.account, &id).await?)
    }

    fn new_usage_plan(&self, input: CreateUsagePlan) -> Result<UsagePlan, AppError> {
        let name = UsagePlanName::parse(input.name.as_deref().unwrap_or_default())?;
        let description = Description::parse(input.description.as_deref().unwrap_or_default())
            .map_err(|_| InvalidUsagePlan::Description)?;
        let stages = input.stages.into_iter().map(ApiStageAsked::read).collect::<Result<_, _>>()?;
        let stages = Stages::new(stages)?;
        let throttle = input.throttle.map(ThrottleAsked::read).transpose()?;
        let quota = input.quota.map(QuotaAsked::read).transpose()?;
        let tags = Tags::parse(input.tags)?;
        let now = self.clock.now();
        Ok(UsagePlan {
            id: self.ids.usage_plan_id(),
            name,
            description,
            product_code: None,
            stages,
            throttle,
            quotas: QuotaHistory::starting(Day::of(now), quota),
            tags,
            created: now,
            version: Version::FIRST,
        })
    }
}

impl ApiStageAsked {
    fn read(self) -> Result<ApiStage, InvalidUsagePlan> {
        let id = StageId::new(&self.api, &self.stage)?;
        let methods = self.throttle.into_iter();
        let throttle = methods.map(|(method, asked)| Ok((MethodPath::parse(&method)?, asked.read()?)));
        Ok(ApiStage { id, throttle: throttle.collect::<Result<_, _>>()? })
    }
}

impl ThrottleAsked {
    fn read(self) -> Result<Throttle, InvalidUsagePlan> {
        Throttle::new(self.rate, self.burst)
    }
}

impl QuotaAsked {
    fn read(self) -> Result<Quota, InvalidUsagePlan> {
        let (Some(limit), Some(period)) = (self.limit, self.period) else {
            return Err(InvalidUsagePlan::QuotaIncomplete);
        };
        Quota::new(limit, self.offset.unwrap_or_default(), Period::parse(&period)?)
    }
}
