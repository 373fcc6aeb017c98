//! Keys as a listing shows them, read back.

use gatepost_application::transfer::{InvalidKey, TransferredKey};
use gatepost_domain::api_keys::{
    ApiKey, ApiKeyId, ApiKeyName, ApiKeyValue, CustomerId, Description, Label, MinValueLength, StageKey,
};
use gatepost_domain::{Tags, Timestamp, Version};
use serde_json::Value;

/// Gives the keys of a listing, newest first, dates whose microseconds keep its order.
#[derive(Default)]
pub(super) struct Dates {
    last: Option<i64>,
}

impl Dates {
    pub(super) fn key(&mut self, item: &Value) -> Option<TransferredKey> {
        let second = |name: &str| item[name].as_i64()?.checked_mul(1_000_000);
        let created = second("createdDate")?;
        let latest = created.checked_add(999_999)?;
        let at = self.last.map_or(latest, |last| latest.min(last.saturating_sub(1))).max(created);
        self.last = Some(at);
        // A key that was not changed since keeps one date for both.
        let updated = second("lastUpdatedDate")?;
        let updated = if updated == created { at } else { updated };
        read_key(item, Timestamp::from_micros(at), Timestamp::from_micros(updated)).ok()
    }
}

fn read_key(item: &Value, created: Timestamp, updated: Timestamp) -> Result<TransferredKey, InvalidKey> {
    let text = |name: &str| item[name].as_str().unwrap_or_default();
    let texts = |name: &str| item[name].as_array().into_iter().flatten().filter_map(Value::as_str);
    let tags = item["tags"].as_object().into_iter().flatten();
    let shortest = MinValueLength::new(20).expect("20 is allowed");
    Ok(TransferredKey {
        value: ApiKeyValue::parse(text("value"), shortest)?,
        key: ApiKey {
            id: ApiKeyId::parse(text("id")).ok_or(InvalidKey::Id)?,
            name: ApiKeyName::parse(text("name"))?,
            description: Description::parse(text("description"))?,
            enabled: item["enabled"].as_bool().unwrap_or_default(),
            customer_id: CustomerId::parse(text("customerId"))?,
            stage_keys: texts("stageKeys").map(StageKey::parse).collect::<Result<_, _>>()?,
            labels: texts("labels").map(Label::parse).collect::<Result<_, _>>()?,
            tags: Tags::parse(tags.map(|(key, value)| (key, value.as_str().unwrap_or_default())))?,
            created,
            updated,
            version: Version::FIRST,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_of_one_second_keep_the_order_of_the_listing() {
        let mut dates = Dates::default();
        let mut created = |second: i64, updated: i64| {
            let item = json!({
                "id": "a", "value": "v".repeat(40), "enabled": true, "createdDate": second, "lastUpdatedDate": updated,
            });
            let key = dates.key(&item).expect("a whole key").key;
            (key.created.micros(), key.updated.micros())
        };
        assert_eq!(created(7, 7), (7_999_999, 7_999_999));
        assert_eq!(created(7, 9), (7_999_998, 9_000_000));
        assert_eq!(created(3, 3), (3_999_999, 3_999_999));
        assert!(dates.key(&json!({"id": "a", "value": "v".repeat(40), "createdDate": "x"})).is_none());
    }
}
