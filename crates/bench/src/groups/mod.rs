//! What is measured: one file per group, each one function that adds rows to the report.
//!
//! To add a group: a file with its `run`, and a line in [`GROUPS`]. A group starts its own contestants and leaves none
//! behind, so that groups can run alone and in any order.

use std::path::PathBuf;
use std::time::Duration;

use crate::contestants::Contestant;
use crate::failure::{Context, Failure};
use crate::load::closed::{CONNECTIONS, Done, Script, run_for};
use crate::load::connection::Connection;
use crate::machine::{Machine, Watch, cpu_time};
use crate::report::Report;

mod durable;
mod durable_import;
mod get;
mod import;
mod listing;
mod memory;
mod postgres;
mod scaling;
mod sqlite;

/// A named measurement.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Bench, &mut Report) -> Result<(), Failure>,
}

/// All groups, in the order of a whole run.
pub(crate) const GROUPS: &[Group] = &[
    Group { name: "get", run: get::run },
    Group { name: "import", run: import::run },
    Group { name: "listing", run: listing::run },
    Group { name: "scaling", run: scaling::run },
    Group { name: "memory", run: memory::run },
    Group { name: "sqlite", run: sqlite::run },
    Group { name: "sqlite-import", run: durable_import::sqlite },
    Group { name: "postgres", run: postgres::run },
    Group { name: "postgres-import", run: durable_import::postgres },
    Group { name: "durable-listing", run: listing::durable },
];

/// A round in which the server had less of its core than this is void: something else was the bottleneck. Where a server
/// need not be busy, a round in which others had more of a core than the rest is void.
const BUSY: f64 = 0.97;

/// How often a void round is repeated before its row goes without it.
const REPEATS: u32 = 10;

/// What every group needs: the machine, the sizes of this run, and a folder that is removed at its end.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) machine: Machine,
    pub(crate) size: Size,
    is_short: bool,
    folder: PathBuf,
}

/// How much is measured.
#[derive(Debug)]
pub(crate) struct Size {
    /// Keys in a large server.
    pub(crate) rows: u64,
    /// Repetitions of what is compared in pairs.
    pub(crate) rounds: usize,
    /// Length of one closed loop.
    pub(crate) round: Duration,
    /// Repetitions of what takes a fresh server each.
    pub(crate) imports: u64,
    /// Time after an import until memory counts as what the keys take.
    pub(crate) settle: Duration,
}

impl Size {
    const FULL: Self = Self {
        rows: 1_000_000,
        rounds: 15,
        round: Duration::from_secs(1),
        imports: 3,
        settle: Duration::from_secs(5),
    };
    const SHORT: Self = Self {
        rows: 50_000,
        rounds: 3,
        round: Duration::from_millis(500),
        imports: 1,
        settle: Duration::from_secs(1),
    };
}

impl Bench {
    /// Looks at the machine and makes the folder.
    pub(crate) fn prepare(short: bool) -> Result<Self, Failure> {
        let machine = Machine::prepare()?;
        let folder = std::env::temp_dir().join(format!("gatepost-bench-{}", std::process::id()));
        std::fs::create_dir(&folder).context("the temporary folder")?;
        Ok(Self { machine, size: if short { Size::SHORT } else { Size::FULL }, is_short: short, folder })
    }

    /// An empty folder in the folder of this run.
    pub(crate) fn empty_folder(&self, name: &str) -> Result<PathBuf, Failure> {
        let folder = self.file(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir(&folder)?;
        Ok(folder)
    }

    /// A file in the folder of this run.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _left_for_the_system = std::fs::remove_dir_all(&self.folder);
    }
}

/// A closed loop against one server, with the processor time that the server spent on it.
#[derive(Debug, Clone, Copy)]
struct Loaded {
    done: Done,
    cpu: Duration,
    /// Requests, those of the warm-up included.
    all: u64,
    /// Lines in the server's log per request.
    logged: f64,
}

impl Loaded {
    fn per_second(&self) -> f64 {
        self.done.requests as f64 / self.done.wall.as_secs_f64()
    }

    fn cpu_micros(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.done.requests as f64
    }

    fn is_valid(&self) -> bool {
        self.share() >= BUSY
    }

    fn share(&self) -> f64 {
        self.cpu.as_secs_f64() / self.done.wall.as_secs_f64()
    }
}

/// One closed loop on connections of its own, after a tenth of its time to warm up.
///
/// No connection is kept between loops: a server closes those that are idle for long.
fn load(server: &Contestant, script: &mut impl Script, time: Duration) -> Result<Loaded, Failure> {
    load_over(CONNECTIONS, server, script, time)
}

/// The same over a number of connections.
fn load_over(
    connections: usize,
    server: &Contestant,
    script: &mut impl Script,
    time: Duration,
) -> Result<Loaded, Failure> {
    let mut connections = Connection::open_many(server.address(), connections)?;
    let warm = run_for(&mut connections, script, time / 10)?;
    let before = cpu_time(server.pid())?;
    let done = run_for(&mut connections, script, time)?;
    let cpu = cpu_time(server.pid())? - before;
    // What a server logs in the background must not run into the next contestant's time.
    std::thread::sleep(Duration::from_millis(50));
    let all = warm.requests + done.requests;
    let logged = server.logged_lines()? as f64 / all as f64;
    server.empty_log()?;
    Ok(Loaded { done, cpu, all, logged })
}

/// Repeats a round until each of its loops kept its server busy; `None` when that never happened.
fn valid_round<const N: usize>(
    bench: &Bench,
    mut round: impl FnMut() -> Result<[Loaded; N], Failure>,
) -> Result<Option<[Loaded; N]>, Failure> {
    repeated(bench, || {
        let value = round()?;
        let shares = value
            .iter()
            .map(|one| format!("{:.0} % ({:.2} µs per request)", one.share() * 100.0, one.cpu_micros()));
        let void = (!value.iter().all(Loaded::is_valid))
            .then(|| format!("servers had {} of their core", shares.collect::<Vec<_>>().join(", ")));
        Ok(Attempt { value, void })
    })
}

/// What one try at a round came to, and why it may not count.
struct Attempt<T> {
    value: T,
    void: Option<String>,
}

impl<T> Attempt<T> {
    /// `value`, void if other programs had too much of a core meanwhile.
    fn watched(watch: &Watch<'_>, value: T) -> Result<Self, Failure> {
        Ok(Self { value, void: watch.disturbance()? })
    }
}

/// Tries until a try is valid; `None` when none was. In a short run, which judges nothing, every try counts.
fn repeated<T>(
    bench: &Bench,
    mut attempt: impl FnMut() -> Result<Attempt<T>, Failure>,
) -> Result<Option<T>, Failure> {
    for _ in 0..=REPEATS {
        match attempt()? {
            Attempt { value, void: None } => return Ok(Some(value)),
            Attempt { value, void: Some(why) } => {
                crate::say(&format!("  disturbed round: {why}"));
                if bench.is_short {
                    return Ok(Some(value));
                }
                bench.machine.await_calm()?;
            }
        }
    }
    Ok(None)
}
