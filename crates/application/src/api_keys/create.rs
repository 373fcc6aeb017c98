//! CreateApiKey.

use super::ShownApiKey;
use crate::{AppError, Application, Caller};
use gatepost_domain::api_keys::{
    ApiKey, ApiKeyId, ApiKeyName, ApiKeyValue, CustomerId, Description, InvalidApiKey, MOST_LIST_ITEMS,
    StageKey,
};
use gatepost_domain::{Tags, Version};
use gatepost_storage::{Entity, FirstAnswer, NewApiKey, RetryToken, StorageError};
use zeroize::Zeroizing;

/// A fresh id collides about once in 10^15 / keys; a second collision in a row is not chance.
const ID_ATTEMPTS: usize = 4;

/// A key to be made, as the caller describes it.
#[derive(Default)]
pub struct CreateApiKey {
    /// Empty or absent: none.
    pub name: Option<String>,
    /// Empty or absent: none.
    pub description: Option<String>,
    /// Whether callers can use it.
    pub enabled: bool,
    /// Empty or absent: none.
    pub customer_id: Option<String>,
    /// Empty or absent: a generated value.
    pub value: Option<Zeroizing<String>>,
    /// Whether the id is the value itself (`generateDistinctId: false`), which gives the value away to everybody
    /// who sees the id.
    pub id_is_value: bool,
    /// API id and stage name.
    pub stage_keys: Vec<(String, String)>,
    /// Keys and values.
    pub tags: Vec<(String, String)>,
    /// What a retry of this request would have too.
    pub retry: Option<RetryToken>,
}

impl Application {
    /// Makes a key, and shows it with its value.
    pub async fn create_api_key(&self, caller: Caller, input: CreateApiKey) -> Result<ShownApiKey, AppError> {
        let (id_is_value, retry) = (input.id_is_value, input.retry);
        let (mut key, value) = self.new_api_key(input)?;
        let custody = self.custody.account(caller.account);
        let digest = custody.digest(&value);
        let mut attempts = ID_ATTEMPTS;
        loop {
            attempts -= 1;
            let new = NewApiKey { key: key.clone(), digest, sealed: custody.seal(&key.id, &value), retry };
            match self.storage.writer().insert_api_key(caller.account, new, self.limits.most_keys).await {
                Ok(()) => return Ok(ShownApiKey { key, value: Some(value) }),
                Err(StorageError::AlreadyExists(Entity::ApiKey)) if !id_is_value && attempts > 0 => {
                    key.id = self.ids.api_key_id();
                }
                Err(error @ StorageError::AlreadyExists(Entity::Retry)) => {
                    return self.key_of_first_request(caller, retry).await?.ok_or_else(|| error.into());
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The key that an earlier request with this token made, as it is now.
    async fn key_of_first_request(
        &self,
        caller: Caller,
        token: Option<RetryToken>,
    ) -> Result<Option<ShownApiKey>, AppError> {
        let Some(token) = token else { return Ok(None) };
        let reader = self.storage.reader();
        let Some(FirstAnswer::ApiKey(id)) = reader.recall(caller.account, &token).await? else {
            return Ok(None);
        };
        let stored = reader.find_api_key(caller.account, &id).await?;
        let opener = self.custody.account(caller.account);
        stored.map(|stored| ShownApiKey::new(stored, Some(&opener))).transpose()
    }

    fn new_api_key(&self, input: CreateApiKey) -> Result<(ApiKey, ApiKeyValue), AppError> {
        let name = ApiKeyName::parse(input.name.as_deref().unwrap_or_default())?;
        let description = Description::parse(input.description.as_deref().unwrap_or_default())?;
        let value = match input.value.as_deref().map(String::as_str) {
            None | Some("") => self.ids.api_key_value(),
            Some(chosen) => ApiKeyValue::parse(chosen, self.limits.shortest_value)?,
        };
        let customer_id = CustomerId::parse(input.customer_id.as_deref().unwrap_or_default())?;
        let mut stage_keys = Vec::new();
        for (rest_api_id, stage_name) in &input.stage_keys {
            let stage_key = StageKey::new(rest_api_id, stage_name)?;
            if !stage_keys.contains(&stage_key) {
                stage_keys.push(stage_key);
            }
            if stage_keys.len() > MOST_LIST_ITEMS {
                return Err(InvalidApiKey::StageKey.into());
            }
        }
        let tags = Tags::parse(input.tags)?;
        let id = if input.id_is_value {
            ApiKeyId::parse(value.reveal()).ok_or(InvalidApiKey::ValueAsId)?
        } else {
            self.ids.api_key_id()
        };
        let now = self.clock.now();
        let key = ApiKey {
            id,
            name,
            description,
            enabled: input.enabled,
            customer_id,
            stage_keys,
            labels: Vec::new(),
            tags,
            created: now,
            updated: now,
            version: Version::FIRST,
        };
        Ok((key, value))
    }
}
