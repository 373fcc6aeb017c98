//! Derived keys, kept so that a client's next request costs neither four HMACs nor the opening of its secret.
//!
//! A key is kept for a credential, its generation, and a scope (day, region, service). Only a claim that was verified can
//! bring one in, so nobody without a secret can push others out by naming odd regions. Sixteen parts with a lock each: a
//! lock is held for a look-up and the copy of 32 bytes.

use crate::claim::{Claim, Verified};
use crate::signing_key::SigningKey;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

const SHARDS: usize = 16;

/// The cache. Full, it forgets of one part the key that was not used for longest.
pub struct SigningKeys {
    shards: [Mutex<Shard>; SHARDS],
    most_per_shard: usize,
    hasher: RandomState,
}

#[derive(Default)]
struct Shard {
    /// By credential as the client spells it: access key id and scope.
    keys: HashMap<Box<str>, Entry>,
    /// Counts look-ups, to tell which was last.
    uses: u64,
}

struct Entry {
    generation: u64,
    key: SigningKey,
    used: u64,
}

impl SigningKeys {
    /// A cache of at most `most` keys, rounded up to a multiple of 16.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            shards: Default::default(),
            most_per_shard: most.div_ceil(SHARDS).max(1),
            hasher: RandomState::new(),
        }
    }

    /// The key for a claim, where one is kept. The generation is the credential's: whoever changes a secret gives the
    /// credential another one, and keys of the old secret are not found any more.
    #[must_use]
    pub fn get(&self, claim: &Claim, generation: u64) -> Option<SigningKey> {
        let credential = claim.credential().as_str();
        let mut shard = self.shard(credential);
        shard.uses += 1;
        let now = shard.uses;
        let entry = shard.keys.get_mut(credential).filter(|entry| entry.generation == generation)?;
        entry.used = now;
        Some(entry.key.clone())
    }

    /// Keeps the key that verified a claim, in place of one of another generation.
    pub fn keep(&self, verified: &Verified<'_>, generation: u64) {
        let credential = verified.claim.credential().as_str();
        let mut shard = self.shard(credential);
        if shard.keys.get(credential).is_some_and(|entry| entry.generation == generation) {
            return;
        }
        if shard.keys.len() >= self.most_per_shard && !shard.keys.contains_key(credential) {
            shard.forget_one();
        }
        shard.uses += 1;
        let entry = Entry { generation, key: verified.key.clone(), used: shard.uses };
        shard.keys.insert(credential.into(), entry);
    }

    fn shard(&self, credential: &str) -> MutexGuard<'_, Shard> {
        let which = self.hasher.hash_one(credential) % SHARDS as u64;
        // What a panic left behind is at worst a key too few.
        self.shards[which as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn forget_one(&mut self) {
        let oldest = self.keys.iter().min_by_key(|(_, entry)| entry.used).map(|(name, _)| name.clone());
        if let Some(name) = oldest {
            self.keys.remove(&name);
        }
    }
}
