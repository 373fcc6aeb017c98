//! PostgreSQL from the machine's own programs: a server in a folder of the run, and its clients `psql` and `pgbench`.
//!
//! It is configured as `initdb` leaves it (fsync on, a synchronous commit), but for [`SETTINGS`]. Clients come over TCP
//! with a password, as Gatepost does, and run on the server's cores.

use std::fs::{self, File};
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::{OpenOptionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::contestants::gatepost::Storage;
use crate::failure::{Context, Failure};
use crate::machine::{Cores, Machine};

/// What is not as `initdb` leaves it.
pub(crate) const SETTINGS: &str = "shared_buffers=256MB";

/// Why rows are left out.
pub(crate) const MISSING: &str = "initdb, postgres, psql and pgbench are together neither in a folder of the PATH nor in /usr/lib/postgresql/*/bin";

const PROGRAMS: [&str; 4] = ["initdb", "postgres", "psql", "pgbench"];

/// How long the server may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Postgres {
    machine: Machine,
    cores: Cores,
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    password: String,
    process: Child,
}

impl Postgres {
    /// Makes a server in `folder`, which must be empty; `None` where PostgreSQL is not installed.
    pub(crate) fn start(machine: &Machine, cores: Cores, folder: &Path) -> Result<Option<Self>, Failure> {
        let Some(programs) = programs() else { return Ok(None) };
        let owner = owner()?;
        let password = random_word()?;
        let secret = folder.join("password");
        write_secret(&secret, &password)?;
        for path in [folder, &secret] {
            if let Some((uid, gid)) = owner {
                chown(path, Some(uid), Some(gid)).context("the folder of PostgreSQL")?;
            }
        }
        let data = folder.join("data");
        let as_owner = |mut command: Command| {
            if let Some((uid, gid)) = owner {
                command.uid(uid).gid(gid);
            }
            without_settings(&mut command).arg("-D").arg(&data).current_dir(folder).stdin(Stdio::null());
            command
        };
        let mut initdb = as_owner(machine.command(Cores::Both, &programs.join("initdb")));
        initdb.args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]);
        output(initdb.arg("--no-sync").arg(format!("--pwfile={}", secret.display())), "initdb")?;

        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let log = File::create(folder.join("log"))?;
        let mut server = as_owner(machine.command(cores, &programs.join("postgres")));
        server.args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", SETTINGS]);
        server.arg("-c").arg(format!("port={port}")).stdout(log.try_clone()?).stderr(log);
        let process = server.spawn().context("PostgreSQL cannot be started")?;
        let (machine, folder) = (machine.clone(), folder.to_owned());
        let mut postgres = Self { machine, cores, programs, folder, port, password, process };
        postgres.await_ready()?;
        Ok(Some(postgres))
    }

    fn await_ready(&mut self) -> Result<(), Failure> {
        let start = Instant::now();
        loop {
            match self.psql("postgres", "SELECT 1") {
                Ok(_) => return Ok(()),
                Err(failure) if start.elapsed() > PATIENCE || self.process.try_wait()?.is_some() => {
                    let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                    let last = log.lines().last().unwrap_or_default();
                    return Err(Failure::new(format!(
                        "PostgreSQL did not start: {failure}; its log ends: {last}"
                    )));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(100)),
            }
        }
    }

    /// The process whose children serve.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// An empty database of this name, and how Gatepost is told to use it.
    pub(crate) fn fresh(&self, database: &str, connections: usize) -> Result<Storage, Failure> {
        self.psql("postgres", &format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"))?;
        self.psql("postgres", &format!("CREATE DATABASE {database}"))?;
        let (url, key) = (self.folder.join("url"), self.folder.join("master.key"));
        let Self { password, port, .. } = self;
        write_secret(&url, &format!("postgres://postgres:{password}@127.0.0.1:{port}/{database}"))?;
        // Nothing worth sealing is kept in a benchmark.
        write_secret(&key, &format!("1:{}=\n", "A".repeat(43)))?;
        Ok(Storage::Postgres { url, key, connections })
    }

    /// Runs one command of psql, SQL or one that begins with a backslash, and tells what it printed.
    pub(crate) fn psql(&self, database: &str, command: &str) -> Result<String, Failure> {
        let mut psql = self.client("psql", database);
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", command]);
        Ok(output(&mut psql, "psql")?.trim().to_owned())
    }

    /// Repeats a script with prepared statements on so many connections, and tells its transactions per second.
    pub(crate) fn pgbench(
        &self,
        database: &str,
        script: &Path,
        variables: &[(&str, String)],
        connections: usize,
        time: Duration,
    ) -> Result<f64, Failure> {
        let mut pgbench = self.client("pgbench", database);
        pgbench.args(["-n", "-M", "prepared", "-j", "1", "-c", &connections.to_string()]);
        pgbench.args(["-T", &time.as_secs().max(1).to_string()]).arg("-f").arg(script);
        pgbench.args(variables.iter().map(|(name, value)| format!("--define={name}={value}")));
        let told = output(&mut pgbench, "pgbench")?;
        per_second(&told).ok_or_else(|| Failure::new(format!("pgbench told no rate: {told}")))
    }

    fn client(&self, program: &str, database: &str) -> Command {
        let mut command = self.machine.command(self.cores, &self.programs.join(program));
        without_settings(&mut command)
            .envs([("PGHOST", "127.0.0.1"), ("PGUSER", "postgres"), ("PGPASSWORD", &self.password)])
            .envs([("PGPORT", self.port.to_string()), ("PGDATABASE", database.to_owned())])
            .stdin(Stdio::null());
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // The kind way to end it at once: its children end with it.
        let pid = self.pid().to_string();
        let asked = Command::new("sh").args(["-c", r#"kill -QUIT "$1""#, "kill", &pid]).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _gone_already = self.process.kill();
        }
        let _gone_already = self.process.wait();
    }
}

/// Runs a command to its end.
fn output(command: &mut Command, name: &str) -> Result<String, Failure> {
    let output = command.output().context(name)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(format!("{name} ended with {}: {}", output.status, said.trim())))
}

/// Settings of the person at the terminal are not part of the measurement.
fn without_settings(command: &mut Command) -> &mut Command {
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("PG") {
            command.env_remove(variable);
        }
    }
    command
}

fn per_second(told: &str) -> Option<f64> {
    told.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok())
}

fn write_secret(path: &Path, text: &str) -> Result<(), Failure> {
    use std::io::Write;
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}

fn random_word() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The folder of all programs: of the PATH, or of the newest version that Debian's packages installed.
fn programs() -> Option<PathBuf> {
    let has_all = |folder: &PathBuf| PROGRAMS.iter().all(|program| folder.join(program).is_file());
    let on_path = std::env::var_os("PATH").and_then(|path| std::env::split_paths(&path).find(has_all));
    on_path.or_else(|| {
        let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
        let version = |folder: &PathBuf| folder.parent()?.file_name()?.to_str()?.parse::<u32>().ok();
        versions.map(|entry| entry.path().join("bin")).filter(has_all).max_by_key(version)
    })
}

/// PostgreSQL refuses to run as root: then as whom.
fn owner() -> Result<Option<(u32, u32)>, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().nth(1));
    if uid != Some("0") {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").context("/etc/passwd")?;
    let find = |name: &str| {
        let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
        fields
            .into_iter()
            .find(|fields| fields.len() > 3 && fields[0] == name)
            .and_then(|fields| Some((fields[2].parse::<u32>().ok()?, fields[3].parse::<u32>().ok()?)))
    };
    let found = find("postgres").or_else(|| find("nobody"));
    found.map(Some).ok_or_else(|| Failure::new("PostgreSQL cannot run as root, and there is no user nobody"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_from_what_pgbench_prints() {
        let told = "scaling factor: 1\nlatency average = 0.2 ms\ntps = 41234.567 (without initial connection time)\n";
        assert_eq!(per_second(told), Some(41_234.567));
        assert_eq!(per_second("pgbench (15.18)\n"), None);
    }
}
