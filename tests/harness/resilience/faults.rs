//! What passes: while it lasts, calls fail in time with 503 or succeed; afterwards everything works, without a restart,
//! and what was acknowledged is there.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::load::{Clients, Load};
use super::place::{Kind, Place, kill9};
use super::random::Random;
use super::{Counts, Run, block_on};
use crate::database::PostgresServer;
use crate::proxy::{Direction, Proxy};
use crate::server::Server;

/// So many writes are acknowledged before a fault, and again after it.
const CALLS: usize = 30;
/// So many sessions a server has with its database, unless told otherwise.
const SESSIONS: usize = 16;
/// After so long, every session has heard of a changed setting.
const SETTLED: Duration = Duration::from_millis(500);
const READY_WITHIN: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

/// Keeps a server busy, has something happen to it, and sees that it goes on and has lost nothing.
fn under_load(run: &Run, server: &Server, fault: impl FnOnce(&mut Load, &mut Random)) -> Counts {
    under_load_of(run, &[server], fault)
}

fn under_load_of(run: &Run, servers: &[&Server], fault: impl FnOnce(&mut Load, &mut Random)) -> Counts {
    let mut random = Random::new(run.seed);
    let addresses: Vec<SocketAddr> = servers.iter().map(|server| server.control()).collect();
    let mut load = Clients::new(run, &mut random).start(&addresses);
    load.wait_for(CALLS);
    fault(&mut load, &mut random);
    load.wait_for(CALLS);
    let mut clients = load.finish();
    let mut counts = clients.take_counts();
    servers.iter().for_each(|server| wait_until_ready(server));

    // Each session that the fault spoiled may be noticed by one more call, and that is all.
    let mut load = clients.start(&addresses);
    load.wait_for(CALLS);
    let mut clients = load.finish();
    let aftermath = clients.take_counts();
    let failed = aftermath.unavailable + aftermath.cut;
    assert!(failed <= SESSIONS * servers.len(), "{failed} calls fail although nothing is wrong any more");
    counts += aftermath;
    for server in servers {
        clients.check(server, true, &mut counts);
    }
    counts.rounds = 1;
    counts
}

fn wait_until_ready(server: &Server) {
    let deadline = Instant::now() + READY_WITHIN;
    while server.ask_admin("/readyz/control").status != 200 {
        let last = server.stderr().lines().last().map(str::to_owned);
        assert!(Instant::now() < deadline, "not ready although nothing is wrong any more: {last:?}");
        sleep(POLL);
    }
}

/// PostgreSQL is stopped, and started again.
///
/// # Panics
/// When a promise is broken.
pub fn postgres_restarts(run: &Run) -> Counts {
    let mut postgres = block_on(PostgresServer::start_own());
    let place = Place::at(&postgres.url("postgres"));
    let server = place.start(run);
    let mut counts = under_load(run, &server, |load, random| {
        for _ in 0..run.rounds {
            postgres.stop();
            sleep(Duration::from_millis(random.below(1_000) as u64));
            block_on(postgres.start());
            load.wait_for(CALLS);
        }
    });
    kill9(server);
    counts.rounds = run.rounds;
    assert!(counts.unavailable > 0, "nobody noticed that PostgreSQL was gone");
    counts
}

/// Connections to PostgreSQL are cut in the middle of a request or an answer.
///
/// # Panics
/// When a promise is broken.
pub fn cut_connections(run: &Run) -> Counts {
    let database = Place::new(Kind::Postgres);
    let (proxy, through) = Proxy::in_front_of(database.url());
    let server = Place::at(&through).start(run);
    let mut counts = under_load(run, &server, |load, random| {
        for round in 0..run.rounds {
            let direction = if random.once_in(2) { Direction::ToServer } else { Direction::ToClient };
            proxy.cut_after(random.below(3_000) as u64, direction);
            let deadline = Instant::now() + READY_WITHIN;
            while proxy.cuts() <= round {
                assert!(Instant::now() < deadline, "no bytes pass any more");
                sleep(Duration::from_millis(1));
            }
            load.wait_for(3);
        }
    });
    counts.rounds = proxy.cuts();
    kill9(server);
    counts
}

/// Nothing gets through to PostgreSQL or back, and nobody says so.
///
/// # Panics
/// When a promise is broken.
pub fn stalled(run: &Run) -> Counts {
    let database = Place::new(Kind::Postgres);
    let (proxy, through) = Proxy::in_front_of(database.url());
    let server = Place::at(&through).start(run);
    let counts = under_load(run, &server, |_, _| {
        proxy.stall();
        sleep(run.hold);
        proxy.flow();
    });
    kill9(server);
    assert!(counts.unavailable > 0, "nobody noticed that nothing got through");
    counts
}

/// PostgreSQL takes no writes: every new session is read-only, the old ones are ended. Afterwards new sessions may
/// write again; those that could not are left as they are.
///
/// # Panics
/// When a promise is broken.
pub fn read_only(run: &Run) -> Counts {
    const END_SESSIONS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let place = Place::new(Kind::Postgres);
    let name = place.url().rsplit('/').next().unwrap_or_default();
    let name = name.split('?').next().unwrap_or_default();
    let server = place.start(run);
    let counts = under_load(run, &server, |_, _| {
        place.sql(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on; {END_SESSIONS}"));
        sleep(run.hold);
        place.sql(&format!(
            "BEGIN READ WRITE; ALTER DATABASE {name} RESET default_transaction_read_only; COMMIT"
        ));
    });
    kill9(server);
    assert!(counts.unavailable > 0, "nobody noticed that nothing could be written");
    counts
}

/// The same by a setting of the whole server, which its sessions hear of at once, there and back.
///
/// # Panics
/// When a promise is broken.
pub fn read_only_server(run: &Run) -> Counts {
    let postgres = block_on(PostgresServer::start_own());
    let place = Place::at(&postgres.url("postgres"));
    let server = place.start(run);
    let counts = under_load(run, &server, |load, _| {
        block_on(postgres.set("default_transaction_read_only", "on"));
        // What is under way may still be done. Whoever fences a server off like this relies on the rest.
        sleep(SETTLED);
        let before = load.acknowledged();
        sleep(run.hold);
        assert_eq!(
            load.acknowledged(),
            before,
            "writes are acknowledged by a server that was made read-only"
        );
        block_on(postgres.set("default_transaction_read_only", "off"));
    });
    kill9(server);
    assert!(counts.unavailable > 0, "nobody noticed that nothing could be written");
    counts
}

/// Somebody else holds the lock that all need.
///
/// # Panics
/// When a promise is broken.
pub fn held_lock(run: &Run, kind: Kind) -> Counts {
    let place = Place::new(kind);
    let server = place.start(run);
    let counts = under_load(run, &server, |_, _| place.lock_for(run.hold));
    kill9(server);
    assert!(counts.unavailable > 0, "nobody noticed the lock");
    counts
}

/// One of two replicas stands still for a while.
///
/// # Panics
/// When a promise is broken.
pub fn paused_replica(run: &Run) -> Counts {
    let place = Place::new(Kind::Postgres);
    let servers = [place.start(run), place.start(run)];
    let counts = under_load_of(run, &[&servers[0], &servers[1]], |load, _| {
        servers[0].signal("STOP");
        load.wait_for(CALLS);
        sleep(run.hold.min(Duration::from_secs(2)));
        servers[0].signal("CONT");
    });
    servers.into_iter().for_each(kill9);
    counts
}

/// The disk is full. `None` where this process may not mount one.
///
/// # Panics
/// When a promise is broken.
pub fn full_disk(run: &Run, kind: Kind) -> Option<Counts> {
    let disk = Disk::mount(match kind {
        Kind::Sqlite => "32m",
        Kind::Postgres => "160m",
    })?;
    let counts = match kind {
        Kind::Sqlite => {
            let server = Place::in_folder(disk.path()).start(run);
            let counts = under_load(run, &server, |load, _| {
                let ballast = disk.fill();
                sleep(run.hold);
                fs::remove_file(ballast).expect("a file of ours");
                load.wait_for(CALLS);
            });
            kill9(server);
            counts
        }
        Kind::Postgres => {
            let mut postgres = block_on(PostgresServer::start_own_in(disk.path()));
            let server = Place::at(&postgres.url("postgres")).start(run);
            let counts = under_load(run, &server, |load, _| {
                let ballast = disk.fill();
                sleep(run.hold);
                fs::remove_file(ballast).expect("a file of ours");
                // It ends itself when there is no room for its log, and is started as an operator does.
                block_on(postgres.start());
                load.wait_for(CALLS);
            });
            kill9(server);
            drop(postgres);
            counts
        }
    };
    assert!(counts.unavailable > 0, "nobody noticed that the disk was full");
    Some(counts)
}

/// A small file system in memory.
struct Disk {
    at: TempDir,
}

impl Disk {
    fn mount(size: &str) -> Option<Self> {
        let at = tempfile::tempdir().expect("a temporary folder");
        // PostgreSQL may run as another user.
        fs::set_permissions(at.path(), Permissions::from_mode(0o755)).expect("a folder of ours");
        let options = format!("size={size},mode=755");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "gatepost-test"])
            .arg(at.path())
            .output();
        mount.is_ok_and(|output| output.status.success()).then_some(Self { at })
    }

    fn path(&self) -> &Path {
        self.at.path()
    }

    /// Leaves no room; the file that takes it.
    fn fill(&self) -> PathBuf {
        let path = self.path().join("ballast");
        let mut file = File::create(&path).expect("a file on a disk of ours");
        for piece in [1 << 20, 1 << 12] {
            let full = loop {
                if let Err(error) = file.write_all(&vec![0; piece]) {
                    break error;
                }
            };
            assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        }
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: it must go even if something is still open on it.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}
