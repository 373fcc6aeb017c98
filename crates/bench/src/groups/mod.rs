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

mod get;
mod import;
mod listing;
mod memory;
mod scaling;

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
        Ok(Self { machine, size: if short { Size::SHORT } else { Size::FULL }, folder })
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
    let mut connections = Connection::open_many(server.address(), CONNECTIONS)?;
    let warm = run_for(&mut connections, script, time / 10)?;
    let before = cpu_time(server.pid())?;
    let done = run_for(&mut connections, script, time)?;
    let cpu = cpu_time(server.pid())? - before;
    // What a server logs in the background must not run into the next contestant's time.
    std::thread::sleep(Duration::from_millis(50));
    let logged = server.logged_lines()? as f64 / (warm.requests + done.requests) as f64;
    server.empty_log()?;
    Ok(Loaded { done, cpu, logged })
}

/// Repeats a round until each of its loops kept its server busy; `None` when that never happened.
fn valid_round<const N: usize>(
    machine: &Machine,
    mut round: impl FnMut() -> Result<[Loaded; N], Failure>,
) -> Result<Option<[Loaded; N]>, Failure> {
    repeated(machine, || {
        let loops = round()?;
        if loops.iter().all(Loaded::is_valid) {
            return Ok(Attempt::Valid(loops));
        }
        let shares: Vec<String> = loops
            .iter()
            .map(|one| format!("{:.0} % ({:.2} µs per request)", one.share() * 100.0, one.cpu_micros()))
            .collect();
        Ok(Attempt::Void(format!("servers had {} of their core", shares.join(", "))))
    })
}

/// What one try at a round came to.
enum Attempt<T> {
    Valid(T),
    Void(String),
}

impl<T> Attempt<T> {
    /// `value`, unless other programs had too much of a core meanwhile.
    fn unless_disturbed(watch: &Watch<'_>, value: T) -> Result<Self, Failure> {
        let others = watch.others()?;
        if others <= 1.0 - BUSY {
            return Ok(Self::Valid(value));
        }
        Ok(Self::Void(format!("other programs had {:.0} % of a core", others * 100.0)))
    }
}

/// Tries until a try is valid; `None` when none was.
fn repeated<T>(
    machine: &Machine,
    mut attempt: impl FnMut() -> Result<Attempt<T>, Failure>,
) -> Result<Option<T>, Failure> {
    for _ in 0..=REPEATS {
        match attempt()? {
            Attempt::Valid(value) => return Ok(Some(value)),
            Attempt::Void(why) => {
                crate::say(&format!("  void round: {why}"));
                machine.await_calm(1.0 - BUSY)?;
            }
        }
    }
    Ok(None)
}
