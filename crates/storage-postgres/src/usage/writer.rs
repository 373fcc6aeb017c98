//! Writes: each one statement.

use crate::api_keys::{number, signed};
use crate::session::{Session, written};
use gatepost_domain::AccountId;
use gatepost_domain::usage::Day;
use gatepost_storage::{KeptUsage, StorageError, UsagePlanKey};
use sqlx::query;
use std::collections::BTreeMap;

pub(crate) async fn adjust<S: Session>(
    session: &mut S,
    account: AccountId,
    link: &UsagePlanKey,
    day: Day,
    adjustment: i64,
) -> Result<(), StorageError> {
    let adjust = || {
        query(include_str!("../../queries/usage/adjust.sql"))
            .bind(number(account))
            .bind(link.plan.as_str())
            .bind(link.key.as_str())
            .bind(day.number())
            .bind(adjustment)
    };
    written(session, adjust).await.map(drop)
}

pub(crate) async fn restore<S: Session>(
    session: &mut S,
    account: AccountId,
    usage: &[KeptUsage],
) -> Result<(), StorageError> {
    let mut ordered = BTreeMap::new();
    for one in usage {
        // Of what is given twice, the first is what is there when the second comes.
        ordered.entry((&one.link, one.usage.day)).or_insert(one.usage);
    }
    let restore = || {
        query(include_str!("../../queries/usage/restore.sql"))
            .bind(number(account))
            .bind(ordered.keys().map(|(link, _)| link.plan.as_str()).collect::<Vec<_>>())
            .bind(ordered.keys().map(|(link, _)| link.key.as_str()).collect::<Vec<_>>())
            .bind(ordered.keys().map(|(_, day)| day.number()).collect::<Vec<_>>())
            .bind(ordered.values().map(|usage| signed(usage.used)).collect::<Vec<_>>())
            .bind(ordered.values().map(|usage| usage.adjustment).collect::<Vec<_>>())
    };
    written(session, restore).await.map(drop)
}
