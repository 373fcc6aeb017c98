//! CreateUsagePlan: `POST /usageplans`.

use super::limits;
use crate::control_plane::{Asked, ControlPlane};
use crate::error::ApiError;
use crate::input::InputError;
use crate::input::json::Members;
use crate::representation::{Document, TagsShown};
use gatepost_application::retry_token;
use gatepost_application::usage_plans::{ApiStageAsked, CreateUsagePlan};

pub(in crate::control_plane) async fn handle(
    plane: &ControlPlane,
    asked: Asked<'_>,
) -> Result<Document, ApiError> {
    let invocation = asked.invocation();
    let body = asked.body.bytes().await?;
    let retry = invocation.map(|id| retry_token("CreateUsagePlan", &id, &body));
    let input = CreateUsagePlan { retry, ..read(Members::parse(&body)?)? };
    let made = plane.in_time(plane.application.create_usage_plan(asked.caller, input)).await?;
    Ok(Document::UsagePlan(plane.shown_plan(made), TagsShown::WhenAny))
}

fn read(mut body: Members) -> Result<CreateUsagePlan, InputError> {
    let input = CreateUsagePlan {
        name: body.text("name")?,
        description: body.text("description")?,
        stages: api_stages(&mut body)?,
        throttle: body.object("throttle")?.map(limits::throttle).transpose()?,
        quota: body.object("quota")?.map(limits::quota).transpose()?,
        tags: body.text_map("tags")?.unwrap_or_default(),
        retry: None,
    };
    body.finish()?;
    Ok(input)
}

fn api_stages(body: &mut Members) -> Result<Vec<ApiStageAsked>, InputError> {
    let mut stages = Vec::new();
    for mut stage in body.objects("apiStages")?.unwrap_or_default() {
        stages.push(ApiStageAsked {
            api: stage.text("apiId")?.unwrap_or_default(),
            stage: stage.text("stage")?.unwrap_or_default(),
            throttle: limits::methods(stage.object_map("throttle")?.unwrap_or_default())?,
        });
        stage.finish()?;
    }
    Ok(stages)
}
