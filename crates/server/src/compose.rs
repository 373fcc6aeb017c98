//! Who is wired to whom: the one file that knows every concrete type.

use crate::audit::Audit;
use crate::background::Background;
use crate::first_credential::make_if_due;
use crate::sources::{SystemClock, SystemRandom};
use crate::storage::{Backend, Purpose, open_custody};
use crate::tls::{Tls, TlsError};
use crate::unix_socket::UnixSocket;
use gatepost_application::credentials::{CredentialTable, Root};
use gatepost_application::{AppError, Application, CpuPool, Limits, Spools};
use gatepost_config::{AuthMode, DataListen, Settings};
use gatepost_custody::Custody;
use gatepost_domain::credentials::{AccessKeyId, InvalidAccessKeyId, SecretAccessKey};
use gatepost_domain::{Clock, Ids};
use gatepost_http_api::routing::Routes;
use gatepost_http_api::wire::connection::{
    Acceptor, ConnectionEvent, ConnectionSettings, Drained, Listener, Observe, ShutdownPhase,
};
use gatepost_http_api::wire::opening::{Failure, Opening};
use gatepost_http_api::wire::peer::TrustedProxies;
use gatepost_http_api::wire::refusal::Refuse;
use gatepost_http_api::{
    Admin, AuditSink, Authentication, BodyLimits, BrowserGuard, ControlPlane, ControlRate, DataPlane,
    Observer, RateGuard, Readiness, SigV4, UnverifiedBodies,
};
use gatepost_storage::Storage;
use gatepost_telemetry::metrics::{Connections, ImportMetrics, InFlight, Metrics};
use http::Response;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

/// How often recorded durations are put into their buckets.
const UPKEEP: Duration = Duration::from_secs(5);
/// Connections that the kernel holds until they are accepted.
const BACKLOG: i32 = 1_024;

/// Why the server did not start, in one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// A listener's address cannot be had.
    #[error("cannot listen on {at}: {why}; choose another with --{flag}")]
    Listen { at: String, flag: &'static str, why: io::Error },
    /// The master key cannot be used.
    #[error("{0}")]
    MasterKey(String),
    /// A file that is needed cannot be read or made.
    #[error("{}: {why}: see that the folder is there and that this user may write to it", path.display())]
    File { path: PathBuf, why: io::Error },
    /// A command is asked to work on what is not there.
    #[error(
        "there is no database {}: name another with --storage, or make this one with `gatepost migrate`",
        path.display()
    )]
    NoDatabase { path: PathBuf },
    /// TLS is asked for and cannot be spoken.
    #[error("{0}")]
    Tls(#[from] TlsError),
    /// The storage does not open.
    #[error("{0}")]
    Storage(String),
    /// Anything else.
    #[error("cannot start: {0}")]
    Other(#[from] Box<dyn Error + Send + Sync>),
}

impl StartError {
    /// With everything that the error says of its causes.
    pub(crate) fn storage(error: impl Error) -> Self {
        Self::Storage(whole(&error))
    }
}

/// An error and its causes, in one line.
pub(crate) fn whole(error: &dyn Error) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        let more = error.to_string();
        // Some errors already say what caused them.
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// What an operator is told of a failed operation: the cause is meant for them.
pub(crate) fn told(error: &AppError) -> String {
    error.cause().map_or_else(|| error.message().to_owned(), |cause| whole(&**cause))
}

impl From<AppError> for StartError {
    fn from(error: AppError) -> Self {
        Self::Storage(told(&error))
    }
}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self::Other(error.into())
    }
}

/// The threads: each plane has its own, so that neither can starve the other, nor either of them the answer to "are
/// you alive".
pub(crate) struct Runtimes {
    pub(crate) control: Runtime,
    data: Runtime,
    admin: Runtime,
    /// Only its blocking threads are used: parsing and sealing of imports.
    import: Runtime,
    width: usize,
}

impl Runtimes {
    pub(crate) fn new() -> io::Result<Self> {
        let width = available_parallelism().map_or(1, usize::from);
        let plane = |name: &str, threads| {
            Builder::new_multi_thread().worker_threads(threads).thread_name(name).enable_all().build()
        };
        Ok(Self {
            control: plane("control", width)?,
            data: plane("data", width)?,
            admin: plane("admin", 1)?,
            import: Builder::new_current_thread()
                .thread_name("import")
                .max_blocking_threads(width)
                .build()?,
            width,
        })
    }
}

/// What a hang-up reads or opens again.
pub(crate) struct Files {
    tls: Option<Tls>,
    audit: Option<Arc<Audit>>,
}

impl Files {
    pub(crate) fn reload(&self) {
        tracing::info!("hang-up: files are read again");
        if let Some(tls) = &self.tls {
            tls.reload();
        }
        if let Some(audit) = &self.audit {
            audit.reopen();
        }
    }
}

/// A server that serves.
pub(crate) struct Gatepost {
    /// `http://…` or `https://…`.
    pub(crate) control: String,
    /// The same, or `unix:…`.
    pub(crate) data: String,
    pub(crate) admin: SocketAddr,
    pub(crate) files: Files,
    pub(crate) readiness: Readiness,
    pub(crate) phase: watch::Sender<ShutdownPhase>,
    /// Control and data; the admin listener answers to the very end.
    pub(crate) listeners: [JoinHandle<Drained>; 2],
    pub(crate) background: Background,
    pub(crate) backend: Backend,
    /// Of the data listener, where it is one.
    pub(crate) socket: Option<UnixSocket>,
}

/// Wires everything and begins to serve.
pub(crate) async fn start(settings: &Settings, runtimes: &Runtimes) -> Result<Gatepost, StartError> {
    let metrics = Metrics::install().map_err(|error| StartError::Other(error.into()))?;
    let tls = settings.listeners.tls.as_ref().map(Tls::open).transpose()?;
    let (clock, ids): (Arc<dyn Clock>, Arc<dyn Ids>) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let backend = Backend::open(settings, Arc::clone(&clock), Purpose::Serve).await?;
    let storage = backend.storage();
    let custody = open_custody(settings, &*storage, Purpose::Serve).await?;
    let limits = &settings.limits;
    let application = Arc::new(Application {
        storage: Arc::clone(&storage),
        custody: Arc::clone(&custody),
        clock: Arc::clone(&clock),
        ids: Arc::clone(&ids),
        limits: Limits {
            shortest_value: limits.key_min_length,
            most_keys: limits.max_keys_per_account,
            most_plans: Some(limits.max_plans_per_account),
            most_plans_per_key: limits.max_plans_per_key,
        },
        cpu: CpuPool::new(runtimes.import.handle().clone(), runtimes.width),
        spools: Spools::new(Arc::clone(&custody), limits.max_spool_bytes, spool_share(settings)),
        import_metrics: ImportMetrics::new(),
    });
    let readiness = Readiness::default();
    let credentials = match settings.auth.mode {
        AuthMode::Off => None,
        AuthMode::SigV4 => {
            make_if_due(settings, &application).await?;
            Some(Arc::new(credential_table(settings, &storage, &custody)?))
        }
    };
    let authentication = match &credentials {
        Some(credentials) => {
            Authentication::SigV4(Box::new(SigV4::new(Arc::clone(credentials), Arc::clone(&clock))))
        }
        None => {
            let off_anywhere = settings.auth.off_anywhere;
            let guard = if off_anywhere { BrowserGuard::AnyHost } else { BrowserGuard::LoopbackHosts };
            Authentication::Off { account: settings.auth.default_account, guard }
        }
    };
    let audit = settings.audit.as_ref().map(Audit::open).transpose()?.map(Arc::new);
    let sink = audit.clone().map(|audit| audit as Arc<dyn AuditSink>);
    let control_plane = Arc::new(ControlPlane {
        application: Arc::clone(&application),
        tokens: custody.token_key(),
        observer: Observer::new("control", Arc::clone(&clock), Arc::clone(&ids)).with_audit(sink),
        authentication,
        rate_guard: limits
            .control_rate
            .map(|rate| RateGuard::new(ControlRate { per_second: rate.rate, burst: rate.burst })),
        body_limits: BodyLimits { most_import: limits.max_import_bytes, silence: limits.body_timeout },
        unverified: UnverifiedBodies::default(),
        routes: Routes::default(),
    });
    let data_plane = Arc::new(DataPlane::new(Observer::new("data", clock, ids)));
    let admin_plane = Arc::new(Admin::new(application, metrics.clone(), readiness.clone()));

    let scheme = if tls.is_some() { "https" } else { "http" };
    let (control_listener, control) = tcp(settings.listeners.control, "control-listen", &runtimes.control)?;
    let control = format!("{scheme}://{control}");
    let mut socket = None;
    let (data_listener, data) = match &settings.listeners.data {
        DataListen::Tcp(at) => {
            let (listener, at) = tcp(*at, "data-listen", &runtimes.data)?;
            (listener, format!("{scheme}://{at}"))
        }
        DataListen::Unix(path) => {
            let (listener, made) = unix(path, &runtimes.data)?;
            socket = Some(made);
            (listener, format!("unix:{}", path.display()))
        }
    };
    let (admin_listener, admin) = tcp(settings.listeners.admin, "admin-listen", &runtimes.admin)?;

    let connections = ConnectionSettings {
        max_connections: usize::try_from(limits.max_connections).unwrap_or(usize::MAX),
        header_timeout: limits.header_timeout,
        write_timeout: limits.body_timeout,
        drain_timeout: settings.shutdown.drain_timeout,
    };
    let networks = settings.listeners.trusted_proxies.iter().map(|one| (one.address, one.prefix));
    let trusted = Arc::new(TrustedProxies::new(networks));
    let opening = Opening { trusted: Arc::clone(&trusted), tls: tls.as_ref().map(Tls::current) };
    let (phase, phases) = watch::channel(ShutdownPhase::Serving);
    let refusing = Arc::clone(&control_plane);
    let control_refuse: Refuse = Arc::new(move |status, peer| refusing.refuse_head(status, peer));
    let refusing = Arc::clone(&data_plane);
    let data_refuse: Refuse = Arc::new(move |status, peer| refusing.refuse_head(status, peer));
    let admin_refuse: Refuse = Arc::new(|status, _| {
        let mut answer = Response::default();
        *answer.status_mut() = status;
        answer
    });

    let control_accepting = runtimes.control.spawn(
        Acceptor {
            listener: control_listener,
            opening: opening.clone(),
            trusted: Arc::clone(&trusted),
            service: move |request, peer| {
                let plane = Arc::clone(&control_plane);
                async move { plane.answer(request, peer).await }
            },
            settings: connections,
            refuse: control_refuse,
            observe: counted("control"),
            phase: phases.clone(),
        }
        .run(),
    );
    let data_accepting = runtimes.data.spawn(
        Acceptor {
            listener: data_listener,
            opening,
            trusted,
            service: move |request, peer| {
                let plane = Arc::clone(&data_plane);
                async move { plane.answer(&request, peer).await }
            },
            settings: connections,
            refuse: data_refuse,
            observe: counted("data"),
            phase: phases,
        }
        .run(),
    );
    let (admin_phase, admin_phases) = watch::channel(ShutdownPhase::Serving);
    let admin_acceptor = Acceptor {
        listener: admin_listener,
        opening: Opening::default(),
        trusted: Arc::default(),
        service: move |request, _peer| {
            let plane = Arc::clone(&admin_plane);
            async move { plane.answer(&request).await }
        },
        settings: connections,
        refuse: admin_refuse,
        observe: counted("admin"),
        phase: admin_phases,
    };
    runtimes.admin.spawn(async move {
        // A sender that is gone would end the listener.
        let _serving = admin_phase;
        admin_acceptor.run().await
    });
    runtimes.admin.spawn(async move {
        let mut ticks = tokio::time::interval(UPKEEP);
        loop {
            ticks.tick().await;
            metrics.upkeep();
        }
    });
    let listeners = [control_accepting, data_accepting];
    // Not with the planes: however busy they are, the other replicas hear of this one.
    let background = Background::start(storage, credentials, &runtimes.admin);
    let files = Files { tls, audit };
    Ok(Gatepost { control, data, admin, files, readiness, phase, listeners, background, backend, socket })
}

/// What one access key's imports may hold: half of all, and never less than the largest file.
fn spool_share(settings: &Settings) -> u64 {
    let limits = &settings.limits;
    (limits.max_spool_bytes / 2).max(limits.max_import_bytes)
}

fn credential_table(
    settings: &Settings,
    storage: &Arc<dyn Storage>,
    custody: &Arc<Custody>,
) -> Result<CredentialTable, StartError> {
    let root = settings.auth.root.as_ref().map(|root| {
        let id = AccessKeyId::parse(&root.access_key_id)?;
        let secret = SecretAccessKey::trusted(Zeroizing::new(root.secret_access_key.expose().into()));
        Ok::<_, InvalidAccessKeyId>(Root { id, account: settings.auth.default_account, secret })
    });
    let root = root.transpose().map_err(|error| StartError::Other(error.into()))?;
    Ok(CredentialTable::new(Arc::clone(storage), Arc::clone(custody), root))
}

fn tcp(at: SocketAddr, flag: &'static str, runtime: &Runtime) -> Result<(Listener, SocketAddr), StartError> {
    let bind = || {
        let domain = socket2::Domain::for_address(at);
        let socket = socket2::Socket::new(domain, socket2::Type::STREAM, Some(socket2::Protocol::TCP))?;
        // A restart must not wait for the last connections of the process before.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&at.into())?;
        socket.listen(BACKLOG)?;
        let _within = runtime.enter();
        let listener = TcpListener::from_std(socket.into())?;
        let bound = listener.local_addr()?;
        Ok((Listener::Tcp(listener), bound))
    };
    bind().map_err(|why| StartError::Listen { at: at.to_string(), flag, why })
}

fn unix(path: &Path, runtime: &Runtime) -> Result<(Listener, UnixSocket), StartError> {
    let _within = runtime.enter();
    let bound = UnixSocket::bind(path).map_err(|why| StartError::Listen {
        at: path.display().to_string(),
        flag: "data-listen",
        why,
    });
    bound.map(|(listener, socket)| (Listener::Unix(listener), socket))
}

/// Counts a listener's connections: those that are open, and those that never came to HTTP.
fn counted(listener: &'static str) -> Observe {
    let connections = Connections::new(listener);
    let open: Mutex<Vec<InFlight>> = Mutex::default();
    Arc::new(move |event| {
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            ConnectionEvent::Opened => open.push(connections.opened()),
            ConnectionEvent::Closed => drop(open.pop()),
            ConnectionEvent::Failed(Failure::Proxy) => connections.failed_in_proxy(),
            ConnectionEvent::Failed(Failure::Tls) => connections.failed_in_tls(),
        }
    })
}
