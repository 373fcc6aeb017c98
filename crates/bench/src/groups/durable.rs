//! Storage that lasts, as the groups use it: a file of SQLite, or a database of a PostgreSQL of our own.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::contestants::Contestant;
use crate::contestants::gatepost::{self, Logging, Storage};
use crate::contestants::postgres::{MISSING, Postgres, SETTINGS};
use crate::failure::{Context, Failure};
use crate::groups::Bench;
use crate::machine::{Cores, family_of};
use crate::report::{Report, Row, Target};

/// What [`Postgres`] calls the database of Gatepost.
pub(super) const DATABASE: &str = "gatepost";

/// Connections to PostgreSQL that a server has unless it is told otherwise.
const CONNECTIONS: usize = 16;

/// A backend and where it runs; servers on it come and go.
pub(super) struct Store<'bench> {
    pub(super) bench: &'bench Bench,
    pub(super) group: &'static str,
    pub(super) cores: Cores,
    /// Missing with SQLite.
    pub(super) postgres: Option<Postgres>,
}

impl<'bench> Store<'bench> {
    /// Files of SQLite.
    pub(super) fn sqlite(bench: &'bench Bench, group: &'static str, cores: Cores) -> Self {
        Self { bench, group, cores, postgres: None }
    }

    /// A new PostgreSQL; without its programs the report says what is left out.
    pub(super) fn postgres(
        bench: &'bench Bench,
        group: &'static str,
        cores: Cores,
        report: &mut Report,
    ) -> Result<Option<Self>, Failure> {
        let folder = bench.empty_folder(&format!("{group}-postgres"))?;
        let postgres = Postgres::start(&bench.machine, cores, &folder)?;
        if postgres.is_none() {
            report.left_out(group, "everything on PostgreSQL", MISSING);
        }
        Ok(postgres.map(|postgres| Self { bench, group, cores, postgres: Some(postgres) }))
    }

    /// How rows of the report call it.
    pub(super) fn name(&self) -> &'static str {
        if self.postgres.is_some() { "PostgreSQL" } else { "SQLite" }
    }

    /// A server with no keys; what an earlier one kept is gone.
    pub(super) fn fresh(&self) -> Result<Contestant, Failure> {
        self.fresh_with(CONNECTIONS)
    }

    /// The same, with so many connections to PostgreSQL.
    pub(super) fn fresh_with(&self, connections: usize) -> Result<Contestant, Failure> {
        let folder = self.bench.empty_folder(self.group)?;
        let storage = match &self.postgres {
            Some(postgres) => postgres.fresh(DATABASE, connections)?,
            None => Storage::Sqlite(self.database()),
        };
        self.flush()?;
        let log = folder.join("log");
        gatepost::start_on(&self.bench.machine, self.cores, &storage, Logging::Default, &log)
    }

    /// The database file of SQLite.
    pub(super) fn database(&self) -> PathBuf {
        self.file("keys.db")
    }

    /// A file that is gone when the next server is started.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.bench.file(self.group).join(name)
    }

    /// Has everything written that waits to be, so that nobody pays for what was done before.
    pub(super) fn flush(&self) -> Result<(), Failure> {
        if let Some(postgres) = &self.postgres {
            postgres.psql("postgres", "CHECKPOINT")?;
        }
        let synced = Command::new("sync").status().context("sync")?;
        if synced.success() { Ok(()) } else { Err(Failure::new("sync failed")) }
    }

    /// Does what PostgreSQL would do within the next minutes by itself, in the middle of a measurement.
    pub(super) fn settle(&self) -> Result<(), Failure> {
        if let Some(postgres) = &self.postgres {
            postgres.psql(DATABASE, "VACUUM (ANALYZE) api_key")?;
        }
        self.flush()
    }

    /// The processes that work for a server's answers.
    pub(super) fn processes(&self, server: &Contestant) -> Result<Vec<u32>, Failure> {
        let mut processes = vec![server.pid()];
        if let Some(postgres) = &self.postgres {
            processes.extend(family_of(postgres.pid())?);
        }
        Ok(processes)
    }

    /// What the disk lets anybody do: small writes, each lasting before the next.
    pub(super) fn syncs_per_second(&self) -> Result<f64, Failure> {
        syncs_per_second(&self.bench.file("sync-probe"), self.bench.size.round / 2)
    }

    /// The row of [`Self::syncs_per_second`].
    pub(super) fn report_syncs(&self, samples: Vec<f64>, report: &mut Report) {
        let beside = match &self.postgres {
            Some(_) => {
                format!("what the disk allows; PostgreSQL with fsync on, {SETTINGS}, otherwise its defaults")
            }
            None => "what the disk allows".to_owned(),
        };
        let what = "writes of 8 KiB, each with fdatasync, one after the other".to_owned();
        report.add(self.group, Row { what, samples, unit: "/s", target: Target::None, beside });
    }
}

/// Overwrites a file of 16 MiB block by block, as a log is that was made before.
fn syncs_per_second(path: &Path, time: Duration) -> Result<f64, Failure> {
    const BLOCK: [u8; 8192] = [0x5A; 8192];
    const BLOCKS: u64 = 2048;
    let mut file = File::create(path)?;
    for _ in 0..BLOCKS {
        file.write_all(&BLOCK)?;
    }
    file.sync_all()?;
    let (start, mut syncs) = (Instant::now(), 0_u64);
    while start.elapsed() < time {
        if syncs.is_multiple_of(BLOCKS) {
            file.seek(SeekFrom::Start(0))?;
        }
        file.write_all(&BLOCK)?;
        file.sync_data()?;
        syncs += 1;
    }
    let rate = syncs as f64 / start.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(rate)
}
