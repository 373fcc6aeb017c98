//! PostgreSQL from the machine's own programs.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, io};

use super::guard::Guard;
use super::server::{Durability, SHARED_OPTIONS};

/// Ends the server, if it runs, and removes its folder. The number in `pid` is there only while the server is ours.
const CLEAN: &str = r#"
    pid=$(cat "$1/pid" 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null
    tries=0
    while [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 100 ]; do
        tries=$((tries + 1))
        sleep 0.05
    done
    rm -rf "$1""#;

/// A cluster in a folder of its own, which is removed when this is dropped or the process ends.
pub(super) struct Binaries {
    pub(super) programs: PathBuf,
    place: PathBuf,
    port: u16,
    options: &'static [&'static str],
    identity: Option<(u32, u32)>,
    process: Option<Child>,
    guard: Option<Guard>,
}

impl Binaries {
    pub(super) fn init(
        durability: Durability,
        password: &str,
        port: u16,
        parent: &Path,
    ) -> Result<Self, String> {
        let programs =
            programs().ok_or("initdb and postgres are neither on the PATH nor in /usr/lib/postgresql")?;
        let identity = identity().map_err(|error| format!("another user to run as: {error}"))?;
        let folder = tempfile::Builder::new().prefix("gatepost-test-").tempdir_in(parent);
        let place = folder.map_err(|error| format!("a folder in {}: {error}", parent.display()))?.keep();
        let text = place.display().to_string();
        let guard = Guard::new(CLEAN, &[&text]).map_err(|error| error.to_string())?;
        let options = match durability {
            Durability::None => SHARED_OPTIONS,
            Durability::Full => &[],
        };
        let binaries = Self { programs, place, port, options, identity, process: None, guard: Some(guard) };
        binaries.initdb(password).map_err(|error| format!("initdb: {error}"))?;
        Ok(binaries)
    }

    fn initdb(&self, password: &str) -> io::Result<()> {
        let pwfile = self.place.join("password");
        fs::write(&pwfile, password)?;
        if let Some((uid, gid)) = self.identity {
            chown(&self.place, Some(uid), Some(gid))?;
            chown(&pwfile, Some(uid), Some(gid))?;
        }
        let output = self
            .command("initdb")
            .args([
                "--username=postgres",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ])
            .arg(format!("--pwfile={}", pwfile.display()))
            .output()?;
        fs::remove_file(&pwfile)?;
        if output.status.success() {
            return Ok(());
        }
        Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }

    /// A program of PostgreSQL's, as the user that the files belong to.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.arg("-D").arg(self.place.join("data")).current_dir(&self.place).stdin(Stdio::null());
        if let Some((uid, gid)) = self.identity {
            command.uid(uid).gid(gid);
        }
        command
    }

    pub(super) fn start(&mut self) -> io::Result<()> {
        let log = fs::File::options().create(true).append(true).open(self.log_path())?;
        let mut command = self.command("postgres");
        command
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="])
            .arg("-c")
            .arg(format!("port={}", self.port))
            .args(self.options)
            .stdout(log.try_clone()?)
            .stderr(log)
            // Ctrl-C is for the tests; the guard ends the server after them.
            .process_group(0);
        let process = command.spawn()?;
        fs::write(self.pid_path(), process.id().to_string())?;
        self.process = Some(process);
        Ok(())
    }

    /// Whether the server's process is there.
    pub(super) fn runs(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| matches!(process.try_wait(), Ok(None)))
    }

    /// What the server wrote last.
    pub(super) fn log(&self) -> String {
        let log = fs::read_to_string(self.log_path()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }

    /// Ends the server and all its backends at once. A backend that outlived it would keep the next start waiting.
    pub(super) fn kill9(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let backends = children_of(process.id());
        process.kill().expect("our own child");
        for backend in backends {
            signal("-KILL", backend);
        }
        process.wait().expect("our own child");
        let _ = fs::remove_file(self.pid_path());
    }

    /// Ends the server as an operator does: it cuts its clients and writes a checkpoint.
    pub(super) fn stop(&mut self) {
        self.end("-INT");
    }

    fn end(&mut self, how: &str) {
        let Some(mut process) = self.process.take() else { return };
        signal(how, process.id());
        process.wait().expect("our own child");
        let _ = fs::remove_file(self.pid_path());
    }

    fn pid_path(&self) -> PathBuf {
        self.place.join("pid")
    }

    fn log_path(&self) -> PathBuf {
        self.place.join("log")
    }
}

impl Drop for Binaries {
    fn drop(&mut self) {
        self.end("-QUIT");
        drop(self.guard.take());
    }
}

fn signal(how: &str, pid: u32) {
    // One that is gone already is what was asked for.
    let _ = Command::new("sh")
        .args(["-c", r#"kill "$1" "$2""#, "kill", how, &pid.to_string()])
        .stderr(Stdio::null())
        .status();
}

/// The folder of the newest server programs, the PATH's first.
fn programs() -> Option<PathBuf> {
    let has_both = |folder: &PathBuf| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    let on_path = env::var_os("PATH").and_then(|path| env::split_paths(&path).find(has_both));
    on_path.or_else(|| {
        let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
        let version = |folder: &PathBuf| folder.iter().rev().nth(1)?.to_str()?.parse::<u32>().ok();
        versions.map(|entry| entry.path().join("bin")).filter(has_both).max_by_key(version)
    })
}

/// PostgreSQL refuses to run as root, so root runs it as somebody else.
fn identity() -> io::Result<Option<(u32, u32)>> {
    let id = |arguments: &[&str]| -> io::Result<Option<u32>> {
        let output = Command::new("id").args(arguments).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().parse().ok())
    };
    if id(&["-u"])? != Some(0) {
        return Ok(None);
    }
    for user in ["postgres", "nobody"] {
        if let (Some(uid), Some(gid)) = (id(&["-u", user])?, id(&["-g", user])?) {
            return Ok(Some((uid, gid)));
        }
    }
    Err(io::Error::other("there is neither a user postgres nor nobody"))
}

/// The processes that one started; none where there is no `/proc`.
fn children_of(parent: u32) -> Vec<u32> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let is_child = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name before it is in brackets, and may hold anything.
        let after_name = stat.rsplit(") ").next().unwrap_or_default();
        after_name.split(' ').nth(1).and_then(|ppid| ppid.parse().ok()) == Some(parent)
    };
    let pids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(is_child).collect()
}
