//! Turns to import, one at a time for each account of this process: all that a backend needs which only one process
//! serves from.

use crate::ImportTurn;
use gatepost_domain::AccountId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// The turns that somebody has or waits for.
#[derive(Default)]
pub struct LocalImportTurns(Mutex<HashMap<AccountId, Weak<Turn<()>>>>);

/// An account's turn; others come when it is dropped.
struct HeldTurn {
    _turn: OwnedMutexGuard<()>,
}

impl ImportTurn for HeldTurn {}

impl LocalImportTurns {
    /// The account's turn, if it comes within `patience`.
    pub async fn take(&self, account: AccountId, patience: Duration) -> Option<Box<dyn ImportTurn>> {
        let turn = self.of(account);
        let held = tokio::time::timeout(patience, turn.lock_owned()).await.ok()?;
        Some(Box::new(HeldTurn { _turn: held }))
    }

    fn of(&self, account: AccountId) -> Arc<Turn<()>> {
        // Nothing that can panic leaves this map half changed.
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(&account).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        turns.insert(account, Arc::downgrade(&turn));
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_that_nobody_has_are_forgotten() {
        let turns = LocalImportTurns::default();
        for number in 0..100 {
            let account = AccountId::from_number(number).unwrap();
            assert!(turns.take(account, Duration::ZERO).await.is_some());
        }
        assert_eq!(turns.0.lock().unwrap().len(), 1);
    }
}
