//! Whole keys, brought back as they were, in portions as an import's rows.

use super::{ApiKeys, Record, Touched};
use crate::changes::Pending;
use crate::slab::View;
use crate::unit_of_work::MemoryUnit;
use gatepost_domain::AccountId;
use gatepost_storage::{Entity, NewApiKey, Restored, StorageError};

impl MemoryUnit {
    pub(super) async fn restore(
        &mut self,
        account: AccountId,
        keys: &[NewApiKey],
        most: Option<u64>,
    ) -> Result<Vec<Restored>, StorageError> {
        let mut outcomes = Vec::with_capacity(keys.len());
        let mut slots = Vec::with_capacity(keys.len());
        for portion in keys.chunks(ApiKeys::PORTION) {
            let mut api_keys = self.shared.write()?;
            for key in portion {
                let outcome = api_keys.restore(&mut self.touched, account, key);
                if outcome == Restored::Stored {
                    slots.extend(self.touched.latest());
                }
                outcomes.push(outcome);
            }
            if !slots.is_empty() && most.is_some_and(|most| api_keys.count(View::Unit, account) > most) {
                return Err(StorageError::LimitReached(Entity::ApiKey));
            }
        }
        if !slots.is_empty() {
            self.changes.push(Pending::Import(account, slots));
        }
        Ok(outcomes)
    }
}

impl ApiKeys {
    fn restore(&mut self, touched: &mut Touched, account: AccountId, new: &NewApiKey) -> Restored {
        if self.find_digest(View::Unit, account, &new.digest).is_some() {
            return Restored::Taken(Entity::ApiKeyValue);
        }
        if self.find(View::Unit, account, &new.key.id).is_some() {
            return Restored::Taken(Entity::ApiKey);
        }
        self.add(touched, Record::pack(account, &new.key, &new.digest, &new.sealed));
        Restored::Stored
    }
}
