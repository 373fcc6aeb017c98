//! What the bodies hold together of which it is not shown yet who sent them.
//!
//! Each body is bounded, and so are connections; both together still come to more than a server has. So the bytes of such
//! a body are taken out of one budget as they arrive (announcing them costs nothing, and so gets nothing), and go back
//! when it is verified and parsed. One host has a part of the budget only. Who finds it used up waits a moment for others
//! to be done, and is then told to come back.
//!
//! A signature that covers `x-amz-content-sha256` shows who sends before the body is here. Such a body is not counted: no
//! flood of others keeps it out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::wire::body::Room;

/// What is counted by, in bytes.
const UNIT: usize = 1024;
/// What all hold together, in units.
const MOST: usize = 64 * 1024;
/// What those of one host do.
const MOST_OF_A_HOST: usize = MOST / 8;
/// How long one that finds no room waits for some.
const PATIENCE: Duration = Duration::from_secs(1);

/// The budget of all bodies that are not verified yet.
pub struct UnverifiedBodies {
    all: Semaphore,
    /// Hosts that hold something.
    hosts: Mutex<HashMap<IpAddr, Arc<Semaphore>>>,
}

/// What one body holds; given back when dropped.
pub(super) struct Held<'b> {
    bodies: &'b UnverifiedBodies,
    host: Option<(IpAddr, Arc<Semaphore>)>,
    bytes: usize,
    units: usize,
}

/// There is no room for more.
#[derive(Debug, thiserror::Error)]
#[error("the bodies of unverified requests hold the most they may, together or of one host")]
pub(crate) struct NoRoom;

impl Default for UnverifiedBodies {
    fn default() -> Self {
        Self { all: Semaphore::new(MOST), hosts: Mutex::default() }
    }
}

impl UnverifiedBodies {
    /// Room for a body of this host's, or of nobody's in particular.
    pub(super) fn hold(&self, host: Option<IpAddr>) -> Held<'_> {
        let share = |host| {
            let mut hosts = self.hosts();
            let share = hosts.entry(host).or_insert_with(|| Arc::new(Semaphore::new(MOST_OF_A_HOST)));
            (host, Arc::clone(share))
        };
        Held { bodies: self, host: host.map(share), bytes: 0, units: 0 }
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<IpAddr, Arc<Semaphore>>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held<'_> {
    async fn take_units(&self, units: usize) {
        let few = u32::try_from(units).expect("a body is bounded");
        let of_host = match &self.host {
            Some((_, share)) => Some(taken(share, few).await),
            None => None,
        };
        let of_all = taken(&self.bodies.all, few).await;
        // They are counted here from now on.
        of_all.forget();
        of_host.into_iter().for_each(|permit| permit.forget());
    }
}

impl Room for Held<'_> {
    type Error = NoRoom;

    async fn take(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let bytes = self.bytes + bytes;
        let units = bytes.div_ceil(UNIT);
        if units > self.units {
            timeout(PATIENCE, self.take_units(units - self.units)).await.map_err(|_| NoRoom)?;
        }
        (self.bytes, self.units) = (bytes, units);
        Ok(())
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.bodies.all.add_permits(self.units);
        let Some((host, share)) = self.host.take() else { return };
        share.add_permits(self.units);
        let mut hosts = self.bodies.hosts();
        drop(share);
        // Nobody else can take it up meanwhile.
        if hosts.get(&host).is_some_and(|share| Arc::strong_count(share) == 1) {
            hosts.remove(&host);
        }
    }
}

async fn taken(budget: &Semaphore, units: u32) -> SemaphorePermit<'_> {
    budget.acquire_many(units).await.expect("budgets are not closed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::sleep;

    const MIB: usize = 1024 * 1024;

    fn host(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    async fn held(bodies: &UnverifiedBodies, host: Option<IpAddr>, bytes: usize) -> Result<Held<'_>, NoRoom> {
        let mut held = bodies.hold(host);
        held.take(bytes).await.map(|()| held)
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_has_its_part_and_all_have_the_whole() {
        let bodies = UnverifiedBodies::default();
        let mut all = Vec::new();
        for one in 0..8 {
            for _ in 0..8 {
                all.push(held(&bodies, host(one), MIB).await.unwrap());
            }
            assert!(held(&bodies, host(one), 1).await.is_err());
        }
        for other in [host(8), None] {
            assert!(held(&bodies, other, 1).await.is_err());
        }
        all.pop();
        assert!(held(&bodies, host(0), 1).await.is_err(), "its own part is in use");
        for other in [host(7), host(8), None] {
            assert!(held(&bodies, other, MIB).await.is_ok());
        }
        drop(all);
        assert!(bodies.hosts().is_empty());
        assert_eq!(bodies.all.available_permits(), MOST);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_given_back_soon_is_waited_for() {
        let bodies = UnverifiedBodies::default();
        let first = held(&bodies, host(1), 8 * MIB).await.unwrap();
        let second = held(&bodies, host(1), MIB);
        let (second, ()) = tokio::join!(second, async {
            sleep(PATIENCE * 9 / 10).await;
            drop(first);
        });
        assert!(second.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_gave_up_waiting_has_taken_nothing() {
        let bodies = UnverifiedBodies::default();
        let _others = held(&bodies, None, 64 * MIB).await.unwrap();
        assert!(held(&bodies, host(1), MIB).await.is_err());
        assert!(bodies.hosts().is_empty());
    }

    #[tokio::test]
    async fn a_body_takes_no_more_than_its_bytes_come_to() {
        let bodies = UnverifiedBodies::default();
        let mut held = bodies.hold(host(1));
        assert_eq!(bodies.all.available_permits(), MOST, "until something comes");
        for _ in 0..UNIT {
            held.take(3).await.unwrap();
        }
        assert_eq!(bodies.all.available_permits(), MOST - 3);
    }
}
