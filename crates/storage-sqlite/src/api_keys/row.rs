//! Keys as rows, and back.

use crate::sql::Values;
use gatepost_domain::api_keys::{ApiKey, ApiKeyId, ApiKeyName, CustomerId, Description, Label, StageKey};
use gatepost_domain::{AccountId, Sealed, Tags, Timestamp, Version};
use gatepost_storage::{StorageError, StoredApiKey};
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, Type};

/// The columns that every statement reads, in this order.
const COLUMNS: [&str; 12] = [
    "id",
    "name",
    "enabled",
    "customer_id",
    "stage_keys",
    "labels",
    "tags",
    "created",
    "updated",
    "version",
    "sealed",
    "description",
];

/// An account as it is stored.
pub(crate) fn number(account: AccountId) -> i64 {
    account.number().cast_signed()
}

pub(crate) fn account(number: i64) -> Option<AccountId> {
    AccountId::from_number(number.cast_unsigned()).ok()
}

/// What can be changed after the enabled flag and the moments, in the order of the statements.
pub(super) fn add_properties(values: &mut Values, key: &ApiKey) {
    values.add(key.name.as_ref().map(ApiKeyName::as_str));
    values.add(key.customer_id.as_ref().map(CustomerId::as_str));
    values.add(list(key.stage_keys.iter().map(StageKey::as_str)));
    values.add(list(key.labels.iter().map(Label::as_str)));
    let tags: Vec<[&str; 2]> = key.tags.iter().map(|(name, value)| [name, value]).collect();
    values.add((!tags.is_empty()).then(|| json(&tags)));
    values.add(key.description.as_ref().map(Description::as_str));
}

/// The whole row of a new key, but for its account and import.
pub(super) fn add_row(values: &mut Values, key: &ApiKey, digest: &[u8], sealed: &Sealed) {
    values.add(key.id.as_str());
    values.add(digest);
    values.add(key.enabled);
    values.add(key.created.micros());
    values.add(key.updated.micros());
    values.add(key.version.0.cast_signed());
    values.add(&*sealed.0);
    add_properties(values, key);
}

/// The key that a row of [`COLUMNS`] holds.
pub(crate) fn stored(row: &SqliteRow) -> Result<StoredApiKey, StorageError> {
    let cells = Cells { row, id: row.try_get(0).unwrap_or_default() };
    let key = ApiKey {
        id: ApiKeyId::parse(cells.id).ok_or_else(|| cells.corrupt(0))?,
        name: cells.optional(1, ApiKeyName::parse)?,
        enabled: cells.get(2)?,
        customer_id: cells.optional(3, CustomerId::parse)?,
        stage_keys: cells.list(4, StageKey::parse)?,
        labels: cells.list(5, Label::parse)?,
        tags: cells.tags(6)?,
        created: Timestamp::from_micros(cells.get(7)?),
        updated: Timestamp::from_micros(cells.get(8)?),
        version: Version(cells.get::<i64>(9)?.cast_unsigned()),
        description: cells.optional(11, Description::parse)?,
    };
    Ok(StoredApiKey { key, sealed: Sealed(cells.get::<&[u8]>(10)?.into()) })
}

/// An id that stands in a column of its own.
pub(crate) fn id(table: &str, text: &str) -> Result<ApiKeyId, StorageError> {
    ApiKeyId::parse(text).ok_or_else(|| corrupt(table, "id", text))
}

/// Names the cell. An id may be a value; its beginning tells enough.
pub(crate) fn corrupt(table: &str, column: &str, id: &str) -> StorageError {
    StorageError::Corrupt(format!("table {table}, column {column}, id {id:.4}..."))
}

struct Cells<'r> {
    row: &'r SqliteRow,
    id: &'r str,
}

impl<'r> Cells<'r> {
    fn get<T: Decode<'r, Sqlite> + Type<Sqlite>>(&self, column: usize) -> Result<T, StorageError> {
        self.row.try_get(column).map_err(|_| self.corrupt(column))
    }

    fn optional<T, E>(
        &self,
        column: usize,
        parse: fn(&str) -> Result<Option<T>, E>,
    ) -> Result<Option<T>, StorageError> {
        match self.get::<Option<&str>>(column)? {
            Some(text) => parse(text).map_err(|_| self.corrupt(column)),
            None => Ok(None),
        }
    }

    fn list<T, E>(&self, column: usize, parse: fn(&str) -> Result<T, E>) -> Result<Vec<T>, StorageError> {
        let Some(text) = self.get::<Option<&str>>(column)? else { return Ok(Vec::new()) };
        let items: Vec<String> = serde_json::from_str(text).map_err(|_| self.corrupt(column))?;
        items.iter().map(|item| parse(item).map_err(|_| self.corrupt(column))).collect()
    }

    fn tags(&self, column: usize) -> Result<Tags, StorageError> {
        let Some(text) = self.get::<Option<&str>>(column)? else { return Ok(Tags::default()) };
        let pairs: Vec<(String, String)> = serde_json::from_str(text).map_err(|_| self.corrupt(column))?;
        Tags::kept(pairs).map_err(|_| self.corrupt(column))
    }

    fn corrupt(&self, column: usize) -> StorageError {
        corrupt("api_key", COLUMNS[column], self.id)
    }
}

fn list<'t>(items: impl Iterator<Item = &'t str>) -> Option<String> {
    let items: Vec<&str> = items.collect();
    (!items.is_empty()).then(|| json(&items))
}

fn json(items: &impl serde::Serialize) -> String {
    serde_json::to_string(items).expect("lists of texts are JSON")
}
