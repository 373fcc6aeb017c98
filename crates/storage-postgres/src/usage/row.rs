//! Rows, as usage.

use crate::api_keys::{column, unsigned};
use gatepost_domain::AccountId;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::usage::{Day, UsageOfDay};
use gatepost_domain::usage_plans::UsagePlanId;
use gatepost_storage::{KeptUsage, StorageError, UsagePlanKey};
use sqlx::postgres::PgRow;

/// Whose usage a row holds: how it is named when it is corrupt.
pub(super) struct Place<'r> {
    pub(super) account: AccountId,
    pub(super) plan: &'r str,
    pub(super) key: &'r str,
}

impl Place<'_> {
    /// The day, the count and the adjustment, in columns from this one on.
    pub(super) fn usage(&self, row: &PgRow, first: usize) -> Result<UsageOfDay, StorageError> {
        let number: i32 = column(row, first)?;
        let used = unsigned(column(row, first + 1)?);
        Ok(UsageOfDay {
            day: Day::from_number(number).ok_or_else(|| self.corrupt(number, "day"))?,
            used: used.ok_or_else(|| self.corrupt(number, "used"))?,
            adjustment: column(row, first + 2)?,
        })
    }

    /// Of a key only the beginning: its id may be its value.
    fn corrupt(&self, day: i32, column: &str) -> StorageError {
        let Self { account, plan, key } = self;
        StorageError::Corrupt(format!(
            "table usage_day, account {account}, plan {plan:.128}, api_key {key:.4}..., day {day}, column {column}"
        ))
    }
}

/// The columns of `queries/usage/list.sql`.
pub(super) fn kept(account: AccountId, row: &PgRow) -> Result<KeptUsage, StorageError> {
    let (plan, key): (&str, &str) = (column(row, 0)?, column(row, 1)?);
    let place = Place { account, plan, key };
    let day: i32 = column(row, 2)?;
    let link = UsagePlanKey {
        plan: UsagePlanId::parse(plan).ok_or_else(|| place.corrupt(day, "plan"))?,
        key: ApiKeyId::parse(key).ok_or_else(|| place.corrupt(day, "api_key"))?,
    };
    Ok(KeptUsage { link, usage: place.usage(row, 2)? })
}
