//! CreateApiKey: `POST /apikeys`.

use crate::control_plane::{Asked, ControlPlane};
use crate::error::ApiError;
use crate::input::InputError;
use crate::input::json::Members;
use crate::representation::{Document, TagsShown};
use gatepost_application::api_keys::CreateApiKey;
use gatepost_application::retry_token;
use zeroize::Zeroizing;

pub(in crate::control_plane) async fn handle(
    plane: &ControlPlane,
    asked: Asked<'_>,
) -> Result<Document, ApiError> {
    let invocation = asked.invocation();
    let body = asked.body.bytes().await?;
    let retry = invocation.map(|id| retry_token("CreateApiKey", &id, &body));
    let input = CreateApiKey { retry, ..read(Members::parse(&body)?)? };
    drop(body);
    let made = plane.in_time(plane.application.create_api_key(asked.caller, input)).await?;
    Ok(Document::ApiKey(made, TagsShown::WhenAny))
}

fn read(mut body: Members) -> Result<CreateApiKey, InputError> {
    let input = CreateApiKey {
        name: body.text("name")?,
        description: body.text("description")?,
        enabled: body.flag("enabled")?.unwrap_or(false),
        customer_id: body.text("customerId")?,
        value: body.text("value")?.map(Zeroizing::new),
        id_is_value: body.flag("generateDistinctId")? == Some(false),
        stage_keys: stage_keys(&mut body)?,
        tags: body.text_map("tags")?.unwrap_or_default(),
        retry: None,
    };
    body.finish()?;
    Ok(input)
}

fn stage_keys(body: &mut Members) -> Result<Vec<(String, String)>, InputError> {
    let mut pairs = Vec::new();
    for mut stage_key in body.objects("stageKeys")?.unwrap_or_default() {
        let rest_api_id = stage_key.text("restApiId")?.unwrap_or_default();
        pairs.push((rest_api_id, stage_key.text("stageName")?.unwrap_or_default()));
        stage_key.finish()?;
    }
    Ok(pairs)
}
