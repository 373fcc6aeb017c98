//! What an import has to say about rows that it did not store as they were given.

use crate::AppError;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::usage_plans::{Attachment, UsagePlanId};
use std::fmt::Display;

/// Warnings that are told one by one.
const MOST: usize = 1_000;

/// The first warnings of an import by their rows, in the words that the caller reads, and how many there are.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    told: Vec<(u64, String)>,
    count: u64,
}

impl Warnings {
    /// A row that was skipped. Rows come in their order.
    pub(super) fn skipped(&mut self, row: u64, why: impl Display) {
        self.push(row, || format!("Skipped invalid record: {row}. {why}"));
    }

    /// A row whose key was stored, but perhaps not put into one of its plans.
    pub(super) fn attached(&mut self, row: u64, key: &ApiKeyId, plan: &UsagePlanId, outcome: &Attachment) {
        let why = match outcome {
            Attachment::Done | Attachment::AlreadyThere => return,
            Attachment::NoSuchPlan => AppError::no_such_plan(),
            Attachment::NoSuchKey => AppError::no_such_key(),
            Attachment::StageShared(stage) => AppError::stage_shared(plan, key, stage),
            Attachment::TooManyPlans => AppError::too_many_plans_of_key(),
        };
        self.push(row, || format!("Skipped invalid usage plan of record: {row}. {}", why.message()));
    }

    fn push(&mut self, row: u64, text: impl FnOnce() -> String) {
        self.count += 1;
        if self.told.len() < MOST {
            self.told.push((row, text()));
        }
    }

    /// How many there are, those included that are not told one by one.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Whether one more would not be told.
    pub(super) fn is_full(&self) -> bool {
        self.told.len() == MOST
    }

    /// These and others, in the order of the rows.
    pub(super) fn and(mut self, others: Warnings) -> Warnings {
        self.count += others.count;
        self.told.extend(others.told);
        self.told.sort_by_key(|(row, _)| *row);
        self.told.truncate(MOST);
        self
    }

    /// The texts, the last one for those that are not told.
    pub(super) fn into_texts(self) -> Vec<String> {
        let more = self.count - self.told.len() as u64;
        let mut texts: Vec<String> = self.told.into_iter().map(|(_, text)| text).collect();
        if more > 0 {
            texts.push(format!("and {more} more"));
        }
        texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost_domain::usage_plans::StageId;

    #[test]
    fn warnings_of_two_kinds_are_told_in_the_order_of_their_rows() {
        let (mut skipped, mut not_attached) = (Warnings::default(), Warnings::default());
        skipped.skipped(2, "a");
        skipped.skipped(9, "b");
        let (key, plan) = (ApiKeyId::parse("k1").unwrap(), UsagePlanId::parse("u1").unwrap());
        let shared = Attachment::StageShared(StageId::parse("a:x").unwrap());
        for outcome in [Attachment::Done, Attachment::NoSuchPlan, Attachment::AlreadyThere, shared] {
            not_attached.attached(5, &key, &plan, &outcome);
        }
        assert_eq!(
            skipped.and(not_attached).into_texts(),
            [
                "Skipped invalid record: 2. a",
                "Skipped invalid usage plan of record: 5. Invalid Usage Plan ID specified",
                "Skipped invalid usage plan of record: 5. Usage Plan u1 cannot be added because API Key k1 cannot \
                 reference multiple Usage Plans with the same API stage: a:x",
                "Skipped invalid record: 9. b",
            ]
        );
    }

    #[test]
    fn a_thousand_are_told_of_both_kinds_together() {
        let (mut skipped, mut not_attached) = (Warnings::default(), Warnings::default());
        let (key, plan) = (ApiKeyId::parse("k1").unwrap(), UsagePlanId::parse("u1").unwrap());
        for row in 1..=800 {
            skipped.skipped(2 * row, "a");
            not_attached.attached(2 * row - 1, &key, &plan, &Attachment::TooManyPlans);
        }
        assert!(!skipped.is_full());
        let both = skipped.and(not_attached);
        assert!(both.is_full());
        let texts = both.into_texts();
        assert_eq!((texts.len(), texts[1_000].as_str()), (1_001, "and 600 more"));
        assert_eq!(texts[999], "Skipped invalid record: 1000. a");
    }
}
