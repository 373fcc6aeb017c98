//! kill -9 at random moments: of Gatepost, whatever it keeps its keys in, and of PostgreSQL.

use std::thread::sleep;
use std::time::Duration;

use super::client::Work;
use super::load::{Clients, ROWS};
use super::place::{Kind, Place, kill9};
use super::random::Random;
use super::{Counts, Run, block_on};
use crate::database::PostgresServer;

/// With so many keys a storage is given up for a fresh one: each round looks at all keys.
const MOST_KEYS: usize = 3_000;
/// Once in so many rounds there is an import that takes more than one statement.
const LARGE_ONCE_IN: usize = 12;
const LARGE: usize = 9_000;

/// Kills servers under writes and imports, and starts others on the same storage.
///
/// # Panics
/// When a promise is broken.
pub fn of_gatepost(run: &Run, kind: Kind) -> Counts {
    let mut random = Random::new(run.seed);
    let mut counts = Counts::default();
    while counts.rounds < run.rounds {
        storage_of_kills(run, kind, &mut random, &mut counts);
    }
    counts
}

/// Rounds on one storage.
fn storage_of_kills(run: &Run, kind: Kind, random: &mut Random, counts: &mut Counts) {
    let place = Place::new(kind);
    let mut clients = Clients::new(run, random);
    let mut server = place.start(run);
    loop {
        let large = random.once_in(LARGE_ONCE_IN);
        let importer = clients.0.last_mut().expect("the last one imports");
        importer.work = Work::ByFile(if large { LARGE } else { ROWS });
        let load = clients.start(&[server.control()]);
        let span = random.below(if large { 1_500_000 } else { 300_000 });
        sleep(Duration::from_micros(span as u64));
        kill9(server);
        clients = load.finish();
        place.wait_for_quiet();

        server = place.start(run);
        counts.rounds += 1;
        let last = counts.rounds >= run.rounds;
        let kept = clients.check(&server, last, counts);
        clients.0.iter_mut().for_each(|client| client.ledger.settle(&kept));
        *counts += clients.take_counts();
        if last || kept.len() > MOST_KEYS {
            place.check_structure();
            return kill9(server);
        }
    }
}

/// Kills PostgreSQL under writes and imports, and starts it again; Gatepost stays.
///
/// # Panics
/// When a promise is broken.
pub fn of_postgres(run: &Run) -> Counts {
    let mut random = Random::new(run.seed);
    let mut postgres = block_on(PostgresServer::start_own());
    let place = Place::at(&postgres.url("postgres"));
    let server = place.start(run);
    let mut clients = Clients::new(run, &mut random);
    let mut counts = Counts::default();
    for _ in 0..run.rounds {
        let mut load = clients.start(&[server.control()]);
        load.wait_for(5);
        sleep(Duration::from_millis(random.below(200) as u64));
        postgres.kill9();
        sleep(Duration::from_millis(random.below(100) as u64));
        block_on(postgres.start());
        load.wait_for(5);
        clients = load.finish();
        clients.check(&server, false, &mut counts);
        counts.rounds += 1;
        counts += clients.take_counts();
    }
    clients.check(&server, true, &mut counts);
    kill9(server);
    counts
}
