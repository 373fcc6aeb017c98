//! Rows, as keys and back.

use crate::error::storage_error;
use crate::pool::Statement;
use gatepost_domain::api_keys::{
    ApiKey, ApiKeyId, ApiKeyName, ApiKeyPosition, CustomerId, Description, Label, StageKey,
};
use gatepost_domain::{AccountId, Sealed, Tags, Timestamp, Version};
use gatepost_storage::{NewApiKey, StorageError, StoredApiKey};
use sqlx::postgres::{PgRow, Postgres};
use sqlx::{Decode, Row as _, Type};

/// An account, as the database numbers it.
pub(crate) fn number(account: AccountId) -> i64 {
    i64::try_from(account.number()).expect("an account has twelve digits")
}

/// A version or an import's id: counted from 1, so half of what fits.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// What [`signed`] was given, unless the row is corrupt.
pub(crate) fn unsigned(number: i64) -> Option<u64> {
    u64::try_from(number).ok()
}

/// The list columns of a key; an empty list is NULL.
pub(super) struct Lists<'k> {
    pub(super) stage_keys: Option<Vec<&'k str>>,
    pub(super) labels: Option<Vec<&'k str>>,
    pub(super) tags: Option<Vec<&'k str>>,
}

impl<'k> Lists<'k> {
    pub(super) fn of(key: &'k ApiKey) -> Self {
        let some = |list: Vec<&'k str>| (!list.is_empty()).then_some(list);
        Self {
            stage_keys: some(key.stage_keys.iter().map(StageKey::as_str).collect()),
            labels: some(key.labels.iter().map(Label::as_str).collect()),
            tags: some(key.tags.iter().flat_map(|(key, value)| [key, value]).collect()),
        }
    }
}

/// The text of a `text[]`.
fn array_text(items: &[&str]) -> String {
    let mut text = String::from("{");
    for (number, item) in items.iter().enumerate() {
        text.push_str(if number == 0 { "\"" } else { ",\"" });
        for character in item.chars() {
            if matches!(character, '"' | '\\') {
                text.push('\\');
            }
            text.push(character);
        }
        text.push('"');
    }
    text.push('}');
    text
}

/// The arguments $1 to $14 of a statement that stores whole keys: the account, and an array for each column.
pub(super) fn bind_keys<'q>(
    statement: Statement<'q>,
    account: AccountId,
    keys: &[&'q NewApiKey],
) -> Statement<'q> {
    fn each<'q, T>(keys: &[&'q NewApiKey], of: impl Fn(&'q NewApiKey) -> T) -> Vec<T> {
        keys.iter().map(|new| of(new)).collect()
    }
    let list = |of: fn(Lists<'q>) -> Option<Vec<&'q str>>| {
        each(keys, |new| of(Lists::of(&new.key)).map(|items| array_text(&items)))
    };
    statement
        .bind(number(account))
        .bind(each(keys, |new| &new.digest.0[..]))
        .bind(each(keys, |new| new.key.id.as_str()))
        .bind(each(keys, |new| &*new.sealed.0))
        .bind(each(keys, |new| new.key.name.as_ref().map(ApiKeyName::as_str)))
        .bind(each(keys, |new| new.key.description.as_ref().map(Description::as_str)))
        .bind(each(keys, |new| new.key.enabled))
        .bind(each(keys, |new| new.key.customer_id.as_ref().map(CustomerId::as_str)))
        .bind(list(|lists| lists.stage_keys))
        .bind(list(|lists| lists.labels))
        .bind(list(|lists| lists.tags))
        .bind(each(keys, |new| new.key.created.micros()))
        .bind(each(keys, |new| new.key.updated.micros()))
        .bind(each(keys, |new| signed(new.key.version.0)))
}

/// The key in the first twelve columns, in the order of `queries/api_keys/find.sql`.
pub(crate) fn key(account: AccountId, row: &PgRow) -> Result<StoredApiKey, StorageError> {
    let id: &str = column(row, 0)?;
    let cell = |name: &str| corrupt(account, id, name);
    let texts = |index| column::<Option<Vec<String>>>(row, index).map(Option::unwrap_or_default);

    let name: Option<&str> = column(row, 1)?;
    let name = name.map(ApiKeyName::parse).transpose().map_err(|_| cell("name"))?.flatten();
    let description: Option<&str> = column(row, 2)?;
    let description =
        description.map(Description::parse).transpose().map_err(|_| cell("description"))?.flatten();
    let customer_id: Option<&str> = column(row, 4)?;
    let customer_id =
        customer_id.map(CustomerId::parse).transpose().map_err(|_| cell("customer_id"))?.flatten();
    let stage_keys = texts(5)?.iter().map(|text| StageKey::parse(text)).collect::<Result<_, _>>();
    let labels = texts(6)?.iter().map(|text| Label::parse(text)).collect::<Result<_, _>>();
    let tags = texts(7)?;
    let (pairs, rest) = tags.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(cell("tags"));
    }
    let tags = Tags::kept(pairs.iter().map(|[key, value]| (key, value)));
    let key = ApiKey {
        id: ApiKeyId::parse(id).ok_or_else(|| cell("id"))?,
        name,
        description,
        enabled: column(row, 3)?,
        customer_id,
        stage_keys: stage_keys.map_err(|_| cell("stage_keys"))?,
        labels: labels.map_err(|_| cell("labels"))?,
        tags: tags.map_err(|_| cell("tags"))?,
        created: Timestamp::from_micros(column(row, 8)?),
        updated: Timestamp::from_micros(column(row, 9)?),
        version: unsigned(column(row, 10)?).map(Version).ok_or_else(|| cell("version"))?,
    };
    Ok(StoredApiKey { key, sealed: Sealed(column::<&[u8]>(row, 11)?.into()) })
}

/// An id that stands alone.
pub(crate) fn id(account: AccountId, text: &str) -> Result<ApiKeyId, StorageError> {
    ApiKeyId::parse(text).ok_or_else(|| corrupt(account, text, "id"))
}

/// Where a key stands.
pub(super) fn position(stored: &StoredApiKey) -> ApiKeyPosition {
    stored.key.position()
}

/// A column of a type that the statement fixes.
pub(crate) fn column<'r, T: Decode<'r, Postgres> + Type<Postgres>>(
    row: &'r PgRow,
    index: usize,
) -> Result<T, StorageError> {
    row.try_get(index).map_err(storage_error)
}

/// Of an id only the beginning: it may be the key's value.
fn corrupt(account: AccountId, id: &str, column: &str) -> StorageError {
    StorageError::Corrupt(format!("table api_key, account {account}, id {id:.4}..., column {column}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_an_array_keeps_what_its_items_hold() {
        assert_eq!(array_text(&[]), "{}");
        assert_eq!(array_text(&["a", "", "NULL"]), r#"{"a","","NULL"}"#);
        assert_eq!(array_text(&[r#"q"b\c"#, "{x,y}"]), r#"{"q\"b\\c","{x,y}"}"#);
    }
}
