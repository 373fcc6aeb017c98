//! `gatepost import`: keys from a sealed export or a CSV file, into a storage or through a running server.

use super::command::{self, CommandError, Opened, export_ring};
use super::endpoint::Remote;
use super::progress::Progress;
use crate::key_file;
use crate::storage::Purpose;
use gatepost_application::api_keys::ImportApiKeys;
use gatepost_application::api_keys::import::{FileProblem, RowReader, Source};
use gatepost_application::transfer::{AccountReader, Fate};
use gatepost_config::{Import, Settings};
use gatepost_custody::{EXPORT_MAGIC, KeyRing};
use gatepost_domain::AccountId;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom, stdin};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

const CHUNK: usize = 64 * 1024;

pub(crate) fn run(settings: &Settings, import: &Import) -> ExitCode {
    command::run(self::import(settings, import))
}

async fn import(settings: &Settings, import: &Import) -> Result<ExitCode, CommandError> {
    let progress = Progress::new();
    let input = Input::open(&import.file, &progress).map_err(|why| failed(import, why))?;
    if input.is_export {
        let key_file = import.key_file.as_ref();
        let key_file = key_file.ok_or_else(|| CommandError::NoExportKey(import.file.clone()))?;
        let text =
            key_file::read(key_file).map_err(|why| CommandError::File { path: key_file.clone(), why })?;
        let ring = export_ring(key_file, &text)?;
        restore(settings, import, input, &ring, progress).await
    } else if import.dry_run {
        check_csv(settings, import, input, &progress)
    } else {
        import_csv(settings, import, input, progress).await
    }
}

fn failed(import: &Import, why: io::Error) -> CommandError {
    CommandError::File { path: import.file.clone(), why }
}

/// What became of the keys of a file.
#[derive(Default)]
struct Counts {
    restored: u64,
    present: u64,
    refused: u64,
}

impl Counts {
    fn note(&mut self, number: u64, fate: &Fate, progress: &Progress) {
        progress.add(1);
        match fate {
            Fate::Restored => self.restored += 1,
            Fate::Present => self.present += 1,
            Fate::Refused(refusal) => {
                self.refused += 1;
                progress.tell(&format!("key {number}: {refusal}"));
            }
        }
    }
}

async fn restore(
    settings: &Settings,
    import: &Import,
    mut input: Input,
    ring: &KeyRing,
    progress: Arc<Progress>,
) -> Result<ExitCode, CommandError> {
    let unreadable = |why| CommandError::Account { path: import.file.clone(), why };
    // What can be read twice is read to its end first, so that a damaged file, or one of a later release, changes nothing.
    if input.can_rewind() {
        let bar = progress.draw("checking");
        let mut checked = AccountReader::new(ring, &mut input).map_err(unreadable)?;
        while checked.next_key().map_err(unreadable)?.is_some() {}
        drop(bar);
        input.rewind().map_err(|why| failed(import, why))?;
    }
    let mut file = AccountReader::new(ring, input).map_err(unreadable)?;
    let from = file.head().account;
    let mut counts = Counts::default();
    let bar = progress.draw(if import.dry_run { "looking" } else { "importing" });
    let (outcome, into) = match &import.endpoint {
        Some(_) if import.dry_run => {
            return Err(CommandError::NotByEndpoint(
                "--dry-run: the API cannot tell which values a server has: leave it out, or work on the storage",
            ));
        }
        Some(endpoint) => {
            let mut remote = Remote::connect(settings, endpoint).await?;
            let mut tell = |number, fate| counts.note(number, &fate, &progress);
            (remote.import(&mut file, &import.file, &mut tell).await, format!("the server at {endpoint}"))
        }
        None => {
            // A dry run too: what is there is found by digests, and those need the installation's secret.
            let opened = Opened::new(settings, import.account, Purpose::Write, Progress::new()).await?;
            let into = opened.caller.account;
            let mut tell = |number, fate: Fate| counts.note(number, &fate, &progress);
            let done =
                opened.application.restore_account(opened.caller, &mut file, import.dry_run, &mut tell).await;
            opened.backend.close().await;
            (done.map_err(|error| CommandError::transfer(&import.file, error)), named(into, from))
        }
    };
    drop(bar);
    summary(import, &counts, &into, &progress);
    if outcome.is_err() && counts.restored > 0 {
        progress.tell("gatepost: what is counted above is done; the same command goes on from there");
    }
    outcome?;
    Ok(if counts.refused > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn named(into: AccountId, from: AccountId) -> String {
    if into == from { format!("account {into}") } else { format!("account {into} (they were of {from})") }
}

#[expect(clippy::print_stdout, reason = "what was done is what the command answers")]
fn summary(import: &Import, counts: &Counts, into: &str, progress: &Progress) {
    let Counts { restored, present, refused } = counts;
    let (all, would) = (restored + present + refused, if import.dry_run { "would be " } else { "" });
    let lost = match import.endpoint {
        Some(_) => "; ids, dates and labels are the server's own, the API cannot carry them",
        None => "",
    };
    println!(
        "{all} keys for {into}: {restored} {would}imported, {present} there already, {refused} refused ({} rows/s){lost}",
        progress.rate(all)
    );
}

async fn import_csv(
    settings: &Settings,
    import: &Import,
    mut input: Input,
    progress: Arc<Progress>,
) -> Result<ExitCode, CommandError> {
    let bar = progress.draw("importing");
    let (count, warnings, into) = match &import.endpoint {
        Some(endpoint) => {
            let mut remote = Remote::connect(settings, endpoint).await?;
            let (count, warnings) = remote.import_csv(input, import.fail_on_warnings).await?;
            (count, warnings, format!("the server at {endpoint}"))
        }
        None => {
            let counted = Arc::clone(&progress);
            let opened = Opened::new(settings, import.account, Purpose::Write, counted).await?;
            let mut spool = opened.application.spools.open();
            let mut chunk = zeroize::Zeroizing::new(vec![0; CHUNK]);
            loop {
                let read = input.read(&mut chunk).map_err(|why| failed(import, why))?;
                if read == 0 {
                    break;
                }
                spool.write(&chunk[..read]).await.map_err(gatepost_application::AppError::from)?;
            }
            let file = spool.finish().await.map_err(gatepost_application::AppError::from)?;
            let fail_on_warnings = import.fail_on_warnings;
            let input = ImportApiKeys { file, fail_on_warnings, invocation_id: None };
            let done = opened.application.import_api_keys(opened.caller, input).await;
            opened.backend.close().await;
            let done = done?;
            (done.count, done.warnings, format!("account {}", opened.caller.account))
        }
    };
    drop(bar);
    Ok(csv_summary(count, &warnings, &into, false, &progress))
}

/// Reads the rows without storing any.
fn check_csv(
    settings: &Settings,
    import: &Import,
    input: Input,
    progress: &Arc<Progress>,
) -> Result<ExitCode, CommandError> {
    let bar = progress.draw("looking");
    let broken = |problem: FileProblem| {
        CommandError::Application(match problem {
            FileProblem::Io(why) => failed(import, why).to_string(),
            FileProblem::MissingColumn(_) | FileProblem::RepeatedColumn(_) => problem.to_string(),
        })
    };
    let mut rows = RowReader::open(Chunks(input), settings.limits.key_min_length).map_err(broken)?;
    let (mut count, mut warnings) = (0, Vec::new());
    while let Some((number, row)) =
        rows.next_row(|cells, shortest| cells.row(shortest)).map_err(|why| failed(import, why))?
    {
        progress.add(1);
        match row {
            Ok(_) => count += 1,
            Err(problem) => warnings.push(format!("Skipped invalid record: {number}. {problem}")),
        }
    }
    drop(bar);
    Ok(csv_summary(count, &warnings, &import.file.display().to_string(), true, progress))
}

#[expect(clippy::print_stdout, reason = "what was done is what the command answers")]
fn csv_summary(count: u64, warnings: &[String], into: &str, dry: bool, progress: &Progress) -> ExitCode {
    warnings.iter().for_each(|warning| progress.tell(warning));
    let (would, preposition) = if dry { ("can be imported", "of") } else { ("imported", "for") };
    println!(
        "{count} keys {preposition} {into} {would}, {} rows skipped ({} rows/s)",
        warnings.len(),
        progress.rate(count)
    );
    if warnings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A file or stdin, read from its start although its first bytes were looked at.
pub(super) struct Input {
    path: PathBuf,
    file: Option<File>,
    first: Cursor<Vec<u8>>,
    is_export: bool,
    progress: Arc<Progress>,
}

impl Input {
    pub(super) fn open(path: &Path, progress: &Arc<Progress>) -> io::Result<Self> {
        let is_stdin = path.as_os_str() == "-";
        let mut file = if is_stdin { None } else { Some(File::open(path)?) };
        let mut first = Vec::new();
        let most = EXPORT_MAGIC.len() as u64;
        match &mut file {
            Some(file) => {
                let about = file.metadata()?;
                if about.is_file() {
                    progress.set_total(about.len());
                }
                file.take(most).read_to_end(&mut first)?
            }
            None => stdin().lock().take(most).read_to_end(&mut first)?,
        };
        let is_export = first == EXPORT_MAGIC;
        Ok(Self {
            path: path.to_owned(),
            file,
            first: Cursor::new(first),
            is_export,
            progress: Arc::clone(progress),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn can_rewind(&self) -> bool {
        let is_file = |file: &File| file.metadata().is_ok_and(|about| about.is_file());
        self.file.as_ref().is_some_and(is_file)
    }

    /// The same file once more, from its start; none of what can be read only once.
    pub(super) fn again(&self) -> io::Result<Option<Self>> {
        if self.can_rewind() { Self::open(&self.path, &self.progress).map(Some) } else { Ok(None) }
    }

    pub(super) fn rewind(&mut self) -> io::Result<()> {
        self.progress.set_done(0);
        self.first = Cursor::default();
        match &mut self.file {
            Some(file) => file.seek(SeekFrom::Start(0)).map(|_| ()),
            None => Ok(()),
        }
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut read = self.first.read(buffer)?;
        if read == 0 {
            read = match &mut self.file {
                Some(file) => file.read(buffer)?,
                None => stdin().read(buffer)?,
            };
        }
        self.progress.add_done(read as u64);
        Ok(read)
    }
}

/// An input as the source of a CSV file's bytes.
struct Chunks(Input);

impl Source for Chunks {
    fn fill(&mut self, buffer: &mut Vec<u8>) -> io::Result<()> {
        buffer.resize(CHUNK, 0);
        let read = self.0.read(buffer)?;
        buffer.truncate(read);
        Ok(())
    }
}
