//! What commands that work on keys have in common.

use super::endpoint::EndpointError;
use super::progress::Progress;
use crate::compose::{StartError, told, whole};
use crate::sources::{SystemClock, SystemRandom};
use crate::storage::{Backend, Purpose, open_custody};
use gatepost_application::transfer::{CannotReadAccount, CannotUseAwsFile, TransferError};
use gatepost_application::{AppError, Application, Caller, CpuPool, Limits, Spools};
use gatepost_config::{Settings, StorageChoice};
use gatepost_custody::KeyRing;
use gatepost_domain::api_keys::{ApiKeyId, ApiKeyValue};
use gatepost_domain::credentials::{AccessKeyId, SecretAccessKey};
use gatepost_domain::usage_plans::UsagePlanId;
use gatepost_domain::{AccountId, Clock, Ids};
use gatepost_telemetry::metrics::ImportMetrics;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::available_parallelism;
use tokio::runtime::{Builder, Handle};

/// Why a command failed, in one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error(transparent)]
    Start(#[from] StartError),
    /// Nothing of `memory:` can be reached from another process.
    #[error("memory: is within a server's own process: name that server with --endpoint, such as {0}")]
    Memory(String),
    /// Nor can anything of it be managed from there.
    #[error(
        "memory: is within a server's own process, which no other can reach: give that server a root credential by \
         GATEPOST_ROOT_ACCESS_KEY_ID and GATEPOST_ROOT_SECRET_ACCESS_KEY, or name another --storage"
    )]
    MemoryCredentials,
    /// `memory:` has no schema.
    #[error("memory: has nothing to migrate: name a database with --storage")]
    NothingToMigrate,
    #[error("{}: {}", path.display(), whole(why))]
    File { path: PathBuf, why: io::Error },
    #[error("{}: {why}", path.display())]
    Account { path: PathBuf, why: CannotReadAccount },
    /// An output of AWS that cannot be used.
    #[error("{}: {why}", path.display())]
    Aws { path: PathBuf, why: CannotUseAwsFile },
    /// What is read twice and cannot be.
    #[error("{} is read twice, which only a file can be: write it to a disk first", .0.display())]
    OnlyOnce(PathBuf),
    /// The text of an export key file.
    #[error("{} is no key file: it should hold one line, `1:` followed by 32 random bytes in base64", .0.display())]
    ExportKey(PathBuf),
    /// A sealed file without the key.
    #[error("{} is a sealed export: name the file of its key with --export-key-file", .0.display())]
    NoExportKey(PathBuf),
    /// Bytes that a terminal cannot show.
    #[error("a sealed export is not for a terminal: name a file with --output, or redirect stdout")]
    Terminal,
    /// Neither the name of a policy nor its file.
    #[error(
        "--policy {}: {why}: administrator, read-only, key-issuer, or the path of a policy document", path.display()
    )]
    Policy { path: PathBuf, why: io::Error },
    #[error("{0}")]
    Application(String),
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// What the command does without `--endpoint` only.
    #[error("{0}")]
    NotByEndpoint(&'static str),
}

impl From<AppError> for CommandError {
    fn from(error: AppError) -> Self {
        Self::Application(told(&error))
    }
}

impl CommandError {
    /// What went wrong between a storage and the file at `path`.
    pub(crate) fn transfer(path: &Path, error: TransferError) -> Self {
        match error {
            TransferError::Application(error) => error.into(),
            TransferError::Write(why) => Self::File { path: path.to_owned(), why },
            TransferError::Read(why) => Self::Account { path: path.to_owned(), why },
            TransferError::Aws(_, why) => Self::Aws { path: path.to_owned(), why },
        }
    }
}

/// Runs a command and tells its failure.
#[expect(clippy::print_stderr, reason = "says why the exit code is 1")]
pub(crate) fn run<F: Future<Output = Result<ExitCode, CommandError>>>(command: F) -> ExitCode {
    let outcome = match Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime.block_on(command),
        Err(error) => Err(StartError::from(error).into()),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("gatepost: {error}");
        ExitCode::FAILURE
    })
}

/// A storage that a command works on, beside whatever server does.
pub(crate) struct Opened {
    pub(crate) backend: Backend,
    pub(crate) application: Application,
    pub(crate) caller: Caller,
}

impl Opened {
    pub(crate) async fn new(
        settings: &Settings,
        account: Option<AccountId>,
        purpose: Purpose,
        progress: Arc<Progress>,
    ) -> Result<Self, CommandError> {
        if let StorageChoice::Memory = settings.storage.choice {
            return Err(CommandError::Memory(format!("http://{}", settings.listeners.control)));
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let backend = Backend::open(settings, Arc::clone(&clock), purpose).await?;
        let storage = backend.storage();
        let custody = open_custody(settings, &*storage, purpose).await?;
        let limits = &settings.limits;
        let application = Application {
            storage,
            custody: Arc::clone(&custody),
            clock,
            ids: Arc::new(CountedIds(progress)),
            limits: Limits {
                shortest_value: limits.key_min_length,
                most_keys: limits.max_keys_per_account,
                most_plans: Some(limits.max_plans_per_account),
                most_plans_per_key: limits.max_plans_per_key,
            },
            cpu: CpuPool::new(Handle::current(), available_parallelism().map_or(1, usize::from)),
            // One file and one command: what it holds is the operator's own affair.
            spools: Spools::new(custody, u64::MAX, u64::MAX),
            import_metrics: ImportMetrics::new(),
        };
        let account = account.unwrap_or(settings.auth.default_account);
        Ok(Self { backend, application, caller: Caller { account } })
    }
}

/// Fresh names, whose number shows how far an import has come.
struct CountedIds(Arc<Progress>);

impl Ids for CountedIds {
    fn api_key_id(&self) -> ApiKeyId {
        self.0.add(1);
        SystemRandom.api_key_id()
    }

    fn api_key_ids(&self, count: usize) -> Vec<ApiKeyId> {
        self.0.add(count as u64);
        SystemRandom.api_key_ids(count)
    }

    fn api_key_value(&self) -> ApiKeyValue {
        SystemRandom.api_key_value()
    }

    fn usage_plan_id(&self) -> UsagePlanId {
        SystemRandom.usage_plan_id()
    }

    fn access_key_id(&self) -> AccessKeyId {
        SystemRandom.access_key_id()
    }

    fn secret_access_key(&self) -> SecretAccessKey {
        SystemRandom.secret_access_key()
    }

    fn request_id(&self) -> [u8; 16] {
        SystemRandom.request_id()
    }
}

/// The ring of an export key file.
pub(crate) fn export_ring(path: &Path, text: &str) -> Result<KeyRing, CommandError> {
    KeyRing::parse(text).map_err(|_| CommandError::ExportKey(path.to_owned()))
}
