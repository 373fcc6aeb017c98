//! `gatepost import --from-aws`: what the AWS CLI printed of keys, plans and the keys of plans, into a storage.

use super::command::{CommandError, Opened};
use super::counts::Counts;
use super::progress::Progress;
use crate::storage::Purpose;
use gatepost_application::transfer::{AwsFile, Fate, Told, TransferError};
use gatepost_config::{self as config, Import, Settings};
use gatepost_domain::usage_plans::UsagePlanId;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// A file, which is opened more than once.
struct Named {
    path: PathBuf,
    plan: Option<UsagePlanId>,
    progress: Arc<Progress>,
}

/// A file that is being read.
struct Counted {
    file: File,
    progress: Arc<Progress>,
}

pub(super) async fn import(
    settings: &Settings,
    import: &Import,
    files: &[config::AwsFile],
) -> Result<ExitCode, CommandError> {
    let progress = Progress::new();
    let mut bytes = 0;
    for file in files {
        let failed = |why| CommandError::File { path: file.path.clone(), why };
        let about = std::fs::metadata(&file.path).map_err(failed)?;
        if !about.is_file() {
            return Err(CommandError::OnlyOnce(file.path.clone()));
        }
        bytes += about.len();
    }
    // Each is read twice.
    progress.set_total(2 * bytes);
    let named = |file: &config::AwsFile| -> Arc<dyn AwsFile> {
        let config::AwsFile { path, plan } = file.clone();
        Arc::new(Named { path, plan, progress: Arc::clone(&progress) })
    };
    let named: Vec<_> = files.iter().map(named).collect();
    let opened = Opened::new(settings, import.account, Purpose::Write, Progress::new()).await?;
    let bar = progress.draw(if import.dry_run { "looking" } else { "importing" });
    let mut counts = Counts::default();
    let mut tell = |told: Told| {
        if import.dry_run
            && let Told::Plan(id, Fate::Restored) = &told
        {
            progress.tell(&format!("usage plan {id}: would be imported"));
        }
        counts.note(&told, &progress);
    };
    let done = opened.application.import_from_aws(opened.caller, named, import.dry_run, &mut tell).await;
    opened.backend.close().await;
    drop(bar);
    match done {
        Err(TransferError::Aws(place, why)) => {
            return Err(CommandError::Aws { path: files[place].path.clone(), why });
        }
        Err(error) => {
            counts.tell(&format!("account {}", opened.caller.account), import.dry_run, "", &progress);
            if counts.changed() {
                progress.tell("gatepost: what is counted above is done; the same command goes on from there");
            }
            return Err(CommandError::transfer(&files[0].path, error));
        }
        Ok(()) => {}
    }
    counts.tell(&format!("account {}", opened.caller.account), import.dry_run, "", &progress);
    say_if_nothing(&counts);
    Ok(counts.exit_code())
}

#[expect(clippy::print_stdout, reason = "what was done is what the command answers")]
fn say_if_nothing(counts: &Counts) {
    if !counts.changed() {
        println!("nothing to do");
    }
}

impl AwsFile for Named {
    fn plan(&self) -> Option<&UsagePlanId> {
        self.plan.as_ref()
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        let file = File::open(&self.path)?;
        Ok(Box::new(Counted { file, progress: Arc::clone(&self.progress) }))
    }
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.progress.add_done(read as u64);
        Ok(read)
    }
}
