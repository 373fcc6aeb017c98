//! The machine as the measurements see it: two cores, and what `/proc` says about a process.
//!
//! Contestants run on one core and everything that loads them on another, so that neither can borrow time from the
//! other; where several programs work together on an import, they and their peer have both. Pinning goes through `taskset` (util-linux), which replaces itself by the program it starts: the process id
//! stays the child's.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::failure::{Context, Failure};

/// `/proc/PID/stat` counts in ticks of this length for user programs on every Linux we build for.
const TICK: Duration = Duration::from_millis(10);

/// What a watched round lets others have of a core, where all that we run is known by its process.
const OTHERS: f64 = 0.03;

/// The same where the disk is written to: threads of the kernel do that for our processes and belong to none.
const OTHERS_BESIDE_DISK: f64 = 0.10;

/// Where a contestant runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cores {
    /// On the contestants' core.
    Server,
    /// On the contestants' core and the load's.
    Both,
}

/// The two cores of a run.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    server_core: usize,
    load_core: usize,
}

impl Machine {
    /// Chooses the first two cores this process may use and moves it to the second one.
    ///
    /// Must run before any thread is started: threads inherit their core.
    pub(crate) fn prepare() -> Result<Self, Failure> {
        let allowed = field("/proc/self/status", "Cpus_allowed_list")?;
        let cores = parse_core_list(&allowed);
        let [server_core, load_core, ..] = cores[..] else {
            return Err(Failure::new(format!(
                "two cores are needed, one for the contestant and one for its load; this process may use: {allowed}"
            )));
        };
        let pinned = Command::new("taskset")
            .args(["-cp", &load_core.to_string(), &std::process::id().to_string()])
            .output()
            .context("taskset (package util-linux) could not be run")?;
        if !pinned.status.success() {
            return Err(Failure::new("taskset could not pin the load generator to its core"));
        }
        Ok(Self { server_core, load_core })
    }

    /// A command that runs `program` on these cores.
    pub(crate) fn command(&self, cores: Cores, program: &Path) -> Command {
        let list = match cores {
            Cores::Server => self.server_core.to_string(),
            Cores::Both => format!("{},{}", self.server_core, self.load_core),
        };
        let mut command = Command::new("taskset");
        command.args(["-c", &list]).arg(program);
        command
    }

    /// Waits until no other program takes much of a core, for half a minute at most.
    pub(crate) fn await_calm(&self) -> Result<(), Failure> {
        for _ in 0..60 {
            // Idle contestants count as others here, with nothing to count.
            let watch = Watch::start(self, std::process::id())?;
            std::thread::sleep(Duration::from_millis(500));
            if watch.others()? <= OTHERS {
                break;
            }
        }
        Ok(())
    }

    /// One line about this machine, for the head of the report.
    pub(crate) fn describe(&self) -> String {
        let model = field("/proc/cpuinfo", "model name").unwrap_or_else(|_| "unknown processor".to_owned());
        let memory = field("/proc/meminfo", "MemTotal").unwrap_or_else(|_| "unknown memory".to_owned());
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        format!(
            "{model}, memory {memory}, Linux {}; contestants on core {}, load on core {}",
            kernel.trim(),
            self.server_core,
            self.load_core
        )
    }
}

/// Sees how much of the two cores went to programs that are no part of the measurement.
#[derive(Debug)]
pub(crate) struct Watch<'run> {
    machine: &'run Machine,
    server: Option<u32>,
    start: Instant,
    before: Vec<[Duration; 2]>,
}

impl<'run> Watch<'run> {
    /// Starts watching while the process `server` is measured.
    pub(crate) fn start(machine: &'run Machine, server: u32) -> Result<Self, Failure> {
        let before = busy(machine, Some(server))?;
        Ok(Self { machine, server: Some(server), start: Instant::now(), before })
    }

    /// Starts watching while everything that this program started is measured, on whichever of the two cores.
    pub(crate) fn all_of_ours(machine: &'run Machine) -> Result<Self, Failure> {
        Ok(Self { machine, server: None, start: Instant::now(), before: busy(machine, None)? })
    }

    /// What others had, if it was too much.
    pub(crate) fn disturbance(&self) -> Result<Option<String>, Failure> {
        let most = if self.server.is_some() { OTHERS } else { OTHERS_BESIDE_DISK };
        let others = self.others()?;
        Ok((others > most).then(|| format!("other programs had {:.0} % of a core", others * 100.0)))
    }

    /// The larger of the two cores' shares that others had since the start, or that of both cores together.
    fn others(&self) -> Result<f64, Failure> {
        let wall = self.start.elapsed().as_secs_f64();
        let now = busy(self.machine, self.server)?;
        let shares = now.iter().zip(&self.before).map(|([core, process], [core_before, process_before])| {
            // Each of the four readings is cut to whole ticks.
            let own = *process - *process_before + 2 * TICK;
            (*core - *core_before).saturating_sub(own).as_secs_f64() / wall
        });
        Ok(shares.fold(0.0, f64::max))
    }
}

/// For the contestants' core and the load's: how long it was busy, and how long with the one process meant for it.
/// Without a process it is one figure for both cores and all that we run.
fn busy(machine: &Machine, server: Option<u32>) -> Result<Vec<[Duration; 2]>, Failure> {
    let (server_core, load_core) = (core_time(machine.server_core)?, core_time(machine.load_core)?);
    Ok(match server {
        Some(server) => {
            vec![[server_core, cpu_time(server)?], [load_core, cpu_time(std::process::id())?]]
        }
        None => vec![[server_core + load_core, family_time(std::process::id())?]],
    })
}

/// Time a core has spent on programs, or was lent by the hypervisor to others. Interrupts are left out: most kernels
/// count them to the interrupted process as well.
fn core_time(core: usize) -> Result<Duration, Failure> {
    let (stat, name) = (fs::read_to_string("/proc/stat")?, format!("cpu{core}"));
    let line = stat
        .lines()
        .find_map(|line| line.strip_prefix(&name)?.strip_prefix(' '))
        .ok_or_else(|| Failure::new(format!("/proc/stat does not know {name}")))?;
    let ticks: Vec<u32> = line.split_whitespace().filter_map(|ticks| ticks.parse().ok()).collect();
    let [user, nice, system, _idle, _waiting, _irq, _softirq, stolen, ..] = ticks[..] else {
        return Err(Failure::new("/proc/stat has too few columns"));
    };
    Ok(TICK * (user + nice + system + stolen))
}

/// Processor time of a whole process since it started, ended threads included, to 10 ms.
pub(crate) fn cpu_time(pid: u32) -> Result<Duration, Failure> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("a contestant is gone")?;
    // The name in parentheses may hold blanks; what follows it begins with field 3.
    let (_, fields) =
        stat.rsplit_once(')').ok_or_else(|| Failure::new("/proc/PID/stat has no name field"))?;
    let ticks: u32 =
        fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u32>().ok()).sum();
    Ok(TICK * ticks)
}

/// Processor time of a process and everything that descends from it, the dead included, to 10 ms a process.
pub(crate) fn family_time(pid: u32) -> Result<Duration, Failure> {
    let processes = processes()?;
    let ticks =
        family(pid, &processes).iter().filter_map(|pid| processes.get(pid)).map(|(_, ticks)| ticks).sum();
    Ok(TICK * ticks)
}

/// A process and everything that descends from it.
pub(crate) fn family_of(pid: u32) -> Result<Vec<u32>, Failure> {
    Ok(family(pid, &processes()?))
}

/// Every process: its parent, and the ticks that it and the dead among its children had.
type Processes = HashMap<u32, (u32, u32)>;

fn processes() -> Result<Processes, Failure> {
    let entries = fs::read_dir("/proc").context("/proc")?.flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let process = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = fields.get(11..15)?.iter().filter_map(|field| field.parse::<u32>().ok()).sum();
        Some((pid, (fields.get(1)?.parse().ok()?, ticks)))
    };
    Ok(pids.filter_map(process).collect())
}

fn family(pid: u32, processes: &Processes) -> Vec<u32> {
    let mut family = vec![pid];
    let mut seen = 0;
    while seen < family.len() {
        let parent = family[seen];
        family.extend(processes.iter().filter(|(_, (ppid, _))| *ppid == parent).map(|(pid, _)| *pid));
        seen += 1;
    }
    family
}

/// Processor time of the living threads of idle processes, to nanoseconds: for spans that are shorter than a tick.
///
/// The kernel brings this figure up to date when a thread goes to sleep, hence the moment of waiting.
pub(crate) fn fine_cpu_time(pids: &[u32]) -> Result<Duration, Failure> {
    std::thread::sleep(Duration::from_millis(1));
    let mut nanoseconds = 0;
    for pid in pids {
        for task in fs::read_dir(format!("/proc/{pid}/task")).context("a contestant is gone")? {
            let schedstat = fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
            nanoseconds +=
                schedstat.split_whitespace().next().and_then(|ran| ran.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// Resident memory of a process now, in bytes.
pub(crate) fn resident(pid: u32) -> Result<u64, Failure> {
    kibibytes(pid, "VmRSS")
}

/// The most resident memory a process ever had, in bytes.
pub(crate) fn peak_resident(pid: u32) -> Result<u64, Failure> {
    kibibytes(pid, "VmHWM")
}

fn kibibytes(pid: u32, name: &str) -> Result<u64, Failure> {
    let text = field(&format!("/proc/{pid}/status"), name)?;
    let number = text.trim_end_matches("kB").trim().parse::<u64>().context(name)?;
    Ok(number * 1024)
}

fn field(path: &str, name: &str) -> Result<String, Failure> {
    let text = fs::read_to_string(path).context(path)?;
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
        .ok_or_else(|| Failure::new(format!("{path} has no field {name}")))
}

/// Reads the kernel's form of a set of cores: `0-3,8`.
fn parse_core_list(list: &str) -> Vec<usize> {
    list.split(',')
        .filter_map(|part| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Some(first.trim().parse::<usize>().ok()?..=last.trim().parse::<usize>().ok()?)
        })
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_list_is_read_with_ranges_and_single_cores() {
        assert_eq!(parse_core_list("0-2,5,7-8"), [0, 1, 2, 5, 7, 8]);
    }

    #[test]
    fn a_family_holds_grandchildren_and_no_strangers() {
        let processes = HashMap::from([(2, (1, 5)), (3, (2, 5)), (4, (3, 5)), (5, (1, 5))]);
        assert_eq!(family(2, &processes), [2, 3, 4]);
        assert!(family_time(std::process::id()).is_ok());
    }

    #[test]
    fn this_process_has_memory_and_its_peak_is_not_below_it() {
        let pid = std::process::id();
        let now = resident(pid).expect("this process is alive");
        assert!(now > 0 && peak_resident(pid).expect("this process is alive") >= now);
    }
}
