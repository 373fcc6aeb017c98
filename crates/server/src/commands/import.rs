//! `gatepost import`: an account from a sealed export, keys from a CSV file, into a storage or through a running server;
//! or what AWS prints, into a storage (`import_from_aws`).

use super::command::{self, CommandError, Opened, export_ring};
use super::counts::Counts;
use super::endpoint::Remote;
use super::import_from_aws;
use super::input::{CHUNK, Chunks, Input};
use super::progress::Progress;
use crate::key_file;
use crate::storage::Purpose;
use gatepost_application::api_keys::ImportApiKeys;
use gatepost_application::api_keys::import::{FileProblem, RowReader, RowRules};
use gatepost_application::transfer::{AccountReader, Told};
use gatepost_config::{Import, ImportSource, Settings};
use gatepost_custody::KeyRing;
use gatepost_domain::AccountId;
use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

pub(crate) fn run(settings: &Settings, import: &Import) -> ExitCode {
    match &import.source {
        ImportSource::File(path) => command::run(self::import(settings, import, path)),
        ImportSource::Aws(files) => command::run(import_from_aws::import(settings, import, files)),
    }
}

async fn import(settings: &Settings, import: &Import, path: &Path) -> Result<ExitCode, CommandError> {
    let progress = Progress::new();
    let input = Input::open(path, &progress).map_err(|why| failed(path, why))?;
    if input.is_export {
        let key_file = import.key_file.as_ref();
        let key_file = key_file.ok_or_else(|| CommandError::NoExportKey(path.to_owned()))?;
        let text =
            key_file::read(key_file).map_err(|why| CommandError::File { path: key_file.clone(), why })?;
        let ring = export_ring(key_file, &text)?;
        restore(settings, import, path, input, &ring, progress).await
    } else if import.dry_run {
        check_csv(settings, path, input, &progress)
    } else {
        import_csv(settings, import, path, input, progress).await
    }
}

fn failed(path: &Path, why: io::Error) -> CommandError {
    CommandError::File { path: path.to_owned(), why }
}

async fn restore(
    settings: &Settings,
    import: &Import,
    path: &Path,
    mut input: Input,
    ring: &KeyRing,
    progress: Arc<Progress>,
) -> Result<ExitCode, CommandError> {
    let unreadable = |why| CommandError::Account { path: path.to_owned(), why };
    // What can be read twice is read to its end first, so that a damaged file, or one of a later release, changes nothing.
    if input.can_rewind() {
        let bar = progress.draw("checking");
        let mut checked = AccountReader::new(ring, &mut input).map_err(unreadable)?;
        while checked.next_item().map_err(unreadable)?.is_some() {}
        drop(bar);
        input.rewind().map_err(|why| failed(path, why))?;
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
            let mut tell = |told: Told| counts.note(&told, &progress);
            (remote.import(&mut file, path, &mut tell).await, format!("the server at {endpoint}"))
        }
        None => {
            // A dry run too: what is there is found by digests, and those need the installation's secret.
            let opened = Opened::new(settings, import.account, Purpose::Write, Progress::new()).await?;
            let into = opened.caller.account;
            let mut tell = |told: Told| counts.note(&told, &progress);
            let done =
                opened.application.restore_account(opened.caller, &mut file, import.dry_run, &mut tell).await;
            opened.backend.close().await;
            (done.map_err(|error| CommandError::transfer(path, error)), named(into, from))
        }
    };
    drop(bar);
    let lost = match import.endpoint {
        Some(_) => "; ids, dates and labels are the server's own, the API cannot carry them",
        None => "",
    };
    counts.tell(&into, import.dry_run, lost, &progress);
    if outcome.is_err() && counts.changed() {
        progress.tell("gatepost: what is counted above is done; the same command goes on from there");
    }
    outcome?;
    Ok(counts.exit_code())
}

fn named(into: AccountId, from: AccountId) -> String {
    if into == from { format!("account {into}") } else { format!("account {into} (they were of {from})") }
}

async fn import_csv(
    settings: &Settings,
    import: &Import,
    path: &Path,
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
                let read = input.read(&mut chunk).map_err(|why| failed(path, why))?;
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

/// Reads the rows without storing any. Whether their plans are there, only a storage knows.
fn check_csv(
    settings: &Settings,
    path: &Path,
    input: Input,
    progress: &Arc<Progress>,
) -> Result<ExitCode, CommandError> {
    let bar = progress.draw("looking");
    let broken = |problem: FileProblem| {
        CommandError::Application(match problem {
            FileProblem::Io(why) => failed(path, why).to_string(),
            FileProblem::MissingColumn(_) | FileProblem::RepeatedColumn(_) => problem.to_string(),
        })
    };
    let mut rows =
        RowReader::open(Chunks(input), RowRules::new(settings.limits.key_min_length)).map_err(broken)?;
    let (mut count, mut warnings) = (0, Vec::new());
    while let Some((number, row)) =
        rows.next_row(|cells, rules| cells.check(rules)).map_err(|why| failed(path, why))?
    {
        progress.add(1);
        match row {
            Ok(_) => count += 1,
            Err(problem) => warnings.push(format!("Skipped invalid record: {number}. {problem}")),
        }
    }
    drop(bar);
    Ok(csv_summary(count, &warnings, &path.display().to_string(), true, progress))
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
