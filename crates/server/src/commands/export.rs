//! `gatepost export`: an account's plans, keys and usage, from a storage or from a running server.

use super::command::{self, CommandError, Opened, export_ring};
use super::endpoint::Remote;
use super::progress::Progress;
use crate::key_file::{self, folder_of};
use crate::sources::{SystemClock, SystemRandom};
use crate::storage::Purpose;
use gatepost_application::transfer::{AccountHead, AccountSink, AccountWriter, CsvWriter, Exported};
use gatepost_config::{Export, ExportFormat, Settings};
use gatepost_domain::{AccountId, Clock};
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use tempfile::NamedTempFile;

pub(crate) fn run(settings: &Settings, export: &Export) -> ExitCode {
    command::run(self::export(settings, export))
}

async fn export(settings: &Settings, export: &Export) -> Result<ExitCode, CommandError> {
    let account = export.account.unwrap_or(settings.auth.default_account);
    if export.output.is_none() && stdout().is_terminal() && export.format != ExportFormat::Csv {
        return Err(CommandError::Terminal);
    }
    let progress = Progress::new();
    let source = match &export.endpoint {
        Some(endpoint) => Source::Remote(Remote::connect(settings, endpoint).await?),
        None => {
            let opened = Opened::new(settings, Some(account), Purpose::Read, Arc::clone(&progress)).await?;
            Source::Storage(Box::new(opened))
        }
    };
    let named = export.output.clone().unwrap_or_else(|| PathBuf::from("stdout"));
    let failed = |why| CommandError::File { path: named.clone(), why };
    let output = Output::open(export.output.as_deref()).map_err(failed)?;
    let bar = progress.draw("exporting");
    let (count, output) = match &export.format {
        ExportFormat::Sealed { key_file } => {
            let mut writer = sealed(key_file, account, output, &named)?;
            let count = source.export(&mut writer, &progress, &named).await?;
            (count, writer.finish().map_err(failed)?)
        }
        ExportFormat::Csv => {
            let mut writer = CsvWriter::new(output).map_err(failed)?;
            let count = source.export(&mut writer, &progress, &named).await?;
            (count, writer.finish().map_err(failed)?)
        }
    };
    output.keep().map_err(failed)?;
    drop(bar);
    let Exported { plans, keys, days } = count;
    let lost = match (&export.format, &export.endpoint) {
        (ExportFormat::Csv, _) => {
            "; CSV has no column for ids, dates, customers, stages and tags, and of usage plans their ids only"
        }
        (ExportFormat::Sealed { .. }, Some(_)) => "; usage stays behind, the API does not show all of it",
        (ExportFormat::Sealed { .. }, None) => "",
    };
    let with = match (&export.format, plans, days) {
        (ExportFormat::Csv, ..) | (_, 0, 0) => String::new(),
        _ => format!(" with {plans} usage plans and {days} days of usage"),
    };
    progress.tell(&format!(
        "exported {keys} keys{with} of account {account} to {} ({} rows/s){lost}",
        named.display(),
        progress.rate(keys)
    ));
    Ok(ExitCode::SUCCESS)
}

/// Where keys come from.
enum Source {
    Storage(Box<Opened>),
    Remote(Remote),
}

impl Source {
    async fn export(
        self,
        sink: &mut dyn AccountSink,
        progress: &Arc<Progress>,
        named: &Path,
    ) -> Result<Exported, CommandError> {
        match self {
            Self::Remote(mut remote) => remote.export(sink, progress, named).await,
            Self::Storage(opened) => {
                let Opened { backend, application, caller } = *opened;
                let total = application.storage.reader().count_api_keys(caller.account).await;
                progress.set_total(total.map_err(gatepost_application::AppError::from)?);
                let told = Arc::clone(progress);
                let mut tell = move |count| {
                    told.set_rows(count);
                    told.set_done(count);
                };
                let count = application.export_account(caller, sink, &mut tell).await;
                backend.close().await;
                count.map_err(|error| CommandError::transfer(named, error))
            }
        }
    }
}

fn sealed(
    key_file: &Path,
    account: AccountId,
    output: Output,
    named: &Path,
) -> Result<AccountWriter<Output>, CommandError> {
    let failed = |why| CommandError::File { path: key_file.to_owned(), why };
    let text = match key_file::read(key_file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => key_file::make(key_file).map_err(failed)?,
        Err(why) => return Err(failed(why)),
    };
    let ring = export_ring(key_file, &text)?;
    let head = AccountHead { account, exported: SystemClock.now() };
    AccountWriter::new(&ring, &SystemRandom, output, head)
        .map_err(|why| CommandError::File { path: named.to_owned(), why })
}

/// A file gets its name when it is whole; until then, and if that never comes, there is none.
enum Output {
    Stdout(BufWriter<io::Stdout>),
    File { file: BufWriter<NamedTempFile>, path: PathBuf },
}

impl Output {
    fn open(path: Option<&Path>) -> io::Result<Self> {
        Ok(match path {
            None => Self::Stdout(BufWriter::new(stdout())),
            // 0600: even a sealed file says how many keys there are, and a CSV file says all.
            Some(path) => Self::File {
                file: BufWriter::new(NamedTempFile::new_in(folder_of(path))?),
                path: path.to_owned(),
            },
        })
    }

    fn keep(self) -> io::Result<()> {
        match self {
            Self::Stdout(mut out) => out.flush(),
            Self::File { file, path } => {
                let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                file.as_file().sync_all()?;
                file.persist(&path).map_err(|error| error.error)?;
                File::open(folder_of(&path))?.sync_all()
            }
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::File { file, .. } => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::File { file, .. } => file.flush(),
        }
    }
}
