//! Reads, of what is committed and of what a unit of work sees.

use super::{NOTHING, Usage};
use crate::unit_of_work::MemoryUnit;
use crate::{MemorySnapshot, MemoryStorage};
use async_trait::async_trait;
use gatepost_domain::AccountId;
use gatepost_domain::api_keys::ApiKeyId;
use gatepost_domain::usage::{Day, UsageOfDay};
use gatepost_domain::usage_plans::UsagePlanId;
use gatepost_storage::{KeptUsage, StorageError, UsagePlanKey, UsagePosition, UsageReader};
use std::ops::Bound;

/// The same reads for every reader; the orphan rule forbids one generic implementation.
macro_rules! answer_reads {
    ($reader:ty, $reading:ident => $written:expr) => {
        #[async_trait]
        impl UsageReader for $reader {
            async fn find_usage(
                &self,
                account: AccountId,
                plan: &UsagePlanId,
                keys: &[ApiKeyId],
                days: (Day, Day),
            ) -> Result<Vec<Vec<UsageOfDay>>, StorageError> {
                let $reading = self;
                let usage = $reading.shared.usage();
                let links = keys.iter().map(|key| UsagePlanKey { plan: plan.clone(), key: key.clone() });
                Ok(links.map(|link| usage.find($written, account, &link, days)).collect())
            }

            async fn list_usage(
                &self,
                account: AccountId,
                after: Option<&UsagePosition>,
                limit: usize,
            ) -> Result<Vec<KeptUsage>, StorageError> {
                let $reading = self;
                Ok($reading.shared.usage().list($written, account, after, limit))
            }
        }
    };
}

answer_reads!(MemoryStorage, storage => &NOTHING);
answer_reads!(MemorySnapshot, snapshot => &NOTHING);
answer_reads!(MemoryUnit, unit => &unit.usage);

impl Usage {
    fn find(
        &self,
        written: &Usage,
        account: AccountId,
        link: &UsagePlanKey,
        days: (Day, Day),
    ) -> Vec<UsageOfDay> {
        let kept = written.days(account, link).or_else(|| self.days(account, link));
        kept.map_or_else(Vec::new, |kept| kept.between(days))
    }

    fn list(
        &self,
        written: &Usage,
        account: AccountId,
        after: Option<&UsagePosition>,
        limit: usize,
    ) -> Vec<KeptUsage> {
        let from = after.map_or(Bound::Unbounded, |after| Bound::Included(&after.link));
        let mut committed = self.links_from(account, from).peekable();
        let mut own = written.links_from(account, from).peekable();
        let links = std::iter::from_fn(|| {
            // Of a link that is in both, what the unit has written holds all.
            match (committed.peek(), own.peek()) {
                (Some((one, _)), Some((other, _))) if one == other => {
                    committed.next();
                    own.next()
                }
                (Some((one, _)), Some((other, _))) if one < other => committed.next(),
                (Some(_), None) => committed.next(),
                (_, _) => own.next(),
            }
        });
        let above =
            |link: &UsagePlanKey, day: Day| after.is_none_or(|after| (link, day) > (&after.link, after.day));
        links
            .flat_map(|(link, days)| days.0.iter().map(move |usage| (link, usage)))
            .filter(|(link, usage)| above(link, usage.day))
            .take(limit)
            .map(|(link, usage)| KeptUsage { link: link.clone(), usage: *usage })
            .collect()
    }
}
